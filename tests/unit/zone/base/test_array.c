#include "tests/unit/unit.h"
#include "zone/base/array.h"
#include "zone/base/u64.h"

struct pair {
    int a, b;
};

static void items_are_kept_while_an_array_grows(void **)
{
    struct pair *list = NULL;
    size_t count = 0, room = 0;
    for (int i = 0; i < 1000; i++) {
        ARRAY_PUSH(list, count, room, (struct pair){ i, -i });
        assert_true(room >= count);
    }
    assert_int_equal(count, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(list[i].a, i);
        assert_int_equal(list[i].b, -i);
    }
    free(list);
}

static void room_that_is_there_is_not_made_again(void **)
{
    uint8_t *list = NULL;
    size_t room = 0;
    ARRAY_RESERVE(list, room, 5000);
    assert_int_equal(room, 5000);
    const uint8_t *before = list;
    ARRAY_RESERVE(list, room, 5000);
    assert_ptr_equal(list, before);
    ARRAY_RESERVE(list, room, 5001);
    assert_true(room >= 7500);
    free(list);
}

static bool is_less(const void *context, size_t i)
{
    static const uint64_t list[] = { 1, 3, 3, 5 };
    return list[i] < *(const uint64_t *)context;
}

static void a_search_counts_the_items_before(void **)
{
    static const uint64_t rows[][2] = { { 0, 0 }, { 1, 0 }, { 2, 1 }, { 3, 1 },
                                        { 4, 3 }, { 5, 3 }, { 6, 4 } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(array_count_before(4, is_less, &rows[i][0]), rows[i][1]);
    }
    assert_int_equal(array_count_before(0, is_less, &rows[0][0]), 0);
}

static void numbers_have_an_order(void **)
{
    uint64_t list[] = { UINT64_MAX, 0, 7 };
    qsort(list, 3, sizeof(list[0]), u64_compare);
    assert_int_equal(list[0], 0);
    assert_int_equal(list[1], 7);
    assert_int_equal(u64_order(7, 7), 0);
    assert_int_equal(u64_min(1, 2), 1);
    assert_int_equal(u64_max(1, 2), 2);
}

static void the_sooner_moment_is_one_to_come(void **)
{
    assert_int_equal(u64_sooner(0, 11, 10), 11);
    assert_int_equal(u64_sooner(0, 10, 10), 0);
    assert_int_equal(u64_sooner(12, 11, 10), 11);
    assert_int_equal(u64_sooner(12, 13, 10), 12);
    assert_int_equal(u64_sooner(12, 9, 10), 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_kept_while_an_array_grows),
        cmocka_unit_test(room_that_is_there_is_not_made_again),
        cmocka_unit_test(a_search_counts_the_items_before),
        cmocka_unit_test(numbers_have_an_order),
        cmocka_unit_test(the_sooner_moment_is_one_to_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
