
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h> /* before ldns, which else makes one of its own */
#include <stddef.h>

#include <cmocka.h>
#include <ldns/ldns.h>

#include "dnssec/denial.h"

static struct dname name(const char *text)
{
    struct dname out;
    assert_int_equal(dname_parse(&out, text, NULL), RESULT_OK);
    return out;
}

static void nsec(const struct dname *next, const uint16_t *types, size_t count,
                 const uint8_t *rdata, size_t len)
{
    uint8_t scratch[DENIAL_NSEC_MAX + 2];
    struct rrset set;
    assert_true(denial_nsec(next, types, count, 300, scratch, &set));
    assert_int_equal(set.type, RR_NSEC);
    assert_int_equal(set.ttl, 300);
    assert_true(rrset_check(&set));
    assert_int_equal(set.rdata_len, len + 2);
    assert_memory_equal(set.rdata + 2, rdata, len);
}

/* The example of RFC 4034 4.3, A MX RRSIG NSEC TYPE1234. */
static void the_example_of_rfc_4034_comes_out_as_printed(void **state)
{
    (void)state;
    struct dname next = name("Host.example.com.");
    const uint16_t types[] = { RR_A, RR_MX, 1234 };
    const uint8_t want[] = "\4host\7example\3com\0"
                           "\0\6\x40\1\0\0\0\3"
                           "\4\x1b\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x20";
    nsec(&next, types, 3, want, sizeof want - 1);
}

static void a_name_without_types_has_its_nsec_and_rrsig(void **state)
{
    (void)state;
    struct dname next = name("a.");
    const uint8_t want[] = "\1a\0\0\6\0\0\0\0\0\3";
    nsec(&next, NULL, 0, want, sizeof want - 1);
}

static void caa_stands_in_window_one(void **state)
{
    (void)state;
    struct dname next = name("a.");
    const uint16_t types[] = { RR_A, RR_AAAA, RR_CAA };
    const uint8_t want[] = "\1a\0\0\6\x40\0\0\x08\0\3\1\1\x40";
    nsec(&next, types, 3, want, sizeof want - 1);
}

static void given_rrsig_and_nsec_are_not_added_twice(void **state)
{
    (void)state;
    struct dname next = name("a.");
    const uint16_t types[] = { RR_RRSIG, RR_NSEC, RR_DNSKEY };
    const uint8_t want[] = "\1a\0\0\7\0\0\0\0\0\3\x80";
    nsec(&next, types, 3, want, sizeof want - 1);
}

static void types_that_do_not_ascend_are_refused(void **state)
{
    (void)state;
    struct dname next = name("a.");
    uint8_t scratch[DENIAL_NSEC_MAX + 2];
    struct rrset set;
    const uint16_t descending[] = { RR_MX, RR_A }, twice[] = { RR_A, RR_A }, zero[] = { 0 };
    assert_false(denial_nsec(&next, descending, 2, 1, scratch, &set));
    assert_false(denial_nsec(&next, twice, 2, 1, scratch, &set));
    assert_false(denial_nsec(&next, zero, 1, 1, scratch, &set));
}

/* More windows than there is room for beside the longest name. */
static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct dname next = name("a.");
    while (next.len + 64 <= DNAME_MAX) {
        struct dname longer;
        char label[63];
        memset(label, 'x', sizeof label);
        assert_int_equal(dname_prepend(&longer, label, sizeof label, &next), RESULT_OK);
        next = longer;
    }
    uint8_t scratch[DENIAL_NSEC_MAX + 2];
    struct rrset set;
    uint16_t types[DENIAL_TYPES_MAX];
    for (size_t i = 0; i < DENIAL_TYPES_MAX; i++) {
        types[i] = (uint16_t)(256 * i + 255);
    }
    assert_false(denial_nsec(&next, types, DENIAL_TYPES_MAX, 1, scratch, &set));
    assert_true(denial_nsec(&next, types, 5, 1, scratch, &set));
}

/* ldns reads the bitmap back: an independent judge over many sets of types. */
static void ldns_finds_exactly_the_types_that_were_given(void **state)
{
    (void)state;
    struct dname next = name("next.pool.test.");
    uint32_t random = 1;
    for (int round = 0; round < 200; round++) {
        uint16_t types[DENIAL_TYPES_MAX];
        size_t count = 0;
        for (uint16_t type = 1; type < 600 && count < DENIAL_TYPES_MAX; type++) {
            random = random * 1664525U + 1013904223U;
            if (random >> 28 == 0) {
                types[count++] = type;
            }
        }
        uint8_t scratch[DENIAL_NSEC_MAX + 2];
        struct rrset set;
        assert_true(denial_nsec(&next, types, count, 60, scratch, &set));
        ldns_rdf *bitmap = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_BITMAP, set.rdata_len - 2 - next.len,
                                                 set.rdata + 2 + next.len);
        assert_non_null(bitmap);
        size_t at = 0;
        for (uint16_t type = 1; type < 700; type++) {
            bool given = at < count && types[at] == type;
            at += given ? 1U : 0U;
            assert_int_equal(ldns_nsec_bitmap_covers_type(bitmap, (ldns_rr_type)type),
                             given || type == RR_RRSIG || type == RR_NSEC);
        }
        ldns_rdf_deep_free(bitmap);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_rfc_4034_comes_out_as_printed),
        cmocka_unit_test(a_name_without_types_has_its_nsec_and_rrsig),
        cmocka_unit_test(caa_stands_in_window_one),
        cmocka_unit_test(given_rrsig_and_nsec_are_not_added_twice),
        cmocka_unit_test(types_that_do_not_ascend_are_refused),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(ldns_finds_exactly_the_types_that_were_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
