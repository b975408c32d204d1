#include "tools/fleet/verdictsin.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/fleet/following.h"
#include "tools/fleet/membership.h"
#include "tools/fleet/verdictskey.h"
#include "zone/base/array.h"
#include "zone/base/clock.h"
#include "zone/verdicts/forward.h"
#include "zone/verdicts/intake.h"

/* Another machine, and what may still be taken of it. */
struct sender {
    char name[MACHINE_ROOM];
    struct verdicts_allowance allowance;
};

struct verdictsin {
    struct feeder *feeder;
    struct following *following; /* NULL: after a failure */
    uint64_t again_at_ms;
    struct sender senders[MACHINES_MAX];
    unsigned sender_count;
    /* Reports that wait to be taken in. */
    uint8_t *octets;
    size_t len, room;
    uint64_t since_ms;
    bool reading; /* all rows anew: what a vantage point keeps at the engine comes at once */
    /* Of the registry: */
    uint64_t version;
    struct vantage_keys keys;
    size_t members;
    struct log_once trouble, refused, cut;
};

/* -- who may send how much -- */

/* NULL if there are too many. */
static struct sender *sender_of(struct verdictsin *in, const char *name)
{
    for (unsigned i = 0; i < in->sender_count; i++) {
        if (strcmp(in->senders[i].name, name) == 0) {
            return &in->senders[i];
        }
    }
    if (in->sender_count == MACHINES_MAX) {
        return NULL;
    }
    struct sender *sender = &in->senders[in->sender_count++];
    *sender = (struct sender){ .name = "" };
    memcpy(sender->name, name, strlen(name) + 1);
    return sender;
}

/* False: the machine has sent too much. */
static bool may_send(struct verdictsin *in, const char *name, size_t len)
{
    struct sender *sender = sender_of(in, name);
    if (sender == NULL) {
        return false;
    }
    struct verdicts_allowance *allowance = &sender->allowance;
    bool first = !allowance->begun;
    verdicts_allow(allowance, in->members, in->feeder->now_ms);
    if (first && in->reading) {
        allowance->left += 2 * (uint64_t)FORWARD_OCTETS_MAX;
    }
    if (allowance->left < len) {
        return false;
    }
    allowance->left -= len;
    return true;
}

/* -- taking in -- */

static void tell(struct verdictsin *in, const struct intake_sum *sum)
{
    if (sum->refusal.count > 0) {
        log_once(&in->refused, in->feeder->log, LOG_WARNING, NULL,
                 "a report of the vantage point %s is refused: %s", sum->refusal.source,
                 sum->refusal.text);
    }
    if (sum->reports > 0) {
        log_say(in->feeder->log, LOG_DEBUG,
                "took in %zu reports with %zu verdicts, the last one of %s; skipped %zu verdicts",
                sum->reports, sum->verdicts, sum->vantage, sum->skipped);
    }
}

static enum result take_in(struct verdictsin *in, struct diag *diag)
{
    const struct intake_stores stores = { in->feeder->registry, in->feeder->health, NULL };
    struct intake_sum sum = { .reports = 0 };
    if (in->len == 0) {
        return RESULT_OK;
    }
    enum result result = intake_import(&stores, in->octets, in->len, clock_now(), &sum, diag);
    in->len = 0;
    in->feeder->stirred = true;
    if (result == RESULT_OK) {
        tell(in, &sum);
    }
    return result;
}

static enum result take_row(void *arg, struct octets key, struct octets value, struct diag *diag)
{
    struct verdictsin *in = arg;
    struct verdictskey parts;
    struct report report;
    if (!verdictskey_parse(&parts, key) ||
        report_open(&report, value.data, value.len) != RESULT_OK ||
        strcmp(report.head.vantage, parts.vantage) != 0 || report.head.number != parts.number) {
        log_once(&in->refused, in->feeder->log, LOG_WARNING, NULL,
                 "a report in the engine can't be read: is it of a newer version?");
        return RESULT_OK;
    }
    if (strcmp(parts.machine, in->feeder->machine) == 0) {
        return RESULT_OK; /* our own, which is taken in from its journal, with the samples */
    }
    if (!may_send(in, parts.machine, value.len)) {
        log_once(&in->cut, in->feeder->log, LOG_WARNING, NULL,
                 "%s sends more reports than are taken of one machine: the rest is dropped",
                 parts.machine);
        return RESULT_OK;
    }
    in->since_ms = in->len == 0 ? in->feeder->now_ms : in->since_ms;
    ARRAY_RESERVE(in->octets, in->room, in->len + value.len);
    memcpy(in->octets + in->len, value.data, value.len);
    in->len += value.len;
    return in->len >= INTAKE_BUDGET ? take_in(in, diag) : RESULT_OK;
}

/* A report that is needed no longer. */
static enum result drop_row(void *arg, struct octets key, struct diag *diag)
{
    (void)arg, (void)key, (void)diag;
    return RESULT_OK;
}

static void begin_reading(void *arg)
{
    struct verdictsin *in = arg;
    in->reading = true;
    in->sender_count = 0;
}

static enum result end_reading(void *arg, struct diag *diag)
{
    struct verdictsin *in = arg;
    in->reading = false;
    return take_in(in, diag);
}

static void follow(struct verdictsin *in)
{
    static const struct following_reader reader = { take_row, drop_row, begin_reading,
                                                    end_reading };
    in->following = following_new(in->feeder, "v/", &reader, in);
}

static void *begin(struct feeder *feeder)
{
    if (feeder->health == NULL || feeder->membership->role == MACHINE_VANTAGE) {
        return NULL;
    }
    struct verdictsin *in = xcalloc(1, sizeof(*in));
    in->feeder = feeder;
    follow(in);
    return in;
}

static void end(void *arg)
{
    struct verdictsin *in = arg;
    following_free(in->following);
    free(in->octets);
    free(in);
}

/* Reads all anew, now or later: what was refused of a vantage point that is named now, or what a
 * store did not take. */
static void read_anew(struct verdictsin *in, unsigned pause_ms)
{
    following_free(in->following);
    in->following = NULL;
    in->len = 0;
    in->again_at_ms = in->feeder->now_ms + pause_ms;
}

static bool same_keys(const struct vantage_keys *a, const struct vantage_keys *b)
{
    bool same = a->count == b->count;
    for (unsigned i = 0; i < a->count && same; i++) {
        same = strcmp(a->list[i].name, b->list[i].name) == 0 &&
               memcmp(a->list[i].key, b->list[i].key, VANTAGE_KEY_LEN) == 0;
    }
    return same;
}

static enum result look_at_registry(struct verdictsin *in, struct diag *diag)
{
    struct store_txn *txn = NULL;
    struct vantage_keys keys = { .count = 0 };
    TRY(store_read(in->feeder->registry, &txn, diag));
    enum result result = RESULT_OK;
    if (store_version(txn) != in->version) {
        result = registry_vantages(txn, &keys, diag);
        in->members = store_count(txn, TABLE_MEMBERS);
    } else {
        keys = in->keys;
    }
    uint64_t version = store_version(txn);
    store_abort(txn);
    if (result == RESULT_OK) {
        bool others = in->version != 0 && !same_keys(&keys, &in->keys);
        in->version = version;
        in->keys = keys;
        if (others) {
            read_anew(in, 0);
        }
    }
    return result;
}

static enum result move(struct verdictsin *in, unsigned *wait_ms, struct diag *diag)
{
    uint64_t now_ms = in->feeder->now_ms;
    TRY(look_at_registry(in, diag));
    if (in->following == NULL) {
        follow(in);
    }
    *wait_ms = following_turn(in->following);
    if (in->len > 0 && now_ms >= in->since_ms + VERDICTSIN_GATHER_MS) {
        TRY(take_in(in, diag));
    }
    if (in->len > 0 && *wait_ms > VERDICTSIN_GATHER_MS) {
        *wait_ms = VERDICTSIN_GATHER_MS;
    }
    return RESULT_OK;
}

static unsigned turn(void *arg)
{
    struct verdictsin *in = arg;
    struct diag diag = { "" };
    unsigned wait_ms = 0;
    if (in->feeder->now_ms < in->again_at_ms) {
        return (unsigned)(in->again_at_ms - in->feeder->now_ms);
    }
    if (move(in, &wait_ms, &diag) == RESULT_OK) {
        log_once_over(&in->trouble, in->feeder->log, "verdicts of other machines are taken in");
        return wait_ms;
    }
    log_once(&in->trouble, in->feeder->log, LOG_WARNING, NULL,
             "verdicts of other machines are not taken in: %s", diag.text);
    read_anew(in, VERDICTSIN_PAUSE_MS);
    return VERDICTSIN_PAUSE_MS;
}

const struct feeder_channel verdictsin_channel = { "verdicts in", begin, turn, end };
