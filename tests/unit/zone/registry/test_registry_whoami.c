#include "tests/unit/registry_fixture.h"

static bool is_there(void)
{
    struct dname apex = name_of("pool.test"), name = name_of("_whoami.pool.test");
    struct dname_key key;
    struct node node;
    uint8_t buffer[NODE_ENCODED_MAX];
    dname_key_of(&key, &name, &apex);
    enum result result = registry_node(txn, &key, buffer, &node);
    assert_true(result == RESULT_NOT_FOUND || result == RESULT_OK);
    return result == RESULT_OK && node.kind == NODE_WHOAMI;
}

static enum result set_text(void)
{
    struct dname name = name_of("_Whoami.pool.test");
    const struct rrset text = {
        .type = RR_TXT, .count = 1, .rdata = (const uint8_t *)"\0\3\2hi", .rdata_len = 5
    };
    return registry_record_set(at(NOW), &name, &text);
}

static void the_name_is_there_while_the_setting_is_on(void **)
{
    assert_false(is_there());
    assert_ok(registry_set(at(NOW), "whoami", "on"));
    assert_true(is_there());
    assert_ok(registry_set(at(NOW), "whoami", "on"));
    assert_ok(registry_set(at(NOW), "srv-ttl", "60"));
    assert_true(is_there());
    assert_ok(registry_set(at(NOW), "whoami", "off"));
    assert_false(is_there());
    assert_int_equal(registry_set(at(NOW), "whoami", "yes"), RESULT_INVALID);
    assert_non_null(strstr(diag.text, "whoami takes off or on"));
}

static void it_does_not_take_the_place_of_the_operators_records(void **)
{
    assert_ok(set_text());
    assert_int_equal(registry_set(at(NOW), "whoami", "on"), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "remove them first"));
}

static void records_do_not_take_its_place(void **)
{
    assert_ok(registry_set(at(NOW), "whoami", "on"));
    assert_int_equal(set_text(), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, "zone set whoami off"));
    assert_true(is_there());
    assert_ok(registry_set(at(NOW), "whoami", "off"));
    assert_ok(set_text());
}

/* So caches drop its own NSEC, and that of the name before it. */
static void the_change_log_has_both_names_that_change(void **)
{
    static const char *const names[] = { "_whoami.pool.test", "_ntske._tcp.pool.test" };
    struct dname apex = name_of("pool.test");
    assert_ok(registry_set(at(NOW), "whoami", "on"));
    assert_true(change.log.count >= 2);
    for (size_t i = 0; i < 2; i++) {
        struct dname name = name_of(names[i]);
        struct dname_key key;
        dname_key_of(&key, &name, &apex);
        assert_int_equal(change.log.list[change.log.count - 2 + i].hash, dname_key_hash(&key));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_name_is_there_while_the_setting_is_on),
        TEST(it_does_not_take_the_place_of_the_operators_records),
        TEST(records_do_not_take_its_place),
        TEST(the_change_log_has_both_names_that_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
