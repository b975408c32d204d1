/* An earlier program of the same schema reports a row that it can't read as damaged. So a new
 * layout of rows takes a new schema number: the earlier program then says that the store is
 * newer. */
#include <sodium.h>

#include "tests/unit/registry_fixture.h"
#include "zone/registry/audit.h"

enum {
    SUM_LEN = 8
};

static enum result add_row(const uint8_t *key, size_t key_len, const uint8_t *value,
                           size_t value_len, void *arg)
{
    crypto_generichash_state *sum = arg;
    crypto_generichash_update(sum, key, key_len);
    crypto_generichash_update(sum, value, value_len);
    return RESULT_OK;
}

static const char *sum_of(enum store_table table, char out[2 * SUM_LEN + 1])
{
    crypto_generichash_state state;
    uint8_t sum[crypto_generichash_BYTES_MIN];
    crypto_generichash_init(&state, NULL, 0, sizeof(sum));
    assert_ok(store_each(txn, table, add_row, &state));
    crypto_generichash_final(&state, sum, sizeof(sum));
    return sodium_bin2hex(out, 2 * SUM_LEN + 1, sum, SUM_LEN);
}

/* One of everything that the registry can hold. */
static void fill(void)
{
    struct member full = member_of("alice", "192.0.2.1");
    memcpy(full.country, "NL", 3);
    full.placed = true;
    full.suspended = true;
    full.override = OVERRIDE_INELIGIBLE;
    (void)snprintf(full.accounturi, sizeof(full.accounturi), "https://ca.example/1");
    assert_ok(registry_add(at(NOW), &full, true));
    struct member leaving = member_of("erin", "192.0.2.5");
    (void)snprintf(leaving.contact, sizeof(leaving.contact), "ops@example.net");
    leaving.leave_at = NOW + 100;
    leaving.unlisted = true;
    assert_ok(registry_add(at(NOW), &leaving, true));
    struct member own = member_of("bob", NULL);
    own.target = name_of("ntp.example.net");
    assert_ok(registry_add(at(NOW), &own, true));
    (void)added("carol", "2001:db8::1");
    assert_ok(registry_remove(at(NOW), "carol", NOW + 100));
    const struct audit_entry entry = { .at = NOW, .who = "who", .from = "from", .change = "a" };
    assert_ok(audit_add(txn, &entry));
}

static void rows_that_look_otherwise_take_a_new_schema(void **)
{
    enum {
        SCHEMA = 5
    };
    static const struct {
        enum store_table table;
        const char *name, *sum;
    } tables[] = {
        { TABLE_NAMES, "names", "b24c31033fac2562" },
        { TABLE_MEMBERS, "members", "924953d39172364d" },
        { TABLE_ADDRESSES, "addresses", "fc33045453673fe7" },
        { TABLE_TOMBSTONES, "tombstones", "66303fca65ef46db" },
        { TABLE_AUDIT, "audit", "02ee9ffd9f2bb4c1" },
    };
    uint8_t row[64];
    struct store_item item = { .data = row, .room = sizeof(row) };
    fill();
    assert_ok(store_get(txn, TABLE_META, "format", sizeof("format"), &item));
    bool fits = item.len > 0 && row[item.len - 1] == SCHEMA;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        char sum[2 * SUM_LEN + 1];
        if (strcmp(sum_of(tables[i].table, sum), tables[i].sum) != 0) {
            print_error("the rows of %s look otherwise (%s): raise the registry's schema\n",
                        tables[i].name, sum);
            fits = false;
        }
    }
    assert_true(fits);
}

static void row_of_a_newer_program_is_not_called_damaged(void **)
{
    uint8_t row[MEMBER_ENCODED_MAX];
    struct store_item item = { .data = row, .room = sizeof(row) };
    struct member member = added("alice", "192.0.2.1");
    assert_ok(store_get(txn, TABLE_MEMBERS, "alice", 5, &item));
    row[0] = 99;
    assert_ok(store_put(txn, TABLE_MEMBERS, "alice", 5, row, item.len));
    assert_int_equal(registry_member(txn, "alice", &member), RESULT_NEWER);
    assert_int_equal(registry_update(at(NOW), &member, true), RESULT_NEWER);
    assert_non_null(strstr(diag.text, "newer ntspool: upgrade"));
    row[0] = 0;
    assert_ok(store_put(txn, TABLE_MEMBERS, "alice", 5, row, item.len));
    assert_int_equal(registry_member(txn, "alice", &member), RESULT_DAMAGED);
}

static void name_of_a_newer_program_is_not_called_damaged(void **)
{
    struct node node;
    uint8_t row = 99;
    assert_int_equal(node_decode(&node, &row, 1), RESULT_NEWER);
    row = 0;
    assert_int_equal(node_decode(&node, &row, 1), RESULT_DAMAGED);
}

static void store_that_is_renewed_while_it_is_open_is_noticed(void **)
{
    uint8_t row[64];
    struct store_item item = { .data = row, .room = sizeof(row) };
    assert_ok(store_check(txn, &diag));
    assert_ok(store_get(txn, TABLE_META, "format", sizeof("format"), &item));
    row[item.len - 1]++;
    assert_ok(store_put(txn, TABLE_META, "format", sizeof("format"), row, item.len));
    assert_int_equal(store_check(txn, &diag), RESULT_NEWER);
    assert_non_null(strstr(diag.text, "upgrade ntspool"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_that_look_otherwise_take_a_new_schema, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(row_of_a_newer_program_is_not_called_damaged, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(name_of_a_newer_program_is_not_called_damaged, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(store_that_is_renewed_while_it_is_open_is_noticed, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
