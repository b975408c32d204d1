#include "tools/fleet/verdictsout.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/fleet/following.h"
#include "tools/fleet/sending.h"
#include "tools/fleet/verdictskey.h"
#include "zone/base/u64.h"
#include "zone/registry/registry.h"
#include "zone/verdicts/forward.h"

enum {
    LOOK_MS = 100,      /* between two looks at the journals */
    NAMES_MS = 2000,    /* ... at who has one */
    BUDGET = 256 << 10, /* octets of a journal in one look */
    WAITING_MAX = 32,   /* reports on their way */
    KEYS_MAX = 2 * WAITING_MAX + SENDING_BATCH_KEYS
};

/* A vantage point of this machine. */
struct source {
    char name[VANTAGE_ROOM];
    uint8_t key[VANTAGE_KEY_LEN];
    bool named; /* with this key, and its journal is here */
    struct journal_reader reader;
    struct forward *forward;
    struct verdicts_allowance allowance;
    struct log_once cut;
};

struct verdictsout {
    struct feeder *feeder;
    struct sending *sending;
    struct following *recall; /* what is at the engine; NULL: all of it is known */
    bool recalled;
    struct source sources[VANTAGES_MAX];
    unsigned source_count;
    /* Of the registry: */
    uint64_t version;
    struct dname apex;
    uint8_t registry[REGISTRY_ID_LEN];
    struct vantage_keys keys;
    size_t members;
    uint64_t names_at_ms, look_at_ms;
    struct log_once trouble;
    uint8_t room[REPORT_MAX];
};

void verdicts_allow(struct verdicts_allowance *allowance, size_t members, uint64_t now_ms)
{
    const uint64_t span_ms = (uint64_t)VERDICTS_SPAN_S * 1000;
    uint64_t most = VERDICTS_OCTETS + (uint64_t)VERDICTS_MEMBER_OCTETS * members;
    if (!allowance->begun) {
        *allowance = (struct verdicts_allowance){ .left = most, .at_ms = now_ms, .begun = true };
        return;
    }
    uint64_t passed_ms = u64_min(now_ms - allowance->at_ms, span_ms);
    if (passed_ms >= LOOK_MS) { /* so that fractions of an octet do not matter */
        allowance->left = u64_min(allowance->left + passed_ms * most / span_ms, most);
        allowance->at_ms = now_ms;
    }
}

/* -- vantage points -- */

static struct source *source_of(struct verdictsout *out, const char *name)
{
    for (unsigned i = 0; i < out->source_count; i++) {
        if (strcmp(out->sources[i].name, name) == 0) {
            return &out->sources[i];
        }
    }
    return NULL;
}

static void end_source(struct source *source)
{
    journal_reader_end(&source->reader);
    forward_free(source->forward);
}

/* NULL if there are too many. */
static struct source *add_source(struct verdictsout *out, const char *name)
{
    struct source *source = source_of(out, name);
    if (source == NULL && out->source_count < VANTAGES_MAX) {
        source = &out->sources[out->source_count++];
        *source = (struct source){ .reader = { .fd = -1 }, .forward = forward_new() };
        (void)snprintf(source->name, sizeof(source->name), "%s", name);
    }
    return source;
}

/* The registry names it no longer: nobody takes its reports. */
static void withdraw(struct verdictsout *out, const struct source *source)
{
    char from[VERDICTSKEY_ROOM], to[VERDICTSKEY_ROOM];
    if (forward_last(source->forward) > 0) {
        verdictskey_range(out->feeder->machine, source->name, from, to);
        enum result result = sending_delete_range(out->sending, from, to);
        (void)result; /* FULL: they are found again after the next start */
    }
}

static enum result read_registry(struct verdictsout *out, struct diag *diag)
{
    struct store_txn *txn = NULL;
    struct settings settings;
    TRY(store_read(out->feeder->registry, &txn, diag));
    enum result result = RESULT_OK;
    if (store_version(txn) != out->version) {
        result = registry_settings(txn, &settings, diag);
        result = result == RESULT_OK ? registry_id(txn, out->registry, diag) : result;
        result = result == RESULT_OK ? registry_vantages(txn, &out->keys, diag) : result;
        if (result == RESULT_OK) {
            out->apex = settings.apex;
            out->members = store_count(txn, TABLE_MEMBERS);
            out->version = store_version(txn);
        }
    }
    store_abort(txn);
    return result;
}

/* A source whose key is another now begins anew. */
static void name_source(struct verdictsout *out, const char *name)
{
    const struct vantage_key *key = vantage_keys_find(&out->keys, name);
    struct source *source = key == NULL ? NULL : add_source(out, name);
    if (source == NULL ||
        (source->named && memcmp(source->key, key->key, sizeof(source->key)) == 0)) {
        return;
    }
    journal_reader_end(&source->reader);
    memcpy(source->key, key->key, sizeof(source->key));
    source->named =
        journal_reader_begin(&source->reader, out->feeder->state_dir, name, NULL) == RESULT_OK;
}

static void update_sources(struct verdictsout *out)
{
    char names[JOURNALS_MAX][VANTAGE_ROOM];
    struct diag diag = { "" };
    if (read_registry(out, &diag) != RESULT_OK) {
        log_once(&out->trouble, out->feeder->log, LOG_WARNING, NULL, "%s", diag.text);
        return;
    }
    log_once_over(&out->trouble, out->feeder->log, "the registry is read again");
    unsigned count = journal_list(out->feeder->state_dir, names);
    for (unsigned i = 0; i < count; i++) {
        name_source(out, names[i]);
    }
    unsigned kept = 0;
    for (unsigned i = 0; i < out->source_count; i++) {
        struct source *source = &out->sources[i];
        if (vantage_keys_find(&out->keys, source->name) != NULL) {
            out->sources[kept++] = *source;
        } else {
            withdraw(out, source);
            end_source(source);
        }
    }
    out->source_count = kept;
}

/* -- what was sent before -- */

static enum result recall_row(void *arg, struct octets key, struct octets value, struct diag *diag)
{
    (void)diag;
    struct verdictsout *out = arg;
    struct verdictskey parts;
    struct report report;
    char text[VERDICTSKEY_ROOM];
    int len = snprintf(text, sizeof(text), "%s/%.*s", out->feeder->machine, (int)key.len,
                       (const char *)key.data);
    if (len > 0 && len < VERDICTSKEY_ROOM &&
        verdictskey_parse(&parts, (struct octets){ (const uint8_t *)text, (size_t)len }) &&
        report_open(&report, value.data, value.len) == RESULT_OK &&
        strcmp(report.head.vantage, parts.vantage) == 0 && report.head.number == parts.number) {
        struct source *source = add_source(out, parts.vantage);
        if (source != NULL) {
            forward_sent(source->forward, &report);
        }
    }
    return RESULT_OK;
}

static enum result recall_gone(void *arg, struct octets key, struct diag *diag)
{
    (void)arg, (void)key, (void)diag;
    return RESULT_OK;
}

static void recall_anew(void *arg)
{
    struct verdictsout *out = arg;
    for (unsigned i = 0; i < out->source_count; i++) {
        end_source(&out->sources[i]);
    }
    out->source_count = 0;
}

static enum result recall_whole(void *arg, struct diag *diag)
{
    (void)diag;
    struct verdictsout *out = arg;
    out->recalled = true;
    return RESULT_OK;
}

static void *begin(struct feeder *feeder)
{
    static const struct following_reader reader = { recall_row, recall_gone, recall_anew,
                                                    recall_whole };
    struct verdictsout *out = xcalloc(1, sizeof(*out));
    char prefix[VERDICTSKEY_ROOM];
    out->feeder = feeder;
    out->sending = sending_new(feeder, KEYS_MAX);
    (void)snprintf(prefix, sizeof(prefix), "v/%s/", feeder->machine);
    out->recall = following_new(feeder, prefix, &reader, out);
    return out;
}

static void end(void *arg)
{
    struct verdictsout *out = arg;
    recall_anew(out);
    following_free(out->recall);
    sending_free(out->sending);
    free(out);
}

/* -- journals -- */

static char *key_of(const struct verdictsout *out, const struct source *source, uint64_t number,
                    char text[VERDICTSKEY_ROOM])
{
    struct verdictskey key = { .number = number };
    (void)snprintf(key.machine, sizeof(key.machine), "%s", out->feeder->machine);
    memcpy(key.vantage, source->name, sizeof(key.vantage));
    return verdictskey_text(&key, text);
}

static void send_report(struct verdictsout *out, const struct source *source,
                        const struct report *report)
{
    char key[VERDICTSKEY_ROOM];
    (void)key_of(out, source, report->head.number, key);
    /* below WAITING_MAX there is room */
    CHECK(sending_put(out->sending, key, (struct octets){ report->octets, report->len }) ==
          RESULT_OK);
    forward_sent(source->forward, report);
}

/* Another registry's, or of a key that was replaced: nobody would take it. */
static bool is_ours(const struct verdictsout *out, const struct source *source,
                    const struct report *report)
{
    const struct report_head *head = &report->head;
    return strcmp(head->vantage, source->name) == 0 &&
           memcmp(head->key, source->key, sizeof(source->key)) == 0 &&
           memcmp(head->registry, out->registry, sizeof(out->registry)) == 0 &&
           dname_equal(&head->apex, &out->apex);
}

/* Reads on in a journal. True if there may be more at once. */
static bool read_source(struct verdictsout *out, struct source *source)
{
    size_t budget = BUDGET, len = 0;
    while (source->named && sending_waiting(out->sending) < WAITING_MAX) {
        struct report report;
        if (source->allowance.left < REPORT_MAX) {
            log_once(&source->cut, out->feeder->log, LOG_WARNING, NULL,
                     "the journal of %s grows faster than a fleet takes: it waits", source->name);
            return false;
        }
        enum result result = journal_next(&source->reader, 0, out->room, &len, &budget);
        if (result == RESULT_DAMAGED) {
            continue;
        }
        if (result != RESULT_OK) {
            return result == RESULT_EXHAUSTED;
        }
        bool first = source->reader.at == (off_t)len;
        if (report_open(&report, out->room, len) != RESULT_OK || !is_ours(out, source, &report)) {
            continue;
        }
        if (forward_wants(source->forward, &report, first)) {
            source->allowance.left -= len;
            log_once_over(&source->cut, out->feeder->log, "the journal is read on");
            send_report(out, source, &report);
        }
    }
    return source->named;
}

/* Deletes what is needed no longer, when what replaces it is there. */
static void delete_done(struct verdictsout *out, struct source *source)
{
    uint64_t number = 0;
    while (sending_waiting(out->sending) < SENDING_BATCH_KEYS &&
           forward_take_done(source->forward, &number)) {
        char key[VERDICTSKEY_ROOM];
        CHECK(sending_delete(out->sending, key_of(out, source, number, key)) == RESULT_OK);
    }
}

static unsigned look(struct verdictsout *out)
{
    uint64_t now_ms = out->feeder->now_ms;
    bool more = false;
    if (now_ms >= out->names_at_ms) {
        update_sources(out);
        out->names_at_ms = now_ms + NAMES_MS;
    }
    bool idle = sending_waiting(out->sending) == 0;
    for (unsigned i = 0; i < out->source_count; i++) {
        struct source *source = &out->sources[i];
        verdicts_allow(&source->allowance, out->members, now_ms);
        if (idle) {
            delete_done(out, source);
        }
        more = read_source(out, source) || more;
    }
    return more && sending_waiting(out->sending) < WAITING_MAX ? 0 : LOOK_MS;
}

static unsigned turn(void *arg)
{
    struct verdictsout *out = arg;
    if (!out->recalled) {
        return following_turn(out->recall);
    }
    following_free(out->recall);
    out->recall = NULL;
    uint64_t now_ms = out->feeder->now_ms;
    if (now_ms >= out->look_at_ms) {
        out->look_at_ms = now_ms + look(out);
    }
    unsigned wait_ms = (unsigned)(out->look_at_ms - now_ms);
    unsigned sending_ms = sending_turn(out->sending);
    return sending_ms < wait_ms ? sending_ms : wait_ms;
}

const struct feeder_channel verdictsout_channel = { "verdicts out", begin, turn, end };
