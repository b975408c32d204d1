#include "tests/unit/twokeymgrs.h"

static void a_machine_that_joins_gets_all_but_the_ksk(void **state)
{
    struct fleet *f = *state;
    struct cookie_secrets cookies;
    struct store_txn *txn = NULL;
    carry_for(f, 6, 10);
    assert_alike(f);
    const struct key_timeline there = keys_timeline(f->other);
    for (size_t i = 0; i < there.keys.count; i++) {
        assert_int_equal(there.keys.list[i].offline, there.keys.list[i].role == KEY_KSK);
    }
    assert_ok(store_read(f->other->store, &txn, NULL));
    assert_ok(cookie_secrets_get(txn, f->other->seal, &cookies, NULL));
    store_abort(txn);
    assert_true(cookies.present && cookies.current[0] == 1);
    const struct fleetkeys leader = leader_state(f);
    assert_true(leader.had_at != 0 && leader.missing == 0);
    carry_for(f, 6, 10);
    assert_int_equal(leader_state(f).held, KEY_KSK); /* the parent's DS is not there yet */
}

/* True if these octets are somewhere in the file. */
static bool has_octets(const uint8_t *file, size_t len, const uint8_t *octets, size_t octets_len)
{
    return memmem(file, len, octets, octets_len) != NULL;
}

/* The engine has what is in the file. */
static void nobody_else_reads_a_key_in_a_package(void **state)
{
    static uint8_t file[KEYFILES_BOX_MAX], plain[KEYTRANSFER_PLAIN_MAX];
    struct fleet *f = *state;
    uint8_t private_key[KEY_PRIVATE_MAX], sender[SEAL_PUBLIC_LEN];
    carry_for(f, 6, 10);
    size_t len = read_package_file(f->pool.state, "ams1.box", file, sizeof file);
    const uint8_t *box = file + KEYFILES_HEAD;
    size_t box_len = len - KEYFILES_HEAD;
    const struct key_timeline timeline = leader_keys(f);
    assert_true(len > KEYFILES_HEAD && timeline.keys.count == 3);
    assert_ok(seal_unbox(f->other->seal, box, box_len, plain, sender));
    for (size_t i = 0; i < timeline.keys.count; i++) {
        struct key *key = NULL;
        assert_ok(keystore_unseal(&key, &timeline.keys.list[i], f->pool.seal, NULL));
        key_private(key, private_key);
        assert_false(has_octets(file, len, private_key, sizeof private_key));
        /* The one for whom it is boxed gets the ZSKs, and no KSK. */
        assert_int_equal(
            has_octets(plain, box_len - SEAL_BOX_OVERHEAD, private_key, sizeof private_key),
            timeline.keys.list[i].role == KEY_ZSK);
        key_free(key);
    }
    void *stranger = NULL;
    assert_int_equal(keys_set_up(&stranger), 0);
    const struct keys_fixture *third = stranger;
    assert_int_equal(seal_unbox(third->seal, box, box_len, plain, sender), RESULT_UNSEALABLE);
    assert_int_equal(seal_unbox(f->pool.seal, box, box_len, plain, sender), RESULT_UNSEALABLE);
    assert_int_equal(keys_tear_down(&stranger), 0);
}

static void a_rollover_that_nobody_foresaw_waits_for_all(void **state)
{
    struct fleet *f = *state;
    carry_for(f, 12, 10);
    roll(f, ROLL_KSK);
    for (unsigned hour = 0; hour < 72; hour++) {
        look_after(f, HOUR); /* nothing is carried */
    }
    struct key_timeline here = leader_keys(f);
    assert_int_equal(published(&here), 2);
    assert_string_equal(leader_state(f).waits_for, "ams1");
    carry_for(f, 6, 10);
    for (unsigned hour = 0; hour < 12; hour++) {
        look_after(f, HOUR);
        carry(f);
    }
    here = leader_keys(f);
    assert_int_equal(published(&here), 3);
    carry_for(f, 6, 10);
    assert_alike(f);
}

static void the_operator_goes_on_without_a_machine(void **state)
{
    struct fleet *f = *state;
    struct diag diag = { "" };
    struct store_txn *txn = NULL;
    struct settings settings;
    carry_for(f, 12, 10);
    assert_ok(registry_settings(f->pool.txns[0], &settings, NULL));
    assert_ok(store_renew(f->pool.txns[2]));
    assert_ok(fleetkeys_check_had(f->pool.txns[2], f->pool.seal, &settings, &diag));
    roll(f, ROLL_KSK);
    look_after(f, 2);
    assert_ok(store_renew(f->pool.txns[2]));
    assert_int_equal(fleetkeys_check_had(f->pool.txns[2], f->pool.seal, &settings, &diag),
                     RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "key without ams1"));
    assert_ok(store_write(f->pool.stores[2], &txn, NULL));
    assert_ok(fleetkeys_without(txn, "ams1"));
    assert_ok(store_commit(txn, NULL));
    look_after(f, 2);
    look_after(f, 2);
    const struct key_timeline here = leader_keys(f);
    assert_int_equal(published(&here), 3);
    /* It comes back, and is waited for again. */
    carry_for(f, 6, 10);
    assert_alike(f);
    roll(f, ROLL_ZSK);
    look_after(f, 2);
    assert_string_equal(leader_state(f).waits_for, "ams1");
}

/* For 40 days nothing is carried, and the ZSK is due meanwhile. */
static void a_rollover_that_all_foresaw_waits_for_nobody(void **state)
{
    struct fleet *f = *state;
    for (unsigned day = 0; day < 70; day++) {
        carry_for(f, 1, DAY);
    }
    const struct key_timeline first = leader_keys(f);
    for (unsigned hour = 0; hour < 40 * 24; hour++) {
        look_after(f, HOUR);
        const struct key_timeline here = leader_keys(f), there = keys_timeline(f->other);
        assert_int_equal(published(&here), published(&there));
    }
    const struct key_timeline last = leader_keys(f);
    assert_int_not_equal(rollover_current(&first.keys, KEY_ZSK)->tag,
                         rollover_current(&last.keys, KEY_ZSK)->tag);
    assert_null(strstr(said, "not taken"));
}

static void what_an_evicted_machine_knew_is_replaced(void **state)
{
    struct fleet *f = *state;
    uint8_t file[64];
    struct cookie_secrets cookies;
    carry_for(f, 12, 10);
    const struct key_timeline known = keys_timeline(f->other);
    evict(f);
    for (unsigned half_hour = 0; half_hour < 2 * 48; half_hour++) {
        look_after(f, HOUR / 2);
    }
    assert_int_equal(read_package_file(f->pool.state, "ams1.box", file, sizeof file), 0);
    const struct key_timeline here = leader_keys(f);
    for (size_t i = 0; i < here.keys.count; i++) {
        bool signs = record_state_is_published(&here.keys.list[i].life.zone);
        for (size_t k = 0; (signs || here.keys.list[i].life.planned) && k < known.keys.count; k++) {
            assert_int_not_equal(here.keys.list[i].tag, known.keys.list[k].tag);
        }
    }
    assert_ok(store_renew(f->pool.txns[2]));
    assert_ok(cookie_secrets_get(f->pool.txns[2], f->pool.seal, &cookies, NULL));
    assert_true(cookies.current[0] != 1 || cookies.current[1] != 0);
    assert_non_null(strstr(said, "a machine was evicted"));
}

static bool other_waits(struct fleet *f)
{
    struct store_txn *txn = NULL;
    assert_ok(store_read(f->other->store, &txn, NULL));
    bool waits = keywait_is_needed(txn);
    store_abort(txn);
    return waits;
}

static void a_machine_waits_for_its_first_keys_and_no_other_does(void **state)
{
    struct fleet *f = *state;
    const struct notify nobody = { .fd = -1 };
    const struct keymgr_sources sources = { .keys = f->pool.stores[2], .log = note };
    look_after(f, 1);
    assert_true(other_waits(f));
    carry_for(f, 6, 10);
    assert_false(other_waits(f));
    assert_ok(keywait(&sources, NULL, &nobody, NULL)); /* the leader: at once */
}

/* A vantage point knows no key. */
static void nothing_is_replaced_for_a_vantage_point(void **state)
{
    struct fleet *f = *state;
    struct registry_change change;
    struct machine machine = {
        .name = "lon1", .role = MACHINE_VANTAGE, .key = { 2 }, .added_at = 1, .voucher_of = "admin1"
    };
    carry_for(f, 12, 10);
    machine.evicted_at = f->now;
    fixture_begin(f->pool.stores[0], &change, NULL);
    change.now = f->now;
    assert_ok(registry_put_machine(&change, &machine));
    assert_ok(registry_commit(&change));
    carry_for(f, 6, 10);
    assert_null(strstr(said, "a machine was evicted"));
}

static void nothing_is_written_while_nothing_happens(void **state)
{
    struct fleet *f = *state;
    carry_for(f, 20, 10);
    assert_ok(store_renew(f->pool.txns[2]));
    uint64_t version = store_version(f->pool.txns[2]);
    carry_for(f, 20, 10);
    assert_ok(store_renew(f->pool.txns[2]));
    assert_int_equal(store_version(f->pool.txns[2]), version);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FLEET(a_machine_that_joins_gets_all_but_the_ksk),
        IN_FLEET(nobody_else_reads_a_key_in_a_package),
        IN_FLEET(a_rollover_that_nobody_foresaw_waits_for_all),
        IN_FLEET(the_operator_goes_on_without_a_machine),
        IN_FLEET(a_rollover_that_all_foresaw_waits_for_nobody),
        IN_FLEET(what_an_evicted_machine_knew_is_replaced),
        IN_FLEET(a_machine_waits_for_its_first_keys_and_no_other_does),
        IN_FLEET(nothing_is_replaced_for_a_vantage_point),
        IN_FLEET(nothing_is_written_while_nothing_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
