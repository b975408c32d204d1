#include "tests/unit/site_fixture.h"
#include "tools/site/page_failures.h"

static void assert_shows(const char *words)
{
    if (strstr(site_page(page_failures), words) == NULL) {
        fail_msg("it does not show %s", words);
    }
}

static void each_class_and_each_warning_has_an_anchor(void **)
{
    char anchor[64];
    for (unsigned i = FAILURE_NONE + 1; i < FAILURE_COUNT; i++) {
        (void)snprintf(anchor, sizeof anchor, "<tr id=\"%s\">", failure_id((enum failure)i));
        assert_shows(anchor);
    }
    for (unsigned i = 0; i < WARNINGS; i++) {
        (void)snprintf(anchor, sizeof anchor, "<tr id=\"warning-%s\">",
                       warning_text((enum warning)(1U << i)));
        assert_shows(anchor);
    }
    assert_null(strstr(site_page(page_failures), "id=\"ok\""));
}

static void sources_lead_to_the_rfc_editor(void **)
{
    /* one section, a whole RFC, two sections of one, two RFCs, none */
    assert_shows("<td><a href=\"https://www.rfc-editor.org/rfc/rfc8915#section-3\">"
                 "RFC&#160;8915&#160;3</a></td>");
    assert_shows("<td><a href=\"https://www.rfc-editor.org/rfc/rfc8446\">RFC&#160;8446</a></td>");
    assert_shows("rfc8915#section-5.7\">RFC&#160;8915&#160;5.7</a>, "
                 "<a href=\"https://www.rfc-editor.org/rfc/rfc8915#section-6\">6</a></td>");
    assert_shows("rfc5905#section-7.3\">RFC&#160;5905&#160;7.3</a>, "
                 "<a href=\"https://www.rfc-editor.org/rfc/rfc7822\">RFC&#160;7822</a></td>");
    assert_shows("nothing is wrong with the server.</td><td></td>");
}

static void the_addresses_that_fail_are_counted(void **)
{
    site_pool.census.failing[FAILURE_TLS_VERSION][ADDRESS_IPV4] = 3;
    site_pool.census.failing[FAILURE_TLS_VERSION][ADDRESS_IPV6] = 4;
    site_pool.census.warnings[0] = 9;
    assert_shows("3</a></td><td class=\"number\">7</td>");
    assert_shows("is left.</td><td class=\"number\">9</td>");
}

static void each_state_of_a_member_is_explained(void **)
{
    char anchor[64];
    for (unsigned i = 0; i < CENSUS_STATES; i++) {
        (void)snprintf(anchor, sizeof anchor, "<tr id=\"state-%s\">", census_state_text(i));
        assert_shows(anchor);
    }
    assert_shows("<tr id=\"state-leaving\">");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_class_and_each_warning_has_an_anchor, site_set_up),
        cmocka_unit_test_setup(sources_lead_to_the_rfc_editor, site_set_up),
        cmocka_unit_test_setup(the_addresses_that_fail_are_counted, site_set_up),
        cmocka_unit_test_setup(each_state_of_a_member_is_explained, site_set_up),
    };
    return cmocka_run_group_tests(tests, NULL, site_tear_down);
}
