#include "tests/unit/unit.h"
#include "tools/check/check_dnssec.h"

enum {
    NOW = 1800000000,
    DAY = 86400
};

static void time_left_is_judged_by_the_period(void **)
{
    static const struct {
        int inception, expiration; /* from now */
        enum check_level level;
    } rows[] = {
        { -3600, 7 * DAY, CHECK_OK },
        { -6 * DAY, DAY + DAY / 2, CHECK_WARNING },
        { -7 * DAY, DAY - 7200, CHECK_ERROR },
        { -32 * 3600, 16 * 3600, CHECK_OK }, /* two days: renewed with a third left */
        { -42 * 3600, 6 * 3600 + 60, CHECK_WARNING },
        { 60, 7 * DAY, CHECK_ERROR },    /* not yet */
        { -60, 7 * DAY, CHECK_WARNING }, /* not yet, by a clock that is late */
        { -300, 7 * DAY, CHECK_OK },
        { -7 * DAY, -1, CHECK_ERROR },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(check_time_left((uint32_t)(NOW + rows[i].inception),
                                         (uint32_t)(NOW + rows[i].expiration), NOW),
                         rows[i].level);
    }
}

/* A message with an SOA and NSEC records in its authority section. */
static struct dnsmessage *denial_of(unsigned rcode, const char *const nsec[][2], size_t count,
                                    uint16_t type)
{
    static struct dnsmessage message;
    struct writer w = writer_of(message.rdata, sizeof(message.rdata));
    message.rcode = (uint16_t)rcode;
    message.count = 1;
    message.records[0] = (struct dns_record){ .section = DNS_AUTHORITY,
                                              .owner = name_of("pool.test."),
                                              .type = RR_SOA,
                                              .rdata = message.rdata };
    for (size_t i = 0; i < count; i++) {
        const struct dname next = name_of(nsec[i][1]);
        size_t mark = w.at;
        dname_write(&w, &next);
        if (type != 0) { /* one type of window 0, below 256 */
            write_u8(&w, 0);
            write_u8(&w, (uint8_t)(type / 8 + 1));
            for (unsigned k = 0; k <= type / 8U; k++) {
                write_u8(&w, (uint8_t)(k == type / 8U ? 0x80U >> type % 8 : 0));
            }
        }
        message.records[message.count++] = (struct dns_record){ .section = DNS_AUTHORITY,
                                                                .owner = name_of(nsec[i][0]),
                                                                .type = RR_NSEC,
                                                                .rdata = message.rdata + mark,
                                                                .len = (uint16_t)(w.at - mark) };
    }
    return &message;
}

static const char *fault_of(const struct dnsmessage *message, enum denial_seen *seen)
{
    const struct dname zone = name_of("pool.test."), name = name_of("m.pool.test.");
    return check_denial_fault(message, &zone, &name, RR_SRV, seen);
}

static void a_missing_name_needs_two_proofs(void **)
{
    static const char *const chain[][2] = { { "a.pool.test.", "z.pool.test." },
                                            { "pool.test.", "a.pool.test." } };
    static const char *const last[][2] = { { "a.pool.test.", "pool.test." },
                                           { "pool.test.", "a.pool.test." } };
    static const char *const beside[][2] = { { "n.pool.test.", "z.pool.test." } };
    enum denial_seen seen;
    assert_null(fault_of(denial_of(DNS_NXDOMAIN, chain, 2, 0), &seen));
    assert_int_equal(seen, DENIAL_SEEN_CHAIN);
    assert_null(fault_of(denial_of(DNS_NXDOMAIN, last, 2, 0), &seen));
    assert_non_null(fault_of(denial_of(DNS_NXDOMAIN, chain, 1, 0), &seen)); /* no wildcard */
    assert_non_null(fault_of(denial_of(DNS_NXDOMAIN, beside, 1, 0), &seen));
    assert_non_null(fault_of(denial_of(DNS_NXDOMAIN, chain, 0, 0), &seen));
    assert_non_null(fault_of(denial_of(DNS_REFUSED, chain, 2, 0), &seen));
}

static void a_missing_type_needs_a_bitmap_without_it(void **)
{
    static const char *const own[][2] = { { "m.pool.test.", "z.pool.test." } };
    static const char *const above[][2] = { { "a.pool.test.", "x.m.pool.test." } };
    static const char *const other[][2] = { { "a.pool.test.", "z.pool.test." } };
    enum denial_seen seen;
    assert_null(fault_of(denial_of(DNS_NOERROR, own, 1, RR_A), &seen));
    assert_int_equal(seen, DENIAL_SEEN_NONE);
    assert_null(fault_of(denial_of(DNS_NOERROR, own, 1, RR_NXNAME), &seen));
    assert_int_equal(seen, DENIAL_SEEN_COMPACT);
    assert_null(fault_of(denial_of(DNS_NOERROR, above, 1, 0), &seen)); /* empty non-terminal */
    assert_non_null(fault_of(denial_of(DNS_NOERROR, own, 1, RR_SRV), &seen));
    assert_non_null(fault_of(denial_of(DNS_NOERROR, own, 1, RR_CNAME), &seen));
    assert_non_null(fault_of(denial_of(DNS_NOERROR, other, 1, 0), &seen));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_left_is_judged_by_the_period),
        cmocka_unit_test(a_missing_name_needs_two_proofs),
        cmocka_unit_test(a_missing_type_needs_a_bitmap_without_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
