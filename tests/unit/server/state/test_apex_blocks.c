#include "server/state/apex_blocks.h"
#include "tests/pool_fixture.h"
#include "tests/unit/unit.h"

static struct pool_fixture pool;
static struct signer *signer;
static const uint16_t types[] = { RR_SOA, RR_NS, RR_DNSKEY };

static int set_up(void **)
{
    pool_fixture_init(&pool, NULL);
    signer = signer_new(pool.zone->keyring, pool.cache, &pool.zone->settings.apex,
                        pool.zone->settings.signature_validity_s, 1);
    return 0;
}

static int tear_down(void **)
{
    signer_free(signer);
    pool_fixture_done(&pool);
    return 0;
}

/* How many of the types have a block, made with this at `now`. */
static unsigned blocks_with(uint64_t now, uint64_t until, uint32_t ttl_s)
{
    static struct apex_blocks blocks;
    struct settings settings = pool.zone->settings;
    settings.ttl_s = ttl_s;
    const struct apex_blocks_parts parts = { .registry = pool.txns[0],
                                             .settings = &settings,
                                             .keyring = pool.zone->keyring,
                                             .signer = signer,
                                             .now = now,
                                             .until = until };
    unsigned count = 0;
    assert_ok(apex_blocks_make(&blocks, &parts));
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        const struct block *block = apex_blocks_of(&blocks, types[i]);
        count += block != NULL ? 1 : 0;
        assert_true(block == NULL || block->count[1] > block->count[0]);
    }
    assert_null(apex_blocks_of(&blocks, RR_CAA));
    assert_null(apex_blocks_of(&blocks, RR_CDS));
    return count;
}

static void each_type_has_a_block(void **)
{
    assert_int_equal(blocks_with(FIXTURE_NOW, FIXTURE_NOW + ZONE_STATE_BLOCKS_S, 3600), 3);
}

static void no_block_has_a_signature_that_is_over_while_it_is_served(void **)
{
    uint32_t validity_s = pool.zone->settings.signature_validity_s;
    assert_int_equal(blocks_with(FIXTURE_NOW, FIXTURE_NOW + validity_s, 3600), 0);
    assert_int_equal(blocks_with(FIXTURE_NOW, FIXTURE_NOW + validity_s * 9 / 10, 3600), 3);
}

/* The cache has signatures that were made at FIXTURE_NOW. */
static void no_block_has_a_signature_from_the_future_if_the_clock_goes_back(void **)
{
    uint32_t ttl_s = pool.zone->settings.ttl_s;
    assert_int_equal(blocks_with(FIXTURE_NOW, FIXTURE_NOW + ZONE_STATE_BLOCKS_S, ttl_s), 3);
    assert_int_equal(blocks_with(FIXTURE_NOW - 1, FIXTURE_NOW + ZONE_STATE_BLOCKS_S, ttl_s), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_type_has_a_block, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_block_has_a_signature_that_is_over_while_it_is_served,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            no_block_has_a_signature_from_the_future_if_the_clock_goes_back, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
