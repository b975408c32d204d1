#include "server/state/name_index.h"
#include "tests/pool_fixture.h"
#include "tests/unit/unit.h"
#include "zone/base/splitmix.h"

static struct pool_fixture pool;

static int set_up(void **)
{
    pool_fixture_init(&pool, NULL);
    return 0;
}

static int tear_down(void **)
{
    pool_fixture_done(&pool);
    return 0;
}

static void assert_like_the_store(const struct name_index *names, const struct dname_key *key)
{
    uint8_t row[NODE_ENCODED_MAX];
    size_t len = 0;
    struct dname_key expected = { .len = 0 }, found = { .len = 0 };
    bool there = registry_node_row(pool.txns[0], key, row, &len) == RESULT_OK;
    assert_int_equal(name_index_find(names, key, &found), there);
    if (!there) {
        assert_ok(registry_near_key(pool.txns[0], SEEK_BEFORE, key, &expected));
        assert_int_equal(found.len, expected.len);
        assert_memory_equal(found.octets, expected.octets, found.len);
    }
}

/* Existing names, missing names, names that share more than eight octets, and keys with octets 00
 * and 01. */
static void finds_what_the_store_finds(void **)
{
    struct registry_change change;
    struct diag diag;
    fixture_begin(pool.stores[0], &change, &diag);
    for (int i = 0; i < 200; i++) {
        char label[32], address[32];
        (void)snprintf(label, sizeof(label), "a-long-label-%d", i * 7);
        (void)snprintf(address, sizeof(address), "198.51.100.%d", i);
        fixture_member(&change, label, address, NULL, NULL);
    }
    assert_ok(registry_commit(&change));
    assert_ok(store_renew(pool.txns[0]));
    struct name_index *names = NULL;
    assert_ok(name_index_new(&names, pool.txns[0]));
    struct dname_key key = { .len = 0 };
    assert_like_the_store(names, &key); /* the apex */
    uint64_t random = 1;
    for (int i = 0; i < 20000; i++) {
        char name[64];
        struct dname owner;
        uint64_t bits = splitmix(&random);
        if (i % 4 == 0) {
            (void)snprintf(name, sizeof(name), "a-long-label-%d.pool.test", (int)(bits % 1500));
        } else if (i % 4 == 1) {
            (void)snprintf(name, sizeof(name), "%c%c.er.pool.test", 'a' + (int)(bits % 26),
                           'a' + (int)(bits / 26 % 26));
        } else {
            (void)snprintf(name, sizeof(name), "\\%03d\\%03d%c.pool.test", (int)(bits % 256),
                           (int)(bits / 256 % 3), 'a' + (int)(bits >> 32 & 15));
        }
        owner = name_of(name);
        dname_key_of(&key, &owner, &pool.zone->settings.apex);
        assert_like_the_store(names, &key);
    }
    name_index_unref(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_what_the_store_finds, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
