/* reportpool: what three vantage points would have left in the stores of a pool that exists, for
 * tests/bench/report.
 *
 * use: reportpool STATE fill DAYS    verdicts, so many days of history and the log of all members
 *      reportpool STATE step         what a minute adds: a probe of each address, some that fail
 *
 * The history of a few made-up subjects is written by the functions of zone/verdicts, and its rows
 * are copied to all subjects. The first vantage point is this machine's, the others are far. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/array.h"
#include "zone/base/clock.h"
#include "zone/base/splitmix.h"
#include "zone/base/wire.h"
#include "zone/registry/registry.h"
#include "zone/steering/traffic.h"
#include "zone/verdicts/history.h"

#define DAY_S UINT64_C(86400)

enum {
    VANTAGES = 3,
    KINDS = 4, /* of courses: good, with gaps, often failing, dead for hours */
    INTERVAL_S = 64,
    CERTIFICATE_DAYS = 50,
    EVENTS = 20,
    FAILING_PERCENT = 2,  /* subjects whose last probe failed */
    CHANGING_PERMILLE = 3 /* members whose failures change in a minute */
};

static const char *const names[VANTAGES] = { "amsterdam", "newyork", "tokyo" };

struct bench {
    const char *state;
    unsigned days;
    uint64_t now, dice;
    struct member *members;
    size_t count, room;
};

static void must(enum result result, const struct diag *diag, const char *what)
{
    if (result != RESULT_OK) {
        (void)fprintf(stderr, "reportpool: %s: %s: %s\n", what, result_text(result), diag->text);
        exit(1);
    }
}

static struct store_txn *begin(struct bench *bench, enum store_kind kind, struct store **store,
                               bool writable)
{
    struct diag diag = { "" };
    struct store_txn *txn = NULL;
    must(store_open(store, bench->state, kind, writable, &diag), &diag, "open");
    must(writable ? store_write(*store, &txn, &diag) : store_read(*store, &txn, &diag), &diag,
         "begin");
    return txn;
}

static void commit(struct store_txn *txn, struct store *store)
{
    struct diag diag = { "" };
    must(store_commit(txn, &diag), &diag, "commit");
    store_close(store);
}

static unsigned percent(struct bench *bench)
{
    return (unsigned)(splitmix(&bench->dice) % 100);
}

static enum result take(const struct member *member, void *arg)
{
    struct bench *bench = arg;
    ARRAY_PUSH(bench->members, bench->count, bench->room, *member);
    return RESULT_OK;
}

static void read_members(struct bench *bench)
{
    struct store *store = NULL;
    struct diag diag = { "" };
    struct store_txn *txn = begin(bench, STORE_REGISTRY, &store, false);
    must(registry_each(txn, take, bench), &diag, "members");
    store_abort(txn);
    store_close(store);
}

/* -- verdicts -- */

static void put_vantages(struct bench *bench, struct store_txn *txn)
{
    struct diag diag = { "" };
    for (unsigned i = 0; i < VANTAGES; i++) {
        struct vantage vantage = { .interval_s = INTERVAL_S,
                                   .started_at = bench->now - 30 * DAY_S,
                                   .well_at = bench->now,
                                   .state_since = bench->now - 30 * DAY_S,
                                   .members = (uint32_t)bench->count,
                                   .position = 1,
                                   .received_at = bench->now,
                                   .imported = i > 0 };
        (void)snprintf(vantage.name, sizeof(vantage.name), "%s", names[i]);
        for (unsigned family = 0; family < ADDRESS_FAMILIES; family++) {
            vantage.family[family] = (struct vantage_family){ .state = FAMILY_ON,
                                                              .state_since = vantage.started_at,
                                                              .well_at = bench->now,
                                                              .addresses = vantage.members };
        }
        must(vantage_put(txn, &vantage, &diag), &diag, "vantage point");
    }
}

static void fill_address(struct bench *bench, struct address_health *out,
                         const struct address *address)
{
    bool fails = percent(bench) < FAILING_PERCENT;
    *out =
        (struct address_health){ .address = *address,
                                 .score_milli = 20000 - (int32_t)(splitmix(&bench->dice) % 3000),
                                 .working = true,
                                 .probes = 100000,
                                 .failures = fails,
                                 .first_probe_at = bench->now - 700 * DAY_S,
                                 .last_probe_at = bench->now - percent(bench) % INTERVAL_S,
                                 .last_good_at = bench->now - (fails ? 2U * INTERVAL_S : 0),
                                 .failure = fails ? FAILURE_NTP_SILENT : FAILURE_NONE,
                                 .cert_not_after = (bench->now / DAY_S + CERTIFICATE_DAYS) * DAY_S,
                                 .certified_at = bench->now - 700 * DAY_S,
                                 .operational_at = bench->now - 700 * DAY_S,
                                 .aead = 15,
                                 .stratum = 2,
                                 .offset_us = (int64_t)(splitmix(&bench->dice) % 2000) - 1000,
                                 .rtt_us = (uint32_t)(splitmix(&bench->dice) % 200000) };
}

static void put_verdict(struct bench *bench, struct store_txn *txn, const struct member *member,
                        unsigned vantage)
{
    struct diag diag = { "" };
    struct member_health health = { .member_id = member->id,
                                    .stage = STAGE_ELIGIBLE,
                                    .stage_since = 1700000000,
                                    .last_eligible_at = bench->now,
                                    .weight = HEALTH_WEIGHT_MAX,
                                    .address_count = member->address_count };
    (void)snprintf(health.vantage, sizeof(health.vantage), "%s", names[vantage]);
    for (unsigned family = 0; family < ADDRESS_FAMILIES; family++) {
        health.family[family] = (struct family_health){ .stage = STAGE_ELIGIBLE,
                                                        .stage_since = 1700000000,
                                                        .weight = HEALTH_WEIGHT_MAX };
    }
    for (unsigned i = 0; i < member->address_count; i++) {
        fill_address(bench, &health.addresses[i], &member->addresses[i]);
    }
    must(health_put(txn, &health, &diag), &diag, "verdict");
}

static void put_events(struct bench *bench, struct store_txn *txn, const char *label)
{
    struct diag diag = { "" };
    for (unsigned i = 0; i < EVENTS; i++) {
        struct history_event event = { .at = bench->now - DAY_S * 7 * (EVENTS - i) };
        (void)snprintf(event.who, sizeof(event.who), "%s", names[i % VANTAGES]);
        (void)snprintf(event.text, sizeof(event.text), "eligible -> ineligible: score %u.%u, %s",
                       i % 10, i % 7, "no answer by NTP");
        must(history_log(txn, label, &event, &diag), &diag, "log");
    }
}

static void put_verdicts(struct bench *bench)
{
    struct store *store = NULL;
    struct store_txn *txn = begin(bench, STORE_HEALTH, &store, true);
    put_vantages(bench, txn);
    for (size_t i = 0; i < bench->count; i++) {
        for (unsigned vantage = 0; vantage < VANTAGES; vantage++) {
            put_verdict(bench, txn, &bench->members[i], vantage);
        }
        put_events(bench, txn, bench->members[i].label);
    }
    commit(txn, store);
}

/* -- history -- */

static bool fails_at(struct bench *bench, unsigned kind, uint64_t at)
{
    switch (kind) {
    case 0:
        return false;
    case 1:
        return percent(bench) < 2;
    case 2:
        return percent(bench) < 40;
    default:
        return at / 3600 % 29 < 5;
    }
}

/* A course of a subject. */
static void note_course(struct bench *bench, struct store_txn *txn, unsigned kind, bool far)
{
    struct diag diag = { "" };
    struct history_subject subject = { .member_id = kind + (far ? KINDS : 0), .far = far };
    uint64_t now = bench->now, raw = now - (uint64_t)(HISTORY_QUARTERS - 1) * HISTORY_QUARTER_S;
    uint64_t at = now - bench->days * DAY_S;
    double score = 20;
    (void)snprintf(subject.vantage, sizeof(subject.vantage), "%s", names[far]);
    while (at < now) {
        bool fails = fails_at(bench, kind, at);
        score = 0.95 * score + (fails ? -5 : 1);
        const struct history_sample sample = {
            .at = at,
            .failure = fails ? FAILURE_NTP_SILENT : FAILURE_NONE,
            .score_milli = (int32_t)(score * 1000),
            .offset_us = (int32_t)(splitmix(&bench->dice) % 3000) - 1500,
            .rtt_us = 20000 + (uint32_t)(splitmix(&bench->dice) % 4000)
        };
        must(history_note(txn, &subject, &sample, at < raw ? now : at, &diag), &diag, "sample");
        at += at < raw ? HISTORY_QUARTER_S : INTERVAL_S;
    }
}

struct row {
    uint8_t ring[2];
    uint8_t kind;
    bool far;
    size_t len;
    uint8_t *value;
};

struct rows {
    struct row *list;
    size_t count, room;
};

/* The keys of state/history begin with the ring index and the member's id. */
static enum result keep_row(const uint8_t *key, size_t, const uint8_t *value, size_t len, void *arg)
{
    struct rows *rows = arg;
    struct row row = { { key[0], key[1] }, key[9] % KINDS, key[9] >= KINDS, len, xmalloc(len) };
    memcpy(row.value, value, len);
    ARRAY_PUSH(rows->list, rows->count, rows->room, row);
    return RESULT_OK;
}

/* Of 100 members, how many have which course. */
static uint8_t kind_of(size_t member)
{
    size_t of_hundred = member % 100;
    return of_hundred < 90 ? 0 : of_hundred < 97 ? 1 : of_hundred < 99 ? 2 : 3;
}

static void put_copies(const struct bench *bench, struct store_txn *txn, enum store_table table,
                       const struct row *row)
{
    const unsigned first = row->far ? 1 : 0, vantages = row->far ? VANTAGES - 1 : 1;
    struct diag diag = { "" };
    uint8_t key[2 + 8 + 16 + VANTAGE_ROOM];
    memcpy(key, row->ring, sizeof(row->ring));
    for (size_t i = 0; i < bench->count; i++) {
        const struct member *member = &bench->members[i];
        if (kind_of(i) != row->kind) {
            continue;
        }
        for (unsigned j = 0; j < member->address_count * vantages; j++) {
            const char *name = names[first + j % vantages];
            const size_t len = strlen(name);
            wire_put_u32(key + 2, (uint32_t)(member->id >> 32));
            wire_put_u32(key + 6, (uint32_t)member->id);
            memcpy(key + 10, member->addresses[j / vantages].octets, 16);
            memcpy(key + 26, name, len); /* NOLINT(bugprone-not-null-terminated-result) */
            must(store_put(txn, table, key, 26 + len, row->value, row->len), &diag, "row");
        }
    }
}

static void copy_table(struct bench *bench, const struct rows *rows, enum store_table table)
{
    struct store *store = NULL;
    struct diag diag = { "" };
    must(store_open(&store, bench->state, STORE_HISTORY, true, &diag), &diag, "open");
    for (size_t i = 0; i < rows->count;) {
        struct store_txn *txn = NULL;
        size_t begin = i;
        must(store_write(store, &txn, &diag), &diag, "begin");
        for (; i < rows->count && memcmp(rows->list[i].ring, rows->list[begin].ring, 2) == 0; i++) {
            put_copies(bench, txn, table, &rows->list[i]);
        }
        must(store_commit(txn, &diag), &diag, "commit");
    }
    store_close(store);
}

static void put_history(struct bench *bench)
{
    static const enum store_table tables[] = { TABLE_SAMPLES, TABLE_DAYS };
    struct rows rows[2] = { 0 };
    struct store *store = NULL;
    struct diag diag = { "" };
    struct vantages local = { .count = 1 };
    struct history_fold fold = { .vantages = &local };
    bool more = true;
    (void)snprintf(local.list[0].name, sizeof(local.list[0].name), "%s", names[0]);
    struct store_txn *txn = begin(bench, STORE_HISTORY, &store, true);
    for (unsigned kind = 0; kind < KINDS; kind++) {
        note_course(bench, txn, kind, false);
        note_course(bench, txn, kind, true);
    }
    while (more) {
        must(history_fold(txn, &fold, bench->now, 10000, &more, &diag), &diag, "fold");
    }
    for (unsigned i = 0; i < 2; i++) {
        must(store_each(txn, tables[i], keep_row, &rows[i]), &diag, "rows");
    }
    store_abort(txn);
    store_close(store);
    for (unsigned i = 0; i < 2; i++) {
        copy_table(bench, &rows[i], tables[i]);
        for (size_t j = 0; j < rows[i].count; j++) {
            free(rows[i].list[j].value);
        }
        free(rows[i].list);
    }
}

/* -- traffic -- */

static void put_traffic(struct bench *bench)
{
    struct store *store = NULL;
    struct diag diag = { "" };
    struct traffic traffic = { 0 };
    struct store_txn *txn = begin(bench, STORE_TRAFFIC, &store, true);
    struct traffic_count *counts = xcalloc(bench->count, sizeof(*counts));
    must(traffic_load(&traffic, txn, &diag), &diag, "traffic");
    for (unsigned hour = 24; hour-- > 0;) {
        for (size_t i = 0; i < bench->count; i++) {
            counts[i] = (struct traffic_count){ bench->members[i].id,
                                                splitmix(&bench->dice) % 2000 + 1000 };
        }
        traffic_add_answers(&traffic, counts, bench->count, bench->now - (uint64_t)hour * 3600);
    }
    must(traffic_save(&traffic, txn, &diag), &diag, "traffic");
    commit(txn, store);
    traffic_done(&traffic);
    free(counts);
}

/* -- a minute -- */

/* A probe of each address of a member from one vantage point. */
static void step_row(struct bench *bench, struct store_txn *health, struct store_txn *history,
                     struct history_subject *subject, bool changes)
{
    struct diag diag = { "" };
    struct member_health row;
    must(health_get(health, subject->member_id, subject->vantage, &row), &diag, "verdict");
    for (unsigned i = 0; i < row.address_count; i++) {
        struct address_health *seen = &row.addresses[i];
        seen->last_probe_at = bench->now;
        seen->score_milli = 20000 - (int32_t)(splitmix(&bench->dice) % 3000);
        seen->offset_us = (int64_t)(splitmix(&bench->dice) % 2000) - 1000;
        if (changes) {
            seen->failure = seen->failure == FAILURE_NONE ? FAILURE_NTP_SILENT : FAILURE_NONE;
        }
        subject->address = seen->address;
        const struct history_sample sample = { .at = bench->now,
                                               .failure = seen->failure,
                                               .score_milli = seen->score_milli,
                                               .offset_us = (int32_t)seen->offset_us,
                                               .rtt_us = seen->rtt_us };
        must(history_note(history, subject, &sample, bench->now, &diag), &diag, "sample");
    }
    must(health_put(health, &row, &diag), &diag, "verdict");
}

static void step(struct bench *bench)
{
    struct store *health_store = NULL, *history_store = NULL;
    struct store_txn *health = begin(bench, STORE_HEALTH, &health_store, true);
    struct store_txn *history = begin(bench, STORE_HISTORY, &history_store, true);
    put_vantages(bench, health);
    for (size_t i = 0; i < bench->count; i++) {
        bool changes = splitmix(&bench->dice) % 1000 < CHANGING_PERMILLE;
        for (unsigned vantage = 0; vantage < VANTAGES; vantage++) {
            struct history_subject subject = { .member_id = bench->members[i].id,
                                               .far = vantage > 0 };
            (void)snprintf(subject.vantage, sizeof(subject.vantage), "%s", names[vantage]);
            step_row(bench, health, history, &subject, changes);
        }
    }
    commit(health, health_store);
    commit(history, history_store);
}

int main(int argc, char **argv)
{
    bool fills = argc == 4 && strcmp(argv[2], "fill") == 0;
    unsigned days = fills ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    if (days >= HISTORY_DAYS || (!fills && (argc != 3 || strcmp(argv[2], "step") != 0))) {
        (void)fprintf(stderr, "use: reportpool STATE fill DAYS|step\n");
        return 2;
    }
    struct bench bench = { .state = argv[1], .days = days, .now = clock_now() };
    bench.dice = bench.now;
    read_members(&bench);
    if (fills) {
        put_verdicts(&bench);
        put_traffic(&bench);
        put_history(&bench);
    } else {
        step(&bench);
    }
    free(bench.members);
    return 0;
}
