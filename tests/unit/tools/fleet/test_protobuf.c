#include "tests/unit/unit.h"
#include "tools/fleet/protobuf.h"

static void assert_written(const struct protobuf *message, const char *octets, size_t len)
{
    assert_int_equal(message->len, len);
    assert_memory_equal(message->data, octets, len);
}

/* The examples of the format's documentation. */
static void fields_are_written_as_the_format_says(void **)
{
    struct protobuf message = { .data = NULL };
    protobuf_put_value(&message, 1, 150);
    protobuf_put_text(&message, 2, "testing");
    assert_written(&message, "\x08\x96\x01\x12\x07testing", 12);
    protobuf_free(&message);
    size_t mark = protobuf_begin(&message, 3);
    protobuf_put_value(&message, 1, 150);
    protobuf_end(&message, mark);
    assert_written(&message, "\x1a\x03\x08\x96\x01", 5);
    protobuf_free(&message);
}

static void a_long_submessage_has_its_length_before_it(void **)
{
    struct protobuf message = { .data = NULL };
    uint8_t octets[300];
    memset(octets, 'x', sizeof(octets));
    size_t mark = protobuf_begin(&message, 1);
    protobuf_put_octets(&message, 2, (struct octets){ octets, sizeof(octets) });
    protobuf_end(&message, mark);
    assert_int_equal(message.len, 3 + 303);
    assert_memory_equal(message.data, "\x0a\xaf\x02\x12\xac\x02xxx", 9);
    protobuf_free(&message);
}

static void all_kinds_of_fields_are_read(void **)
{
    static const uint8_t octets[] = "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" /* 2^64 - 1 */
                                    "\x11\x01\x02\x03\x04\x05\x06\x07\x08"
                                    "\x1d\x01\x02\x03\x04"
                                    "\x22\x02hi"
                                    "\xf8\xff\xff\xff\x0f\x05"; /* the largest number of a field */
    struct reader r = reader_of(octets, sizeof(octets) - 1);
    struct protobuf_field field;
    assert_true(protobuf_next(&r, &field) && protobuf_is_value(&field, 1));
    assert_true(field.value == UINT64_MAX);
    assert_true(protobuf_next(&r, &field) && field.kind == PROTOBUF_FIXED64);
    assert_true(field.value == 0x0807060504030201);
    assert_true(protobuf_next(&r, &field) && field.kind == PROTOBUF_FIXED32);
    assert_int_equal(field.value, 0x04030201);
    assert_true(protobuf_next(&r, &field) && protobuf_is_octets(&field, 4));
    assert_int_equal(field.octets.len, 2);
    assert_memory_equal(field.octets.data, "hi", 2);
    assert_true(protobuf_next(&r, &field) && protobuf_is_value(&field, (1U << 29) - 1));
    assert_false(protobuf_next(&r, &field));
    assert_true(reader_done(&r));
}

static void what_is_no_field_fails_and_stays_failed(void **)
{
    static const struct {
        const char *octets;
        size_t len;
    } bad[] = {
        { "\x08", 1 },                                              /* no value */
        { "\x08\x80", 2 },                                          /* a cut value */
        { "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11 },     /* 65 bits */
        { "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 12 }, /* eleven octets */
        { "\x00\x01", 2 },                                          /* field 0 */
        { "\x80\x80\x80\x80\x10\x01", 6 },                          /* a field above the largest */
        { "\x0a\x02x", 3 },                                         /* cut octets */
        { "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 },     /* more than memory has */
        { "\x0b\x0c", 2 },                                          /* a group */
        { "\x0e", 1 },                                              /* no kind */
        { "\x09\x01\x02\x03\x04\x05\x06\x07", 8 },                  /* cut fixed ones */
        { "\x0d\x01\x02\x03", 4 },
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct reader r = reader_of(bad[i].octets, bad[i].len);
        struct protobuf_field field;
        assert_false(protobuf_next(&r, &field));
        assert_true(r.failed);
        assert_false(protobuf_next(&r, &field));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_written_as_the_format_says),
        cmocka_unit_test(a_long_submessage_has_its_length_before_it),
        cmocka_unit_test(all_kinds_of_fields_are_read),
        cmocka_unit_test(what_is_no_field_fails_and_stays_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
