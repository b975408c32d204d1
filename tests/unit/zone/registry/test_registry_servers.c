#include "tests/unit/registry_fixture.h"

static struct name_servers servers_now(void)
{
    struct name_servers servers = { .count = 0 };
    assert_ok(registry_servers(txn, &servers, &diag));
    return servers;
}

static bool is_server(const char *name)
{
    const struct name_servers servers = servers_now();
    const struct dname wanted = name_of(name);
    return name_servers_find(&servers, &wanted) != NULL;
}

static unsigned addresses_of(const char *name)
{
    const struct name_servers servers = servers_now();
    const struct dname wanted = name_of(name);
    const struct name_server *found = name_servers_find(&servers, &wanted);
    assert_non_null(found);
    return found->address_count;
}

static struct dname primary_now(void)
{
    struct settings settings;
    assert_ok(registry_settings(txn, &settings, &diag));
    return settings.primary;
}

static void says(enum result got, enum result wanted, const char *reason)
{
    assert_int_equal(got, wanted);
    if (strstr(diag.text, reason) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", diag.text, reason);
    }
}

static void servers_of_a_new_zone_are_read_back(void **)
{
    assert_int_equal(servers_now().count, 2);
    assert_int_equal(addresses_of("ns1.pool.test"), 2);
    assert_int_equal(addresses_of("ns.example.net"), 0);
}

static void server_is_added_with_its_addresses(void **)
{
    struct name_server inside = server_of("NS3.Pool.Test", "192.0.2.3");
    struct name_server outside = server_of("ns9.example.net", NULL);
    assert_ok(registry_server_add(&change, &inside));
    assert_ok(registry_server_add(&change, &outside));
    assert_int_equal(servers_now().count, 4);
    assert_int_equal(addresses_of("ns3.pool.test"), 1);
    says(registry_server_add(&change, &inside), RESULT_EXISTS, "already");
}

static void server_takes_the_addresses_that_its_name_has(void **)
{
    uint8_t data[64];
    struct rrset_builder b;
    struct rrset set;
    struct name_server ns = server_of("www.pool.test", NULL);
    says(registry_server_add(&change, &ns), RESULT_REFUSED, "give it 1 to");
    rrset_begin(&b, RR_A, 0, data, sizeof(data));
    rrset_add(&b, "\x09\x09\x09\x09", 4);
    assert_true(rrset_end(&b, &set));
    assert_ok(registry_record_set(&change, &ns.name, &set));
    assert_ok(registry_server_add(&change, &ns));
    assert_int_equal(addresses_of("www.pool.test"), 1);
}

static void server_that_can_not_be_is_refused(void **)
{
    (void)added("alice", "192.0.2.1");
    static const struct {
        const char *name, *address, *reason;
    } cases[] = {
        { "pool.test", "192.0.2.9", "own name" },
        { "ns5.pool.test", NULL, "give it 1 to" },
        { "ns5.example.net", "192.0.2.9", "outside the zone" },
        { "alice.pool.test", "192.0.2.9", "the member alice" },
        { "ns.alice.pool.test", "192.0.2.9", "the member alice" },
        { "_ntske._tcp.pool.test", "192.0.2.9", "can't be a name" },
        { "*.pool.test", "192.0.2.9", "can't be a name" },
        { "_ntske._tcp.nl.pool.test", "192.0.2.9", "the pool's" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct name_server ns = server_of(cases[i].name, cases[i].address);
        says(registry_server_add(&change, &ns), RESULT_REFUSED, cases[i].reason);
    }
    assert_int_equal(servers_now().count, 2);
}

static void at_most_eight_servers(void **)
{
    for (unsigned i = 2; i < REGISTRY_NS_MAX; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "n%u.example.net", i);
        struct name_server ns = server_of(name, NULL);
        assert_ok(registry_server_add(&change, &ns));
    }
    struct name_server more = server_of("more.example.net", NULL);
    says(registry_server_add(&change, &more), RESULT_REFUSED, "at most 8");
}

static void renumbering_replaces_all_addresses(void **)
{
    struct name_server ns = server_of("ns1.pool.test", "2001:db8::99");
    assert_ok(registry_server_set(&change, &ns));
    assert_int_equal(addresses_of("ns1.pool.test"), 1);
    ns = server_of("ns1.pool.test", "192.0.2.53");
    assert_ok(registry_server_set(&change, &ns));
    struct name_servers servers = servers_now();
    const struct name_server *found = name_servers_find(&servers, &ns.name);
    assert_true(found->address_count == 1 && address_equal(found->addresses, ns.addresses));
    ns = server_of("ns.example.net", NULL);
    says(registry_server_set(&change, &ns), RESULT_REFUSED, "outside");
    ns = server_of("ns7.pool.test", "192.0.2.7");
    says(registry_server_set(&change, &ns), RESULT_NOT_FOUND, "no name server");
}

static void removed_server_takes_its_addresses_and_the_soa_names_another(void **)
{
    struct dname gone = name_of("NS1.pool.test"), left = name_of("ns.example.net");
    struct node node;
    static uint8_t buffer[NODE_ENCODED_MAX];
    struct dname_key key;
    struct dname apex = name_of("pool.test"), lower = name_of("ns1.pool.test");
    struct dname primary = primary_now();
    assert_true(dname_equal(&primary, &gone));
    assert_ok(registry_server_remove(&change, &gone));
    assert_false(is_server("ns1.pool.test"));
    dname_key_of(&key, &lower, &apex);
    assert_int_equal(registry_node(txn, &key, buffer, &node), RESULT_NOT_FOUND);
    primary = primary_now();
    assert_true(dname_equal(&primary, &left));
    says(registry_server_remove(&change, &gone), RESULT_NOT_FOUND, "no name server");
    says(registry_server_remove(&change, &left), RESULT_REFUSED, "last name server");
    assert_true(is_server("ns.example.net"));
}

static void other_records_of_a_removed_server_stay(void **)
{
    uint8_t data[64], buffer[NODE_ENCODED_MAX];
    struct rrset_builder b;
    struct rrset set;
    struct dname name = name_of("ns1.pool.test"), apex = name_of("pool.test");
    struct dname_key key;
    struct node node;
    rrset_begin(&b, RR_TXT, 0, data, sizeof(data));
    rrset_add(&b, "\x01x", 2);
    assert_true(rrset_end(&b, &set));
    assert_ok(registry_record_set(&change, &name, &set));
    assert_ok(registry_server_remove(&change, &name));
    dname_key_of(&key, &name, &apex);
    assert_ok(registry_node(txn, &key, buffer, &node));
    assert_true(node.rrset_count == 1 && node.rrsets[0].type == RR_TXT);
}

static void what_the_parent_has_stays_until_it_is_seen(void **)
{
    struct name_server ns = server_of("ns3.pool.test", "192.0.2.3");
    struct dname gone = name_of("ns1.pool.test");
    struct name_servers parent;
    assert_ok(registry_server_add(&change, &ns));
    assert_ok(registry_server_remove(&change, &gone));
    assert_ok(registry_delegation(txn, &parent, &diag));
    assert_int_equal(parent.count, 2);
    const struct name_server *had = name_servers_find(&parent, &gone);
    assert_true(had != NULL && had->address_count == 2);
    assert_ok(registry_delegation_seen(&change));
    assert_ok(registry_delegation(txn, &parent, &diag));
    assert_null(name_servers_find(&parent, &gone));
    assert_non_null(name_servers_find(&parent, &ns.name));
}

/* An older registry does not store the name servers that the parent has. They are those from before
 * the first change. */
static void registry_of_before_has_what_it_was_made_with(void **)
{
    struct name_servers parent;
    struct name_server ns = server_of("ns3.pool.test", "192.0.2.3");
    assert_ok(store_delete(txn, TABLE_SETTINGS, ".delegation", 11));
    assert_ok(registry_server_add(&change, &ns));
    assert_ok(registry_delegation(txn, &parent, &diag));
    assert_int_equal(parent.count, 2);
    assert_null(name_servers_find(&parent, &ns.name));
}

static void damaged_word_of_the_parent_is_told(void **)
{
    struct name_servers parent;
    static const uint8_t row[] = { 3, 'n', 's', '1', 0, 9, 1, 2, 3 };
    for (size_t len = 1; len <= sizeof(row); len++) {
        assert_ok(store_put(txn, TABLE_SETTINGS, ".delegation", 11, row, len));
        assert_int_equal(registry_delegation(txn, &parent, &diag), RESULT_DAMAGED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(servers_of_a_new_zone_are_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(server_is_added_with_its_addresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(server_takes_the_addresses_that_its_name_has, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(server_that_can_not_be_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(at_most_eight_servers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(renumbering_replaces_all_addresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            removed_server_takes_its_addresses_and_the_soa_names_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_records_of_a_removed_server_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_parent_has_stays_until_it_is_seen, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(registry_of_before_has_what_it_was_made_with, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(damaged_word_of_the_parent_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
