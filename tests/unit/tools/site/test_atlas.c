#include "tests/unit/unit.h"
#include "tools/site/atlas.h"
#include "zone/places/country.h"

/* An outline as it is drawn, read point by point. */
struct pen {
    const char *at;
    long x, y, from_x, from_y; /* the point, and the one before */
    bool drawn;                /* false: the pen was lifted */
};

/* False at the end. A path is made of "Mx yl", then steps, then "z". */
static bool next(struct pen *pen)
{
    if (*pen->at == 'z') {
        pen->at++;
    }
    if (*pen->at == 0) {
        return false;
    }
    char *end = NULL;
    pen->drawn = *pen->at != 'M';
    pen->from_x = pen->x;
    pen->from_y = pen->y;
    long x = strtol(pen->at + !pen->drawn, &end, 10), y = strtol(end, &end, 10);
    assert_true(end > pen->at + 3 - pen->drawn);
    pen->x = x + (pen->drawn ? pen->x : 0);
    pen->y = y + (pen->drawn ? pen->y : 0);
    pen->at = end + (*end == 'l');
    return true;
}

/* Counts the lines to the right of the point. Lines from the last point of a ring to its first are
 * those of `z`. */
static bool inside(const char *path, struct atlas_point point)
{
    struct pen pen = { .at = path };
    long first_x = 0, first_y = 0;
    bool in = false;
    while (next(&pen)) {
        if (!pen.drawn) {
            first_x = pen.x;
            first_y = pen.y;
        }
        struct {
            long x, y;
        } ends[] = { { pen.from_x, pen.from_y }, { pen.x, pen.y }, { first_x, first_y } };
        bool last = *pen.at == 'z';
        for (unsigned i = pen.drawn ? 0 : 1; i < (last ? 2U : 1U); i++) {
            float ax = (float)ends[i].x, ay = (float)ends[i].y, bx = (float)ends[i + 1].x,
                  by = (float)ends[i + 1].y;
            if ((ay > point.y) != (by > point.y) &&
                point.x < (bx - ax) * (point.y - ay) / (by - ay) + ax) {
                in = !in;
            }
        }
    }
    return in;
}

static void each_country_has_a_name(void **)
{
    size_t count = 0;
    const struct country *all = country_all(&count);
    assert_int_equal(count, atlas_names_count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(all[i].code, atlas_names[i].code);
    }
    assert_string_equal(atlas_name("NL"), "Netherlands");
    assert_string_equal(atlas_name("AD"), "Andorra");
    assert_string_equal(atlas_name("ZW"), "Zimbabwe");
    assert_string_equal(atlas_name("ZZ"), "ZZ");
    assert_string_equal(atlas_name(""), "");
}

static void outlines_are_rings_inside_of_the_drawing(void **)
{
    size_t octets = 0;
    for (size_t i = 0; i < atlas_outlines_count; i++) {
        const char *path = atlas_outlines[i].path;
        assert_non_null(country_find(atlas_outlines[i].code));
        assert_true(i == 0 || strcmp(atlas_outlines[i - 1].code, atlas_outlines[i].code) < 0);
        assert_int_equal(strspn(path, "0123456789- Mlz"), strlen(path));
        assert_int_equal(path[0], 'M');
        assert_int_equal(path[strlen(path) - 1], 'z');
        unsigned points = 0;
        struct pen pen = { .at = path };
        while (next(&pen)) {
            assert_in_range(pen.x, 0, ATLAS_WIDTH);
            assert_in_range(pen.y, 0, ATLAS_HEIGHT);
            /* no line across the map: no country is cut */
            assert_true(!pen.drawn || labs(pen.x - pen.from_x) < ATLAS_WIDTH / 10);
            points++;
        }
        assert_true(points >= 3);
        octets += strlen(path);
    }
    assert_true(atlas_outlines_count > 170);
    assert_true(octets < 40000); /* a page has all of them */
    assert_null(atlas_outline("MT"));
    assert_null(atlas_outline("AQ"));
    assert_null(atlas_outline(""));
}

/* The projection is written twice, in Python for the outlines and in C for what stands in them. */
static void places_are_in_their_countries(void **)
{
    static const struct {
        const char *code;
        struct position at;
    } known[] = {
        { "NL", { 52.1F, 5.3F } },    { "GB", { 52.5F, -1.5F } },   { "JP", { 36.2F, 138.5F } },
        { "ZA", { -33.5F, 20.5F } },  { "LS", { -29.5F, 28.3F } },  { "NZ", { -43.9F, 171.0F } },
        { "US", { 65.0F, -150.0F } }, { "US", { 39.0F, -98.0F } },  { "RU", { 66.5F, -173.0F } },
        { "RU", { 66.5F, 175.0F } },  { "RU", { 54.7F, 21.0F } },   { "CL", { -30.0F, -70.7F } },
        { "GL", { 75.0F, -40.0F } },  { "AU", { -42.0F, 146.6F } }, { "XK", { 42.6F, 20.9F } },
        { "UA", { 45.3F, 34.4F } },   { "CY", { 35.2F, 33.6F } },   { "SO", { 9.8F, 45.5F } },
        { "SO", { 3.0F, 45.0F } },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct atlas_point point = atlas_point(known[i].at);
        for (size_t j = 0; j < atlas_outlines_count; j++) {
            bool in = inside(atlas_outlines[j].path, point);
            bool expected = strcmp(atlas_outlines[j].code, known[i].code) == 0;
            assert_string_equal(in == expected ? "" : atlas_outlines[j].code, "");
        }
    }
}

static void positions_lie_on_the_drawing_but_those_of_antarctica(void **)
{
    size_t count = 0;
    const struct country *all = country_all(&count);
    for (size_t i = 0; i < count; i++) {
        struct atlas_point point = atlas_point(all[i].position);
        bool antarctic = strcmp(all[i].code, "AQ") == 0;
        assert_true(point.x >= 0 && point.x <= ATLAS_WIDTH && point.y >= 0);
        assert_int_equal(point.y > ATLAS_HEIGHT, antarctic);
    }
    struct atlas_point west = atlas_point((struct position){ 0, -168.9F }),
                       east = atlas_point((struct position){ 0, -169.1F });
    assert_true(west.x < 1 && east.x > ATLAS_WIDTH - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_country_has_a_name),
        cmocka_unit_test(outlines_are_rings_inside_of_the_drawing),
        cmocka_unit_test(places_are_in_their_countries),
        cmocka_unit_test(positions_lie_on_the_drawing_but_those_of_antarctica),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
