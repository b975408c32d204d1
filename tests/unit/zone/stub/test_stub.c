#include "tests/unit/unit.h"
#include "zone/names/rrset.h"
#include "zone/stub/stub.h"

/* Answer: example. A, its owner a pointer to a pointer. Authority: SOA of test., its owner a part
 * of the question. */
static const uint8_t whole[] = "\0\7\x81\xa3\0\1\0\1\0\1\0\0" /* ID 7, QR RD RA AD, NXDOMAIN */
                               "\4pool\4test\0\0\53\0\1"      /* 12: pool, 17: test */
                               "\1a\xc0\x0c\0\1\0\1\0\0\0\5\0\4\xc0\0\2\1"
                               "\xc0\x11\0\6\0\1\0\0\0\5\0\2xy";

enum {
    WHOLE = sizeof(whole) - 1
};

static struct stub_response response_of(const uint8_t *data, size_t len)
{
    struct stub_response response = { .id = 7, .len = len };
    memcpy(response.data, data, len);
    return response;
}

static struct stub_question question(void)
{
    return (struct stub_question){ .name = name_of("POOL.test."), .type = RR_DS };
}

static void names_are_expanded(void **)
{
    const struct stub_response response = response_of(whole, WHOLE);
    const struct stub_question asked = question();
    const struct dname a = name_of("a.pool.test."), parent = name_of("test.");
    struct stub_reading reading;
    struct stub_record record;
    stub_begin(&reading, &response, &asked);
    assert_true(reading.validated);
    assert_true(stub_next(&reading, &record));
    assert_true(record.is_answer && dname_equal(&record.owner, &a));
    assert_int_equal(record.type, RR_A);
    assert_int_equal(record.len, 4);
    assert_true(stub_next(&reading, &record));
    assert_true(!record.is_answer && dname_equal(&record.owner, &parent));
    assert_int_equal(record.type, RR_SOA);
    assert_false(stub_next(&reading, &record));
    assert_false(reading.reader.failed);
}

static unsigned records_in(const struct stub_response *response)
{
    const struct stub_question asked = question();
    struct stub_reading reading;
    struct stub_record record;
    unsigned count = 0;
    for (stub_begin(&reading, response, &asked); stub_next(&reading, &record);) {
        count++;
    }
    return reading.reader.failed ? 0 : count;
}

static void an_incomplete_response_fails(void **)
{
    static const struct {
        size_t at;
        uint8_t octet;
    } rows[] = {
        { 1, 8 },     /* another ID */
        { 2, 0x01 },  /* a query */
        { 2, 0x83 },  /* cut off */
        { 2, 0xa1 },  /* another opcode */
        { 3, 0xa2 },  /* SERVFAIL */
        { 5, 2 },     /* two questions */
        { 13, 'q' },  /* another name */
        { 24, 1 },    /* another type */
        { 26, 3 },    /* another class */
        { 12, 0x40 }, /* no label type */
        { 30, 0x1d }, /* a pointer to itself, or forward */
    };
    struct stub_response response = response_of(whole, WHOLE);
    assert_int_equal(records_in(&response), 2);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        response = response_of(whole, WHOLE);
        response.data[rows[i].at] = rows[i].octet;
        assert_int_equal(records_in(&response), 0);
    }
    for (size_t len = 0; len < WHOLE; len++) {
        response = response_of(whole, len);
        assert_int_equal(records_in(&response), 0);
    }
    for (size_t bit = 0; bit < (size_t)WHOLE * 8; bit++) {
        response = response_of(whole, WHOLE);
        response.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        (void)records_in(&response); /* under the sanitizers */
    }
}

static void a_name_does_not_grow_over_its_bound(void **)
{
    struct stub_response response = { .id = 7 };
    struct writer w = writer_of(response.data, sizeof(response.data));
    write_octets(&w, "\0\7\x81\xa0\0\1\0\0\0\0\0\0", 12);
    /* Five labels of 63 octets, each followed by a pointer to the one before: 320 octets. */
    for (unsigned i = 0; i < 5; i++) {
        write_u8(&w, 63);
        for (unsigned k = 0; k < 63; k++) {
            write_u8(&w, 'a');
        }
    }
    write_octets(&w, "\0\0\53\0\1", 5);
    response.len = w.at;
    assert_int_equal(records_in(&response), 0);
}

static void an_unreachable_resolver_is_reported(void **)
{
    const struct stub_question asked = question();
    struct endpoint nobody;
    struct stub_response response;
    struct diag diag = { "" };
    assert_ok(endpoint_parse(&nobody, "127.0.0.1@1", 53));
    assert_int_equal(stub_ask(&response, &nobody, &asked, &diag), RESULT_SYSTEM);
    assert_non_null(strstr(diag.text, "127.0.0.1@1 (ds-resolver)"));
    assert_int_equal(response.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_expanded),
        cmocka_unit_test(an_incomplete_response_fails),
        cmocka_unit_test(a_name_does_not_grow_over_its_bound),
        cmocka_unit_test(an_unreachable_resolver_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
