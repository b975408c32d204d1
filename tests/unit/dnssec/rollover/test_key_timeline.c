#include "dnssec/signing/keyring.h"
#include "tests/unit/keys.h"

enum {
    NOW = 1800000000,
    DAY = 86400
};

static struct settings presets(void)
{
    struct settings settings;
    settings_defaults(&settings);
    return settings;
}

static enum result start(struct keys_fixture *f, enum roll_kind kind, enum algorithm algorithm,
                         bool emergency, struct diag *diag)
{
    const struct roll_options options = { kind, algorithm, emergency };
    struct key_timeline timeline;
    struct store_txn *txn = keys_write(f);
    assert_ok(key_timeline_read(&timeline, txn, NULL));
    enum result result = key_timeline_start(&timeline, txn, f->seal, &options, NOW, diag);
    if (result == RESULT_OK) {
        assert_ok(store_commit(txn, NULL));
    } else {
        store_abort(txn);
    }
    return result;
}

/* Advances the keys to `now` and writes them, like the server. */
static void advance(struct keys_fixture *f, uint64_t now)
{
    const struct settings settings = presets();
    struct key_timeline timeline, before;
    struct store_txn *txn = keys_write(f);
    assert_ok(key_timeline_read(&timeline, txn, NULL));
    before = timeline;
    struct rollover_timing timing = key_timeline_timing(&timeline, &settings);
    if (rollover_awaits_parent(&timeline.keys)) {
        (void)rollover_ds_seen(&timeline.keys, &timing, now);
    }
    (void)rollover_advance(&timeline.keys, &timing, now);
    assert_ok(key_timeline_write(&timeline, &before, txn, f->seal, now, NULL));
    assert_ok(store_commit(txn, NULL));
}

/* What each kind of rollover leaves: the algorithm and the number of the keys. */
static void each_kind_ends_with_its_keys_alone(void **state)
{
    struct keys_fixture *f = *state;
    const struct {
        enum roll_kind kind;
        enum algorithm algorithm;
        size_t count;
    } rolls[] = {
        { ROLL_ZSK, ALGORITHM_ECDSAP256SHA256, 2 },
        { ROLL_KSK, ALGORITHM_ECDSAP256SHA256, 2 },
        { ROLL_ALGORITHM, ALGORITHM_ED25519, 2 },
        { ROLL_CSK, ALGORITHM_ED25519, 1 },
        { ROLL_CSK, ALGORITHM_ED25519, 1 },
        { ROLL_ALGORITHM, ALGORITHM_ECDSAP256SHA256, 1 },
        { ROLL_SPLIT, ALGORITHM_ECDSAP256SHA256, 2 },
    };
    key_free(keys_add(f, ALGORITHM_ECDSAP256SHA256, KEY_KSK));
    key_free(keys_add(f, ALGORITHM_ECDSAP256SHA256, KEY_ZSK));
    uint64_t now = NOW;
    for (size_t r = 0; r < sizeof rolls / sizeof rolls[0]; r++) {
        const struct key_timeline old = keys_timeline(f);
        assert_ok(start(f, rolls[r].kind, rolls[r].algorithm, false, NULL));
        const struct key_timeline begun = keys_timeline(f);
        assert_true(rollover_under_way(&begun.keys, KEY_CSK));
        for (int hour = 0; hour < 24 * 40; hour++) {
            struct store_txn *txn = NULL;
            struct keyring *keyring = NULL;
            now += 3600;
            advance(f, now);
            assert_ok(store_read(f->store, &txn, NULL));
            assert_ok(keyring_load(&keyring, txn, f->seal, NULL));
            store_abort(txn);
            keyring_unref(keyring);
        }
        const struct key_timeline new = keys_timeline(f);
        assert_int_equal(new.keys.count, rolls[r].count);
        unsigned roles = 0;
        for (size_t i = 0; i < new.keys.count; i++) {
            const struct key_record *key = &new.keys.list[i];
            assert_int_equal(key->algorithm, rolls[r].algorithm);
            assert_true(key->life.wanted);
            roles |= (unsigned)key->role;
        }
        assert_int_equal(roles, KEY_CSK);
        assert_true(rolls[r].kind == ROLL_ZSK || rolls[r].kind == ROLL_KSK ||
                    old.keys.list[0].tag != new.keys.list[0].tag);
    }
}

static void what_makes_no_sense_is_refused(void **state)
{
    struct keys_fixture *f = *state;
    struct diag diag;
    const enum algorithm p256 = ALGORITHM_ECDSAP256SHA256;
    assert_int_equal(start(f, ROLL_ZSK, p256, false, &diag), RESULT_REFUSED);
    key_free(keys_add(f, p256, KEY_KSK));
    key_free(keys_add(f, p256, KEY_ZSK));
    assert_int_equal(start(f, ROLL_SPLIT, p256, false, &diag), RESULT_REFUSED);
    assert_int_equal(start(f, ROLL_ALGORITHM, p256, false, &diag), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "ecdsap256 already"));
    assert_ok(start(f, ROLL_ZSK, p256, false, &diag));
    assert_int_equal(start(f, ROLL_ZSK, p256, false, &diag), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "under way"));
    assert_int_equal(start(f, ROLL_CSK, p256, false, &diag), RESULT_REFUSED);
    assert_int_equal(start(f, ROLL_ALGORITHM, ALGORITHM_ED25519, false, &diag), RESULT_REFUSED);
    assert_ok(start(f, ROLL_KSK, p256, false, &diag)); /* at the same time */
    size_t count = 4;
    while (count < KEYSTORE_USED_MAX) {
        count++;
        advance(f, NOW + count); /* a published key stays until no cache has it */
        assert_ok(start(f, ROLL_ZSK, p256, true, &diag));
    }
    advance(f, NOW + KEYSTORE_USED_MAX + 1);
    assert_int_equal(start(f, ROLL_ZSK, p256, true, &diag), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "8 keys"));
    assert_int_equal(keys_timeline(f).keys.count, KEYSTORE_USED_MAX);
}

/* The refusal suggests `key abort` only while an abort is possible. It no longer is once the
 * rollover only waits for caches to expire. */
static void a_refusal_says_what_helps(void **state)
{
    struct keys_fixture *f = *state;
    struct diag diag;
    const enum algorithm p256 = ALGORITHM_ECDSAP256SHA256;
    key_free(keys_add(f, p256, KEY_KSK));
    key_free(keys_add(f, p256, KEY_ZSK));
    assert_ok(start(f, ROLL_ALGORITHM, ALGORITHM_ED25519, false, &diag));
    assert_int_equal(start(f, ROLL_KSK, p256, false, &diag), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "key abort")); /* aborts both rollovers at once */
    struct store_txn *txn = keys_write(f);
    struct key_timeline timeline = keys_timeline(f);
    const struct key_timeline before = timeline;
    assert_int_equal(rollover_abort(&timeline.keys, KEY_CSK), 2);
    assert_ok(key_timeline_write(&timeline, &before, txn, f->seal, NOW, &diag));
    assert_ok(store_commit(txn, NULL));
    assert_ok(start(f, ROLL_ZSK, p256, false, &diag));
    bool can_abort = true;
    for (uint64_t now = NOW; keys_timeline(f).keys.count == 3; now += 3600) {
        struct key_set keys = keys_timeline(f).keys;
        can_abort = rollover_abort(&keys, KEY_ZSK) > 0;
        assert_int_equal(start(f, ROLL_ZSK, p256, false, &diag), RESULT_REFUSED);
        assert_int_equal(strstr(diag.text, "key abort") != NULL, can_abort);
        assert_int_equal(strstr(diag.text, "--emergency") != NULL, !can_abort);
        advance(f, now);
    }
    assert_false(can_abort);
}

static void a_single_key_is_rolled_as_one(void **state)
{
    struct keys_fixture *f = *state;
    struct diag diag;
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_CSK));
    assert_int_equal(start(f, ROLL_ZSK, ALGORITHM_ED25519, false, &diag), RESULT_REFUSED);
    assert_int_equal(start(f, ROLL_KSK, ALGORITHM_ED25519, false, &diag), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "roll csk"));
}

/* After an emergency the newest key is the only wanted one of its role. A key that was being
 * introduced is dropped too. */
static void an_emergency_replaces_what_is_coming_too(void **state)
{
    struct keys_fixture *f = *state;
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_KSK));
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_ZSK));
    assert_ok(start(f, ROLL_ZSK, ALGORITHM_ED25519, false, NULL));
    advance(f, NOW);
    assert_ok(start(f, ROLL_ZSK, ALGORITHM_ED25519, true, NULL));
    const struct key_timeline timeline = keys_timeline(f);
    size_t wanted = 0;
    for (size_t i = 0; i < timeline.keys.count; i++) {
        const struct key_record *key = &timeline.keys.list[i];
        if (key->role == KEY_ZSK && key->life.wanted) {
            assert_int_equal(key->life.dnskey.introduced_at, 0);
            wanted++;
        }
    }
    assert_int_equal(wanted, 1);
}

static void memory_comes_back_as_it_was_written(void **state)
{
    struct keys_fixture *f = *state;
    const struct settings settings = presets();
    struct key_timeline timeline = keys_timeline(f);
    assert_false(timeline.remembered);
    /* Without memory the worst case is assumed. */
    assert_int_equal(key_timeline_timing(&timeline, &settings).memory.dnskey_ttl_s, DAY);
    struct key_timeline before = timeline;
    timeline.memory = (struct rollover_memory){ .insecure = true,
                                                .dnskey_ttl_s = 1,
                                                .zone_ttl_s = 2,
                                                .dnskey_until = 3,
                                                .zone_until = 4,
                                                .seen_at = UINT64_MAX };
    struct store_txn *txn = keys_write(f);
    assert_ok(key_timeline_write(&timeline, &before, txn, f->seal, NOW, NULL));
    assert_ok(store_commit(txn, NULL));
    before = keys_timeline(f);
    assert_true(before.remembered);
    assert_true(before.memory.insecure);
    assert_int_equal(before.memory.dnskey_ttl_s, 1);
    assert_int_equal(before.memory.zone_ttl_s, 2);
    assert_int_equal(before.memory.dnskey_until, 3);
    assert_int_equal(before.memory.zone_until, 4);
    assert_int_equal(before.memory.seen_at, UINT64_MAX);
    txn = keys_write(f);
    assert_ok(key_timeline_init(txn, &settings, NOW, NULL));
    assert_ok(key_timeline_read(&timeline, txn, NULL));
    assert_int_equal(timeline.memory.dnskey_ttl_s, 3600);
    assert_int_equal(timeline.memory.seen_at, NOW);
    uint8_t row[64];
    struct store_item item = { .data = row, .room = sizeof row };
    assert_ok(store_get(txn, TABLE_META, "rollover", 8, &item));
    for (size_t len = 0; len < item.len; len++) {
        assert_ok(store_put(txn, TABLE_META, "rollover", 8, row, len));
        assert_int_equal(key_timeline_read(&timeline, txn, NULL), RESULT_DAMAGED);
    }
    row[0]++;
    assert_ok(store_put(txn, TABLE_META, "rollover", 8, row, item.len));
    assert_int_equal(key_timeline_read(&timeline, txn, NULL), RESULT_NEWER);
    store_abort(txn);
}

static void the_longest_ttl_counts_but_no_longer_than_signatures_last(void **)
{
    struct settings settings = presets();
    assert_int_equal(key_timeline_zone_ttl(&settings, 0), 3600);
    settings.srv_ttl_s = 7200;
    assert_int_equal(key_timeline_zone_ttl(&settings, 600), 7200);
    assert_int_equal(key_timeline_zone_ttl(&settings, 2 * DAY), 2 * DAY);
    assert_int_equal(key_timeline_zone_ttl(&settings, UINT32_MAX), 7 * DAY);
}

static void keys_are_due_by_their_lifetime(void **state)
{
    struct keys_fixture *f = *state;
    struct settings settings = presets();
    struct key_timeline timeline = keys_timeline(f);
    assert_int_equal(key_timeline_due_at(&timeline, &settings, KEY_ZSK), 0);
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_KSK));
    key_free(keys_add(f, ALGORITHM_ED25519, KEY_ZSK));
    timeline = keys_timeline(f);
    timeline.memory.dnskey_ttl_s = 3600;
    /* RFC 7583 3.2.1: early enough to be in all caches when it takes over. */
    assert_int_equal(key_timeline_due_at(&timeline, &settings, KEY_ZSK),
                     1000 + 90 * DAY - 2 * 3600);
    assert_int_equal(key_timeline_due_at(&timeline, &settings, KEY_KSK), 0);
    settings.ksk_lifetime_s = 365 * DAY;
    assert_int_equal(key_timeline_due_at(&timeline, &settings, KEY_KSK),
                     1000 + 365 * DAY - 2 * 3600);
    settings.zsk_lifetime_s = 0;
    assert_int_equal(key_timeline_due_at(&timeline, &settings, KEY_ZSK), 0);
    settings.zsk_lifetime_s = 60;
    assert_int_equal(key_timeline_due_at(&timeline, &settings, KEY_ZSK), 1000);
}

#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, keys_set_up, keys_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_STORE(each_kind_ends_with_its_keys_alone),
        IN_STORE(what_makes_no_sense_is_refused),
        IN_STORE(a_refusal_says_what_helps),
        IN_STORE(a_single_key_is_rolled_as_one),
        IN_STORE(an_emergency_replaces_what_is_coming_too),
        IN_STORE(memory_comes_back_as_it_was_written),
        cmocka_unit_test(the_longest_ttl_counts_but_no_longer_than_signatures_last),
        IN_STORE(keys_are_due_by_their_lifetime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
