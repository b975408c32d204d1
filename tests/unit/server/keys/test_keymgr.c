#include <unistd.h>

#include "dnssec/offline/keytransfer.h"
#include "dnssec/signing/keystate.h"
#include "server/keys/keymgr.h"
#include "tests/pool_fixture.h"
#include "tests/unit/keys.h"
#include "tests/unit/unit.h"

#define HOUR UINT64_C(3600)
#define DAY  (24 * HOUR)

static struct {
    unsigned lines;
    char last[256], all[8192];
} said;

static void note(int, const struct log_fields *, const char *text)
{
    size_t used = strlen(said.all);
    said.lines++;
    (void)snprintf(said.last, sizeof(said.last), "%s", text);
    (void)snprintf(said.all + used, sizeof(said.all) - used, "%s\n", text);
}

struct bench {
    struct pool_fixture pool;
    struct keymgr *keymgr;
    uint64_t now, steady;
};

static struct keymgr *keymgr_of(struct bench *b)
{
    const struct keymgr_sources sources = {
        .registry = b->pool.stores[0], .keys = b->pool.stores[2], .seal = b->pool.seal, .log = note
    };
    struct keymgr *keymgr = NULL;
    assert_ok(keymgr_new(&keymgr, &sources, NULL));
    return keymgr;
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    memset(&said, 0, sizeof(said));
    pool_fixture_init(&b->pool, NULL);
    b->keymgr = keymgr_of(b);
    b->now = FIXTURE_NOW;
    b->steady = 1000;
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    keymgr_free(b->keymgr);
    pool_fixture_done(&b->pool);
    free(b);
    return 0;
}

static void look_after(struct bench *b, uint64_t seconds)
{
    b->now += seconds;
    b->steady += seconds;
    keymgr_look(b->keymgr, b->now, b->steady);
}

static struct key_timeline keys_of(const struct bench *b)
{
    struct key_timeline timeline;
    assert_ok(store_renew(b->pool.txns[2]));
    assert_ok(key_timeline_read(&timeline, b->pool.txns[2], NULL));
    return timeline;
}

static uint64_t version_of(const struct bench *b)
{
    assert_ok(store_renew(b->pool.txns[2]));
    return store_version(b->pool.txns[2]);
}

/* Changes a setting that bears on caches, in the fixture's transaction. */
static void set(struct bench *b, const char *name, const char *value)
{
    struct registry_change change;
    fixture_begin(b->pool.stores[0], &change, NULL);
    change.now = b->now;
    assert_ok(registry_set(&change, name, value));
    assert_ok(registry_commit(&change));
}

static void nothing_is_written_while_nothing_happens(void **state)
{
    struct bench *b = *state;
    look_after(b, 0);
    uint64_t version = version_of(b);
    for (unsigned i = 0; i < 100; i++) {
        look_after(b, 30);
    }
    assert_int_equal(version_of(b), version);
    look_after(b, 700); /* only a sign of life, once an hour */
    assert_int_equal(version_of(b), version + 1);
    assert_int_equal(keys_of(b).memory.seen_at, b->now);
    assert_int_equal(said.lines, 0);
}

static void a_zsk_is_replaced_by_itself_when_its_time_has_come(void **state)
{
    struct bench *b = *state;
    const struct key_timeline first = keys_of(b);
    uint16_t old = rollover_current(&first.keys, KEY_ZSK)->tag;
    look_after(b, 0);
    look_after(b, 90 * DAY - 3 * HOUR);
    assert_int_equal(keys_of(b).keys.count, 2);
    for (unsigned minute = 0; minute < 24 * 60; minute++) {
        look_after(b, 60);
        /* packages for machines that follow are ordered by this */
        const struct key_timeline now = keys_of(b);
        assert_true(now.memory.seen_at >= rollover_last_step_at(&now.keys));
    }
    const struct key_timeline timeline = keys_of(b);
    const struct key_record *zsk = rollover_current(&timeline.keys, KEY_ZSK);
    assert_true(zsk->tag != old);
    assert_int_equal(keystate_of(zsk, b->now), KEY_ACTIVE);
    assert_int_equal(zsk->life.zone.introduced_at / HOUR, (FIXTURE_NOW + 90 * DAY) / HOUR);
    assert_int_equal(timeline.keys.count, 2);
    assert_non_null(strstr(said.all, "is now published"));
    assert_non_null(strstr(said.all, "is now active"));
    assert_non_null(strstr(said.all, "is now retired"));
    assert_non_null(strstr(said.all, "is deleted"));
}

static void a_ksk_is_replaced_when_its_age_is_set(void **state)
{
    struct bench *b = *state;
    look_after(b, 400 * DAY);
    assert_null(strstr(said.all, "KSK"));
    set(b, "ksk-lifetime", "365d");
    look_after(b, 1);
    look_after(b, 3 * HOUR);
    assert_non_null(strstr(said.all, "KSK"));
    assert_non_null(strstr(said.all, "ntspool key ds"));
    const struct key_timeline timeline = keys_of(b);
    assert_true(rollover_awaits_parent(&timeline.keys));
}

static void two_key_managers_of_one_state_do_what_one_does(void **state)
{
    struct bench *b = *state;
    struct keymgr *other = keymgr_of(b);
    look_after(b, 90 * DAY);
    for (unsigned hour = 0; hour < 24; hour++) {
        keymgr_look(other, b->now, b->steady);
        look_after(b, HOUR);
    }
    assert_int_equal(keys_of(b).keys.count, 2);
    char *line = strstr(said.all, "is deleted");
    assert_non_null(line);
    assert_null(strstr(line + 1, "is deleted"));
    keymgr_free(other);
}

/* A TTL lowered during a rollover does not shorten the rollover. */
static void lowered_ttls_are_waited_for(void **state)
{
    struct bench *b = *state;
    set(b, "ttl", "1d");
    look_after(b, 10);
    look_after(b, 90 * DAY);
    set(b, "ttl", "5m");
    look_after(b, 1);
    struct key_timeline timeline = keys_of(b);
    assert_int_equal(timeline.keys.count, 3);
    const struct key_record *zsk = rollover_current(&timeline.keys, KEY_ZSK);
    assert_int_equal(zsk->life.dnskey.omnipresent_at, b->now - 1 + DAY + HOUR);
}

static void a_long_ttl_of_a_static_record_counts(void **state)
{
    struct bench *b = *state;
    struct registry_change change;
    look_after(b, 60);
    fixture_begin(b->pool.stores[0], &change, NULL);
    change.now = b->now;
    uint8_t room[64];
    struct rrset_builder builder;
    struct rrset record;
    const struct dname owner = fixture_name("long.pool.test");
    rrset_begin(&builder, RR_A, 2 * DAY, room, sizeof(room));
    rrset_add(&builder, "\300\0\2\12", 4);
    assert_true(rrset_end(&builder, &record));
    assert_ok(registry_record_set(&change, &owner, &record));
    assert_ok(registry_commit(&change));
    look_after(b, KEYMGR_TTLS_S);
    assert_int_equal(keys_of(b).memory.zone_ttl_s, 2 * DAY);
}

/* After an hour of steady time the new time is accepted. */
static void a_clock_that_was_set_stops_steps_for_a_while(void **state)
{
    struct bench *b = *state;
    look_after(b, 0);
    b->now += 100 * DAY; /* the ZSK would be due */
    look_after(b, 1);
    assert_non_null(strstr(said.last, "set forward"));
    uint64_t version = version_of(b);
    for (unsigned minute = 0; minute < 59; minute++) {
        look_after(b, 60);
    }
    assert_int_equal(version_of(b), version);
    assert_int_equal(said.lines, 1);
    look_after(b, 120);
    assert_int_equal(keys_of(b).keys.count, 3);
}

static void a_clock_behind_what_was_seen_stops_steps(void **state)
{
    struct bench *b = *state;
    look_after(b, 80 * DAY);
    keymgr_free(b->keymgr); /* like a restart: no steady time to compare with */
    b->keymgr = keymgr_of(b);
    b->now -= 70 * DAY;
    uint64_t version = version_of(b);
    look_after(b, 1);
    assert_non_null(strstr(said.last, "behind"));
    look_after(b, 60 * DAY);
    assert_int_equal(version_of(b), version);
    assert_int_equal(said.lines, 1);
    look_after(b, 40 * DAY);
    assert_true(version_of(b) > version);
}

static void a_failure_is_logged_once_and_changes_nothing(void **state)
{
    struct bench *b = *state;
    struct store_txn *txn = NULL;
    look_after(b, 0);
    assert_ok(store_write(b->pool.stores[2], &txn, NULL));
    assert_ok(store_put(txn, TABLE_KEYS, "xyz", 3, "nonsense", 8));
    assert_ok(store_commit(txn, NULL));
    uint64_t version = version_of(b);
    look_after(b, 100 * DAY);
    look_after(b, 1);
    assert_int_equal(said.lines, 1);
    assert_non_null(strstr(said.last, "can't be moved on"));
    assert_int_equal(version_of(b), version);
}

static void reseal(const struct bench *b, const struct seal *from, const struct seal *to)
{
    const struct key_timeline timeline = keys_of(b);
    struct store_txn *txn = NULL;
    assert_ok(store_write(b->pool.stores[2], &txn, NULL));
    for (size_t i = 0; i < timeline.keys.count; i++) {
        assert_ok(keystore_reseal(txn, &timeline.keys.list[i], from, to, NULL));
    }
    assert_ok(store_commit(txn, NULL));
}

/* The server keeps using the keys it has loaded. Keys that it does not serve are in no cache. */
static void keys_under_another_seal_take_no_step(void **state)
{
    struct bench *b = *state;
    struct seal *other = NULL;
    char path[sizeof(b->pool.state) + 8];
    (void)snprintf(path, sizeof(path), "%s/other", b->pool.state);
    assert_ok(seal_create(b->pool.state, path, NULL));
    assert_ok(seal_open(&other, b->pool.state, path, NULL));
    look_after(b, 0);
    reseal(b, b->pool.seal, other);
    const struct roll_options options = { .kind = ROLL_KSK };
    struct store_txn *txn = NULL;
    assert_ok(store_write(b->pool.stores[2], &txn, NULL));
    struct key_timeline timeline;
    assert_ok(key_timeline_read(&timeline, txn, NULL));
    assert_ok(key_timeline_start(&timeline, txn, other, &options, b->now, NULL));
    assert_ok(store_commit(txn, NULL));
    uint64_t version = version_of(b);
    look_after(b, 1);
    look_after(b, 3 * DAY);
    assert_int_equal(version_of(b), version);
    assert_int_equal(said.lines, 1);
    assert_non_null(strstr(said.last, "can't be moved on"));
    assert_non_null(strstr(said.last, "cannot be opened"));
    reseal(b, other, b->pool.seal);
    look_after(b, 1);
    assert_non_null(strstr(said.all, "is now published\nthe DNSSEC keys move on again\n"));
    seal_free(other);
}

/* A machine that gets its keys from the bench's pool. */
struct follower {
    void *state;
    struct keys_fixture *keys;
    struct keymgr *keymgr;
};

static void start_follower(struct follower *f, const struct bench *b)
{
    const struct keymgr_sources sources = {
        .registry = b->pool.stores[0], .keys = f->keys->store, .seal = f->keys->seal, .log = note
    };
    keymgr_free(f->keymgr);
    assert_ok(keymgr_new(&f->keymgr, &sources, NULL));
}

static struct follower follower_of(const struct bench *b)
{
    struct follower f = { .state = NULL };
    assert_int_equal(keys_set_up(&f.state), 0);
    f.keys = f.state;
    struct store_txn *txn = keys_write(f.keys);
    assert_ok(key_timeline_init_follower(txn, NULL));
    assert_ok(store_commit(txn, NULL));
    start_follower(&f, b);
    return f;
}

static void end_follower(struct follower *f)
{
    keymgr_free(f->keymgr);
    assert_int_equal(keys_tear_down(&f->state), 0);
}

/* Gives the follower a package of the bench's keys. */
static void give(struct follower *f, const struct bench *b, uint64_t number, unsigned held)
{
    static uint8_t data[KEYTRANSFER_MAX];
    uint8_t identity[SEAL_PUBLIC_LEN];
    struct store_item item = { .data = data, .room = sizeof data };
    struct store_txn *txn = NULL;
    struct settings settings;
    const struct package_options options = {
        .recipient = identity, .zsk_only = true, .held = held, .now = b->now, .number = number
    };
    assert_ok(store_renew(b->pool.txns[0]));
    assert_ok(registry_settings(b->pool.txns[0], &settings, NULL));
    seal_public(f->keys->seal, identity);
    assert_ok(store_write(b->pool.stores[2], &txn, NULL));
    assert_ok(keytransfer_plan_ahead(txn, b->pool.seal, &settings, b->now, NULL));
    assert_ok(keytransfer_pack(txn, b->pool.seal, &settings, &options, &item, NULL));
    assert_ok(store_commit(txn, NULL));
    const struct package_import import = { .data = data, .len = item.len };
    txn = keys_write(f->keys);
    assert_ok(keytransfer_unpack(txn, f->keys->seal, &settings.apex, &import, NULL));
    assert_ok(store_commit(txn, NULL));
}

/* The keys that are published, and those that sign, as sums of their tags. */
static void sums_of(const struct key_timeline *timeline, unsigned out[2])
{
    out[0] = out[1] = 0;
    for (size_t i = 0; i < timeline->keys.count; i++) {
        const struct key_record *key = &timeline->keys.list[i];
        out[0] += record_state_is_published(&key->life.dnskey) ? key->tag : 0;
        out[1] += record_state_is_published(&key->life.zone) ? key->tag : 0;
    }
}

static void assert_in_step(const struct key_timeline *a, const struct key_timeline *b)
{
    unsigned here[2], there[2];
    sums_of(a, here);
    sums_of(b, there);
    assert_int_equal(here[0], there[0]);
    assert_int_equal(here[1], there[1]);
}

static uint64_t signed_until(const struct follower *f, uint64_t now)
{
    const struct key_timeline timeline = keys_timeline(f->keys);
    struct slices slices = { .count = 0 };
    struct store_txn *txn = NULL;
    assert_ok(store_read(f->keys->store, &txn, NULL));
    assert_ok(slices_read(&slices, txn, &timeline.keys, NULL));
    store_abort(txn);
    uint64_t until = slices_signed_until(&slices, &timeline.keys, now);
    slices_done(&slices);
    return until;
}

/* For 80 days it hears nothing. Meanwhile the leader replaces its ZSK, and so does the follower,
 * also one that was off. Then its signatures end, and it says so. */
static void a_follower_that_is_cut_off_rolls_in_step(void **state)
{
    struct bench *b = *state;
    look_after(b, 0);
    for (unsigned day = 0; day < 60; day++) {
        look_after(b, DAY);
    }
    struct follower up = follower_of(b), off = follower_of(b);
    give(&up, b, 1, 0);
    give(&off, b, 1, 0);
    const struct key_timeline first = keys_of(b);
    for (unsigned hour = 0; hour < 80 * 24; hour++) {
        look_after(b, HOUR);
        keymgr_look(up.keymgr, b->now, b->steady);
        const struct key_timeline leads = keys_of(b), follows = keys_timeline(up.keys);
        assert_in_step(&leads, &follows);
        assert_true(signed_until(&up, b->now) > b->now + DAY);
        assert_true(rollover_is_safe(&follows.keys, b->now));
    }
    const struct key_timeline last = keys_of(b);
    assert_int_not_equal(rollover_current(&first.keys, KEY_ZSK)->tag,
                         rollover_current(&last.keys, KEY_ZSK)->tag);
    keymgr_look(off.keymgr, b->now, b->steady);
    const struct key_timeline woke = keys_timeline(off.keys), was_up = keys_timeline(up.keys);
    assert_int_equal(woke.keys.count, was_up.keys.count);
    for (size_t i = 0; i < woke.keys.count; i++) {
        assert_true(key_life_equal(&woke.keys.list[i].life, &was_up.keys.list[i].life));
    }
    assert_non_null(strstr(said.all, "the signatures of the offline KSK end at"));
    memset(&said, 0, sizeof said);
    b->now += 20 * DAY;
    b->steady += 20 * DAY;
    keymgr_look(up.keymgr, b->now, b->steady);
    assert_non_null(strstr(said.all, "there is no valid signature of the offline KSK"));
    end_follower(&up);
    end_follower(&off);
}

/* While the leader waits for others, it says when to go on. The signatures go on. */
static void a_follower_takes_no_step_while_it_is_held(void **state)
{
    struct bench *b = *state;
    look_after(b, 0);
    look_after(b, 80 * DAY);
    struct follower f = follower_of(b);
    give(&f, b, 1, KEY_ZSK);
    const struct key_timeline before = keys_timeline(f.keys);
    for (unsigned day = 0; day < 60; day++) {
        look_after(b, DAY);
        keymgr_look(f.keymgr, b->now, b->steady);
        assert_true(signed_until(&f, b->now) > b->now + DAY);
    }
    const struct key_timeline after = keys_timeline(f.keys);
    assert_in_step(&before, &after);
    give(&f, b, 2, 0);
    keymgr_look(f.keymgr, b->now, b->steady);
    const struct key_timeline leads = keys_of(b), follows = keys_timeline(f.keys);
    assert_in_step(&leads, &follows);
    end_follower(&f);
}

static void the_thread_looks_and_ends(void **state)
{
    struct bench *b = *state;
    uint64_t version = version_of(b);
    assert_ok(keymgr_start(b->keymgr, NULL));
    for (unsigned i = 0; i < 1000 && version_of(b) == version; i++) {
        (void)usleep(10000);
    }
    assert_true(version_of(b) > version); /* there was no memory before */
}

#define OF_POOL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OF_POOL(nothing_is_written_while_nothing_happens),
        OF_POOL(a_zsk_is_replaced_by_itself_when_its_time_has_come),
        OF_POOL(a_ksk_is_replaced_when_its_age_is_set),
        OF_POOL(two_key_managers_of_one_state_do_what_one_does),
        OF_POOL(lowered_ttls_are_waited_for),
        OF_POOL(a_long_ttl_of_a_static_record_counts),
        OF_POOL(a_clock_that_was_set_stops_steps_for_a_while),
        OF_POOL(a_clock_behind_what_was_seen_stops_steps),
        OF_POOL(a_failure_is_logged_once_and_changes_nothing),
        OF_POOL(keys_under_another_seal_take_no_step),
        OF_POOL(a_follower_that_is_cut_off_rolls_in_step),
        OF_POOL(a_follower_takes_no_step_while_it_is_held),
        OF_POOL(the_thread_looks_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
