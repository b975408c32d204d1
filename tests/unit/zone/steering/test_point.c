#include <math.h>

#include "tests/unit/unit.h"
#include "zone/steering/point.h"

static void expect_near(double value, double want, double off)
{
    if (!(fabs(value - want) <= off)) {
        fail_msg("%.12g is not %.12g", value, want);
    }
}

static void distances_are_those_of_a_globe(void **)
{
    struct point amsterdam = point_at(52.37, 4.90), sydney = point_at(-33.87, 151.21);
    struct point pole = point_at(90, 0), other = point_at(-90, 77);
    expect_near(point_km(&amsterdam, &sydney), 16645, 20);
    expect_near(point_km(&pole, &other), 20015, 1);
    expect_near(point_km(&pole, &pole), 0, 0.001);
}

static void nearness_falls_with_the_distance(void **)
{
    static struct point_nearness nearness;
    struct point amsterdam = point_at(52.37, 4.90), sydney = point_at(-33.87, 151.21);
    struct point pole = point_at(90, 0), other = point_at(-90, 77);
    point_nearness_init(&nearness, 1000);
    expect_near((double)point_nearness_of(&nearness, &pole, &pole), 1, 1e-6);
    double km = point_km(&amsterdam, &pole);
    expect_near((double)point_nearness_of(&nearness, &amsterdam, &pole), exp(-km / 1000), 1e-4);
    km = point_km(&amsterdam, &sydney);
    expect_near((double)point_nearness_of(&nearness, &amsterdam, &sydney) / exp(-km / 1000), 1,
                0.01);
    point_nearness_init(&nearness, 100);
    assert_true(point_nearness_of(&nearness, &pole, &other) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_are_those_of_a_globe),
        cmocka_unit_test(nearness_falls_with_the_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
