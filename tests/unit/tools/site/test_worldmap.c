#include "tests/unit/unit.h"
#include "tools/site/worldmap.h"

static struct sitepool pool;
static struct siteworld world;
static struct markup m;

static struct siteworld_country *country(const char *code)
{
    return &world.countries[region_of_country(code)];
}

static int set_up(void **)
{
    static struct siteworld_dot dots[] = { { 52, 5, 3, 3000 }, { 1, 104, 1, 100 } };
    pool = (struct sitepool){ .now = 1796000000,
                              .apex = "pool.example",
                              .options = { .title = "", .url = "", .imprint = "", .map = true } };
    world = (struct siteworld){ .located = true, .dots = dots, .dot_count = 2 };
    world.view.source.settings.publish = PUBLISH_CAPACITY;
    for (unsigned i = 0; i <= REGION_COUNTRIES; i++) {
        world.countries[i].km = -1;
    }
    *country("NL") = (struct siteworld_country){ 4, 4, 3, 0.97, 0.25, 120 };
    *country("SG") = (struct siteworld_country){ 1, 1, 1, 0.03, 0.0004, 0.4 };
    *country("US") = (struct siteworld_country){ 0, 0, 0, 0, 0.5, 6200 };
    *country("") = (struct siteworld_country){ 0, 0, 0, 0, 0.01, -1 };
    return 0;
}

static int tear_down(void **)
{
    markup_done(&m);
    return 0;
}

static const char *page(enum worldmap map)
{
    markup_clear(&m);
    worldmap_page(&m, map, &pool, &world);
    return m.text;
}

static void assert_shows(enum worldmap map, const char *words)
{
    if (strstr(page(map), words) == NULL) {
        fail_msg("map %d does not show %s", (int)map, words);
    }
}

/* The class and the title of the country's shape. */
static void assert_shape(enum worldmap map, const char *element, const char *class,
                         const char *title)
{
    char head[64], tail[128];
    (void)snprintf(tail, sizeof tail, "\"><title>%s</title></%s>", title, element);
    (void)snprintf(head, sizeof head, "<%s class=\"%s\" ", element, class);
    const char *text = page(map), *end = strstr(text, tail);
    assert_non_null(end);
    const char *start = end;
    while (start > text && *start != '<') {
        start--;
    }
    assert_memory_equal(start, head, strlen(head));
}

static void each_shape_has_its_class_and_says_its_value(void **)
{
    assert_shape(WORLDMAP_MEMBERS, "path", "m2", "Netherlands: 4 members");
    assert_shape(WORLDMAP_MEMBERS, "circle", "m1", "Singapore: 1 member");
    assert_shape(WORLDMAP_MEMBERS, "path", "m0", "Germany: 0 members");
    assert_shape(WORLDMAP_DEMAND, "path", "m5", "Netherlands: 25.00 % of all queries");
    assert_shape(WORLDMAP_DEMAND, "circle", "m0", "Singapore: 0.04 % of all queries");
    assert_shape(WORLDMAP_DISTANCE, "path", "m1", "Netherlands: 120 km");
    assert_shape(WORLDMAP_DISTANCE, "circle", "m1", "Singapore: 0 km");
    assert_shape(WORLDMAP_DISTANCE, "path", "m5", "United States: 6200 km");
    assert_shape(WORLDMAP_DISTANCE, "path", "m0", "Germany: not known");
}

static void members_are_circles_that_say_their_number_and_capacity(void **)
{
    assert_shows(WORLDMAP_MEMBERS, "r=\"20.0\"><title>3 members, 3000 Mbit/s</title>");
    assert_shows(WORLDMAP_DISTANCE, "r=\"4.0\"><title>1 member, 100 Mbit/s</title>");
    assert_null(strstr(page(WORLDMAP_DEMAND), "3 members"));
    world.view.source.settings.publish = 0; /* then they have the weight 1 each, as found */
    assert_shows(WORLDMAP_MEMBERS, "<title>3 members</title>");
    assert_null(strstr(page(WORLDMAP_MEMBERS), "Mbit"));
    world.view.source.settings.publish = PUBLISH_CAPACITY;
}

static void the_table_says_what_the_map_shows(void **)
{
    assert_shows(WORLDMAP_DISTANCE,
                 "<a href=\"countries/nl.html\">Netherlands</a></th><td class=\"number\">120</td>"
                 "<td class=\"number\">25.00 %</td><td class=\"number\">4</td>"
                 "<td class=\"number\">3</td><td class=\"number\">97.00 %</td>");
    assert_shows(WORLDMAP_DEMAND, "United States</th><td class=\"number\">50.00 %</td>"
                                  "<td class=\"number\">6,200</td>");
    assert_shows(WORLDMAP_DEMAND, "<th scope=\"row\">United States</th>");
    assert_shows(WORLDMAP_DEMAND, "<th scope=\"row\">no known country</th>");
    /* a country without members is no part of the members' table, nor is one without anything */
    assert_null(strstr(page(WORLDMAP_MEMBERS), "<th scope=\"row\">United States"));
    assert_null(strstr(page(WORLDMAP_DEMAND), "<th scope=\"row\">Germany"));
    /* by falling value */
    const char *text = page(WORLDMAP_DEMAND), *us = strstr(text, "row\">United States");
    assert_true(us < strstr(text, ">Netherlands</a>"));
}

static void without_locations_there_is_only_the_map_of_members(void **)
{
    world.located = false;
    assert_true(worldmap_known(WORLDMAP_MEMBERS, &world));
    assert_false(worldmap_known(WORLDMAP_DEMAND, &world));
    assert_false(worldmap_known(WORLDMAP_DISTANCE, &world));
    assert_null(strstr(page(WORLDMAP_MEMBERS), "map-demand.html"));
    assert_null(strstr(page(WORLDMAP_MEMBERS), ">km</th>"));
    world.located = true;
    assert_shows(WORLDMAP_MEMBERS, "map-demand.html");
}

static void the_image_stands_alone(void **)
{
    markup_clear(&m);
    worldmap_image(&m, &world);
    assert_memory_equal(m.text, "<svg xmlns=\"http://www.w3.org/2000/svg\"", 39);
    assert_non_null(strstr(m.text, "prefers-color-scheme: dark"));
    assert_non_null(strstr(m.text, "<title>Netherlands: 4 members</title>"));
}

static void a_pool_without_members_has_a_map_too(void **)
{
    world.dot_count = 0;
    memset(world.countries, 0, sizeof(world.countries));
    assert_shows(WORLDMAP_MEMBERS, "<title>Germany: 0 members</title>");
    assert_null(strstr(page(WORLDMAP_MEMBERS), "nan"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_shape_has_its_class_and_says_its_value),
        cmocka_unit_test(members_are_circles_that_say_their_number_and_capacity),
        cmocka_unit_test(the_table_says_what_the_map_shows),
        cmocka_unit_test(without_locations_there_is_only_the_map_of_members),
        cmocka_unit_test(the_image_stands_alone),
        cmocka_unit_test(a_pool_without_members_has_a_map_too),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
