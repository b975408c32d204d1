#include "tests/unit/site_fixture.h"
#include "tools/site/page_servers.h"

static void name_servers_have_their_addresses_and_the_primary_is_marked(void **)
{
    struct name_servers *servers = &site_pool.servers;
    servers->count = 2;
    servers->list[0] =
        (struct name_server){ .name = name_of("ns1.pool.example."), .address_count = 2 };
    servers->list[0].addresses[0] = address_of("192.0.2.53");
    servers->list[0].addresses[1] = address_of("2001:db8::53");
    servers->list[1] = (struct name_server){ .name = name_of("ns.other.example.") };
    site_pool.source.settings.primary = name_of("NS1.pool.example.");
    const char *text = site_page(page_servers);
    assert_non_null(strstr(text, "ns1.pool.example</th><td><code>192.0.2.53</code> "
                                 "<code>2001:db8::53</code></td><td>yes</td>"));
    assert_non_null(strstr(text, "ns.other.example</th><td>those of its name</td><td></td>"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(name_servers_have_their_addresses_and_the_primary_is_marked,
                               site_set_up),
    };
    return cmocka_run_group_tests(tests, NULL, site_tear_down);
}
