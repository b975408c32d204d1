#include "probe/probed_member.h"
#include "tests/unit/unit.h"

static struct address nth(unsigned number)
{
    struct address address;
    char text[ADDRESS_TEXT_MAX];
    (void)snprintf(text, sizeof(text), "2a0f:44::%x", number + 1);
    assert_ok(address_parse(&address, text));
    return address;
}

static void address_keeps_its_verdict_when_others_come_and_go(void **)
{
    struct probed_member *member = probed_member_new(NULL, 7);
    const struct address first[] = { nth(0), nth(1) }, second[] = { nth(2), nth(1) };
    probed_member_set_addresses(member, first, 2);
    member->health.addresses[1].probes = 5;
    probed_member_set_addresses(member, second, 2);
    assert_true(member->dirty);
    assert_int_equal(member->address_count, 2);
    assert_int_equal(member->health.addresses[0].probes, 0);
    assert_int_equal(member->health.addresses[1].probes, 5);
    assert_int_equal(member->probed_addresses[0].daily.due_at, 0);
    assert_int_not_equal(member->probed_addresses[1].daily.due_at, 0);
    probed_member_free(member);
}

/* A member's own name may get other addresses each minute, for years. */
static void new_addresses_in_the_history_are_bounded_per_day(void **)
{
    struct probed_member *member = probed_member_new(NULL, 7);
    struct address pair[2] = { nth(0) };
    unsigned noted = 0;
    for (unsigned i = 1; i <= 4U * LIMIT_NEWCOMERS; i++) {
        pair[1] = nth(i);
        probed_member_set_addresses(member, pair, 2);
        member->health.addresses[0].probes = 1; /* only the other one is new */
        noted += !member->probed_addresses[1].no_history;
        assert_false(member->probed_addresses[0].no_history);
    }
    assert_int_equal(noted, LIMIT_NEWCOMERS - 1);
    member->newcomer_day--; /* it was yesterday */
    pair[1] = nth(0xfff0);
    probed_member_set_addresses(member, pair, 2);
    assert_false(member->probed_addresses[1].no_history);
    probed_member_free(member);
}

static void change_is_urgent_if_it_alters_answers_or_somebody_waits_for_it(void **)
{
    struct probed_member *member = probed_member_new(NULL, 7);
    const struct address address = nth(0);
    probed_member_set_addresses(member, &address, 1);
    struct address_health *row = &member->health.addresses[0];
    *row = (struct address_health){ .address = address, .last_probe_at = 100, .working = true };
    member->changed_at = 50;
    struct member_health before = member->health;
    row->score_milli++;
    row->last_probe_at++;
    assert_false(probed_member_is_urgent(member, &before, 0));
    row->working = false;
    assert_true(probed_member_is_urgent(member, &before, 0));
    row->working = true;
    member->health.weight++;
    assert_true(probed_member_is_urgent(member, &before, 0));
    member->health.weight--;
    member->changed_at = 100;
    assert_true(probed_member_is_urgent(member, &before, 0));
    probed_member_free(member);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(address_keeps_its_verdict_when_others_come_and_go),
        cmocka_unit_test(new_addresses_in_the_history_are_bounded_per_day),
        cmocka_unit_test(change_is_urgent_if_it_alters_answers_or_somebody_waits_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
