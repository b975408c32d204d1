#include "tests/unit/unit.h"
#include "zone/base/splitmix.h"
#include "zone/steering/failure_domain.h"

static uint64_t tie_of(const char *text)
{
    struct address address;
    assert_ok(address_parse(&address, text));
    return failure_domain_of_address(&address);
}

static void prefixes_tie_addresses_of_one_family(void **)
{
    assert_true(tie_of("192.0.2.1") == tie_of("192.0.2.255"));
    assert_true(tie_of("192.0.2.1") != tie_of("192.0.3.1"));
    assert_true(tie_of("2001:db8:1::1") == tie_of("2001:db8:1:ffff::2"));
    assert_true(tie_of("2001:db8:1::1") != tie_of("2001:db8:2::1"));
    assert_true(tie_of("0.0.0.0") != tie_of("::1"));
    assert_true(failure_domain_of_operator("a") == failure_domain_of_operator("a"));
    assert_true(failure_domain_of_operator("a") != failure_domain_of_operator("b"));
}

static void members_without_ties_are_domains_of_their_own(void **)
{
    uint32_t group[3] = { 9, 9, 9 };
    failure_domain_groups(NULL, 0, group, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(group[i], i);
    }
}

static void failure_domains_are_transitive(void **)
{
    struct failure_domain_tie ties[] = {
        { tie_of("192.0.2.1"), 5 },
        { tie_of("192.0.2.9"), 3 },
        { failure_domain_of_operator("acme"), 3 },
        { failure_domain_of_operator("acme"), 1 },
        { tie_of("198.51.100.1"), 1 },
        { tie_of("2001:db8::1"), 0 },
        { tie_of("2001:db8::2"), 4 },
        { failure_domain_of_operator("someone"), 2 },
    };
    uint32_t group[6];
    failure_domain_groups(ties, sizeof(ties) / sizeof(ties[0]), group, 6);
    const uint32_t want[] = { 0, 1, 2, 1, 0, 1 };
    assert_memory_equal(group, want, sizeof(want));
}

/* Gives the first of each tied pair the lower group. True if that changed one. */
static bool join_pairs(const struct failure_domain_tie *ties, size_t count, uint32_t *group)
{
    bool changed = false;
    for (size_t pair = 0; pair < count * count; pair++) {
        const struct failure_domain_tie *a = &ties[pair / count], *b = &ties[pair % count];
        if (a->tie == b->tie && group[a->member] > group[b->member]) {
            group[a->member] = group[b->member];
            changed = true;
        }
    }
    return changed;
}

static void group_by_pairs(const struct failure_domain_tie *ties, size_t count, uint32_t *group,
                           uint32_t members)
{
    for (uint32_t i = 0; i < members; i++) {
        group[i] = i;
    }
    while (join_pairs(ties, count, group)) {
    }
}

static void random_ties_group_as_all_their_pairs_do(void **)
{
    enum {
        MEMBERS = 60,
        TIES = 90
    };
    uint64_t random = 1;
    for (unsigned kinds = 1; kinds < 300; kinds += 7) {
        struct failure_domain_tie ties[TIES];
        uint32_t group[MEMBERS], want[MEMBERS];
        for (size_t i = 0; i < TIES; i++) {
            ties[i].tie = splitmix(&random) % kinds << 40;
            ties[i].member = (uint32_t)(splitmix(&random) % MEMBERS);
        }
        failure_domain_groups(ties, TIES, group, MEMBERS);
        group_by_pairs(ties, TIES, want, MEMBERS);
        assert_memory_equal(group, want, sizeof(want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_tie_addresses_of_one_family),
        cmocka_unit_test(members_without_ties_are_domains_of_their_own),
        cmocka_unit_test(failure_domains_are_transitive),
        cmocka_unit_test(random_ties_group_as_all_their_pairs_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
