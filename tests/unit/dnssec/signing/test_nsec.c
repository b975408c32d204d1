#include <stdbool.h> /* before ldns, which else makes one of its own */

#include <ldns/ldns.h>

#include "dnssec/signing/nsec.h"
#include "tests/unit/unit.h"

enum {
    TYPES_MAX = 64
};

static struct dname name(const char *text)
{
    struct dname out;
    assert_ok(dname_parse(&out, text, NULL));
    return out;
}

static void nsec(const struct dname *next, const uint16_t *types, size_t count,
                 const uint8_t *rdata, size_t len)
{
    uint8_t scratch[NSEC_RDATA_MAX + 2];
    struct rrset set;
    assert_true(nsec_rdata(next, types, count, 300, scratch, &set));
    assert_int_equal(set.type, RR_NSEC);
    assert_int_equal(set.ttl, 300);
    assert_true(rrset_check(&set));
    assert_int_equal(set.rdata_len, len + 2);
    assert_memory_equal(set.rdata + 2, rdata, len);
}

/* The example in RFC 4034 4.3, A MX RRSIG NSEC TYPE1234. */
static void the_example_of_rfc_4034_comes_out_as_printed(void **)
{
    struct dname next = name("Host.example.com.");
    const uint16_t types[] = { RR_A, RR_MX, 1234 };
    const uint8_t want[] = "\4host\7example\3com\0"
                           "\0\6\x40\1\0\0\0\3"
                           "\4\x1b\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x20";
    nsec(&next, types, 3, want, sizeof want - 1);
}

static void a_name_without_types_has_its_nsec_and_rrsig(void **)
{
    struct dname next = name("a.");
    const uint8_t want[] = "\1a\0\0\6\0\0\0\0\0\3";
    nsec(&next, NULL, 0, want, sizeof want - 1);
}

static void caa_stands_in_window_one(void **)
{
    struct dname next = name("a.");
    const uint16_t types[] = { RR_A, RR_AAAA, RR_CAA };
    const uint8_t want[] = "\1a\0\0\6\x40\0\0\x08\0\3\1\1\x40";
    nsec(&next, types, 3, want, sizeof want - 1);
}

static void given_rrsig_and_nsec_are_not_added_twice(void **)
{
    struct dname next = name("a.");
    const uint16_t types[] = { RR_RRSIG, RR_NSEC, RR_DNSKEY };
    const uint8_t want[] = "\1a\0\0\7\0\0\0\0\0\3\x80";
    nsec(&next, types, 3, want, sizeof want - 1);
}

static void types_that_do_not_ascend_are_refused(void **)
{
    struct dname next = name("a.");
    uint8_t scratch[NSEC_RDATA_MAX + 2];
    struct rrset set;
    const uint16_t descending[] = { RR_MX, RR_A }, twice[] = { RR_A, RR_A }, zero[] = { 0 };
    assert_false(nsec_rdata(&next, descending, 2, 1, scratch, &set));
    assert_false(nsec_rdata(&next, twice, 2, 1, scratch, &set));
    assert_false(nsec_rdata(&next, zero, 1, 1, scratch, &set));
}

static void all_windows_fit_beside_the_longest_name(void **)
{
    struct dname next = name("a.");
    while (next.len + 64 <= DNAME_MAX) {
        struct dname longer;
        char label[63];
        memset(label, 'x', sizeof label);
        assert_ok(dname_prepend(&longer, label, sizeof label, &next));
        next = longer;
    }
    uint8_t scratch[NSEC_RDATA_MAX + 2];
    struct rrset set;
    uint16_t types[256];
    for (size_t i = 0; i < 256; i++) {
        types[i] = (uint16_t)(256 * i + 255);
    }
    assert_true(nsec_rdata(&next, types, 256, 1, scratch, &set));
    assert_int_equal(set.rdata_len, 2 + next.len + 256 * 34);
}

/* Cross-checks the bitmaps of many sets of types with ldns. */
static void ldns_finds_exactly_the_types_that_were_given(void **)
{
    struct dname next = name("next.pool.test.");
    uint32_t random = 1;
    for (int round = 0; round < 200; round++) {
        uint16_t types[TYPES_MAX];
        size_t count = 0;
        for (uint16_t type = 1; type < 600 && count < TYPES_MAX; type++) {
            random = random * 1664525U + 1013904223U;
            if (random >> 28 == 0) {
                types[count++] = type;
            }
        }
        uint8_t scratch[NSEC_RDATA_MAX + 2];
        struct rrset set;
        assert_true(nsec_rdata(&next, types, count, 60, scratch, &set));
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

/* -- the successor of a name -- */

/* A name of exactly `len` octets under pool.test. Its first label is `label` octets of `octet`; the
 * other labels are of 'x'. */
static struct dname long_name(size_t len, size_t label, uint8_t octet)
{
    struct dname out = name("pool.test."), parent;
    char octets[63];
    memset(octets, 'x', sizeof octets);
    while (len - out.len > label + 1) {
        size_t rest = len - out.len - (label + 1);
        size_t next = rest > 64 ? (rest == 65 ? 62 : 63) : rest - 1;
        parent = out;
        assert_ok(dname_prepend(&out, octets, next, &parent));
    }
    parent = out;
    memset(octets, octet, sizeof octets);
    assert_ok(dname_prepend(&out, octets, label, &parent));
    assert_int_equal(out.len, len);
    return out;
}

static void assert_after(const struct dname *before, const struct dname *want)
{
    struct dname apex = name("pool.test."), after = nsec_successor(before, &apex);
    assert_int_equal(after.len, want->len);
    assert_memory_equal(after.wire, want->wire, want->len);
}

/* RFC 9824 3.1 */
static void the_next_name_is_the_first_child(void **)
{
    static const char *const rows[][2] = { { "a.pool.test.", "\\000.a.pool.test." },
                                           { "pool.test.", "\\000.pool.test." },
                                           { "*.pool.test.", "\\000.*.pool.test." },
                                           { "ALICE.Pool.test.", "\\000.alice.pool.test." },
                                           { "\\000.a.pool.test.", "\\000.\\000.a.pool.test." },
                                           { "\\255.pool.test.", "\\000.\\255.pool.test." },
                                           { "\\255\\255.pool.test.",
                                             "\\000.\\255\\255.pool.test." } };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dname before = name(rows[i][0]), want = name(rows[i][1]);
        assert_after(&before, &want);
    }
    struct dname longest = long_name(253, 63, 'x'), want;
    assert_ok(dname_prepend(&want, "\0", 1, &longest));
    assert_int_equal(want.len, DNAME_MAX);
    assert_after(&longest, &want);
}

/* RFC 4471 3.1.2: the steps for a name that is too long to have a child. */
static void a_name_without_room_for_a_child_is_followed_by_a_sibling(void **)
{
    struct dname before = long_name(254, 20, 'x'), want = long_name(255, 21, 'x');
    want.wire[21] = 0; /* its label grows by one octet */
    assert_after(&before, &want);

    before = long_name(254, 63, 'x'), want = before;
    want.wire[63] = 'y';
    assert_after(&before, &want);

    before = long_name(255, 20, 'x'), want = before;
    want.wire[20] = 'y';
    assert_after(&before, &want);

    before = long_name(255, 20, 'a' - 1), want = before;
    want.wire[20] = 'a';
    assert_after(&before, &want);

    before = long_name(255, 20, '@'), want = before;
    want.wire[20] = '['; /* RFC 4034 6.2: there are no capital letters */
    assert_after(&before, &want);

    before = long_name(255, 20, 'x');
    before.wire[20] = before.wire[19] = 0xff;
    want = long_name(253, 18, 'x'); /* no longer than needed */
    want.wire[18] = 'y';
    assert_after(&before, &want);
}

static void a_last_sibling_is_followed_by_its_parents_next(void **)
{
    /* The parent has room for another octet, */
    struct dname before = long_name(255, 63, 0xff), want = dname_parent(&before, 1);
    size_t end = want.wire[0] + 1U;
    memmove(want.wire + end + 1, want.wire + end, want.len - end);
    want.wire[end] = 0;
    want.wire[0]++;
    want.len++;
    assert_after(&before, &want);

    /* or its label has the maximum length. */
    before = long_name(255, 51, 0xff), want = dname_parent(&before, 1);
    assert_int_equal(want.wire[0], 63);
    want.wire[63] = 'y';
    assert_after(&before, &want);

    /* Every label is the last possible one: the zone has no further name. */
    struct dname apex = name("pool.test."), parent;
    before = apex;
    char octets[63];
    memset(octets, 0xff, sizeof octets);
    for (size_t left = DNAME_MAX - apex.len; left > 0; left = DNAME_MAX - before.len) {
        size_t label = left > 64 ? (left == 65 ? 62 : 63) : left - 1;
        parent = before;
        assert_ok(dname_prepend(&before, octets, label, &parent));
    }
    assert_int_equal(before.len, DNAME_MAX);
    assert_after(&before, &apex);
}

/* Changes a name to another that could sort right after it. */
static bool change(struct dname *out, const struct dname *from, uint32_t random)
{
    static const uint8_t octets[] = { 0, 1, '@', '[', 'a', 'z', 0xfe, 0xff };
    struct dname parent = dname_parent(from, 1);
    char label[64];
    uint8_t octet = octets[random % 8], len = from->wire[0];
    memcpy(label, from->wire + 1, len);
    switch (random >> 3 & 3) {
    case 0:
        return dname_prepend(out, (const char *)&octet, 1, from) == RESULT_OK;
    case 1:
        label[len] = (char)octet;
        return dname_prepend(out, label, len + 1u, &parent) == RESULT_OK;
    case 2:
        label[(random >> 5) % len] = (char)octet;
        return dname_prepend(out, label, len, &parent) == RESULT_OK;
    default:
        return dname_prepend(out, label, 1 + (random >> 5) % len, &parent) == RESULT_OK;
    }
}

/* Otherwise the NSEC would deny names that nobody has asked for. */
static void no_name_lies_between(void **)
{
    struct dname apex = name("pool.test.");
    uint32_t random = 1;
    unsigned near = 0;
    for (int round = 0; round < 20000; round++) {
        static const uint8_t octets[] = { 'x', 0xff, '@', 0 };
        random = random * 1664525U + 1013904223U;
        struct dname before =
            long_name(250 + (random >> 8) % 6, 1 + (random >> 12) % 63, octets[random >> 30]);
        for (size_t i = 1; i <= before.wire[0];
             i++) { /* varies some octets at the end of the label */
            bool last = i + (random >> 20 & 3) > before.wire[0];
            before.wire[i] = last ? octets[random >> 24 & 3] : before.wire[i];
        }
        struct dname after = nsec_successor(&before, &apex), other = before;
        assert_true(after.len == apex.len || dname_compare(&before, &after) < 0);
        assert_true(dname_under(&after, &apex));
        for (int i = 0; i < 20; i++) {
            random = random * 1664525U + 1013904223U;
            struct dname from = i % 4 == 0 ? before : other;
            if (from.len <= apex.len || !change(&other, &from, random >> 8)) {
                continue;
            }
            bool behind = dname_compare(&before, &other) < 0;
            near += behind;
            assert_false(behind && (after.len == apex.len || dname_compare(&other, &after) < 0));
        }
    }
    assert_true(near > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_rfc_4034_comes_out_as_printed),
        cmocka_unit_test(a_name_without_types_has_its_nsec_and_rrsig),
        cmocka_unit_test(caa_stands_in_window_one),
        cmocka_unit_test(given_rrsig_and_nsec_are_not_added_twice),
        cmocka_unit_test(types_that_do_not_ascend_are_refused),
        cmocka_unit_test(all_windows_fit_beside_the_longest_name),
        cmocka_unit_test(ldns_finds_exactly_the_types_that_were_given),
        cmocka_unit_test(the_next_name_is_the_first_child),
        cmocka_unit_test(a_name_without_room_for_a_child_is_followed_by_a_sibling),
        cmocka_unit_test(a_last_sibling_is_followed_by_its_parents_next),
        cmocka_unit_test(no_name_lies_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
