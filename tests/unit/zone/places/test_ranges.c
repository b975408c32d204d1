#include "tests/unit/unit.h"
#include "zone/base/splitmix.h"
#include "zone/places/ranges.h"

static void nothing_is_zero(void **)
{
    struct ranges ranges;
    ranges_begin(&ranges);
    ranges_end(&ranges);
    assert_int_equal(ranges_find(&ranges, 5), 0);
    ranges_done(&ranges);
}

static void neighbours_of_one_number_are_one_range(void **)
{
    struct ranges ranges;
    ranges_begin(&ranges);
    for (uint64_t start = 100; start < 10000; start += 10) {
        ranges_add(&ranges, start, start < 5000 ? 7 : 8);
    }
    ranges_end(&ranges);
    assert_int_equal(ranges.count, 2);
    assert_int_equal(ranges_find(&ranges, 99), 0);
    assert_int_equal(ranges_find(&ranges, 100), 7);
    assert_int_equal(ranges_find(&ranges, 4999), 7);
    assert_int_equal(ranges_find(&ranges, 5000), 8);
    assert_int_equal(ranges_find(&ranges, UINT64_MAX), 8);
    ranges_done(&ranges);
}

static void of_parts_with_one_start_the_first_counts(void **)
{
    struct ranges ranges;
    ranges_begin(&ranges);
    ranges_add(&ranges, 0, 1);
    ranges_add(&ranges, 64, 2);
    ranges_add(&ranges, 64, 3);
    ranges_add(&ranges, 65, 3);
    ranges_add(&ranges, 66, 3);
    ranges_add(&ranges, 66, 4);
    ranges_add(&ranges, 67, 4);
    ranges_end(&ranges);
    const uint32_t expected[] = { 2, 3, 3, 4 };
    for (uint64_t i = 0; i < 4; i++) {
        assert_int_equal(ranges_find(&ranges, 64 + i), expected[i]);
    }
    ranges_done(&ranges);
}

/* Lengths from one to a quarter of the space, of all forms, against a plain list. */
static void every_range_is_found_from_end_to_end(void **)
{
    enum {
        COUNT = 5000
    };
    static uint64_t starts[COUNT];
    static uint32_t numbers[COUNT];
    for (uint64_t seed = 1; seed <= 4; seed++) {
        uint64_t random = seed, at = 0;
        size_t count = 0;
        struct ranges ranges;
        ranges_begin(&ranges);
        while (count < COUNT && at < UINT64_MAX / 2) {
            starts[count] = at;
            numbers[count] = (uint32_t)(splitmix(&random) % (1 << 24));
            ranges_add(&ranges, at, numbers[count]);
            at += 1 + (splitmix(&random) >> (2 + splitmix(&random) % 62)) / (seed < 4 ? 4096 : 1);
            count++;
        }
        ranges_end(&ranges);
        assert_true(count > 10);
        for (size_t i = 0; i < count; i++) {
            uint64_t end = i + 1 < count ? starts[i + 1] - 1 : UINT64_MAX;
            assert_int_equal(ranges_find(&ranges, starts[i]), numbers[i]);
            assert_int_equal(ranges_find(&ranges, starts[i] + (end - starts[i]) / 2), numbers[i]);
            assert_int_equal(ranges_find(&ranges, end), numbers[i]);
        }
        ranges_done(&ranges);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_zero),
        cmocka_unit_test(neighbours_of_one_number_are_one_range),
        cmocka_unit_test(of_parts_with_one_start_the_first_counts),
        cmocka_unit_test(every_range_is_found_from_end_to_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
