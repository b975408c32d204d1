#include "zone/verdicts/intake.h"

#include <stdio.h>
#include <stdlib.h>

#include "zone/base/array.h"
#include "zone/verdicts/intake_private.h"

enum {
    UNNAMED_EVERY_LOOKS = 20 /* unnamed journals are looked for once in this many looks */
};

/* The journal of a named vantage point. */
struct source {
    char name[VANTAGE_ROOM];
    uint8_t key[VANTAGE_KEY_LEN];
    bool named; /* it still is, with this key */
    struct journal_reader reader;
    struct refusal noted; /* the last one recorded */
};

struct intake {
    const char *state_dir;
    struct intake_pool pool;
    unsigned looks;
    unsigned source_count;
    struct source sources[VANTAGES_MAX];
    struct source unnamed; /* for the journals of all vantage points that are not named */
    struct refusal refusals[VANTAGES_MAX + 1];
    unsigned refusal_count;
    uint8_t room[REPORT_MAX];
};

/* -- judging a report -- */

static enum result read_pool(struct intake_pool *pool, struct store_txn *txn, struct diag *diag)
{
    struct settings settings;
    pool->version = 0;
    TRY(registry_settings(txn, &settings, diag));
    TRY(registry_id(txn, pool->registry, diag));
    TRY(registry_vantages(txn, &pool->keys, diag));
    pool->apex = settings.apex;
    pool->version = store_version(txn);
    return RESULT_OK;
}

/* Reads the pool again if the registry has changed. */
static enum result pool_refresh(struct intake_pool *pool, struct store *registry, struct diag *diag)
{
    struct store_txn *txn = NULL;
    TRY(store_read(registry, &txn, diag));
    enum result result =
        store_version(txn) == pool->version ? RESULT_OK : read_pool(pool, txn, diag);
    store_abort(txn);
    return result;
}

/* Judges a report by its head and signature. False with the reason in `refusal`. */
static bool accepts(const struct intake_pool *pool, const struct report *report, uint64_t now,
                    struct refusal *refusal)
{
    const struct report_head *head = &report->head;
    const struct vantage_key *key = vantage_keys_find(&pool->keys, head->vantage);
    char text[JOURNAL_KEY_TEXT], apex[DNAME_TEXT_MAX];
    *refusal = (struct refusal){ .count = 1 };
    memcpy(refusal->source, head->vantage, sizeof(refusal->source));
    char *out = refusal->text;
    const size_t room = sizeof(refusal->text);
    if (key == NULL) {
        (void)snprintf(out, room,
                       "nobody has named it: if it is yours, `ntspool vantage add %s %s`",
                       head->vantage, journal_key_text(head->key, text));
    } else if (memcmp(key->key, head->key, sizeof(key->key)) != 0) {
        (void)snprintf(out, room, "it signs with another key than the one that was named, %s",
                       journal_key_text(head->key, text));
    } else if (!report_is_by(report, key->key)) {
        (void)snprintf(out, room, "the signature is not that of its key: it is forged or damaged");
    } else if (!dname_equal(&head->apex, &pool->apex)) {
        (void)snprintf(out, room, "it is for another pool, %.100s", dname_text(&head->apex, apex));
    } else if (memcmp(head->registry, pool->registry, sizeof(pool->registry)) != 0) {
        (void)snprintf(out, room,
                       "it is for another registry of this pool: was the pool made anew?");
    } else if (head->made_at > now + VANTAGE_AHEAD_S) {
        (void)snprintf(out, room, "it is from the future: is its clock right?");
    } else {
        return true;
    }
    return false;
}

static void batch_add(struct intake_batch *batch, const uint8_t *octets, size_t len)
{
    ARRAY_RESERVE(batch->octets, batch->room, batch->len + len);
    memcpy(batch->octets + batch->len, octets, len);
    batch->len += len;
}

/* -- journals -- */

struct intake *intake_new(const char *state_dir)
{
    struct intake *intake = xcalloc(1, sizeof(*intake));
    intake->state_dir = state_dir;
    return intake;
}

void intake_free(struct intake *intake)
{
    if (intake != NULL) {
        for (unsigned i = 0; i < intake->source_count; i++) {
            journal_reader_end(&intake->sources[i].reader);
        }
        free(intake);
    }
}

static struct source *source_of(struct intake *intake, const char *name)
{
    for (unsigned i = 0; i < intake->source_count; i++) {
        if (strcmp(intake->sources[i].name, name) == 0) {
            return &intake->sources[i];
        }
    }
    return NULL;
}

static void drop_unnamed(struct intake *intake)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < intake->source_count; i++) {
        if (intake->sources[i].named) {
            intake->sources[kept++] = intake->sources[i];
        } else {
            journal_reader_end(&intake->sources[i].reader);
        }
    }
    intake->source_count = kept;
}

/* Makes the sources those of the named vantage points. */
static enum result update_sources(struct intake *intake, const struct vantage_keys *keys,
                                  struct diag *diag)
{
    for (unsigned i = 0; i < intake->source_count; i++) {
        struct source *source = &intake->sources[i];
        const struct vantage_key *key = vantage_keys_find(keys, source->name);
        source->named = key != NULL && memcmp(key->key, source->key, sizeof(source->key)) == 0;
    }
    drop_unnamed(intake);
    for (unsigned i = 0; i < keys->count; i++) {
        if (source_of(intake, keys->list[i].name) != NULL) {
            continue;
        }
        struct source *source = &intake->sources[intake->source_count];
        *source = (struct source){ .named = true };
        memcpy(source->name, keys->list[i].name, sizeof(source->name));
        memcpy(source->key, keys->list[i].key, sizeof(source->key));
        TRY(journal_reader_begin(&source->reader, intake->state_dir, source->name, diag));
        intake->source_count++;
    }
    return RESULT_OK;
}

/* Records a refusal when it is new, and again while it lasts; refusals that keep changing, once a
 * second. */
static void note_refusal(struct intake *intake, struct source *source,
                         const struct refusal *refusal, uint64_t now)
{
    struct refusal *noted = &source->noted;
    bool same = strcmp(noted->text, refusal->text) == 0;
    uint64_t pause = same ? INTAKE_REFUSAL_S : 1;
    uint64_t count = noted->count + refusal->count;
    if (noted->last_at != 0 && now < noted->last_at + pause && now >= noted->last_at) {
        noted->count = count;
        return;
    }
    struct refusal *out = &intake->refusals[intake->refusal_count++];
    *out = *refusal;
    out->count = count;
    *noted = *refusal;
    noted->last_at = now;
    noted->count = 0;
}

static uint64_t position_of(struct store_txn *health, const char *name)
{
    struct vantage vantage;
    return vantage_get(health, name, &vantage) == RESULT_OK ? vantage.position : 0;
}

/* Reads the new reports of one journal. Records at most one refusal, the first. */
static void read_source(struct intake *intake, struct source *source, uint64_t after,
                        struct intake_batch *batch, uint64_t now, bool *more)
{
    size_t budget = INTAKE_BUDGET, len = 0;
    struct refusal first = { .count = 0 };
    enum result result = RESULT_OK;
    while (result == RESULT_OK) {
        struct refusal refusal = { .count = 1 };
        struct report report;
        result = journal_next(&source->reader, after, intake->room, &len, &budget);
        if (result == RESULT_OK && report_open(&report, intake->room, len) != RESULT_OK) {
            (void)snprintf(refusal.text, sizeof(refusal.text),
                           "its journal holds a report that can't be read: is it of another "
                           "version?");
        } else if (result == RESULT_DAMAGED) {
            (void)snprintf(refusal.text, sizeof(refusal.text),
                           "its journal holds data that is not a report");
        } else if (result != RESULT_OK) {
            break;
        } else if (strcmp(report.head.vantage, source->name) != 0) {
            (void)snprintf(refusal.text, sizeof(refusal.text), "its journal holds a report of %s",
                           report.head.vantage);
        } else if (accepts(&intake->pool, &report, now, &refusal)) {
            batch_add(batch, intake->room, len);
            after = report.head.number;
            continue;
        }
        uint64_t count = first.count + 1;
        first = first.count == 0 ? refusal : first;
        first.count = count;
    }
    *more = *more || result == RESULT_EXHAUSTED;
    if (first.count > 0) {
        memcpy(first.source, source->name, sizeof(first.source));
        note_refusal(intake, source, &first, now);
    }
}

/* Reports a journal whose vantage point is not named, with its key. */
static void look_for_unnamed(struct intake *intake, uint64_t now)
{
    char names[JOURNALS_MAX][VANTAGE_ROOM];
    unsigned count = journal_list(intake->state_dir, names);
    for (unsigned i = 0; i < count; i++) {
        struct report report = { .head = { .number = 0 } };
        struct refusal refusal;
        memcpy(report.head.vantage, names[i], VANTAGE_ROOM);
        if (vantage_keys_find(&intake->pool.keys, names[i]) == NULL &&
            journal_claimed_key(intake->state_dir, names[i], report.head.key) == RESULT_OK &&
            !accepts(&intake->pool, &report, now, &refusal)) {
            note_refusal(intake, &intake->unnamed, &refusal, now);
            return;
        }
    }
}

static enum result read_all(struct intake *intake, const struct intake_stores *stores,
                            struct intake_batch *batch, uint64_t now, bool *more, struct diag *diag)
{
    uint64_t positions[VANTAGES_MAX] = { 0 };
    struct store_txn *txn = NULL;
    TRY(update_sources(intake, &intake->pool.keys, diag));
    TRY(store_read(stores->health, &txn, diag));
    for (unsigned i = 0; i < intake->source_count; i++) {
        positions[i] = position_of(txn, intake->sources[i].name);
    }
    store_abort(txn);
    for (unsigned i = 0; i < intake->source_count; i++) {
        read_source(intake, &intake->sources[i], positions[i], batch, now, more);
    }
    if (intake->looks++ % UNNAMED_EVERY_LOOKS == 0) {
        look_for_unnamed(intake, now);
    }
    return RESULT_OK;
}

/* Some reports were read but could not be taken in (the disk is full, say). The journals are read
 * again from their beginning; reports taken in before are skipped. */
static void read_again(struct intake *intake)
{
    for (unsigned i = 0; i < intake->source_count; i++) {
        journal_reader_end(&intake->sources[i].reader);
    }
}

enum result intake_look(struct intake *intake, const struct intake_stores *stores, uint64_t now,
                        bool *more, struct intake_sum *sum, struct diag *diag)
{
    struct intake_batch batch = { .imported = false };
    *more = false;
    intake->refusal_count = 0;
    enum result result = pool_refresh(&intake->pool, stores->registry, diag);
    if (result == RESULT_OK) {
        result = intake_set_owner(stores, diag);
    }
    if (result == RESULT_OK) {
        result = read_all(intake, stores, &batch, now, more, diag);
    }
    batch.refusals = intake->refusals;
    batch.refusal_count = intake->refusal_count;
    if (result == RESULT_OK && (batch.len > 0 || batch.refusal_count > 0)) {
        result = intake_apply(stores, &batch, now, sum, diag);
    }
    if (intake->refusal_count > 0) {
        sum->refusal = intake->refusals[intake->refusal_count - 1];
    }
    free(batch.octets);
    if (result != RESULT_OK) {
        read_again(intake);
    }
    return result;
}

bool intake_is_due(const char *state_dir, struct store_txn *registry, struct store_txn *health)
{
    char names[JOURNALS_MAX][VANTAGE_ROOM];
    struct vantage_keys keys;
    unsigned count = journal_list(state_dir, names);
    uint8_t *room = count > 0 ? xmalloc(REPORT_MAX) : NULL;
    bool due = false;
    if (registry_vantages(registry, &keys, NULL) != RESULT_OK) {
        count = 0;
    }
    for (unsigned i = 0; i < count && !due; i++) {
        struct journal_reader reader;
        size_t len = 0, budget = INTAKE_BUDGET;
        uint64_t after = position_of(health, names[i]);
        due = vantage_keys_find(&keys, names[i]) == NULL;
        if (!due && journal_reader_begin(&reader, state_dir, names[i], NULL) == RESULT_OK) {
            due = journal_next(&reader, after, room, &len, &budget) != RESULT_NOT_FOUND;
            journal_reader_end(&reader);
        }
    }
    free(room);
    return due;
}

/* -- imports -- */

/* An import in progress. */
struct import {
    const struct intake_stores *stores;
    struct intake_pool pool;
    struct intake_batch batch;
    struct refusal last; /* the last report not accepted; its count is their number */
    uint64_t now;
    struct intake_sum *sum;
};

/* Applies the reports collected so far, so that other writers need not wait for the whole
 * import. */
static enum result import_some(struct import *import, struct diag *diag)
{
    enum result result =
        intake_apply(import->stores, &import->batch, import->now, import->sum, diag);
    import->batch.len = 0;
    return result;
}

static enum result import_one(struct import *import, const uint8_t *octets, size_t left,
                              size_t *len, struct diag *diag)
{
    struct report report;
    struct refusal refusal;
    uint64_t number = 0;
    if (left < REPORT_HEAD_LEN || !report_peek(octets, len, &number) || *len > left ||
        report_open(&report, octets, *len) != RESULT_OK) {
        return RESULT_INVALID;
    }
    memcpy(import->sum->vantage, report.head.vantage, sizeof(import->sum->vantage));
    if (accepts(&import->pool, &report, import->now, &refusal)) {
        batch_add(&import->batch, octets, *len);
    } else {
        refusal.count += import->last.count;
        import->last = refusal;
    }
    return import->batch.len >= INTAKE_BUDGET ? import_some(import, diag) : RESULT_OK;
}

enum result intake_import(const struct intake_stores *stores, const uint8_t *octets, size_t len,
                          uint64_t now, struct intake_sum *sum, struct diag *diag)
{
    struct import import = { .stores = stores, .now = now, .sum = sum };
    struct refusal *last = &import.last;
    size_t at = 0;
    import.batch.imported = true;
    enum result result = pool_refresh(&import.pool, stores->registry, diag);
    if (result == RESULT_OK) {
        result = intake_set_owner(stores, diag);
    }
    while (result == RESULT_OK && at < len) {
        size_t one = 0;
        result = import_one(&import, octets + at, len - at, &one, diag);
        at += result == RESULT_OK ? one : 0;
    }
    if (result == RESULT_INVALID) {
        result =
            diag_fail(diag, result,
                      "octet %zu: this is not a report of a vantage point, or a truncated one: "
                      "what came before it was taken in",
                      at);
    }
    if (import.batch.len > 0 || last->count > 0) {
        struct diag why = { "" };
        import.batch.refusals = last;
        import.batch.refusal_count = last->count > 0;
        enum result applied = intake_apply(stores, &import.batch, now, sum, &why);
        if (applied != RESULT_OK) {
            result = diag_fail(diag, applied, "%s", why.text);
        }
    }
    if (last->count > 0) {
        last->count += sum->refusal.count;
        sum->refusal = *last;
    }
    free(import.batch.octets);
    return result;
}
