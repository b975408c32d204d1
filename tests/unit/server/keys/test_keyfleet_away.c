/* Machines of a fleet that are off or cut off for weeks. */
#include "dnssec/offline/offline.h"
#include "dnssec/offline/presign.h"
#include "dnssec/signing/keyring.h"
#include "tests/unit/twokeymgrs.h"

/* From here a rollover of the ZSK begins within 40 days. */
#define DAYS_BEFORE 70

static void look_after_one(struct fleet *f, struct keymgr *keymgr, uint64_t seconds)
{
    f->now += seconds;
    f->steady += seconds;
    keymgr_look(keymgr, f->now, f->steady);
}

static void set(struct fleet *f, const char *name, const char *value)
{
    struct registry_change change;
    fixture_begin(f->pool.stores[0], &change, NULL);
    change.now = f->now;
    assert_ok(registry_set(&change, name, value));
    assert_ok(registry_commit(&change));
}

static unsigned current_zsk(const struct key_timeline *timeline)
{
    const struct key_record *zsk = rollover_current(&timeline->keys, KEY_ZSK);
    assert_non_null(zsk);
    return zsk->tag;
}

static const struct key_record *find_key(const struct key_timeline *timeline, unsigned tag)
{
    for (size_t i = 0; i < timeline->keys.count; i++) {
        if (timeline->keys.list[i].tag == tag) {
            return &timeline->keys.list[i];
        }
    }
    return NULL;
}

/* What `signs` signs with validates by each set of keys that caches may have from `publishes`. */
static void assert_validates(const struct key_timeline *signs, const struct key_timeline *publishes,
                             uint64_t now)
{
    for (size_t i = 0; i < signs->keys.count; i++) {
        const struct key_record *key = &signs->keys.list[i];
        if (!record_state_is_published(&key->life.zone)) {
            continue;
        }
        const struct key_record *there = find_key(publishes, key->tag);
        assert_non_null(there);
        assert_true(record_state_is_published(&there->life.dnskey));
        /* caches have forgotten the keys from before it (ttl: an hour) */
        assert_true(there->life.dnskey.omnipresent_at <= now ||
                    there->life.dnskey.introduced_at + HOUR <= now);
    }
}

static void assert_all_validates(struct fleet *f)
{
    const struct key_timeline here = leader_keys(f), there = keys_timeline(f->other);
    assert_validates(&here, &there, f->now);
    assert_validates(&there, &here, f->now);
}

/* Both publish the same keys and sign with the same; the leader may have planned others. */
static void assert_in_step(struct fleet *f)
{
    const struct key_timeline here = leader_keys(f), there = keys_timeline(f->other);
    assert_int_equal(published(&here), published(&there));
    for (size_t i = 0; i < there.keys.count; i++) {
        const struct key_record *key = &there.keys.list[i], *same = find_key(&here, key->tag);
        assert_true(same != NULL || !record_state_is_published(&key->life.dnskey));
        if (same != NULL) {
            assert_int_equal(record_state_is_published(&same->life.dnskey),
                             record_state_is_published(&key->life.dnskey));
            assert_int_equal(record_state_is_published(&same->life.zone),
                             record_state_is_published(&key->life.zone));
        }
    }
}

static void days_together(struct fleet *f, unsigned days)
{
    for (unsigned day = 0; day < days; day++) {
        carry_for(f, 1, DAY);
    }
}

static void hours_together(struct fleet *f, unsigned hours)
{
    for (unsigned hour = 0; hour < hours; hour++) {
        carry_for(f, 1, HOUR);
        carry_for(f, 2, 2);
        assert_all_validates(f);
    }
}

static void settle(struct fleet *f)
{
    carry_for(f, 6, 2);
    assert_alike(f);
    assert_all_validates(f);
}

/* The edge goes on alone until it publishes two ZSKs, and `more` hours. */
static void edge_goes_on(struct fleet *f, unsigned more)
{
    unsigned hours = 0;
    struct key_timeline there = keys_timeline(f->other);
    assert_int_equal(published(&there), 2);
    while (published(&there) == 2 && hours++ < 40 * 24) {
        look_after_one(f, f->follows, HOUR);
        there = keys_timeline(f->other);
    }
    assert_int_equal(published(&there), 3);
    for (hours = 0; hours < more; hours++) {
        look_after_one(f, f->follows, HOUR);
    }
}

/* The leader comes back `more` hours after the rollover began, and has nothing else than the edge
 * at any time. */
static void leader_comes_back(struct fleet *f, unsigned more)
{
    days_together(f, DAYS_BEFORE);
    const struct key_timeline before = leader_keys(f);
    edge_goes_on(f, more);
    const struct key_timeline there = keys_timeline(f->other);
    look_after_one(f, f->leads, 1);
    assert_in_step(f);
    settle(f);
    const struct key_timeline here = leader_keys(f);
    assert_int_equal(current_zsk(&here), current_zsk(&there));
    assert_int_not_equal(current_zsk(&here), current_zsk(&before));
    hours_together(f, 72);
    const struct key_timeline last = leader_keys(f);
    assert_int_equal(published(&last), 2);
    assert_int_equal(current_zsk(&last), current_zsk(&there));
    assert_non_null(strstr(said, "this machine was off while the others moved the keys on"));
    assert_null(strstr(said, "not taken"));
}

static void a_leader_that_was_off_goes_on_where_the_others_are(void **state)
{
    leader_comes_back(*state, 1);
}

static void it_does_so_when_the_others_have_another_zsk_already(void **state)
{
    leader_comes_back(*state, 48);
}

static void it_does_so_if_the_lifetime_of_keys_was_changed_meanwhile(void **state)
{
    struct fleet *f = *state;
    days_together(f, DAYS_BEFORE);
    set(f, "zsk-lifetime", "400d");
    edge_goes_on(f, 3);
    look_after_one(f, f->leads, 1);
    assert_in_step(f);
    settle(f);
    hours_together(f, 72);
    const struct key_timeline last = leader_keys(f);
    assert_int_equal(published(&last), 2);
    days_together(f, 200); /* and the new lifetime is kept */
    const struct key_timeline later = leader_keys(f);
    assert_int_equal(current_zsk(&later), current_zsk(&last));
}

/* The edge is cut off when a setting changes, and rolls by the package that it has. */
static void edge_rolls_by_the_old_plan(struct fleet *f, const char *name, const char *value)
{
    days_together(f, DAYS_BEFORE);
    set(f, name, value);
    for (unsigned hour = 0; hour < 30 * 24; hour += 2) {
        look_after(f, 2 * HOUR);
        assert_all_validates(f);
    }
    const struct key_timeline there = keys_timeline(f->other), here = leader_keys(f);
    assert_int_equal(current_zsk(&here), current_zsk(&there));
    settle(f);
    hours_together(f, 48);
}

static void a_longer_lifetime_waits_for_a_machine_that_is_cut_off(void **state)
{
    edge_rolls_by_the_old_plan(*state, "zsk-lifetime", "400d");
}

static void a_shorter_lifetime_waits_for_a_machine_that_is_cut_off(void **state)
{
    edge_rolls_by_the_old_plan(*state, "zsk-lifetime", "75d");
}

static void a_longer_ttl_waits_for_a_machine_that_is_cut_off(void **state)
{
    edge_rolls_by_the_old_plan(*state, "ttl", "12h");
}

static void a_longer_propagation_waits_for_a_machine_that_is_cut_off(void **state)
{
    edge_rolls_by_the_old_plan(*state, "propagation-delay", "10h");
}

static void a_new_lifetime_holds_when_all_have_it(void **state)
{
    struct fleet *f = *state;
    days_together(f, DAYS_BEFORE);
    const struct key_timeline before = leader_keys(f);
    set(f, "zsk-lifetime", "72d");
    hours_together(f, 24);
    assert_int_equal(leader_state(f).held & KEY_ZSK, 0);
    hours_together(f, 96);
    const struct key_timeline here = leader_keys(f);
    assert_int_not_equal(current_zsk(&here), current_zsk(&before));
}

/* -- an old package -- */

static void an_old_package_that_comes_again_is_not_taken(void **state)
{
    static uint8_t file[KEYFILES_HEAD + KEYTRANSFER_MAX];
    struct fleet *f = *state;
    carry_for(f, 12, 10);
    size_t len = read_package_file(f->pool.state, "ams1.box", file, sizeof file);
    assert_true(len > KEYFILES_HEAD);
    roll(f, ROLL_ZSK);
    hours_together(f, 24);
    const struct key_timeline before = keys_timeline(f->other);
    /* As if the machine had lost what it has had of letters */
    put_letter(f, f->stores[1],
               (struct letter){ .kind = LETTER_PACKAGE,
                                .machine = "admin1",
                                .subject = "ams1",
                                .text = { file + KEYFILES_HEAD, len - KEYFILES_HEAD } });
    look_after(f, 2);
    const struct key_timeline after = keys_timeline(f->other);
    assert_int_equal(current_zsk(&before), current_zsk(&after));
    assert_in_step(f);
    assert_non_null(strstr(said, "not taken: the package is older"));
    settle(f);
    assert_non_null(strstr(said, "packages of keys are taken again"));
}

/* -- the end of a package -- */

static void an_edge_says_when_its_package_ends_and_stops_then(void **state)
{
    struct fleet *f = *state;
    uint64_t soon = 0, late = 0, ended = 0;
    days_together(f, 10);
    const uint64_t begin = f->now;
    while (ended == 0 && f->now < begin + 120 * DAY) {
        said[0] = '\0';
        look_after_one(f, f->follows, 6 * HOUR);
        soon = soon == 0 && strstr(said, "before (") != NULL ? f->now : soon;
        late = late == 0 && strstr(said, "URGENT: the signatures") != NULL ? f->now : late;
        ended = strstr(said, "there is no valid signature") != NULL ? f->now : 0;
    }
    assert_true(begin < soon && soon < late && late < ended);
    assert_in_range(ended - begin, 89 * DAY, 98 * DAY);
    assert_in_range(ended - soon, 30 * DAY - DAY, 30 * DAY + DAY);
    assert_in_range(ended - late, 7 * DAY - DAY, 7 * DAY + DAY);
    /* The leader is there again: the next package cures it. */
    said[0] = '\0';
    settle(f);
    carry_for(f, 4, 10);
    assert_non_null(strstr(said, "are there for a good while again"));
}

/* -- an offline KSK -- */

static void bring_bundle(struct fleet *f, unsigned days)
{
    struct bundle bundle;
    struct settings settings;
    struct store_txn *txn = NULL;
    uint32_t signers = 0;
    const struct offline_period period = { .now = f->now,
                                           .from = f->now,
                                           .until = f->now + days * DAY };
    assert_ok(store_renew(f->pool.txns[0]));
    assert_ok(registry_settings(f->pool.txns[0], &settings, NULL));
    assert_ok(store_write(f->pool.stores[2], &txn, NULL));
    assert_ok(offline_request(&bundle, txn, f->pool.seal, &settings, &period, NULL));
    assert_ok(offline_sign(&bundle, txn, f->pool.seal, &settings.apex, &signers, NULL));
    assert_ok(offline_accept(&bundle, txn, &settings, f->now, NULL));
    assert_ok(store_commit(txn, NULL));
    bundle_done(&bundle);
}

static void forget_ksk(struct fleet *f)
{
    struct settings settings;
    struct store_txn *txn = NULL;
    assert_ok(registry_settings(f->pool.txns[0], &settings, NULL));
    assert_ok(store_write(f->pool.stores[2], &txn, NULL));
    assert_ok(offline_forget(txn, &settings, f->now, NULL));
    assert_ok(store_commit(txn, NULL));
}

static void restore_ksk(struct fleet *f, const struct key *ksk)
{
    struct store_txn *txn = NULL;
    assert_ok(store_write(f->pool.stores[2], &txn, NULL));
    assert_ok(offline_restore(txn, f->pool.seal, ksk, NULL));
    assert_ok(store_commit(txn, NULL));
}

static struct key *take_ksk(struct fleet *f)
{
    struct key *ksk = NULL;
    const struct key_timeline timeline = leader_keys(f);
    assert_ok(keystore_unseal(&ksk, rollover_current(&timeline.keys, KEY_KSK), f->pool.seal, NULL));
    return ksk;
}

static uint64_t edge_signed_until(struct fleet *f)
{
    const struct key_timeline timeline = keys_timeline(f->other);
    struct slices slices = { .count = 0 };
    struct store_txn *txn = NULL;
    assert_ok(store_read(f->other->store, &txn, NULL));
    assert_ok(slices_read(&slices, txn, &timeline.keys, NULL));
    store_abort(txn);
    uint64_t end =
        slices_signed_until(&slices, &timeline.keys, f->now) != 0 ? slices_end(&slices) : 0;
    slices_done(&slices);
    return end;
}

static void a_bundle_reaches_the_edges(void **state)
{
    struct fleet *f = *state;
    days_together(f, 5);
    bring_bundle(f, 180);
    forget_ksk(f);
    hours_together(f, 3);
    assert_true(edge_signed_until(f) >= f->now + 179 * DAY);
    /* The edge is cut off over the next rollover; both go by the bundle. */
    for (unsigned hour = 0; hour < 100 * 24; hour += 4) {
        look_after(f, 4 * HOUR);
        assert_all_validates(f);
    }
    assert_alike(f);
    hours_together(f, 3);
    assert_true(edge_signed_until(f) >= f->now + 70 * DAY);
}

static void the_ksk_comes_back_while_an_edge_is_cut_off(void **state)
{
    struct fleet *f = *state;
    days_together(f, 5);
    struct key *ksk = take_ksk(f);
    bring_bundle(f, 180);
    forget_ksk(f);
    hours_together(f, 3);
    restore_ksk(f, ksk);
    key_free(ksk);
    for (unsigned hour = 0; hour < 100 * 24; hour += 4) {
        look_after(f, 4 * HOUR);
        assert_all_validates(f);
    }
    settle(f);
    hours_together(f, 48);
}

static void a_leader_that_was_off_goes_on_by_its_bundle(void **state)
{
    struct fleet *f = *state;
    days_together(f, 5);
    bring_bundle(f, 180);
    forget_ksk(f);
    hours_together(f, 3);
    for (unsigned day = 0; day < 100; day++) {
        look_after_one(f, f->follows, DAY);
    }
    look_after_one(f, f->leads, 1);
    assert_in_step(f);
    settle(f);
    hours_together(f, 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FLEET(a_leader_that_was_off_goes_on_where_the_others_are),
        IN_FLEET(it_does_so_when_the_others_have_another_zsk_already),
        IN_FLEET(it_does_so_if_the_lifetime_of_keys_was_changed_meanwhile),
        IN_FLEET(a_longer_lifetime_waits_for_a_machine_that_is_cut_off),
        IN_FLEET(a_shorter_lifetime_waits_for_a_machine_that_is_cut_off),
        IN_FLEET(a_longer_ttl_waits_for_a_machine_that_is_cut_off),
        IN_FLEET(a_longer_propagation_waits_for_a_machine_that_is_cut_off),
        IN_FLEET(a_new_lifetime_holds_when_all_have_it),
        IN_FLEET(an_old_package_that_comes_again_is_not_taken),
        IN_FLEET(an_edge_says_when_its_package_ends_and_stops_then),
        IN_FLEET(a_bundle_reaches_the_edges),
        IN_FLEET(the_ksk_comes_back_while_an_edge_is_cut_off),
        IN_FLEET(a_leader_that_was_off_goes_on_by_its_bundle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
