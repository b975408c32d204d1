/* The fleet names another machine to lead its keys. */
#include "dnssec/offline/keytransfer.h"
#include "tests/unit/twokeymgrs.h"

static void put_machine(struct fleet *f, struct machine machine)
{
    struct registry_change change;
    fixture_begin(f->pool.stores[0], &change, NULL);
    change.now = f->now;
    assert_ok(registry_put_machine(&change, &machine));
    assert_ok(registry_commit(&change));
}

static enum result name_leader(struct fleet *f, const char *name)
{
    struct registry_change change;
    fixture_begin(f->pool.stores[0], &change, NULL);
    enum result result = registry_put_key_leader(&change, name);
    if (result != RESULT_OK) {
        store_abort(change.txn);
        return result;
    }
    return registry_commit(&change);
}

/* Both are admins, and each hears of the other. */
static void make_admins(struct fleet *f)
{
    put_machine(f, (struct machine){ .name = "ams1",
                                     .role = MACHINE_ADMIN,
                                     .key = { 1 },
                                     .added_at = 1,
                                     .voucher_of = "admin1" });
    put_machine(f, (struct machine){ .name = "admin1",
                                     .role = MACHINE_ADMIN,
                                     .key = { 2 },
                                     .added_at = 1,
                                     .voucher_of = "admin1" });
}

/* The hello of admin1 to both, and what ams1 has for it. */
static void carry_back(struct fleet *f)
{
    static uint8_t file[KEYFILES_HEAD + KEYTRANSFER_MAX];
    uint8_t text[HELLO_MAX];
    struct hello hello = { .version = "1", .has_identity = true };
    size_t len = read_package_file(f->pool.state, KEYFILES_IDENTITY, file, sizeof file);
    struct reader r = reader_of(file, len);
    read_into(&r, hello.identity, sizeof hello.identity);
    hello.package = read_u64(&r);
    struct letter letter = { .kind = LETTER_HELLO,
                             .machine = "admin1",
                             .text = { text, hello_encode(&hello, text) } };
    put_letter(f, f->stores[0], letter);
    put_letter(f, f->stores[1], letter);
    hello = (struct hello){ .version = "1", .has_identity = true };
    len = read_package_file(f->other->dir, KEYFILES_IDENTITY, file, sizeof file);
    r = reader_of(file, len);
    read_into(&r, hello.identity, sizeof hello.identity);
    hello.package = read_u64(&r);
    put_letter(f, f->stores[1],
               (struct letter){ .kind = LETTER_HELLO,
                                .machine = "ams1",
                                .text = { text, hello_encode(&hello, text) } });
    len = read_package_file(f->other->dir, "admin1.box", file, sizeof file);
    if (len > 0) {
        put_letter(f, f->stores[0],
                   (struct letter){ .kind = LETTER_PACKAGE,
                                    .machine = "ams1",
                                    .subject = "admin1",
                                    .text = { file + KEYFILES_HEAD, len - KEYFILES_HEAD } });
    }
}

static void carry_both(struct fleet *f, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        look_after(f, 10);
        carry(f);
        carry_back(f);
    }
    look_after(f, 2);
}

/* By hand, with the KSK: `from` to `to`. */
static void hand_over(struct fleet *f, struct store *from, const struct seal *from_seal,
                      struct store *to, const struct seal *to_seal, bool zsk_only)
{
    static uint8_t data[KEYTRANSFER_MAX];
    uint8_t identity[SEAL_PUBLIC_LEN], maker[SEAL_PUBLIC_LEN];
    struct store_item package = { .data = data, .room = sizeof data };
    struct store_txn *txn = NULL;
    struct settings settings;
    seal_public(to_seal, identity);
    seal_public(from_seal, maker);
    const struct package_options options = { .recipient = identity,
                                             .zsk_only = zsk_only,
                                             .now = f->now };
    assert_ok(store_renew(f->pool.txns[0]));
    assert_ok(registry_settings(f->pool.txns[0], &settings, NULL));
    assert_ok(store_read(from, &txn, NULL));
    assert_ok(keytransfer_pack(txn, from_seal, &settings, &options, &package, NULL));
    store_abort(txn);
    const struct package_import import = {
        .data = data, .len = package.len, .from = maker, .replace = true
    };
    assert_ok(store_write(to, &txn, NULL));
    assert_ok(keytransfer_unpack(txn, to_seal, &settings.apex, &import, NULL));
    assert_ok(store_commit(txn, NULL));
}

static void take_over(struct fleet *f)
{
    struct store_txn *txn = NULL;
    hand_over(f, f->pool.stores[2], f->pool.seal, f->other->store, f->other->seal, false);
    assert_ok(name_leader(f, "ams1"));
    assert_ok(store_write(f->other->store, &txn, NULL));
    assert_ok(keytransfer_lead(txn, f->other->seal, f->now, NULL));
    assert_ok(store_commit(txn, NULL));
}

static void only_an_admin_of_the_fleet_is_named(void **state)
{
    struct fleet *f = *state;
    char name[MACHINE_ROOM];
    assert_int_equal(registry_key_leader(f->pool.txns[0], name), RESULT_NOT_FOUND);
    assert_int_equal(name_leader(f, "ams1"), RESULT_REFUSED); /* an edge */
    assert_int_equal(name_leader(f, "nobody"), RESULT_REFUSED);
    make_admins(f);
    assert_ok(name_leader(f, "ams1"));
    assert_ok(store_renew(f->pool.txns[0]));
    assert_ok(registry_key_leader(f->pool.txns[0], name));
    assert_string_equal(name, "ams1");
}

static void the_former_leader_takes_no_step_and_gives_no_package(void **state)
{
    struct fleet *f = *state;
    uint8_t file[64];
    make_admins(f);
    carry_both(f, 12);
    assert_ok(name_leader(f, "admin1"));
    carry_both(f, 3);
    assert_true(read_package_file(f->pool.state, "ams1.box", file, sizeof file) > 0);
    take_over(f);
    carry_both(f, 3);
    assert_non_null(strstr(said, "ams1 leads the keys of the fleet"));
    assert_int_equal(read_package_file(f->pool.state, "ams1.box", file, sizeof file), 0);
    roll(f, ROLL_ZSK);
    for (unsigned hour = 0; hour < 48; hour++) {
        look_after(f, HOUR);
    }
    const struct key_timeline here = leader_keys(f);
    assert_int_equal(published(&here), 2);
}

static void who_follows_takes_the_packages_of_the_named_one(void **state)
{
    struct fleet *f = *state;
    make_admins(f);
    carry_both(f, 12);
    take_over(f);
    carry_both(f, 3);
    hand_over(f, f->other->store, f->other->seal, f->pool.stores[2], f->pool.seal, true);
    carry_both(f, 6);
    assert_true(leader_keys(f).memory.follows);
    assert_alike(f);
    const uint64_t before = f->now;
    struct package_taken taken;
    assert_ok(store_renew(f->pool.txns[2]));
    assert_ok(keytransfer_taken(f->pool.txns[2], &taken));
    assert_true(taken.number != 0 && taken.made_at <= before);
    /* And back, in the other direction. */
    hand_over(f, f->other->store, f->other->seal, f->pool.stores[2], f->pool.seal, false);
    assert_ok(name_leader(f, "admin1"));
    struct store_txn *txn = NULL;
    assert_ok(store_write(f->pool.stores[2], &txn, NULL));
    assert_ok(keytransfer_lead(txn, f->pool.seal, f->now, NULL));
    assert_ok(store_commit(txn, NULL));
    hand_over(f, f->pool.stores[2], f->pool.seal, f->other->store, f->other->seal, true);
    carry_both(f, 6);
    assert_alike(f);
    assert_int_equal(leader_state(f).missing, 0);
    assert_true(leader_state(f).had_at != 0 && leader_state(f).number > taken.number);
}

/* Its ZSKs are known to the machine that was evicted. */
static void a_new_leader_replaces_what_the_evicted_one_knew(void **state)
{
    struct fleet *f = *state;
    make_admins(f);
    carry_both(f, 12);
    const struct key_timeline here = leader_keys(f);
    const unsigned known = rollover_current(&here.keys, KEY_ZSK)->tag;
    take_over(f);
    put_machine(f, (struct machine){ .name = "admin1",
                                     .role = MACHINE_ADMIN,
                                     .key = { 2 },
                                     .added_at = 1,
                                     .evicted_at = f->now + 1,
                                     .voucher_of = "admin1" });
    for (unsigned half_hour = 0; half_hour < 2 * 48; half_hour++) {
        look_after(f, HOUR / 2);
        carry(f);
        carry_back(f);
    }
    const struct key_timeline there = keys_timeline(f->other);
    assert_int_not_equal(rollover_current(&there.keys, KEY_ZSK)->tag, known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FLEET(only_an_admin_of_the_fleet_is_named),
        IN_FLEET(the_former_leader_takes_no_step_and_gives_no_package),
        IN_FLEET(who_follows_takes_the_packages_of_the_named_one),
        IN_FLEET(a_new_leader_replaces_what_the_evicted_one_knew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
