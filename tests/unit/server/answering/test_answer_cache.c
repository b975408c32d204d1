#include <pthread.h>

#include "server/answering/snapshot.h"
#include "tests/pool_fixture.h"
#include "tests/unit/unit.h"

static struct pool_fixture pool;
static struct answer_cache *cache;
static struct answer_reader reader;
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
    cache = answer_cache_new(3, 4);
    answer_cache_join(&reader, cache);
    snapshot = (struct snapshot){ .registry = pool.txns[0], .cache = &reader };
    begin_batch(pool.zone, FIXTURE_NOW);
    return 0;
}

static int tear_down(void **)
{
    answer_cache_leave(&reader);
    answer_cache_free(cache);
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

static bool find_by(struct answer_reader *by, const char *name, uint16_t type,
                    struct cached_answer *out)
{
    struct dname_key key = key_of(name);
    const struct answer_cache_key what = answer_cache_key_of(&key, dname_key_hash(&key), type);
    return answer_cache_find(by, &what, out);
}

static bool is_there(const char *name, uint16_t type)
{
    struct cached_answer found;
    return find_by(&reader, name, type, &found);
}

/* Caches an RRset of one record of `len` octets. */
static bool put_by(struct answer_reader *by, const char *name, uint16_t type, uint64_t member_id,
                   size_t len)
{
    uint8_t rdata[1024] = { (uint8_t)(len >> 8), (uint8_t)len };
    const struct rrset set = {
        .type = type, .ttl = 60, .count = 1, .rdata = rdata, .rdata_len = len + 2
    };
    const struct rrset none = { .type = RR_RRSIG };
    struct dname_key key = key_of(name);
    const struct answer_cache_key what = answer_cache_key_of(&key, dname_key_hash(&key), type);
    const struct cached_answer_parts parts = { member_id, { NULL, &set, &none, 0 }, NULL };
    struct cached_answer out;
    return answer_cache_put(by, &what, &parts, &out);
}

static bool put(const char *name, uint16_t type, uint64_t member_id, size_t len)
{
    return put_by(&reader, name, type, member_id, len);
}

static void entry_is_of_its_name_and_type(void **)
{
    struct cached_answer found;
    assert_true(put("alice.pool.test", RR_A, 1, 4));
    assert_true(find_by(&reader, "ALICE.pool.test", RR_A, &found));
    assert_int_equal(found.block.count[0], 1);
    assert_int_equal(found.block.len[0], 2 + 10 + 4);
    assert_false(is_there("alice.pool.test", RR_AAAA));
    assert_false(is_there("alic.pool.test", RR_A));
    assert_false(is_there("alice.x.pool.test", RR_A));
}

static void what_is_too_long_is_not_cached(void **)
{
    assert_false(put("alice.pool.test", RR_A, 1, ANSWER_ENTRY_OCTETS));
    assert_false(is_there("alice.pool.test", RR_A));
    assert_true(put("alice.pool.test", RR_A, 1, ANSWER_ENTRY_OCTETS - 12 - 6));
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
    assert_true(put("alice.pool.test", RR_A, 1, 4));
    assert_true(put("bob.pool.test", RR_A, 2, 4));
    assert_true(put("bob.pool.test", RR_CAA, 2, 40));
    follow(move_bob);
    assert_true(is_there("alice.pool.test", RR_A));
    assert_false(is_there("bob.pool.test", RR_A));
    assert_false(is_there("bob.pool.test", RR_CAA));
}

static void change_of_too_many_drops_all(void **)
{
    assert_true(put("alice.pool.test", RR_A, 1, 4));
    follow(add_many);
    assert_false(is_there("alice.pool.test", RR_A));
}

/* A zone state with other settings, or without an address, has other records. Any other zone state
 * has the same records. */
static void entry_outlives_its_zone_state_while_nothing_changes(void **)
{
    struct zone_state next = *pool.zone;
    struct deal deal = *pool.zone->deal;
    struct left_out left_out = { 1, 2 };
    assert_true(put("alice.pool.test", RR_A, 1, 4));
    next.number++;
    begin_batch(&next, FIXTURE_NOW);
    assert_true(is_there("alice.pool.test", RR_A));
    next.number++;
    next.deal = &deal;
    deal.candidates.left_out = &left_out;
    deal.candidates.left_out_count = 1;
    assert_false(is_there("alice.pool.test", RR_A));
    deal.candidates.left_out_count = 0;
    assert_true(is_there("alice.pool.test", RR_A));
    next.number++;
    next.style++;
    assert_false(is_there("alice.pool.test", RR_A));
}

static void entry_ages(void **)
{
    assert_true(put("alice.pool.test", RR_A, 1, 4));
    begin_batch(pool.zone, FIXTURE_NOW + ZONE_STATE_AGE_MAX_S / 2 - 1);
    assert_true(is_there("alice.pool.test", RR_A));
    begin_batch(pool.zone, FIXTURE_NOW + ZONE_STATE_AGE_MAX_S);
    assert_false(is_there("alice.pool.test", RR_A));
    begin_batch(pool.zone, FIXTURE_NOW - 1); /* the clock was set back */
    assert_false(is_there("alice.pool.test", RR_A));
}

/* A worker on a snapshot of its own. */
struct other {
    struct answer_reader reader;
    struct snapshot snapshot;
    unsigned version; /* of the list below */
};

enum {
    VERSIONS = 4,
    STEPS = 6
};
static struct store_txn *versions[VERSIONS];
/* How often bob has changed in each of them. */
static const size_t bobs[VERSIONS] = { 0, 1, 1, 2 };

static void move_bob_again(struct registry_change *change)
{
    struct member member;
    assert_ok(registry_member(change->txn, "bob", &member));
    assert_ok(address_parse(&member.addresses[0], "192.0.2.201"));
    assert_ok(registry_update(change, &member, true));
}

static void add_dora(struct registry_change *change)
{
    fixture_member(change, "dora", "192.0.2.77", NULL, NULL);
}

static void open_versions(void)
{
    static void (*const steps[])(struct registry_change * change) = { NULL, move_bob, add_dora,
                                                                      move_bob_again };
    struct diag diag;
    for (size_t i = 0; i < VERSIONS; i++) {
        if (steps[i] != NULL) {
            struct registry_change change;
            fixture_begin(pool.stores[0], &change, &diag);
            steps[i](&change);
            assert_ok(registry_commit(&change));
        }
        assert_ok(store_read(pool.stores[0], &versions[i], &diag));
    }
}

/* One batch of a worker, which asks for bob. Whatever is cached is as his snapshot has it. Returns
 * true if it was there. */
static bool ask_for_bob(struct other *other)
{
    struct cached_answer found;
    size_t len = 4 + bobs[other->version];
    other->snapshot.registry = versions[other->version];
    snapshot_begin(&other->snapshot);
    bool there = find_by(&other->reader, "bob.pool.test", RR_A, &found);
    if (there) {
        assert_int_equal(found.block.len[0], 12 + len);
    } else {
        (void)put_by(&other->reader, "bob.pool.test", RR_A, 2, len);
    }
    snapshot_end(&other->snapshot);
    return there;
}

/* Two workers, each of which may go on to a later version before a batch: in all orders. */
static void no_snapshot_gets_an_answer_of_another_version(void **)
{
    unsigned there = 0;
    open_versions();
    for (unsigned order = 0; order < 1U << 2 * STEPS; order++) {
        struct answer_cache *own = answer_cache_new(3, 2);
        struct other others[2];
        for (unsigned i = 0; i < 2; i++) {
            answer_cache_join(&others[i].reader, own);
            others[i].snapshot = (struct snapshot){ .zone = pool.zone,
                                                    .now = FIXTURE_NOW,
                                                    .cache = &others[i].reader };
            others[i].version = 0;
        }
        for (unsigned step = 0; step < STEPS; step++) {
            unsigned choice = order >> 2 * step;
            struct other *other = &others[choice & 1];
            other->version += (choice & 2) != 0 && other->version < VERSIONS - 1;
            there += ask_for_bob(other);
        }
        for (unsigned i = 0; i < 2; i++) { /* it is cached again once all are at one version */
            others[i].version = VERSIONS - 1;
            there += ask_for_bob(&others[i]);
        }
        assert_true(ask_for_bob(&others[0]) && ask_for_bob(&others[1]));
        answer_cache_leave(&others[0].reader);
        answer_cache_leave(&others[1].reader);
        answer_cache_free(own);
    }
    assert_true(there > (1U << 2 * STEPS)); /* and it is worth the trouble */
    for (size_t i = 0; i < VERSIONS; i++) {
        store_abort(versions[i]);
    }
}

/* Workers of threads of their own. Name number i changes in the versions that are i modulo NAMES:
 * so each knows what it must be. */
enum {
    THREADS = 4,
    NAMES = 24,
    BATCHES = 4000,
    LOOKS = 16
};
static _Atomic uint64_t registry_now;
static atomic_uint wrong, found_cached;

static uint64_t last_change(uint64_t name, uint64_t version)
{
    return version - (version - name) % NAMES;
}

static struct answer_cache_key numbered(struct dname_key *key, uint64_t name)
{
    *key = (struct dname_key){ .len = 2, .octets = { (uint8_t)name } };
    return answer_cache_key_of(key, dname_key_hash(key), RR_A);
}

static bool is_right(const struct cached_answer *cached, uint64_t expected)
{
    for (unsigned i = 0; i < 8; i++) { /* twelve octets of the record before its data */
        uint64_t value = 0;
        memcpy(&value, cached->block.wire + 12 + (size_t)i * 8, sizeof(value));
        if (value != expected) {
            return false;
        }
    }
    return true;
}

static void put_number(struct answer_reader *by, const struct answer_cache_key *what,
                       uint64_t number)
{
    uint8_t rdata[2 + 64] = { 0, 64 };
    for (size_t i = 0; i < 8; i++) {
        memcpy(rdata + 2 + i * 8, &number, sizeof(number));
    }
    const struct rrset set = {
        .type = RR_A, .ttl = 60, .count = 1, .rdata = rdata, .rdata_len = sizeof(rdata)
    };
    const struct rrset none = { .type = RR_RRSIG };
    const struct cached_answer_parts parts = { 0, { NULL, &set, &none, 0 }, NULL };
    struct cached_answer out;
    (void)answer_cache_put(by, what, &parts, &out);
}

static void tell_changes(struct answer_reader *by, uint64_t version)
{
    uint64_t known = answer_cache_known(by);
    if (known >= version) {
        return;
    }
    if (version - known > NAMES) {
        answer_cache_all_changed(by);
    }
    for (uint64_t v = known + 1; v <= version && version - known <= NAMES; v++) {
        struct dname_key key;
        (void)numbered(&key, v % NAMES);
        answer_cache_changed(by, dname_key_hash(&key));
    }
    answer_cache_told(by);
}

/* What is found stays as it is until the end of the batch. */
static void one_batch(struct answer_reader *by, uint32_t *random)
{
    struct cached_answer found[LOOKS];
    uint64_t expected[LOOKS];
    unsigned count = 0;
    uint64_t version = atomic_load(&registry_now);
    answer_cache_begin(by, pool.zone, version, FIXTURE_NOW);
    tell_changes(by, version);
    for (unsigned i = 0; i < LOOKS; i++) {
        struct dname_key key;
        *random = *random * 1664525 + 1013904223;
        uint64_t name = (*random >> 16) % NAMES;
        const struct answer_cache_key what = numbered(&key, name);
        expected[count] = last_change(name, version);
        if (answer_cache_find(by, &what, &found[count])) {
            count++;
        } else {
            put_number(by, &what, expected[count]);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        atomic_fetch_add(&wrong, !is_right(&found[i], expected[i]));
    }
    atomic_fetch_add(&found_cached, count);
    answer_cache_end(by);
}

static void *hammer(void *arg)
{
    struct answer_reader own;
    uint32_t random = *(const uint32_t *)arg;
    answer_cache_join(&own, cache);
    for (unsigned i = 0; i < BATCHES; i++) {
        one_batch(&own, &random);
        atomic_fetch_add(&registry_now, i % 4 == 0);
    }
    answer_cache_leave(&own);
    return NULL;
}

static void workers_at_once_never_see_a_stale_or_torn_answer(void **)
{
    pthread_t threads[THREADS];
    uint32_t seeds[THREADS] = { 1, 2, 3, 4 };
    answer_cache_leave(&reader);
    answer_cache_free(cache);
    cache = answer_cache_new(3, THREADS + 1);
    answer_cache_join(&reader, cache);
    atomic_store(&registry_now, 1000);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, &seeds[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&wrong), 0);
    assert_true(atomic_load(&found_cached) > BATCHES);
}

/* Many more names than there is memory for: most of the latest are found, none gets another's
 * records, and room is made all the time. */
static void full_table_makes_room(void **)
{
    enum {
        MANY = ANSWER_CACHE_SETS_MIN * ANSWER_CACHE_WAYS * 2,
        LONG = 200 /* five lines */
    };
    unsigned cached = 0, there = 0;
    char name[32];
    for (unsigned i = 0; i < MANY; i++) {
        struct cached_answer found;
        snapshot_end(&snapshot);
        begin_batch(pool.zone, FIXTURE_NOW + i / 1024);
        (void)snprintf(name, sizeof(name), "n%u.pool.test", i);
        cached += put(name, RR_A, 1, LONG + i % 16);
        if (find_by(&reader, name, RR_A, &found)) {
            assert_int_equal(found.block.len[0], 12 + LONG + i % 16);
        }
    }
    assert_true(cached > MANY / 2);
    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof(name), "n%u.pool.test", i);
        there += is_there(name, RR_A);
    }
    unsigned room = ANSWER_CACHE_SETS_MIN * ANSWER_CACHE_LINES_A_SET / 5;
    assert_in_range(there, room * 8 / 10,
                    room + 4 * ANSWER_HEAP_LINES * ANSWER_HEAP_PAGE_LINES / 5);
}

/* The first worker that hears of a larger pool makes room for all; each goes over to it by
 * itself. */
static void cache_grows_with_the_pool_up_to_its_bound(void **)
{
    struct answer_reader second;
    uint64_t small = answer_cache_memory(cache).most;
    answer_cache_join(&second, cache);
    assert_true(put("alice.pool.test", RR_A, 1, 4));
    answer_cache_grow(&reader, ANSWER_CACHE_SETS_MIN);
    assert_true(is_there("alice.pool.test", RR_A));
    snapshot_end(&snapshot);
    answer_cache_grow(&reader, ANSWER_CACHE_SETS_MIN + 1);
    begin_batch(pool.zone, FIXTURE_NOW);
    assert_true(answer_cache_memory(cache).most > small);
    assert_false(is_there("alice.pool.test", RR_A));
    assert_true(put("alice.pool.test", RR_A, 1, 4));
    answer_cache_grow(&second, 3);
    answer_cache_grow(&second, ANSWER_CACHE_SETS_MIN + 1);
    struct cached_answer found;
    answer_cache_begin(&second, pool.zone, reader.version, FIXTURE_NOW);
    assert_true(find_by(&second, "alice.pool.test", RR_A, &found));
    answer_cache_leave(&second);
    snapshot_end(&snapshot);
    answer_cache_grow(&reader, 10000000);
    assert_in_range(answer_cache_memory(cache).most, UINT64_C(900) << 20, UINT64_C(1) << 30);
    begin_batch(pool.zone, FIXTURE_NOW);
    assert_true(put("alice.pool.test", RR_A, 1, 4));
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
        cmocka_unit_test_setup_teardown(cache_grows_with_the_pool_up_to_its_bound, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(no_snapshot_gets_an_answer_of_another_version, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(workers_at_once_never_see_a_stale_or_torn_answer, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
