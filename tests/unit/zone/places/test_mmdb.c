#include <math.h>

#include "tests/unit/mmdb_made.h"

/* 0/1 -> nothing, 128/2 -> a, 192/2 -> b. */
static void every_size_of_records_is_walked_in_order(void **)
{
    static const uint32_t sizes[] = { 24, 28, 32 };
    for (size_t i = 0; i < 3; i++) {
        begin(2, sizes[i], 4);
        uint32_t a = PUT("\x41X"), b = PUT("\x41Y");
        made.sides[0][1] = 1;
        made.sides[1][0] = leaf_to(a);
        made.sides[1][1] = leaf_to(b);
        struct mmdb db = open_made();
        struct mmdb_walk walk;
        struct mmdb_value value;
        mmdb_walk_begin(&walk, &db, true);
        expect_leaf(&walk, 0, 1, MMDB_NO_RECORD);
        expect_leaf(&walk, UINT64_C(2) << 62, 2, a);
        expect_leaf(&walk, UINT64_C(3) << 62, 2, b);
        expect_end(&walk, RESULT_NOT_FOUND);
        expect_end(&walk, RESULT_NOT_FOUND);
        assert_true(mmdb_value(&db, b, &value));
        assert_memory_equal(mmdb_text(&db, &value), "Y", 1);
        mmdb_walk_begin(&walk, &db, false);
        expect_end(&walk, RESULT_NOT_FOUND); /* a tree of IPv4 knows no IPv6 */
        mmdb_close(&db);
    }
}

/* Walks from the node of ::/96 in a tree that has `six` everywhere else; the alias is 4000::/2. */
static void walk_around_ipv4(struct mmdb *db, uint32_t four, uint32_t six)
{
    struct mmdb_walk walk;
    mmdb_walk_begin(&walk, db, true);
    expect_leaf(&walk, 0, 1, four);
    expect_leaf(&walk, UINT64_C(1) << 63, 1, MMDB_NO_RECORD);
    expect_end(&walk, RESULT_NOT_FOUND);
    mmdb_walk_begin(&walk, db, false);
    expect_leaf(&walk, 0, MMDB_IPV4_DEPTH, MMDB_NO_RECORD);
    for (uint8_t depth = MMDB_IPV4_DEPTH; depth > 2; depth--) {
        expect_leaf(&walk, depth > 64 ? 0 : UINT64_C(1) << (64 - depth), depth, six);
    }
    expect_leaf(&walk, UINT64_C(1) << 62, 2, MMDB_NO_RECORD);
    expect_leaf(&walk, UINT64_C(1) << 63, 1, six);
    expect_end(&walk, RESULT_NOT_FOUND);
}

/* IPv4 is at ::/96, and an alias in the tree leads there too. Neither is part of IPv6. */
static void parts_of_ipv4_are_blank_in_ipv6(void **)
{
    begin(MMDB_IPV4_DEPTH + 1, 24, 6);
    uint32_t six = PUT("\x41S"), four = PUT("\x41Z");
    for (uint32_t i = 0; i < MMDB_IPV4_DEPTH; i++) {
        made.sides[i][0] = i + 1;
        made.sides[i][1] = leaf_to(six);
    }
    made.sides[1][1] = MMDB_IPV4_DEPTH;
    made.sides[MMDB_IPV4_DEPTH][0] = leaf_to(four);
    struct mmdb db = open_made();
    walk_around_ipv4(&db, four, six);
    mmdb_close(&db);
}

/* A record that is larger than ::/96 is IPv4's too. */
static void a_leaf_above_stands_for_all_of_ipv4(void **)
{
    begin(1, 24, 6);
    uint32_t six = PUT("\x41S");
    made.sides[0][0] = leaf_to(six);
    struct mmdb db = open_made();
    struct mmdb_walk walk;
    mmdb_walk_begin(&walk, &db, true);
    expect_leaf(&walk, 0, 0, six);
    expect_end(&walk, RESULT_NOT_FOUND);
    mmdb_walk_begin(&walk, &db, false);
    expect_leaf(&walk, 0, 1, six);
    expect_leaf(&walk, UINT64_C(1) << 63, 1, MMDB_NO_RECORD);
    expect_end(&walk, RESULT_NOT_FOUND);
    mmdb_close(&db);
}

static double number_at(struct mmdb *db, uint32_t offset)
{
    double number = 0;
    struct mmdb_value value = value_at(db, offset);
    assert_true(mmdb_number(db, &value, &number));
    return number;
}

static void values_of_all_types_are_read(void **)
{
    begin(1, 24, 4);
    uint32_t pi = PUT("\x68\x40\x09\x21\xfb\x54\x44\x2d\x18"), one = PUT("\x04\x08\x3f\x80\0\0");
    uint32_t u16 = PUT("\xa2\x12\x34"), u32 = PUT("\xc4\x12\x34\x56\x78"), zero = PUT("\xa0");
    uint32_t text = PUT("\x43"
                        "abc"),
             empty = PUT("\x40"), truth = PUT("\x01\x07");
    uint32_t large = PUT("\xc5\1\2\3\4\5");
    struct mmdb db = open_made();
    double number = 0;
    assert_true(fabs(number_at(&db, pi) - 3.14159265) < 1e-8);
    assert_true(number_at(&db, one) == 1);
    assert_true(number_at(&db, u16) == 0x1234);
    assert_true(number_at(&db, u32) == 0x12345678);
    assert_true(number_at(&db, zero) == 0);
    struct mmdb_value value = value_at(&db, text);
    assert_int_equal(value.size, 3);
    assert_memory_equal(mmdb_text(&db, &value), "abc", 3);
    assert_false(mmdb_number(&db, &value, &number));
    value = value_at(&db, empty);
    assert_int_equal(value.size, 0);
    assert_non_null(mmdb_text(&db, &value));
    value = value_at(&db, truth);
    assert_int_equal(value.type, MMDB_BOOL);
    assert_null(mmdb_text(&db, &value));
    value = value_at(&db, large);
    assert_false(mmdb_number(&db, &value, &number)); /* no uint32 has five octets */
    mmdb_close(&db);
}

/* Sizes of one, two and three octets more (29, 30, 31). */
static void long_texts_have_their_size_and_are_no_codes(void **)
{
    static char many[1000];
    begin(1, 24, 4);
    memset(many, 'x', sizeof(many));
    uint32_t short_one = PUT("\x5d\x03");
    (void)put(many, 32);
    uint32_t long_one = PUT("\x5e\x01\x00");
    (void)put(many, 541);
    uint32_t cut = PUT("\x5f\0\0\0");
    (void)put(many, 100);
    struct mmdb db = open_made();
    struct mmdb_value value = value_at(&db, short_one);
    assert_int_equal(value.size, 32);
    assert_non_null(mmdb_text(&db, &value));
    value = value_at(&db, long_one);
    assert_int_equal(value.size, 541);
    assert_null(mmdb_text(&db, &value));        /* over MMDB_LOOK_MAX */
    assert_false(mmdb_value(&db, cut, &value)); /* 65821 octets, more than the section has */
    mmdb_close(&db);
}

static void expect_text(struct mmdb *db, const struct mmdb_value *value, const char *text)
{
    assert_int_equal(value->type, MMDB_TEXT);
    assert_int_equal(value->size, strlen(text));
    assert_memory_equal(mmdb_text(db, value), text, strlen(text));
}

static void keys_are_picked_in_one_pass(void **)
{
    static const char *const keys[] = { "e", "none", "bc", "a" }, *const inner[] = { "d" };
    struct mmdb_value found[4], first;
    begin(1, 24, 4);
    uint32_t at = put_map();
    struct mmdb db = open_made();
    struct mmdb_value map = value_at(&db, at);
    assert_true(mmdb_pick(&db, &map, keys, 4, found));
    assert_int_equal(found[1].type, 0);
    expect_text(&db, &found[3], "1");
    assert_true(mmdb_first(&db, &found[0], &first));
    expect_text(&db, &first, "3");
    assert_true(mmdb_first(&db, &found[3], &first)); /* the value is not an array */
    assert_int_equal(first.type, 0);
    struct mmdb_value deeper = found[2];
    assert_true(mmdb_pick(&db, &deeper, inner, 1, found));
    expect_text(&db, &found[0], "2");
    assert_true(mmdb_pick(&db, &found[0], inner, 1, found)); /* the value is not a map */
    assert_int_equal(found[0].type, 0);
    mmdb_close(&db);
}

/* All four lengths of pointers, each with its offset added. */
static void pointers_of_every_length_lead_where_they_say(void **)
{
    begin(1, 24, 4);
    (void)PUT("\x41"
              "n"); /* at 0 */
    made.data_len = 2048 + 5;
    (void)PUT("\x41"
              "m");
    made.data_len = 2048 + 65536 + 7;
    (void)PUT("\x41"
              "o");
    uint32_t one = PUT("\x20\x00"), two = PUT("\x28\x00\x05"), high = PUT("\x29\x00\x07");
    uint32_t three = PUT("\x30\0\0\0"); /* 526336: beyond the end */
    uint32_t four = PUT("\x38\0\0\x08\x05");
    struct mmdb db = open_made();
    struct mmdb_value value = value_at(&db, one);
    expect_text(&db, &value, "n");
    value = value_at(&db, two);
    expect_text(&db, &value, "m");
    value = value_at(&db, high);
    expect_text(&db, &value, "o");
    value = value_at(&db, four);
    expect_text(&db, &value, "m");
    assert_false(mmdb_value(&db, three, &value));
    mmdb_close(&db);
}

/* The last marker counts: the data may hold one too. */
static void the_last_marker_is_the_one(void **)
{
    begin(1, 24, 4);
    uint32_t a = PUT("\x4e\xab\xcd\xefMaxMind.com");
    made.sides[0][0] = leaf_to(a);
    struct mmdb db = open_made();
    struct mmdb_value value = value_at(&db, a);
    expect_text(&db, &value, "\xab\xcd\xefMaxMind.com");
    mmdb_close(&db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_of_records_is_walked_in_order),
        cmocka_unit_test(parts_of_ipv4_are_blank_in_ipv6),
        cmocka_unit_test(a_leaf_above_stands_for_all_of_ipv4),
        cmocka_unit_test(values_of_all_types_are_read),
        cmocka_unit_test(long_texts_have_their_size_and_are_no_codes),
        cmocka_unit_test(keys_are_picked_in_one_pass),
        cmocka_unit_test(pointers_of_every_length_lead_where_they_say),
        cmocka_unit_test(the_last_marker_is_the_one),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
