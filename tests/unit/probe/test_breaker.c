#include "probe/breaker.h"
#include "tests/unit/unit.h"

enum {
    NOW = 2000000000
};

/* A member with an address of each family. Its last `v4` and `v6` probes failed. */
static struct member_health member_of(enum stage stage, uint32_t v4, uint32_t v6)
{
    struct member_health health = { .stage = stage, .address_count = 2 };
    assert_ok(address_parse(&health.addresses[0].address, "192.0.2.1"));
    assert_ok(address_parse(&health.addresses[1].address, "2001:db8::1"));
    for (unsigned i = 0; i < 2; i++) {
        health.addresses[i].working = true;
        health.addresses[i].probes = 10;
    }
    health.addresses[0].failures = v4;
    health.addresses[1].failures = v6;
    return health;
}

struct fixture {
    struct breaker breaker;
    struct vantage vantage;
    struct breaker_state breaker_state;
};

static void add(struct fixture *f, unsigned count, enum stage stage, uint32_t v4, uint32_t v6)
{
    const struct member_health health = member_of(stage, v4, v6);
    for (unsigned i = 0; i < count; i++) {
        breaker_add(&f->breaker, &health);
    }
}

static void judge(struct fixture *f, uint64_t now)
{
    const struct settings settings = default_settings();
    breaker_judge(&f->breaker, &settings, now, &f->vantage, &f->breaker_state);
    f->breaker = (struct breaker){ 0 };
}

static enum vantage_state state_after(struct fixture *f)
{
    const struct settings settings = default_settings();
    breaker_judge(&f->breaker, &settings, NOW, &f->vantage, &f->breaker_state);
    enum vantage_state state = breaker_vantage_state(&f->breaker, &settings, &f->vantage);
    f->breaker = (struct breaker){ 0 };
    return state;
}

/* Members whose probes over these families our own system does not send. */
static void add_unprobed(struct fixture *f, unsigned count, bool ipv4, bool ipv6)
{
    struct member_health health = member_of(STAGE_ELIGIBLE, 0, 0);
    if (ipv4) {
        health.addresses[0].failure = FAILURE_INTERNAL;
    }
    if (ipv6) {
        health.addresses[1].failure = FAILURE_INTERNAL;
        health.addresses[1].working = false;
        health.addresses[1].probes = 0;
    }
    for (unsigned i = 0; i < count; i++) {
        breaker_add(&f->breaker, &health);
    }
}

static void alarm_is_raised_beyond_a_fifth_down(void **)
{
    struct fixture f = { .vantage = { .interval_s = 60 } };
    add(&f, 80, STAGE_ELIGIBLE, 0, 0);
    add(&f, 20, STAGE_ELIGIBLE, 2, 2);
    judge(&f, NOW);
    assert_int_equal(f.vantage.members, 100);
    assert_int_equal(f.vantage.down, 20);
    assert_false(f.breaker_state.members_frozen);
    assert_int_equal(f.breaker_state.hold_s, 72 + BREAKER_SLACK_S);
    add(&f, 79, STAGE_ELIGIBLE, 0, 0);
    add(&f, 21, STAGE_ELIGIBLE, 2, 2);
    judge(&f, NOW + 1);
    assert_true(f.breaker_state.members_frozen);
    assert_int_equal(f.vantage.frozen_since, NOW + 1);
    add(&f, 79, STAGE_ELIGIBLE, 0, 0);
    add(&f, 21, STAGE_ELIGIBLE, 2, 2);
    judge(&f, NOW + 50);
    assert_int_equal(f.vantage.frozen_since, NOW + 1);
    add(&f, 100, STAGE_ELIGIBLE, 0, 0);
    judge(&f, NOW + 60);
    assert_false(f.breaker_state.members_frozen);
    assert_int_equal(f.vantage.frozen_since, 0);
}

static void two_down_of_four_raise_no_alarm(void **)
{
    struct fixture f = { .vantage = { .interval_s = 60 } };
    add(&f, 2, STAGE_ELIGIBLE, 0, 0);
    add(&f, 2, STAGE_ELIGIBLE, 9, 9);
    judge(&f, NOW);
    assert_false(f.breaker_state.members_frozen);
    add(&f, 1, STAGE_ELIGIBLE, 0, 0);
    add(&f, 3, STAGE_ELIGIBLE, 9, 9);
    judge(&f, NOW);
    assert_true(f.breaker_state.members_frozen);
}

static void three_down_of_three_raise_the_alarm_at_once(void **)
{
    struct fixture f = { .vantage = { .interval_s = 60 } };
    add(&f, 3, STAGE_ELIGIBLE, 1, 1);
    judge(&f, NOW);
    assert_true(f.breaker_state.members_frozen);
    add(&f, 2, STAGE_ELIGIBLE, 9, 9);
    judge(&f, NOW);
    assert_false(f.breaker_state.members_frozen);
}

static void first_failure_counts_half(void **)
{
    struct fixture f = { .vantage = { .interval_s = 60 } };
    add(&f, 60, STAGE_ELIGIBLE, 0, 0);
    add(&f, 40, STAGE_ELIGIBLE, 1, 1);
    judge(&f, NOW);
    assert_int_equal(f.vantage.down, 40);
    assert_false(f.breaker_state.members_frozen);
    add(&f, 59, STAGE_ELIGIBLE, 0, 0);
    add(&f, 41, STAGE_ELIGIBLE, 1, 1);
    judge(&f, NOW);
    assert_true(f.breaker_state.members_frozen);
}

static void member_with_one_family_left_is_not_down(void **)
{
    struct fixture f = { .vantage = { .interval_s = 60 } };
    add(&f, 50, STAGE_ELIGIBLE, 9, 0);
    judge(&f, NOW);
    assert_int_equal(f.vantage.down, 0);
    assert_false(f.breaker_state.members_frozen);
}

static void probes_that_are_not_let_out_mean_that_our_network_is_off(void **)
{
    struct fixture f = { .vantage = { .interval_s = 60 } };
    add(&f, 8, STAGE_ELIGIBLE, 0, 0);
    add_unprobed(&f, 2, true, true);
    assert_int_equal(state_after(&f), VANTAGE_WELL);
    add(&f, 8, STAGE_ELIGIBLE, 0, 0);
    add_unprobed(&f, 3, true, true);
    assert_int_equal(state_after(&f), VANTAGE_NETWORK_OFF);
    assert_int_equal(f.vantage.family[ADDRESS_IPV4].state, FAMILY_OFF);
    add(&f, 11, STAGE_ELIGIBLE, 0, 0);
    assert_int_equal(state_after(&f), VANTAGE_WELL);
    assert_false(f.breaker_state.family_waits[ADDRESS_IPV4]);
    add_unprobed(&f, 1, true, true);
    f.breaker.stalled = true;
    assert_int_equal(state_after(&f), VANTAGE_HELD_UP);
    assert_int_equal(f.vantage.family[ADDRESS_IPV4].state, FAMILY_ON);
}

/* There was no route from the first start on. */
static void vantage_point_without_a_family_judges_by_the_other(void **)
{
    struct fixture f = { .vantage = { .interval_s = 60 } };
    add_unprobed(&f, 5, false, true);
    assert_int_equal(state_after(&f), VANTAGE_WELL);
    assert_int_equal(f.vantage.family[ADDRESS_IPV6].state, FAMILY_UNSEEN);
    assert_int_equal(f.vantage.family[ADDRESS_IPV6].addresses, 5);
    assert_true(f.breaker_state.family_waits[ADDRESS_IPV6]);
    assert_false(f.breaker_state.family_waits[ADDRESS_IPV4]);
    add_unprobed(&f, 5, true, true); /* then the other one fails, too */
    assert_int_equal(state_after(&f), VANTAGE_NETWORK_OFF);
    assert_int_equal(f.vantage.family[ADDRESS_IPV4].state, FAMILY_OFF);
}

/* The route leads nowhere, or a router rejects packets, or it drops large ones. */
static void family_waits_only_if_nothing_was_ever_heard_over_it(void **)
{
    static const enum failure silences[] = { FAILURE_CONNECT_TIMEOUT, FAILURE_CONNECT_REFUSED,
                                             FAILURE_CONNECT_ERROR, FAILURE_TLS_TIMEOUT };
    for (size_t i = 0; i < sizeof(silences) / sizeof(silences[0]); i++) {
        struct fixture f = { .vantage = { .interval_s = 60 } };
        struct member_health health = member_of(STAGE_ELIGIBLE, 0, 9);
        health.addresses[1].working = false;
        health.addresses[1].failure = silences[i];
        breaker_add(&f.breaker, &health);
        assert_int_equal(state_after(&f), VANTAGE_WELL);
        assert_true(f.breaker_state.family_waits[ADDRESS_IPV6]);
        breaker_add(&f.breaker, &health);
        health.addresses[1].failure = FAILURE_CERT_NAME; /* another member's: the network works */
        breaker_add(&f.breaker, &health);
        assert_int_equal(state_after(&f), VANTAGE_WELL);
        assert_int_equal(f.vantage.family[ADDRESS_IPV6].state, FAMILY_ON);
        health.addresses[1].failure = silences[i];
        breaker_add(&f.breaker, &health);
        assert_int_equal(state_after(&f), VANTAGE_WELL);
        assert_false(f.breaker_state.family_waits[ADDRESS_IPV6]);
    }
}

/* Nothing shows then whose fault it is. */
static void nothing_waits_while_nothing_at_all_was_heard(void **)
{
    struct fixture f = { .vantage = { .interval_s = 60 } };
    struct member_health health = member_of(STAGE_REGISTERED, 1, 1);
    health.addresses[0].failure = health.addresses[1].failure = FAILURE_CONNECT_REFUSED;
    breaker_add(&f.breaker, &health);
    assert_int_equal(state_after(&f), VANTAGE_WELL);
    assert_int_equal(f.vantage.family[ADDRESS_IPV4].state, FAMILY_UNSEEN);
    assert_false(f.breaker_state.family_waits[ADDRESS_IPV4]);
    assert_false(f.breaker_state.family_waits[ADDRESS_IPV6]);
}

static void references_decide_for_their_family(void **)
{
    struct fixture f = { .vantage = { .interval_s = 60 } };
    f.breaker.family[ADDRESS_IPV6].heard = true;
    add(&f, 4, STAGE_ELIGIBLE, 0, 0);
    assert_int_equal(state_after(&f), VANTAGE_WELL);
    assert_int_equal(f.vantage.family[ADDRESS_IPV6].state, FAMILY_ON);
    f.breaker.family[ADDRESS_IPV6].silent = true;
    add(&f, 4, STAGE_ELIGIBLE, 0, 0);
    assert_int_equal(state_after(&f), VANTAGE_WELL);
    assert_int_equal(f.vantage.family[ADDRESS_IPV6].state, FAMILY_OFF);
    assert_true(f.breaker_state.family_waits[ADDRESS_IPV6]);
    assert_int_equal(f.vantage.family[ADDRESS_IPV4].state, FAMILY_ON);
}

static void falling_members_count_as_down_and_ineligible_ones_do_not_count(void **)
{
    struct fixture f = { .vantage = { .interval_s = 60 } };
    add(&f, 7, STAGE_ELIGIBLE, 0, 0);
    add(&f, 3, STAGE_FALLING, 0, 0);
    add(&f, 90, STAGE_INELIGIBLE, 9, 9);
    add(&f, 90, STAGE_OPERATIONAL, 9, 9);
    judge(&f, NOW);
    assert_int_equal(f.vantage.members, 10);
    assert_int_equal(f.vantage.down, 3);
    assert_true(f.breaker_state.members_frozen);
}

static void family_that_fails_as_a_whole_is_frozen_alone(void **)
{
    struct fixture f = { .vantage = { .interval_s = 60 } };
    add(&f, 10, STAGE_ELIGIBLE, 0, 2);
    judge(&f, NOW);
    assert_true(f.breaker_state.family_frozen[0]);
    assert_false(f.breaker_state.family_frozen[1]);
    assert_false(f.breaker_state.members_frozen);
    assert_int_equal(f.vantage.family[0].frozen_since, NOW);
}

static void release_ends_the_freeze_but_not_the_alarm(void **)
{
    struct fixture f = { .vantage = { .interval_s = 60 } };
    add(&f, 10, STAGE_ELIGIBLE, 2, 2);
    judge(&f, NOW);
    assert_true(f.breaker_state.members_frozen);
    f.vantage.released_at = NOW + 5;
    add(&f, 10, STAGE_ELIGIBLE, 2, 2);
    judge(&f, NOW + 6);
    assert_false(f.breaker_state.members_frozen);
    assert_false(f.breaker_state.family_frozen[1]);
    assert_int_equal(f.vantage.frozen_since, NOW);
    add(&f, 10, STAGE_ELIGIBLE, 0, 0);
    judge(&f, NOW + 7);
    add(&f, 10, STAGE_ELIGIBLE, 2, 2);
    judge(&f, NOW + 8);
    assert_true(f.breaker_state.members_frozen); /* a later alarm needs a release of its own */
}

static void breaker_of_100_percent_never_trips(void **)
{
    struct settings settings = default_settings();
    settings.breaker_percent = 100;
    struct fixture f = { .vantage = { .interval_s = 60 } };
    add(&f, 10, STAGE_FALLING, 9, 9);
    breaker_judge(&f.breaker, &settings, NOW, &f.vantage, &f.breaker_state);
    assert_false(f.breaker_state.members_frozen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alarm_is_raised_beyond_a_fifth_down),
        cmocka_unit_test(two_down_of_four_raise_no_alarm),
        cmocka_unit_test(three_down_of_three_raise_the_alarm_at_once),
        cmocka_unit_test(first_failure_counts_half),
        cmocka_unit_test(member_with_one_family_left_is_not_down),
        cmocka_unit_test(probes_that_are_not_let_out_mean_that_our_network_is_off),
        cmocka_unit_test(vantage_point_without_a_family_judges_by_the_other),
        cmocka_unit_test(family_waits_only_if_nothing_was_ever_heard_over_it),
        cmocka_unit_test(nothing_waits_while_nothing_at_all_was_heard),
        cmocka_unit_test(references_decide_for_their_family),
        cmocka_unit_test(falling_members_count_as_down_and_ineligible_ones_do_not_count),
        cmocka_unit_test(family_that_fails_as_a_whole_is_frozen_alone),
        cmocka_unit_test(release_ends_the_freeze_but_not_the_alarm),
        cmocka_unit_test(breaker_of_100_percent_never_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
