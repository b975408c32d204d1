#include "tests/unit/unit.h"
#include "zone/names/rrset.h"

static void records_come_out_sorted_without_duplicates(void **)
{
    uint8_t data[256];
    struct rrset_builder b;
    struct rrset set;
    /* RFC 4034 6.3: left-justified octets, a missing one sorts before 00. */
    static const char *const given[] = { "bb", "a", "", "b", "ab", "bb", "b", "aaa", "" };
    static const char *const expected[] = { "", "a", "aaa", "ab", "b", "bb" };
    rrset_begin(&b, RR_TXT, 300, data, sizeof(data));
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        rrset_add(&b, given[i], strlen(given[i]));
    }
    assert_true(rrset_end(&b, &set));
    assert_int_equal(set.count, 6);
    assert_true(rrset_check(&set));
    size_t at = 0;
    const uint8_t *rdata = NULL;
    uint16_t len = 0;
    for (size_t i = 0; i < 6; i++) {
        assert_true(rrset_next(&set, &at, &rdata, &len));
        assert_int_equal(len, strlen(expected[i]));
        assert_memory_equal(rdata, expected[i], len);
    }
    assert_false(rrset_next(&set, &at, &rdata, &len));
}

/* Every permutation of four records of unequal length gives the same packing. */
static void order_of_adding_does_not_matter(void **)
{
    static const char *const records[] = { "zzzz", "y", "xxx", "ww" };
    uint8_t first[64], data[64];
    size_t first_len = 0;
    for (unsigned code = 0; code < 256; code++) {
        unsigned pick[4] = { code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6 };
        if ((1u << pick[0] | 1u << pick[1] | 1u << pick[2] | 1u << pick[3]) != 15) {
            continue;
        }
        struct rrset_builder b;
        struct rrset set;
        rrset_begin(&b, RR_TXT, 0, data, sizeof(data));
        for (unsigned i = 0; i < 4; i++) {
            rrset_add(&b, records[pick[i]], strlen(records[pick[i]]));
        }
        assert_true(rrset_end(&b, &set));
        if (first_len == 0) {
            first_len = set.rdata_len;
            memcpy(first, set.rdata, first_len);
        }
        assert_int_equal(set.rdata_len, first_len);
        assert_memory_equal(set.rdata, first, first_len);
    }
}

static void what_does_not_fit_fails(void **)
{
    uint8_t data[10];
    struct rrset_builder b;
    struct rrset set;
    rrset_begin(&b, RR_A, 0, data, sizeof(data));
    assert_false(rrset_end(&b, &set));
    rrset_add(&b, "1234", 4);
    rrset_add(&b, "123", 3);
    assert_false(rrset_end(&b, &set));
    uint8_t many[1024];
    rrset_begin(&b, RR_A, 0, many, sizeof(many));
    for (unsigned i = 0; i <= RRSET_RECORDS_MAX; i++) {
        rrset_add(&b, &i, sizeof(i));
    }
    assert_false(rrset_end(&b, &set));
}

static void damaged_packing_is_seen(void **)
{
    const uint8_t good[] = { 0, 1, 'a', 0, 2, 'b', 'c' };
    struct rrset set = { .count = 2, .rdata = good, .rdata_len = sizeof(good) };
    assert_true(rrset_check(&set));
    for (size_t len = 0; len < sizeof(good); len++) {
        set.rdata_len = len;
        assert_false(rrset_check(&set));
    }
    set.rdata_len = sizeof(good);
    set.count = 3;
    assert_false(rrset_check(&set));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_out_sorted_without_duplicates),
        cmocka_unit_test(order_of_adding_does_not_matter),
        cmocka_unit_test(what_does_not_fit_fails),
        cmocka_unit_test(damaged_packing_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
