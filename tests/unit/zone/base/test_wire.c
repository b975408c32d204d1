#include "tests/unit/unit.h"
#include "zone/base/wire.h"

static void reader_fails_on_every_short_prefix(void **)
{
    const uint8_t data[] = { 1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 2, 'o', 'k' };
    for (size_t len = 0; len <= sizeof(data); len++) {
        struct reader r = reader_of(data, len);
        char text[8] = "";
        uint8_t a = read_u8(&r);
        uint16_t b = read_u16(&r);
        uint32_t c = read_u32(&r);
        uint64_t d = read_u64(&r);
        read_text(&r, text, sizeof(text));
        assert_int_equal(reader_done(&r), len == sizeof(data));
        if (reader_done(&r)) {
            assert_int_equal(a, 1);
            assert_int_equal(b, 2);
            assert_int_equal(c, 3);
            assert_int_equal(d, 4);
            assert_string_equal(text, "ok");
        }
    }
}

static void reader_stays_failed_and_gives_zeros(void **)
{
    const uint8_t data[] = { 9, 9, 9 };
    struct reader r = reader_of(data, sizeof(data));
    assert_int_equal(read_u32(&r), 0);
    assert_int_equal(read_u8(&r), 0);
    assert_null(read_octets(&r, 0));
    assert_int_equal(reader_left(&r), 0);
    assert_false(reader_done(&r));
}

static void text_with_nul_or_too_long_fails(void **)
{
    const uint8_t nul[] = { 0, 2, 'a', 0 }, four[] = { 0, 4, 'a', 'b', 'c', 'd' };
    char out[4] = "x";
    struct reader r = reader_of(nul, sizeof(nul));
    read_text(&r, out, sizeof(out));
    assert_true(r.failed);
    r = reader_of(four, sizeof(four));
    read_text(&r, out, sizeof(out));
    assert_true(r.failed);
    assert_string_equal(out, "x");
}

static void writer_stops_at_its_room_and_rolls_back(void **)
{
    uint8_t data[8] = { 0 };
    struct writer w = writer_of(data, 6);
    write_u32(&w, 0x01020304);
    size_t mark = wire_mark(&w);
    write_u32(&w, 0xffffffff);
    write_u8(&w, 0xff);
    assert_true(w.failed);
    assert_int_equal(w.at, 4);
    assert_int_equal(data[4], 0);
    wire_rollback(&w, mark);
    write_u16(&w, 0x0506);
    assert_false(w.failed);
    assert_memory_equal(data, ((uint8_t[]){ 1, 2, 3, 4, 5, 6, 0, 0 }), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_fails_on_every_short_prefix),
        cmocka_unit_test(reader_stays_failed_and_gives_zeros),
        cmocka_unit_test(text_with_nul_or_too_long_fails),
        cmocka_unit_test(writer_stops_at_its_room_and_rolls_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
