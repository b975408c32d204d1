#include "tests/unit/registry_fixture.h"
#include "zone/overview/delegation.h"

static struct delegation_changes changes;

static int set_up_seen(void **state)
{
    (void)set_up(state);
    assert_ok(registry_delegation_seen(at(NOW)));
    commit();
    return 0;
}

static void read_changes(size_t count)
{
    commit();
    assert_ok(delegation_read(&changes, txn, &diag));
    assert_int_equal(changes.count, count);
}

static void a_parent_that_has_what_is_served_needs_no_change(void **)
{
    struct concerns *concerns = xcalloc(1, sizeof(*concerns));
    read_changes(0);
    delegation_warn(&changes, concerns);
    assert_int_equal(concerns->count, 0);
    free(concerns);
}

static void each_difference_is_a_change_and_a_warning(void **)
{
    struct concerns *concerns = xcalloc(1, sizeof(*concerns));
    const struct name_server added = server_of("ns3.pool.test", "127.0.0.3");
    const struct name_server changed = server_of("ns1.pool.test", "127.0.0.9");
    const struct dname removed = name_of("ns.example.net");
    assert_ok(registry_server_add(at(NOW), &added));
    assert_ok(registry_server_set(at(NOW), &changed));
    assert_ok(registry_server_remove(at(NOW), &removed));
    read_changes(3);
    assert_string_equal(changes.text[0], "change the glue of ns1.pool.test. to 127.0.0.9");
    assert_string_equal(changes.text[1], "add NS ns3.pool.test. with glue 127.0.0.3");
    assert_string_equal(changes.text[2], "remove NS ns.example.net.");
    delegation_warn(&changes, concerns);
    assert_int_equal(concerns->count, 3);
    assert_int_equal(concerns->list[2].id, CONCERN_DELEGATION_DIFFERS);
    assert_non_null(strstr(concerns->list[2].text, "has to remove NS ns.example.net."));
    assert_ok(registry_delegation_seen(at(NOW)));
    read_changes(0);
    free(concerns);
}

static void the_longest_lists_fit(void **)
{
    char text[DELEGATION_ADDRESSES_ROOM];
    struct name_server server = { .address_count = MEMBER_ADDRESSES_MAX };
    size_t len = 0;
    for (unsigned i = 0; i < MEMBER_ADDRESSES_MAX; i++) {
        server.addresses[i] = address_of("2001:db8:1234:5678:9abc:def0:1234:5678");
    }
    len = strlen(delegation_addresses(&server, text));
    assert_int_equal(len,
                     MEMBER_ADDRESSES_MAX * strlen("2001:db8:1234:5678:9abc:def0:1234:5678,") - 1);
    server.address_count = 0;
    assert_string_equal(delegation_addresses(&server, text), "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_parent_that_has_what_is_served_needs_no_change,
                                        set_up_seen, tear_down),
        cmocka_unit_test_setup_teardown(each_difference_is_a_change_and_a_warning, set_up_seen,
                                        tear_down),
        cmocka_unit_test(the_longest_lists_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
