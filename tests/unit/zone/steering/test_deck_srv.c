#include "tests/unit/unit.h"
#include "zone/steering/deck_srv.h"

/* Members named a0, a1 ... under pool.test, all of one weight unless changed. */
static struct candidates candidates_of(size_t count)
{
    struct candidates candidates = { .list = xcalloc(count, sizeof(struct candidate)),
                                     .count = count };
    candidates.names = xcalloc(count, 32);
    struct dname apex = name_of("pool.test.");
    for (size_t i = 0; i < count; i++) {
        char label[16];
        struct dname name;
        int len = snprintf(label, sizeof label, "a%zu", i);
        assert_ok(dname_prepend(&name, label, (size_t)len, &apex));
        candidates.list[i] = (struct candidate){ .member_id = i + 1,
                                                 .weight = 100,
                                                 .port = 4460,
                                                 .target = (uint32_t)candidates.names_len };
        candidates.names[candidates.names_len] = name.len;
        memcpy(candidates.names + candidates.names_len + 1, name.wire, name.len);
        candidates.names_len += 1U + name.len;
    }
    return candidates;
}

static void candidates_free(struct candidates *candidates)
{
    free(candidates->list);
    free(candidates->names);
}

static unsigned u16_at(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static void srv_records_name_the_members_of_the_set(void **)
{
    struct candidates candidates = candidates_of(12);
    candidates.list[11].weight = 300000;
    candidates.list[2].weight = 150000;
    candidates.list[5].weight = 0;
    candidates.list[5].port = 4461;
    struct deck_set set = { .count = 3, .members = { 11, 2, 5 } };
    uint8_t scratch[DECK_SRV_SCRATCH];
    struct rrset out;
    deck_srv(&set, &candidates, false, 150, scratch, &out);
    assert_int_equal(out.type, RR_SRV);
    assert_int_equal(out.ttl, 150);
    assert_int_equal(out.count, 3);
    assert_true(rrset_check(&out));
    /* Canonical order: by priority, weight, port, target. */
    const uint8_t want[] = "\0\x14\0\0\0\1\x11\x6c\2a2\4pool\4test\0"
                           "\0\x15\0\0\0\1\x11\x6c\3a11\4pool\4test\0"
                           "\0\x14\0\0\0\1\x11\x6d\2a5\4pool\4test";
    assert_int_equal(out.rdata_len, sizeof want);
    assert_memory_equal(out.rdata, want, sizeof want);

    /* By capacity: in proportion, at most 65535, at least 1. */
    deck_srv(&set, &candidates, true, 150, scratch, &out);
    assert_int_equal(out.count, 3);
    assert_int_equal(u16_at(out.rdata + 4), 1);
    assert_int_equal(u16_at(out.rdata + 22 + 4), 32767);
    assert_int_equal(u16_at(out.rdata + 44 + 4), 65535);
    candidates.list[11].weight = 1000;
    candidates.list[2].weight = 10;
    deck_srv(&set, &candidates, true, 150, scratch, &out);
    assert_int_equal(u16_at(out.rdata + 22 + 4), 10);
    assert_int_equal(u16_at(out.rdata + 44 + 4), 1000);
    candidates_free(&candidates);
}

/* RFC 2782: a target of "." says that the service is decidedly not available. */
static void nobody_eligible_makes_the_record_that_says_so(void **)
{
    uint8_t scratch[DECK_SRV_SCRATCH];
    struct rrset out;
    deck_srv(NULL, NULL, false, 60, scratch, &out);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.rdata_len, 9);
    assert_memory_equal(out.rdata, "\0\7\0\0\0\0\0\0\0", 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(srv_records_name_the_members_of_the_set),
        cmocka_unit_test(nobody_eligible_makes_the_record_that_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
