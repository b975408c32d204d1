#include "tests/unit/distance.h"
#include "tests/unit/unit.h"
#include "zone/places/position.h"

static struct position at(const char *text)
{
    struct position position = { 0, 0 };
    assert_ok(position_parse(&position, text));
    return position;
}

static void texts_round_trip_to_four_decimals(void **)
{
    const char *const texts[][2] = {
        { "52.3702,4.8952", "52.3702,4.8952" }, { "-33.86786, +151", "-33.8679,151.0000" },
        { "90,-180", "90.0000,-180.0000" },     { "0,-0", "0.0000,0.0000" },
        { "007,9.99999", "7.0000,10.0000" },
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[POSITION_TEXT_MAX];
        assert_string_equal(position_text(at(texts[i][0]), text), texts[i][1]);
    }
}

static void invalid_positions_are_refused(void **)
{
    const char *const texts[] = { "",      "52",      "52,",     ",4",      "52;4",  "52,4,",
                                  "91,0",  "-90.1,0", "0,180.1", "nan,0",   "inf,1", "0x10,1",
                                  "1e1,1", "52.,4",   ".5,4",    "--1,0",   "+-1,0", " 1,1",
                                  "1,  1", "1,1 ",    "1000,1",  "52 N,4 E" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct position position = { 1, 2 };
        assert_int_equal(position_parse(&position, texts[i]), RESULT_INVALID);
        assert_true(position.latitude == 1 && position.longitude == 2);
    }
}

static void distances_are_those_of_the_globe(void **)
{
    const struct {
        const char *a, *b;
        double km;
    } cases[] = {
        { "0,0", "0,180", 20015.1 }, /* half the equator: pi * 6371 */
        { "90,0", "-90,77", 20015.1 },
        { "0,0", "0,1", 111.2 },
        { "60,0", "60,1", 55.6 },
        { "-18,179", "-18,-179", 211.5 }, /* over the 180th meridian: 2 * 111.2 * cos 18 */
        { "52.52,13.405", "52.52,13.405", 0 },
        { "51.5074,-0.1278", "48.8566,2.3522", 343.6 }, /* London, Paris */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(fabs(position_km(at(cases[i].a), at(cases[i].b)) - cases[i].km) < 0.5);
        assert_true(fabs(position_km(at(cases[i].b), at(cases[i].a)) - cases[i].km) < 0.5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_round_trip_to_four_decimals),
        cmocka_unit_test(invalid_positions_are_refused),
        cmocka_unit_test(distances_are_those_of_the_globe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
