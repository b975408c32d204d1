#include "server/answering/snapshot.h"
#include "tests/pool_fixture.h"
#include "tests/unit/unit.h"

static struct pool_fixture pool;
static struct answer_cache *table;
static struct snapshot snapshot;

static void begin_batch(struct zone_state *zone, uint64_t now)
{
    snapshot.zone = zone;
    snapshot.now = now;
    snapshot_begin(&snapshot);
}

static int set_up(void **)
{
    pool_fixture_init(&pool, NULL);
    table = answer_cache_new(3);
    snapshot = (struct snapshot){ .registry = pool.txns[0], .cache = table };
    begin_batch(pool.zone, FIXTURE_NOW);
    answer_cache_begin(table);
    return 0;
}

static int tear_down(void **)
{
    answer_cache_free(table);
    pool_fixture_done(&pool);
    return 0;
}

static struct dname_key key_of(const char *name)
{
    struct dname owner = name_of(name);
    struct dname_key key;
    dname_key_of(&key, &owner, &pool.zone->settings.apex);
    return key;
}

static const struct cached_answer *find(const char *name, uint16_t type)
{
    struct dname_key key = key_of(name);
    const struct answer_cache_key what = { &key, type };
    return answer_cache_find(table, &what);
}

/* Caches an RRset of one record of `len` octets. */
static const struct cached_answer *put(const char *name, uint16_t type, uint64_t member_id,
                                       size_t len)
{
    uint8_t rdata[1024] = { (uint8_t)(len >> 8), (uint8_t)len };
    const struct rrset set = {
        .type = type, .ttl = 60, .count = 1, .rdata = rdata, .rdata_len = len + 2
    };
    const struct rrset none = { .type = RR_RRSIG };
    struct dname_key key = key_of(name);
    const struct answer_cache_key what = { &key, type };
    const struct cached_answer_parts parts = { member_id, { NULL, &set, &none, 0 }, NULL };
    return answer_cache_put(table, &what, &parts);
}

static void entry_is_of_its_name_and_type(void **)
{
    const struct cached_answer *cached = put("alice.pool.test", RR_A, 1, 4);
    assert_non_null(cached);
    assert_ptr_equal(find("alice.pool.test", RR_A), cached);
    assert_ptr_equal(find("ALICE.pool.test", RR_A), cached);
    assert_null(find("alice.pool.test", RR_AAAA));
    assert_null(find("alic.pool.test", RR_A));
    assert_null(find("alice.x.pool.test", RR_A));
    assert_int_equal(cached->block.count[0], 1);
    assert_int_equal(cached->block.len[0], 2 + 10 + 4);
}

static void what_is_too_long_is_not_cached(void **)
{
    assert_null(put("alice.pool.test", RR_A, 1, ANSWER_CACHE_OCTETS));
    assert_null(find("alice.pool.test", RR_A));
    assert_non_null(put("alice.pool.test", RR_A, 1, ANSWER_CACHE_OCTETS - 12 - 6));
}

/* Makes the change `step` but keeps the old zone state, as between a commit and the next zone
 * state. */
static void follow(void (*step)(struct registry_change *change))
{
    struct registry_change change;
    struct diag diag;
    fixture_begin(pool.stores[0], &change, &diag);
    step(&change);
    assert_ok(registry_commit(&change));
    assert_ok(store_renew(pool.txns[0]));
    begin_batch(pool.zone, FIXTURE_NOW);
}

static void move_bob(struct registry_change *change)
{
    struct member member;
    assert_ok(registry_member(change->txn, "bob", &member));
    assert_ok(address_parse(&member.addresses[0], "192.0.2.200"));
    assert_ok(registry_update(change, &member, true));
}

static void add_many(struct registry_change *change)
{
    for (int i = 0; i <= REGISTRY_CHANGES_MAX; i++) {
        char label[16], address[32];
        (void)snprintf(label, sizeof(label), "many%d", i);
        (void)snprintf(address, sizeof(address), "192.0.3.%d", i);
        fixture_member(change, label, address, NULL, NULL);
    }
}

static void change_drops_its_names_only(void **)
{
    assert_non_null(put("alice.pool.test", RR_A, 1, 4));
    assert_non_null(put("bob.pool.test", RR_A, 2, 4));
    assert_non_null(put("bob.pool.test", RR_CAA, 2, 40));
    follow(move_bob);
    assert_non_null(find("alice.pool.test", RR_A));
    assert_null(find("bob.pool.test", RR_A));
    assert_null(find("bob.pool.test", RR_CAA));
}

static void change_of_too_many_drops_all(void **)
{
    assert_non_null(put("alice.pool.test", RR_A, 1, 4));
    follow(add_many);
    assert_null(find("alice.pool.test", RR_A));
}

/* A zone state with other settings, or without an address, has other records. Any other zone state
 * has the same records. */
static void entry_outlives_its_zone_state_while_nothing_changes(void **)
{
    struct zone_state next = *pool.zone;
    struct deal deal = *pool.zone->deal;
    struct left_out left_out = { 1, 2 };
    assert_non_null(put("alice.pool.test", RR_A, 1, 4));
    next.number++;
    begin_batch(&next, FIXTURE_NOW);
    assert_non_null(find("alice.pool.test", RR_A));
    next.number++;
    next.deal = &deal;
    deal.candidates.left_out = &left_out;
    deal.candidates.left_out_count = 1;
    assert_null(find("alice.pool.test", RR_A));
    deal.candidates.left_out_count = 0;
    assert_non_null(find("alice.pool.test", RR_A));
    next.number++;
    next.style++;
    assert_null(find("alice.pool.test", RR_A));
}

static void entry_ages(void **)
{
    assert_non_null(put("alice.pool.test", RR_A, 1, 4));
    begin_batch(pool.zone, FIXTURE_NOW + ZONE_STATE_AGE_MAX_S / 2 - 1);
    assert_non_null(find("alice.pool.test", RR_A));
    begin_batch(pool.zone, FIXTURE_NOW + ZONE_STATE_AGE_MAX_S);
    assert_null(find("alice.pool.test", RR_A));
    begin_batch(pool.zone, FIXTURE_NOW - 1); /* the clock was set back */
    assert_null(find("alice.pool.test", RR_A));
}

/* Many more names than the cache holds: the latest are found, none gets another's records, and no
 * entry that the current answer uses is evicted. */
static void full_table_makes_room(void **)
{
    enum {
        NAMES = ANSWER_CACHE_SETS_MIN * ANSWER_CACHE_WAYS * 3
    };
    const struct cached_answer *own = put("alice.pool.test", RR_A, 1, 4);
    unsigned refused = 0, there = 0;
    char name[32];
    for (unsigned i = 0; i < NAMES; i++) { /* all in one turn */
        (void)snprintf(name, sizeof(name), "n%u.pool.test", i);
        refused += put(name, RR_A, 1, i % 16) == NULL;
    }
    assert_true(refused > 0);
    assert_ptr_equal(find("alice.pool.test", RR_A), own);
    for (unsigned i = 0; i < NAMES; i++) {
        answer_cache_begin(table);
        (void)snprintf(name, sizeof(name), "n%u.pool.test", i);
        assert_non_null(put(name, RR_A, 1, i % 16));
        const struct cached_answer *cached = find(name, RR_A);
        assert_non_null(cached);
        assert_int_equal(cached->block.len[0], 12 + i % 16);
    }
    for (unsigned i = 0; i < NAMES; i++) {
        (void)snprintf(name, sizeof(name), "n%u.pool.test", i);
        there += find(name, RR_A) != NULL;
    }
    assert_in_range(there, ANSWER_CACHE_SETS_MIN * ANSWER_CACHE_WAYS * 9 / 10,
                    ANSWER_CACHE_SETS_MIN * ANSWER_CACHE_WAYS);
}

static void table_grows_with_the_pool_up_to_its_bound(void **)
{
    assert_true(answer_cache_fits(table, 3) && answer_cache_fits(table, ANSWER_CACHE_SETS_MIN));
    assert_false(answer_cache_fits(table, ANSWER_CACHE_SETS_MIN + 1));
    struct answer_cache *largest = answer_cache_new(ANSWER_CACHE_SETS_MAX);
    assert_true(answer_cache_fits(largest, 10000000));
    answer_cache_free(largest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entry_is_of_its_name_and_type, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_too_long_is_not_cached, set_up, tear_down),
        cmocka_unit_test_setup_teardown(change_drops_its_names_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(change_of_too_many_drops_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(entry_outlives_its_zone_state_while_nothing_changes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(entry_ages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_table_makes_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(table_grows_with_the_pool_up_to_its_bound, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
