#include <sodium.h>

#include "tests/unit/registry_fixture.h"
#include "zone/registry/machine.h"

static const char ledger[] = "pool.test/00";
static uint8_t keys[3][MACHINE_KEY], secrets[3][MACHINE_SECRET];

static int set_up_keys(void **state)
{
    for (uint8_t i = 0; i < 3; i++) {
        const uint8_t seed[crypto_sign_SEEDBYTES] = { i };
        assert_int_equal(crypto_sign_seed_keypair(keys[i], secrets[i], seed), 0);
    }
    return set_up(state);
}

/* Added by the admin, who has the first key. */
static struct machine machine_of(const char *name, enum machine_role role, unsigned key)
{
    struct machine machine = { .role = role, .added_at = NOW };
    (void)snprintf(machine.name, sizeof(machine.name), "%s", name);
    memcpy(machine.key, keys[key], sizeof(machine.key));
    machine_vouch(&machine, ledger, "admin", secrets[0]);
    return machine;
}

static void machine_is_read_as_it_was_put(void **)
{
    struct machine machine = machine_of("ams1", MACHINE_EDGE, 1), found;
    machine.evicted_at = NOW + 1;
    assert_ok(registry_put_machine(&change, &machine));
    assert_ok(registry_machine(txn, "ams1", &found));
    assert_memory_equal(&found, &machine, sizeof(found));
    assert_int_equal(registry_machine(txn, "ams2", &found), RESULT_NOT_FOUND);
    assert_ok(registry_remove_machine(&change, "ams1"));
    assert_int_equal(registry_machine(txn, "ams1", &found), RESULT_NOT_FOUND);
    assert_int_equal(registry_remove_machine(&change, "ams1"), RESULT_NOT_FOUND);
}

static void two_machines_have_two_keys(void **)
{
    struct machine one = machine_of("ams1", MACHINE_EDGE, 1),
                   two = machine_of("ams2", MACHINE_EDGE, 1);
    assert_ok(registry_put_machine(&change, &one));
    assert_int_equal(registry_put_machine(&change, &two), RESULT_EXISTS);
    one.evicted_at = NOW; /* but a machine may be put again */
    assert_ok(registry_put_machine(&change, &one));
}

static void bad_names_are_refused(void **)
{
    static const char *const bad[] = { "", "-a", "a-", "A", "a.b", "a/b", "a b", "\xc3\xa4" };
    struct machine machine = machine_of("ams1", MACHINE_EDGE, 1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void)snprintf(machine.name, sizeof(machine.name), "%s", bad[i]);
        assert_int_equal(registry_put_machine(&change, &machine), RESULT_INVALID);
    }
}

static enum result count(const struct machine *, void *arg)
{
    size_t *seen = arg;
    (*seen)++;
    return RESULT_OK;
}

static void machines_are_bounded(void **)
{
    struct machine machine = machine_of("ams1", MACHINE_EDGE, 1);
    for (unsigned i = 0; i <= MACHINES_MAX; i++) {
        (void)snprintf(machine.name, sizeof(machine.name), "edge%u", i);
        machine.key[0] = (uint8_t)i;
        machine.key[1] = (uint8_t)(i >> 8);
        assert_int_equal(registry_put_machine(&change, &machine),
                         i < MACHINES_MAX ? RESULT_OK : RESULT_FULL);
    }
    (void)snprintf(machine.name, sizeof(machine.name), "edge0");
    assert_ok(registry_put_machine(&change, &machine)); /* replaced */
    size_t seen = 0;
    assert_ok(registry_machines(txn, count, &seen));
    assert_int_equal(seen, MACHINES_MAX);
}

static void evicted_machines_make_room_for_others_but_not_for_ever(void **)
{
    struct machine machine = machine_of("ams1", MACHINE_EDGE, 1);
    uint8_t row[512];
    struct store_item item = { .data = row, .room = sizeof(row) };
    for (unsigned i = 0; i < MACHINES_MAX; i++) {
        (void)snprintf(machine.name, sizeof(machine.name), "edge%u", i);
        machine.key[0] = (uint8_t)i;
        assert_ok(registry_put_machine(&change, &machine));
    }
    machine.evicted_at = NOW;
    assert_ok(registry_put_machine(&change, &machine));
    machine.evicted_at = 0;
    machine.key[1] = 1;
    (void)snprintf(machine.name, sizeof(machine.name), "next");
    assert_ok(registry_put_machine(&change, &machine));
    assert_ok(store_get(txn, TABLE_MACHINES, "edge255", 7, &item));
    for (unsigned i = MACHINES_MAX + 1; i < MACHINES_KNOWN_MAX; i++) { /* evicted */
        (void)snprintf(machine.name, sizeof(machine.name), "edge%u", i);
        assert_ok(
            store_put(txn, TABLE_MACHINES, machine.name, strlen(machine.name), row, item.len));
    }
    assert_ok(registry_remove_machine(&change, "edge0"));
    (void)snprintf(machine.name, sizeof(machine.name), "last");
    machine.key[1] = 2;
    assert_ok(registry_put_machine(&change, &machine));
    assert_ok(registry_remove_machine(&change, "edge1"));
    assert_ok(store_put(txn, TABLE_MACHINES, "edge1", 5, row, item.len)); /* it was evicted */
    (void)snprintf(machine.name, sizeof(machine.name), "one-too-many");
    machine.key[1] = 3;
    assert_int_equal(registry_put_machine(&change, &machine), RESULT_FULL);
}

static void machine_is_found_by_its_key(void **)
{
    struct machine machine = machine_of("ams1", MACHINE_EDGE, 1), found;
    uint8_t other[MACHINE_KEY] = { 0 };
    machine.evicted_at = NOW;
    assert_ok(registry_put_machine(&change, &machine));
    assert_ok(registry_machine_of_key(txn, machine.key, &found));
    assert_memory_equal(&found, &machine, sizeof(found));
    assert_int_equal(registry_machine_of_key(txn, other, &found), RESULT_NOT_FOUND);
}

static void voucher_is_of_this_machine_by_that_key(void **)
{
    struct machine machine = machine_of("ams1", MACHINE_EDGE, 1), other = machine;
    assert_true(machine_is_vouched(&machine, ledger, keys[0]));
    assert_false(machine_is_vouched(&machine, ledger, keys[1]));
    assert_false(machine_is_vouched(&machine, "pool.test/01", keys[0]));
    other.role = MACHINE_ADMIN;
    assert_false(machine_is_vouched(&other, ledger, keys[0]));
    other = machine;
    other.key[31] ^= 1;
    assert_false(machine_is_vouched(&other, ledger, keys[0]));
    other = machine;
    other.name[0] = 'b';
    assert_false(machine_is_vouched(&other, ledger, keys[0]));
    other = machine;
    other.voucher_of[0] = 'b';
    assert_false(machine_is_vouched(&other, ledger, keys[0]));
    machine.evicted_at = NOW; /* by any admin */
    assert_true(machine_is_vouched(&machine, ledger, keys[0]));
}

static void row_that_is_none_is_damaged_and_one_to_come_is_newer(void **)
{
    uint8_t row[512];
    struct store_item item = { .data = row, .room = sizeof(row) };
    struct machine machine = machine_of("ams1", MACHINE_EDGE, 1);
    const struct octets name = { (const uint8_t *)"ams1", 4 };
    assert_ok(registry_put_machine(&change, &machine));
    assert_ok(store_get(txn, TABLE_MACHINES, "ams1", 4, &item));
    for (size_t len = 0; len < item.len; len++) {
        assert_int_equal(machine_decode(&machine, name, (struct octets){ row, len }),
                         RESULT_DAMAGED);
    }
    const struct octets whole = { row, item.len };
    assert_ok(machine_decode(&machine, name, whole));
    assert_int_equal(machine_decode(&machine, (struct octets){ name.data, 0 }, whole),
                     RESULT_DAMAGED);
    row[1] = 'x';
    assert_int_equal(machine_decode(&machine, name, whole), RESULT_DAMAGED);
    row[0] = 2;
    assert_int_equal(machine_decode(&machine, name, whole), RESULT_NEWER);
}

static void roles_have_names(void **)
{
    static const enum machine_role all[] = { MACHINE_ADMIN, MACHINE_EDGE, MACHINE_VANTAGE };
    enum machine_role role;
    for (size_t i = 0; i < 3; i++) {
        assert_true(machine_role_parse(&role, machine_role_text(all[i])));
        assert_int_equal(role, all[i]);
    }
    assert_false(machine_role_parse(&role, "root"));
    assert_null(machine_role_text((enum machine_role)'x'));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_keys, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(machine_is_read_as_it_was_put),
        CASE(two_machines_have_two_keys),
        CASE(bad_names_are_refused),
        CASE(machines_are_bounded),
        CASE(evicted_machines_make_room_for_others_but_not_for_ever),
        CASE(machine_is_found_by_its_key),
        CASE(voucher_is_of_this_machine_by_that_key),
        CASE(row_that_is_none_is_damaged_and_one_to_come_is_newer),
        CASE(roles_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
