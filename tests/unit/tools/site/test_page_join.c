#include "tests/unit/site_fixture.h"
#include "tools/site/page_join.h"

static void assert_shows(const char *words)
{
    assert_non_null(strstr(site_page(page_join), words));
}

static void the_mailbox_is_a_mail_address(void **)
{
    assert_shows("<code>hostmaster@pool.example</code>");
    site_pool.source.settings.mailbox = name_of("time\\.master.operator.example.");
    assert_shows("<code>time.master@operator.example</code>");
    site_pool.source.settings.mailbox = name_of("a\\000b<c.example.");
    assert_null(strstr(site_page(page_join), "b<c"));
}

static void the_steps_are_those_of_the_welcome(void **)
{
    assert_shows("<h2>Its certificate</h2>");
    assert_shows("for NAME.pool.example, from letsencrypt.org.");
    assert_null(strstr(site_page(page_join), "Welcome"));
    site_pool.source.settings.ca_count = 0;
    assert_null(strstr(site_page(page_join), "<h2>Its certificate</h2>"));
    assert_shows("no CA may issue");
}

static void the_rules_are_the_settings(void **)
{
    struct diag diag;
    assert_ok(settings_set(&site_pool.source.settings, "entry-score", "11.5", &diag));
    assert_ok(settings_set(&site_pool.source.settings, "leave-lead", "21d", &diag));
    assert_shows("<td>11.5</td>");
    assert_shows("from 21d before that time on");
}

static void a_name_outside_the_pool_needs_consent_if_the_setting_says_so(void **)
{
    site_pool.source.settings.target_consent = true;
    assert_shows("_ntspool.time.example.net. TXT \"pool=pool.example\"");
    site_pool.source.settings.target_consent = false;
    assert_null(strstr(site_page(page_join), "_ntspool"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_mailbox_is_a_mail_address, site_set_up),
        cmocka_unit_test_setup(the_steps_are_those_of_the_welcome, site_set_up),
        cmocka_unit_test_setup(the_rules_are_the_settings, site_set_up),
        cmocka_unit_test_setup(a_name_outside_the_pool_needs_consent_if_the_setting_says_so,
                               site_set_up),
    };
    return cmocka_run_group_tests(tests, NULL, site_tear_down);
}
