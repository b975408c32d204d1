#include "tests/unit/site_fixture.h"
#include "tools/site/page_vantages.h"

static struct vantage *vantage;

static int set_up(void **state)
{
    struct vantages *all = &site_pool.source.vantages;
    (void)site_set_up(state);
    all->count = 1;
    all->asked[0] = true;
    vantage = &all->list[0];
    *vantage = (struct vantage){
        .name = "ams", .interval_s = 300, .well_at = site_pool.now - 60, .members = 12, .down = 2
    };
    vantage->family[ADDRESS_IPV4].state = FAMILY_ON;
    vantage->family[ADDRESS_IPV6].state = FAMILY_OFF;
    return 0;
}

static void assert_shows(const char *words)
{
    if (strstr(site_page(page_vantages), words) == NULL) {
        fail_msg("it does not show %s", words);
    }
}

static void a_vantage_point_counts_or_the_page_says_why_not(void **)
{
    assert_shows("<th scope=\"row\">ams</th><td class=\"words\"><span class=\"state good\">counts"
                 "</span></td>");
    vantage->frozen_since = site_pool.now - 100;
    assert_shows("<span class=\"state good\">counts</span>; removals wait");
    site_pool.source.vantages.asked[0] = false;
    assert_shows("<span class=\"state bad\">silent</span>: its last report is too old");
    vantage->state = VANTAGE_CLOCK_OFF;
    assert_shows("<span class=\"state bad\">set aside</span>: its clock");
    vantage->state = VANTAGE_NETWORK_OFF;
    assert_shows("<span class=\"state bad\">set aside</span>: its network");
    vantage->state = VANTAGE_HELD_UP;
    assert_shows("<span class=\"state bad\">set aside</span>: its machine");
}

static void families_and_counts_are_shown(void **)
{
    assert_shows("<td>works</td><td>off: verdicts wait</td><td class=\"number\">12</td>"
                 "<td class=\"number\">2</td>");
    vantage->family[ADDRESS_IPV6].state = FAMILY_UNSEEN;
    assert_shows("<td>never worked</td>");
}

static void a_pool_without_vantage_points_says_so(void **)
{
    site_pool.source.vantages = (struct vantages){ .silent = true };
    assert_shows("There is none yet.");
    assert_null(strstr(site_page(page_vantages), "The last verdicts stand."));
    site_pool.source.vantages.count = 1;
    assert_shows("The last verdicts stand.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_vantage_point_counts_or_the_page_says_why_not, set_up),
        cmocka_unit_test_setup(families_and_counts_are_shown, set_up),
        cmocka_unit_test_setup(a_pool_without_vantage_points_says_so, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, site_tear_down);
}
