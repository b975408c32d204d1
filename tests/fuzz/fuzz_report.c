/* Any octets as a report: as they are, then as the items of a report that a known key has signed
 * and that is taken into the stores. All readers of verdicts can read the result, and it never
 * blocks the next report. */
#include "tests/pool_fixture.h"
#include "zone/verdicts/consensus.h"
#include "zone/verdicts/intake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pool_fixture pool;
static struct store *history;
static struct report_head head;
static uint8_t secret[REPORT_SECRET_LEN];

static void tidy(void)
{
    store_close(history);
    pool_fixture_done(&pool);
}

static void set_up(void)
{
    static const uint8_t seed[crypto_sign_SEEDBYTES] = { 1 };
    struct vantage_key key = { .name = "far", .added_at = FIXTURE_NOW };
    struct registry_change change;
    struct diag diag;
    pool_fixture_init(&pool, NULL);
    ASSERT(atexit(tidy) == 0);
    for (int i = 0; i < 3; i++) {
        store_rest(pool.txns[i]); /* a held snapshot makes the stores grow */
    }
    FIXTURE_OK(store_create(pool.state, STORE_HISTORY, &diag));
    FIXTURE_OK(store_open(&history, pool.state, STORE_HISTORY, true, &diag));
    ASSERT(crypto_sign_seed_keypair(key.key, secret, seed) == 0);
    fixture_begin(pool.stores[0], &change, &diag);
    FIXTURE_OK(registry_put_vantage(&change, &key));
    FIXTURE_OK(registry_id(change.txn, head.registry, &diag));
    FIXTURE_OK(registry_commit(&change));
    head.apex = fixture_name("pool.test");
    head.made_at = FIXTURE_NOW;
    memcpy(head.key, key.key, sizeof(head.key));
    memcpy(head.vantage, key.name, sizeof(head.vantage));
}

static void see_verdict(const char *label, const struct member_health *health, void *)
{
    ASSERT(strlen(label) < LABEL_ROOM && health->address_count <= MEMBER_ADDRESSES_MAX);
    ASSERT(health->stage <= STAGE_FALLING && health->weight <= HEALTH_WEIGHT_MAX);
    for (unsigned i = 0; i < health->address_count; i++) {
        const struct address_health *each = &health->addresses[i];
        ASSERT(strlen(each->detail) < HEALTH_DETAIL_ROOM && failure_id(each->failure) != NULL);
        ASSERT(each->score_milli >= HEALTH_SCORE_MIN && each->score_milli <= HEALTH_SCORE_MAX);
    }
}

static void see_event(const char *label, const struct history_event *event, void *)
{
    ASSERT(strlen(label) < LABEL_ROOM && strlen(event->text) < HISTORY_EVENT_ROOM);
}

static void look(const uint8_t *data, size_t size)
{
    static const struct report_visit visit = { .verdict = see_verdict, .event = see_event };
    struct report report;
    if (report_open(&report, data, size) == RESULT_OK) {
        enum result result = report_each(&report, &visit, NULL);
        ASSERT(result == RESULT_OK || result == RESULT_DAMAGED);
        (void)report_is_by(&report, report.head.key);
    }
}

/* All readers can read the rows that intake has written. */
static void read_all(struct store_txn *health)
{
    struct refusal refusals[INTAKE_REFUSALS_MAX];
    struct vantages vantages;
    unsigned count = 0, row_count = 0;
    FIXTURE_OK(vantages_read(&vantages, health, 600, FIXTURE_NOW));
    FIXTURE_OK(intake_refusals(health, refusals, &count));
    for (uint64_t id = 1; id <= 4; id++) {
        static struct member_health rows[VANTAGES_MAX];
        struct consensus consensus;
        struct member member = { .id = id, .address_count = (uint8_t)(id % 2) };
        FIXTURE_OK(consensus_rows(rows, &row_count, health, id, &vantages));
        consensus_of(&consensus, &member, rows, row_count, &vantages, &pool.zone->settings);
    }
}

static void take_in(const uint8_t *data, size_t size)
{
    static struct report_writer made;
    const struct intake_stores stores = { pool.stores[0], pool.stores[1], history };
    struct intake_sum sum = { .reports = 0 };
    struct diag diag = { "" };
    struct store_txn *txn = NULL;
    head.number++;
    report_begin(&made, &head);
    size_t room = made.w.len - made.w.at;
    write_octets(&made.w, data, size < room ? size : room);
    size_t len = report_end(&made, secret);
    FIXTURE_OK(intake_import(&stores, made.octets, len, FIXTURE_NOW, &sum, &diag));
    ASSERT(sum.reports == 1 && sum.known == 0);
    FIXTURE_OK(store_read(pool.stores[1], &txn, &diag));
    read_all(txn);
    store_abort(txn);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (history == NULL) {
        set_up();
    }
    look(data, size);
    take_in(data, size);
    return 0;
}
