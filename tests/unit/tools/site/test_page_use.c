#include "tests/unit/site_fixture.h"
#include "tools/site/page_use.h"

static void each_client_has_its_lines_with_the_name_of_the_pool(void **)
{
    static const char *const lines[] = {
        "mode = \"nts-pool\"\naddress = \"pool.example\"\n",
        "<code>pool pool.example nts iburst</code>",
        "<code>server NAME.pool.example nts iburst</code>",
        "mode = \"nts\"\naddress = \"NAME.pool.example\"",
        "<code>delv _ntske._tcp.pool.example SRV</code>",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (strstr(site_page(page_use), lines[i]) == NULL) {
            fail_msg("it does not show %s", lines[i]);
        }
    }
    site_pool.source.settings.srv_count = 3;
    assert_non_null(strstr(site_page(page_use), "up to 3 members"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_client_has_its_lines_with_the_name_of_the_pool, site_set_up),
    };
    return cmocka_run_group_tests(tests, NULL, site_tear_down);
}
