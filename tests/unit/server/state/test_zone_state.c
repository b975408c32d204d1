#include "dnssec/rollover/key_timeline.h"
#include "tests/pool_fixture.h"
#include "tests/unit/unit.h"

enum {
    NOW = FIXTURE_NOW,
    PUBLISHED = NOW + 60,
    SWITCHED = NOW + 8 * 86400, /* later than any wait for caches ends */
    LATER_S = 2 * ROLLOVER_RESIGN_S
};

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

static struct zone_state_sources sources(void)
{
    for (int i = 0; i < 3; i++) {
        assert_ok(store_renew(pool.txns[i]));
    }
    return (struct zone_state_sources){ .registry = pool.txns[0],
                                        .health = pool.txns[1],
                                        .keys = pool.txns[2],
                                        .seal = pool.seal,
                                        .cache = pool.cache };
}

/* Takes the zone state after the pool's. */
static void next(uint64_t now)
{
    struct zone_state *zone = NULL;
    const struct zone_state_sources from = sources();
    assert_ok(zone_state_build(&zone, &from, pool.zone, now, NULL));
    zone_state_unref(pool.zone);
    pool.zone = zone;
}

/* The same, with a new deal. */
static void next_dealt(uint64_t now)
{
    struct zone_state *zone = NULL;
    struct zone_state_sources from = sources();
    const struct settings *settings = &pool.zone->settings;
    struct signer *signer = signer_new(pool.zone->keyring, pool.cache, &settings->apex,
                                       settings->signature_validity_s, 1);
    const struct deal_parts parts = { .settings = settings,
                                      .keyring = pool.zone->keyring,
                                      .service = &pool.zone->service,
                                      .signer = signer,
                                      .now = now };
    assert_ok(deal_again(&from.dealt, &parts, pool.zone->deal));
    signer_free(signer);
    assert_ok(zone_state_build(&zone, &from, pool.zone, now, NULL));
    deal_unref(from.dealt);
    zone_state_unref(pool.zone);
    pool.zone = zone;
}

static void write_keys(const struct key_timeline *before, const struct key_timeline *after,
                       uint64_t now)
{
    struct store_txn *txn = NULL;
    assert_ok(store_write(pool.stores[2], &txn, NULL));
    assert_ok(key_timeline_write(after, before, txn, pool.seal, now, NULL));
    assert_ok(store_commit(txn, NULL));
}

static struct key_timeline timeline(void)
{
    struct key_timeline out;
    (void)sources();
    assert_ok(key_timeline_read(&out, pool.txns[2], NULL));
    return out;
}

static void advance(uint64_t now)
{
    const struct key_timeline before = timeline();
    struct key_timeline after = before;
    const struct rollover_timing timing = key_timeline_timing(&before, &pool.zone->settings);
    assert_true(rollover_advance(&after.keys, &timing, now));
    write_keys(&before, &after, now);
}

/* Starts a rollover of the ZSK: publishes the new key. */
static void roll(uint64_t now)
{
    struct store_txn *txn = NULL;
    struct key_timeline keys = timeline();
    const struct roll_options options = { .kind = ROLL_ZSK };
    assert_ok(store_write(pool.stores[2], &txn, NULL));
    assert_ok(key_timeline_start(&keys, txn, pool.seal, &options, now, NULL));
    assert_ok(store_commit(txn, NULL));
    advance(now);
}

/* Octets at the end of the RRset's block, where its signature is. */
static const uint8_t *signature_of(uint16_t type, uint64_t now)
{
    const struct block *block = zone_state_apex_block(pool.zone, type, now);
    assert_non_null(block);
    assert_int_equal(block->count[1], block->count[0] + 1);
    return block->wire + block->len[1] - KEY_SIGNATURE_LEN;
}

static unsigned dnskeys(uint64_t now)
{
    return zone_state_apex_block(pool.zone, RR_DNSKEY, now)->count[0];
}

/* The apex's RRsets are signed by the keys of now, though sets may wait. */
static void blocks_of_the_apex_follow_the_keys(void **)
{
    uint8_t before[KEY_SIGNATURE_LEN];
    next(NOW);
    memcpy(before, signature_of(RR_NS, NOW), sizeof(before));
    assert_int_equal(dnskeys(NOW), 2);
    roll(PUBLISHED);
    next(PUBLISHED);
    assert_int_equal(dnskeys(PUBLISHED), 3);
    assert_memory_equal(signature_of(RR_NS, PUBLISHED), before, sizeof(before));
    next_dealt(SWITCHED - 1);
    memcpy(before, signature_of(RR_NS, SWITCHED - 1), sizeof(before));
    advance(SWITCHED);
    next(SWITCHED);
    assert_memory_not_equal(signature_of(RR_NS, SWITCHED), before, sizeof(before));
    assert_null(zone_state_apex_block(pool.zone, RR_NS, pool.zone->blocks_until));
}

static void a_published_key_leaves_answers_and_sets_as_they_are(void **)
{
    struct deal *deal = deal_ref(pool.zone->deal);
    struct keyring *keyring = keyring_ref(pool.zone->keyring);
    uint64_t style = pool.zone->style;
    roll(PUBLISHED);
    next(PUBLISHED);
    assert_int_equal(keyring_count(pool.zone->keyring), keyring_count(keyring) + 1);
    assert_true(keyring_signs_alike(pool.zone->keyring, keyring));
    assert_int_equal(pool.zone->style, style);
    assert_ptr_equal(pool.zone->deal, deal);
    assert_true(zone_state_blocks_hold(pool.zone, PUBLISHED + LATER_S));
    deal_unref(deal);
    keyring_unref(keyring);
}

static void a_switch_leaves_answers_and_sets_for_a_while(void **)
{
    roll(PUBLISHED);
    next_dealt(SWITCHED - 1);
    struct deal *deal = deal_ref(pool.zone->deal);
    struct keyring *keyring = keyring_ref(pool.zone->keyring);
    uint64_t style = pool.zone->style;
    advance(SWITCHED);
    next(SWITCHED);
    assert_false(keyring_signs_alike(pool.zone->keyring, keyring));
    assert_int_equal(pool.zone->style, style);
    assert_ptr_equal(pool.zone->deal, deal);
    assert_true(zone_state_blocks_hold(pool.zone, SWITCHED + ROLLOVER_RESIGN_S - 1));
    assert_false(zone_state_blocks_hold(pool.zone, SWITCHED + ROLLOVER_RESIGN_S));
    /* Another change of the keys does not lengthen that. */
    struct store_txn *txn = NULL;
    const struct cookie_secrets secrets = { .present = true, .current = "another secret" };
    assert_ok(store_write(pool.stores[2], &txn, NULL));
    assert_ok(cookie_secrets_put(txn, pool.seal, &secrets, NULL));
    assert_ok(store_commit(txn, NULL));
    next(SWITCHED + 60);
    assert_int_equal(pool.zone->blocks_until, SWITCHED + ROLLOVER_RESIGN_S);
    assert_int_equal(pool.zone->style, style);
    assert_ptr_equal(pool.zone->deal, deal);
    /* The next deal is the new key's. */
    next_dealt(SWITCHED + 61);
    assert_true(keyring_signs_alike(pool.zone->keyring, pool.zone->deal->keyring));
    assert_true(zone_state_blocks_hold(pool.zone, SWITCHED + LATER_S));
    deal_unref(deal);
    keyring_unref(keyring);
}

static void nothing_is_kept_of_a_key_that_is_gone(void **)
{
    roll(PUBLISHED);
    next_dealt(SWITCHED - 1);
    advance(SWITCHED);
    next(SWITCHED);
    struct deal *deal = deal_ref(pool.zone->deal);
    uint64_t style = pool.zone->style;
    struct key_timeline keys = timeline();
    struct store_txn *txn = NULL;
    assert_ok(store_write(pool.stores[2], &txn, NULL));
    for (size_t i = 0; i < keys.keys.count; i++) {
        if (keys.keys.list[i].role == KEY_ZSK && !keys.keys.list[i].life.wanted) {
            assert_ok(keystore_delete(txn, &keys.keys.list[i]));
        }
    }
    assert_ok(store_commit(txn, NULL));
    next(SWITCHED + 1);
    assert_int_not_equal(pool.zone->style, style);
    assert_ptr_not_equal(pool.zone->deal, deal);
    assert_true(keyring_signs_alike(pool.zone->keyring, pool.zone->deal->keyring));
    deal_unref(deal);
}

/* Answers that were cached at the same time are not renewed at the same time. */
static void lifetimes_are_spread_evenly(void **)
{
    enum {
        NAMES = 10000,
        PARTS = 8
    };
    unsigned ended[PARTS] = { 0 };
    for (int i = 0; i < NAMES; i++) {
        struct dname_key key;
        char text[32];
        (void)snprintf(text, sizeof(text), "m%d.pool.test", i);
        struct dname name = name_of(text);
        dname_key_of(&key, &name, &pool.zone->settings.apex);
        unsigned lifetime_s = zone_state_lifetime_s(dname_key_hash(&key));
        assert_in_range(lifetime_s, ZONE_STATE_AGE_MAX_S / 2, ZONE_STATE_AGE_MAX_S);
        ended[(lifetime_s - ZONE_STATE_AGE_MAX_S / 2) * PARTS / (ZONE_STATE_AGE_MAX_S / 2 + 1)]++;
    }
    for (int i = 0; i < PARTS; i++) {
        assert_in_range(ended[i], NAMES / PARTS * 3 / 4, NAMES / PARTS * 5 / 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(blocks_of_the_apex_follow_the_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_published_key_leaves_answers_and_sets_as_they_are, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_switch_leaves_answers_and_sets_for_a_while, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_kept_of_a_key_that_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lifetimes_are_spread_evenly, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
