#include "tests/unit/unit.h"
#include "zone/base/splitmix.h"
#include "zone/places/prefixes.h"

static void an_empty_table_is_one_leaf(void **)
{
    struct prefixes_maker maker;
    struct prefixes table;
    prefixes_begin(&maker);
    assert_true(prefixes_end(&maker, &table));
    assert_int_equal(prefixes_number(prefixes_find(&table, 12345, 6)), 0);
    assert_int_equal(prefixes_length(prefixes_find(&table, 12345, 6)), 0);
    prefixes_done(&table);
}

static void equal_siblings_merge_up_to_the_root(void **)
{
    struct prefixes_maker maker;
    struct prefixes table;
    prefixes_begin(&maker);
    for (unsigned i = 0; i < 1024; i++) {
        prefixes_add(&maker, 10, 5);
    }
    assert_true(prefixes_end(&maker, &table));
    assert_int_equal(table.count, 0);
    assert_int_equal(prefixes_number(table.root), 5);
    assert_int_equal(prefixes_length(table.root), 0);
    prefixes_done(&table);
}

/* One address of all 128 bits: every length up to it occurs. */
static void the_longest_prefix_wins_down_to_128_bits(void **)
{
    struct prefixes_maker maker;
    struct prefixes table;
    prefixes_begin(&maker);
    prefixes_add(&maker, 128, 9);
    for (unsigned depth = 128; depth > 0; depth--) {
        prefixes_add(&maker, (uint8_t)depth, depth % 7);
    }
    const uint32_t numbers[] = { 10, 11, 12, 13, 14, 15, 16, 0, 0, 19 };
    prefixes_renumber(&maker, numbers);
    assert_true(prefixes_end(&maker, &table));
    uint32_t leaf = prefixes_find(&table, 0, 0);
    assert_int_equal(prefixes_number(leaf), 19);
    assert_int_equal(prefixes_length(leaf), 128);
    for (unsigned depth = 1; depth <= 128; depth++) {
        uint64_t high = depth <= 64 ? (uint64_t)1 << (64 - depth) : 0;
        uint64_t low = depth > 64 ? (uint64_t)1 << (128 - depth) : 0;
        leaf = prefixes_find(&table, high, low);
        assert_int_equal(prefixes_number(leaf), 10 + depth % 7);
        assert_int_equal(prefixes_length(leaf), depth);
        leaf = prefixes_find(&table, high, low | (low == 0 || low > 1)); /* another in it */
        assert_int_equal(prefixes_number(leaf), 10 + depth % 7);
    }
    prefixes_done(&table);
}

/* Numbers of each 16-bit prefix, drawn so that long runs occur; the shortest true prefix by
 * trying. */
static void lengths_are_the_shortest_true_ones(void **)
{
    static uint32_t numbers[1 << 16];
    uint64_t seed = 3;
    struct prefixes_maker maker;
    struct prefixes table;
    prefixes_begin(&maker);
    for (unsigned i = 0; i < 1 << 16; i++) {
        bool go_on = i % 256 != 0 ? splitmix(&seed) % 16 != 0 : (i >> 8) % 3 == 0;
        numbers[i] = i > 0 && go_on ? numbers[i - 1] : (uint32_t)(splitmix(&seed) % 4);
        prefixes_add(&maker, 16, numbers[i]);
    }
    assert_true(prefixes_end(&maker, &table));
    for (unsigned i = 0; i < 1 << 16; i++) {
        unsigned length = 16;
        for (bool same = true; same && length > 0;) {
            unsigned size = 1U << (16 - (length - 1)), first = i / size * size;
            for (unsigned at = first; at < first + size; at++) {
                same = same && numbers[at] == numbers[i];
            }
            length -= same;
        }
        uint32_t leaf = prefixes_find(&table, (uint64_t)i << 48 | 77, 0);
        assert_int_equal(prefixes_number(leaf), numbers[i]);
        assert_int_equal(prefixes_length(leaf), length);
    }
    prefixes_done(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_table_is_one_leaf),
        cmocka_unit_test(equal_siblings_merge_up_to_the_root),
        cmocka_unit_test(the_longest_prefix_wins_down_to_128_bits),
        cmocka_unit_test(lengths_are_the_shortest_true_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
