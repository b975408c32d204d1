#include "tests/unit/unit.h"

static struct dname apex;

static int set_up(void **)
{
    apex = name_of("pool.test");
    return 0;
}

static struct dname_key key_of(const struct dname *name)
{
    struct dname_key key;
    dname_key_of(&key, name, &apex);
    return key;
}

static void text_round_trip_keeps_every_octet(void **)
{
    for (unsigned octet = 0; octet < 256; octet++) {
        char label = (char)octet, text[DNAME_TEXT_MAX];
        struct dname name, back;
        assert_ok(dname_prepend(&name, &label, 1, &apex));
        assert_ok(dname_parse(&back, dname_text(&name, text), NULL));
        assert_int_equal(back.len, name.len);
        assert_memory_equal(back.wire, name.wire, name.len);
    }
}

static void malformed_texts_are_refused(void **)
{
    static const char *const texts[] = { "",      "..",   ".a",      "a..b",  "a\\",
                                         "\\256", "\\25", "a.\\2x9", "a.b..", "\\999" };
    struct dname name;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_not_equal((int)dname_parse(&name, texts[i], NULL), RESULT_OK);
    }
}

static void lengths_are_kept_to_the_octet(void **)
{
    char text[300];
    struct dname name;
    memset(text, 'a', sizeof(text));
    text[63] = '\0';
    assert_ok(dname_parse(&name, text, NULL));
    text[63] = 'a';
    text[64] = '\0';
    assert_int_equal((int)dname_parse(&name, text, NULL), RESULT_TOO_LONG);
    memset(text, 'a', sizeof(text));
    text[63] = text[127] = text[191] = '.';
    text[253] = '\0'; /* 63 + 63 + 63 + 61 and five octets of lengths: 255 */
    assert_ok(dname_parse(&name, text, NULL));
    assert_int_equal(name.len, 255);
    text[253] = 'a';
    text[254] = '\0';
    assert_int_equal((int)dname_parse(&name, text, NULL), RESULT_TOO_LONG);
}

static void relative_names_get_the_origin(void **)
{
    struct dname name;
    assert_ok(dname_parse(&name, "alice", &apex));
    struct dname full = name_of("ALICE.pool.test.");
    assert_true(dname_equal(&name, &full));
    assert_ok(dname_parse(&name, "alice.", &apex));
    assert_int_equal(dname_labels(&name), 1);
}

static void wire_reader_refuses_pointers_and_every_truncation(void **)
{
    struct dname name = name_of("a.bc.pool.test"), out;
    for (size_t len = 0; len < name.len; len++) {
        struct reader r = reader_of(name.wire, len);
        dname_read(&r, &out);
        assert_true(r.failed);
    }
    struct reader whole = reader_of(name.wire, name.len);
    dname_read(&whole, &out);
    assert_true(reader_done(&whole) && dname_equal(&out, &name));
    for (unsigned type = 64; type < 256; type += 64) {
        const uint8_t pointer[] = { 1, 'a', (uint8_t)type, 0, 0 };
        struct reader r = reader_of(pointer, sizeof(pointer));
        dname_read(&r, &out);
        assert_true(r.failed);
    }
    uint8_t endless[300];
    for (size_t i = 0; i < sizeof(endless); i += 2) {
        endless[i] = 1;
        endless[i + 1] = 'a';
    }
    struct reader r = reader_of(endless, sizeof(endless));
    dname_read(&r, &out);
    assert_true(r.failed);
}

/* The list of RFC 4034 6.1 under our apex, and the octets that need escapes in keys. */
static const char *const in_order[] = { "pool.test",
                                        "a\\000.pool.test",
                                        "b.a\\000.pool.test",
                                        "a\\001.pool.test",
                                        "a\\002.pool.test",
                                        "example.pool.test",
                                        "a.example.pool.test",
                                        "yljkjljk.a.example.pool.test",
                                        "Z.a.example.pool.test",
                                        "zABC.a.EXAMPLE.pool.test",
                                        "z.example.pool.test",
                                        "\\001.z.example.pool.test",
                                        "*.z.example.pool.test",
                                        "\\200.z.example.pool.test",
                                        "example-.pool.test",
                                        "\\255.pool.test" };
enum {
    IN_ORDER = sizeof(in_order) / sizeof(in_order[0])
};

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

static void names_and_keys_sort_canonically(void **)
{
    /* "a\000" sorts before "a\001", both after "a" would: the apex is first of all. */
    for (int i = 0; i < IN_ORDER; i++) {
        for (int j = 0; j < IN_ORDER; j++) {
            struct dname a = name_of(in_order[i]), b = name_of(in_order[j]);
            struct dname_key ka = key_of(&a), kb = key_of(&b);
            assert_int_equal(sign(dname_compare(&a, &b)), sign(i - j));
            assert_int_equal(sign(dname_key_compare(&ka, &kb)), sign(i - j));
            assert_int_equal(dname_key_under(&ka, &kb), dname_under(&a, &b));
        }
    }
}

static void keys_lead_back_to_their_names(void **)
{
    for (int i = 0; i < IN_ORDER; i++) {
        struct dname name = name_of(in_order[i]), back;
        struct dname_key key = key_of(&name);
        assert_ok(dname_of_key(&back, &key, &apex));
        assert_true(dname_equal(&name, &back));
    }
}

static void longest_name_fits_a_key_with_every_octet_escaped(void **)
{
    char label[63] = { 0 };
    struct dname root = name_of("."), name = root, back;
    for (int i = 0; i < 4; i++) {
        struct dname parent = name;
        assert_ok(dname_prepend(&name, label, i == 3 ? 61 : 63, &parent));
    }
    assert_int_equal(name.len, DNAME_MAX);
    struct dname_key key;
    dname_key_of(&key, &name, &root);
    assert_int_equal(key.len, 504);
    assert_ok(dname_of_key(&back, &key, &root));
    assert_true(dname_equal(&name, &back));
}

static void malformed_keys_are_damage(void **)
{
    static const struct dname_key keys[] = { { 1, { 'a' } },    { 1, { 0 } },
                                             { 2, { 1, 0 } },   { 3, { 1, 3, 0 } },
                                             { 2, { 'a', 1 } }, { 3, { 'a', 0, 0 } } };
    struct dname name;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        assert_int_equal((int)dname_of_key(&name, &keys[i], &apex), RESULT_DAMAGED);
    }
}

static void under_means_whole_labels(void **)
{
    struct dname inside = name_of("x.pool.test"), other = name_of("xpool.test"),
                 tricky = name_of("a\\004pool.test");
    assert_true(dname_under(&inside, &apex));
    assert_true(dname_under(&apex, &apex));
    assert_false(dname_under(&other, &apex));
    assert_false(dname_under(&tricky, &apex));
    struct dname parent = dname_parent(&inside, 1);
    assert_true(dname_equal(&parent, &apex));
}

/* RFC 4343 3: A to Z are a to z, no other octets are each other's. At every place, since several
 * octets are compared at once. */
static void every_octet_equals_itself_and_its_other_case_only(void **)
{
    struct dname a = name_of("0123456789abc."), b = a;
    for (unsigned at = 1; at <= 13; at++) {
        for (unsigned i = 0; i < 256 * 256; i++) {
            uint8_t x = (uint8_t)i, y = (uint8_t)(i >> 8);
            bool letter = (x | 0x20) >= 'a' && (x | 0x20) <= 'z';
            a.wire[at] = x;
            b.wire[at] = y;
            assert_int_equal(dname_equal(&a, &b), x == y || (letter && (x ^ y) == 0x20));
        }
        b.wire[at] = a.wire[at];
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_round_trip_keeps_every_octet),
        cmocka_unit_test(malformed_texts_are_refused),
        cmocka_unit_test(lengths_are_kept_to_the_octet),
        cmocka_unit_test(relative_names_get_the_origin),
        cmocka_unit_test(wire_reader_refuses_pointers_and_every_truncation),
        cmocka_unit_test(names_and_keys_sort_canonically),
        cmocka_unit_test(keys_lead_back_to_their_names),
        cmocka_unit_test(longest_name_fits_a_key_with_every_octet_escaped),
        cmocka_unit_test(malformed_keys_are_damage),
        cmocka_unit_test(under_means_whole_labels),
        cmocka_unit_test(every_octet_equals_itself_and_its_other_case_only),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
