#include "tests/unit/unit.h"
#include "zone/verdicts/lifecycle.h"

enum {
    NOW = 2000000000,
    HISTORY = 7200
};

static const struct breaker_state no_breaker = { 0 };

static struct settings settings_of(void)
{
    struct settings settings = default_settings();
    settings.min_history_s = HISTORY;
    settings.entry_score_milli = 10000;
    settings.reentry_score_milli = 12000;
    settings.exit_score_milli = 8000;
    settings.quarantine_s = 8640000;
    return settings;
}

static struct standing judged(const struct member *member, const struct consensus *consensus)
{
    const struct settings settings = settings_of();
    return lifecycle_standing(member, consensus, &settings, NOW);
}

/* The consensus of one vantage point that reports. */
static struct standing standing_of(const struct member *member, const struct member_health *health)
{
    struct consensus consensus = { .known = health != NULL };
    if (health != NULL) {
        consensus.health = *health;
    }
    return judged(member, &consensus);
}

/* Two addresses, IPv4 and IPv6, that have long worked, with this score. */
static struct member_health health_of(int32_t score_milli)
{
    struct member_health health = { .member_id = 1, .address_count = 2 };
    const char *texts[] = { "192.0.2.1", "2001:db8::1" };
    for (unsigned i = 0; i < 2; i++) {
        health.addresses[i] = (struct address_health){ .address = address_of(texts[i]),
                                                       .score_milli = score_milli,
                                                       .working = true,
                                                       .probes = 100,
                                                       .first_probe_at = NOW - HISTORY,
                                                       .certified_at = NOW - HISTORY,
                                                       .operational_at = NOW - HISTORY };
    }
    return health;
}

static struct member member_of(void)
{
    struct member member;
    member_defaults(&member);
    member.capacity_mbit = 1000;
    member.address_count = 2;
    member.addresses[0] = address_of("192.0.2.1");
    member.addresses[1] = address_of("2001:db8::1");
    return member;
}

static enum stage stage_after(struct member_health *health, int32_t score_milli, uint64_t now)
{
    const struct settings settings = settings_of();
    health->addresses[0].score_milli = score_milli;
    health->addresses[1].score_milli = score_milli - 1;
    lifecycle_advance(health, &settings, &no_breaker, now);
    return health->stage;
}

static void entry_needs_score_and_history(void **)
{
    struct member_health health = health_of(0);
    assert_int_equal(stage_after(&health, 9999, NOW), STAGE_OPERATIONAL);
    assert_int_equal(health.weight, 0);
    assert_int_equal(stage_after(&health, 10000, NOW - 1), STAGE_OPERATIONAL);
    assert_int_equal(stage_after(&health, 10000, NOW), STAGE_ELIGIBLE);
    assert_int_equal(health.stage_since, NOW);
    assert_int_equal(health.weight, 100);
}

static void exit_is_lower_than_entry_and_reentry_higher(void **)
{
    struct member_health health = health_of(0);
    assert_int_equal(stage_after(&health, 10000, NOW), STAGE_ELIGIBLE);
    assert_int_equal(stage_after(&health, 8000, NOW + 1), STAGE_ELIGIBLE);
    assert_int_equal(health.stage_since, NOW);
    assert_int_equal(stage_after(&health, 7999, NOW + 2), STAGE_INELIGIBLE);
    assert_int_equal(health.weight, 0);
    assert_int_equal(health.stage_since, NOW + 2);
    assert_int_equal(stage_after(&health, 11999, NOW + 3), STAGE_INELIGIBLE);
    assert_int_equal(stage_after(&health, 12000, NOW + 4), STAGE_ELIGIBLE);
}

static void weight_ramps_from_a_tenth_at_10_to_all_at_15(void **)
{
    const struct {
        int32_t score_milli;
        uint16_t weight;
    } rows[] = { { 8000, 100 },  { 10000, 100 },  { 11000, 280 }, { 12500, 550 },
                 { 14000, 820 }, { 15000, 1000 }, { 20000, 1000 } };
    struct member_health health = health_of(0);
    assert_int_equal(stage_after(&health, 20000, NOW), STAGE_ELIGIBLE);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(stage_after(&health, rows[i].score_milli, NOW), STAGE_ELIGIBLE);
        assert_int_equal(health.weight, rows[i].weight);
    }
}

static void stage_before_entry_is_what_was_proven(void **)
{
    struct member_health health = health_of(0);
    for (unsigned i = 0; i < 2; i++) {
        health.addresses[i].certified_at = 0;
        health.addresses[i].operational_at = 0;
    }
    assert_int_equal(stage_after(&health, -5000, NOW), STAGE_REGISTERED);
    assert_int_equal(health.stage_since, NOW);
    health.addresses[1].certified_at = NOW;
    assert_int_equal(stage_after(&health, -5000, NOW + 1), STAGE_CERTIFIED);
    health.addresses[1].operational_at = NOW;
    assert_int_equal(stage_after(&health, -5000, NOW + 2), STAGE_OPERATIONAL);
    assert_int_equal(health.stage_since, NOW + 2);
}

static void score_without_proof_of_nts_does_not_enter(void **)
{
    struct member_health health = health_of(0);
    health.addresses[0].operational_at = health.addresses[1].operational_at = 0;
    assert_int_equal(stage_after(&health, 20000, NOW), STAGE_CERTIFIED);
}

static void member_counts_by_its_best_address(void **)
{
    const struct settings settings = settings_of();
    struct member_health health = health_of(20000);
    health.addresses[0].score_milli = -100000;
    lifecycle_advance(&health, &settings, &no_breaker, NOW);
    assert_int_equal(health.stage, STAGE_ELIGIBLE);
    assert_int_equal(health.weight, HEALTH_WEIGHT_MAX);
    /* an address that was never probed has score 0 and proves nothing */
    health.addresses[1].score_milli = -1;
    health.addresses[0].probes = 0;
    health.addresses[0].score_milli = 0;
    lifecycle_advance(&health, &settings, &no_breaker, NOW);
    assert_int_equal(health.stage, STAGE_INELIGIBLE);
}

static void member_without_any_address_left_falls_out(void **)
{
    const struct settings settings = settings_of();
    struct member_health health = health_of(20000);
    lifecycle_advance(&health, &settings, &no_breaker, NOW);
    assert_int_equal(health.stage, STAGE_ELIGIBLE);
    health.address_count = 0;
    lifecycle_advance(&health, &settings, &no_breaker, NOW);
    assert_int_equal(health.stage, STAGE_INELIGIBLE);
}

static void fall_waits_for_an_interval(void **)
{
    const struct settings settings = settings_of();
    const struct breaker_state breaker_state = { .hold_s = 60 };
    struct member_health health = health_of(20000);
    lifecycle_advance(&health, &settings, &breaker_state, NOW);
    health.addresses[0].score_milli = health.addresses[1].score_milli = 7999;
    lifecycle_advance(&health, &settings, &breaker_state, NOW + 1);
    assert_int_equal(health.stage, STAGE_FALLING);
    assert_int_equal(health.weight, 100);
    lifecycle_advance(&health, &settings, &breaker_state, NOW + 60);
    assert_int_equal(health.stage, STAGE_FALLING);
    assert_false(lifecycle_fell_while_frozen(&health, ADDRESS_IPV4));
    assert_int_equal(health.stage_since, NOW + 1);
    lifecycle_advance(&health, &settings, &breaker_state, NOW + 61);
    assert_int_equal(health.stage, STAGE_INELIGIBLE);
    assert_int_equal(health.weight, 0);
    assert_int_equal(health.last_eligible_at, NOW);
}

static void member_that_stops_falling_was_never_out(void **)
{
    const struct settings settings = settings_of();
    const struct breaker_state breaker_state = { .hold_s = 60 };
    struct member_health health = health_of(20000);
    lifecycle_advance(&health, &settings, &breaker_state, NOW);
    health.addresses[0].score_milli = health.addresses[1].score_milli = 7999;
    lifecycle_advance(&health, &settings, &breaker_state, NOW + 1);
    health.addresses[0].score_milli = 8000;
    lifecycle_advance(&health, &settings, &breaker_state, NOW + 1000);
    assert_int_equal(health.stage, STAGE_ELIGIBLE);
}

static void no_member_is_removed_while_removals_are_frozen(void **)
{
    const struct settings settings = settings_of();
    struct breaker_state breaker_state = { .hold_s = 60, .members_frozen = true };
    struct member_health health = health_of(20000);
    lifecycle_advance(&health, &settings, &breaker_state, NOW);
    health.addresses[0].score_milli = health.addresses[1].score_milli = -100000;
    lifecycle_advance(&health, &settings, &breaker_state, NOW + 1);
    lifecycle_advance(&health, &settings, &breaker_state, NOW + 1000000);
    assert_int_equal(health.stage, STAGE_FALLING);
    assert_true(lifecycle_fell_while_frozen(&health, ADDRESS_IPV4));
    breaker_state.members_frozen = false; /* each is probed again before it goes */
    lifecycle_advance(&health, &settings, &breaker_state, NOW + 1000059);
    assert_int_equal(health.stage, STAGE_FALLING);
    lifecycle_advance(&health, &settings, &breaker_state, NOW + 1000060);
    assert_int_equal(health.stage, STAGE_INELIGIBLE);
    assert_false(lifecycle_fell_while_frozen(&health, ADDRESS_IPV4));
}

/* Frozen since too much of it fails at once, or off. */
static void family_that_says_nothing_keeps_only_members_without_another(void **)
{
    const struct settings settings = settings_of();
    const struct breaker_state cautions[] = { { .family_frozen = { true, false } },
                                              { .family_waits = { true, false } } };
    for (unsigned i = 0; i < 2; i++) {
        struct member_health both = health_of(20000), one = health_of(20000);
        one.addresses[0] = one.addresses[1];
        one.address_count = 1;
        lifecycle_advance(&both, &settings, &cautions[i], NOW);
        lifecycle_advance(&one, &settings, &cautions[i], NOW);
        one.addresses[0].score_milli = -1;
        both.addresses[0].score_milli = both.addresses[1].score_milli = -1;
        lifecycle_advance(&both, &settings, &cautions[i], NOW + 1);
        lifecycle_advance(&one, &settings, &cautions[i], NOW + 1);
        assert_int_equal(both.stage, STAGE_INELIGIBLE);
        assert_int_equal(one.stage, STAGE_FALLING);
    }
}

static void each_family_has_its_own_stage(void **)
{
    const struct settings settings = settings_of();
    struct member_health health = health_of(20000);
    health.addresses[1].score_milli = 9999;
    lifecycle_advance(&health, &settings, &no_breaker, NOW);
    assert_int_equal(health.family[ADDRESS_IPV4].stage, STAGE_ELIGIBLE);
    assert_int_equal(health.family[ADDRESS_IPV6].stage, STAGE_OPERATIONAL);
    health.addresses[1].score_milli = 11000;
    lifecycle_advance(&health, &settings, &no_breaker, NOW + 1);
    assert_int_equal(health.family[ADDRESS_IPV6].stage, STAGE_ELIGIBLE);
    health.addresses[0].score_milli = 7999;
    lifecycle_advance(&health, &settings, &no_breaker, NOW + 2);
    assert_int_equal(health.family[ADDRESS_IPV4].stage, STAGE_INELIGIBLE);
    assert_int_equal(health.stage, STAGE_ELIGIBLE);
    assert_int_equal(health.stage_since, NOW);
    assert_int_equal(health.weight, 280);
}

static void standing_names_what_holds_a_removal(void **)
{
    const struct member member = member_of();
    struct consensus consensus = { .known = true, .health = health_of(0), .hold = HOLD_FROZEN };
    consensus.health.stage = STAGE_FALLING;
    consensus.health.weight = 100;
    struct standing standing = judged(&member, &consensus);
    assert_true(standing.eligible);
    assert_int_equal(standing.weight, 100);
    assert_string_equal(standing.state, "falling");
    assert_non_null(strstr(standing.reason, "frozen"));
    consensus.hold = HOLD_WAITING;
    assert_non_null(strstr(judged(&member, &consensus).reason, "interval"));
    consensus.hold = HOLD_SILENT;
    assert_non_null(strstr(judged(&member, &consensus).reason, "no vantage point"));
}

static void last_good_members_are_those_that_fell_last(void **)
{
    struct member member = member_of();
    struct member_health health = health_of(0);
    health.stage = STAGE_INELIGIBLE;
    struct standing never = standing_of(&member, &health);
    assert_false(lifecycle_last_good(&never, NOW));
    health.last_eligible_at = NOW - LIFECYCLE_LAST_GOOD_S;
    struct standing lately = standing_of(&member, &health);
    assert_true(lifecycle_last_good(&lately, NOW));
    assert_false(lifecycle_last_good(&lately, NOW + 1));
}

static void the_operators_decision_overrides_the_last_good(void **)
{
    struct member_health health = health_of(0);
    health.stage = STAGE_INELIGIBLE;
    health.last_eligible_at = NOW;
    struct member member = member_of();
    assert_int_equal(standing_of(&member, &health).last_eligible_at, NOW);
    member.suspended = true;
    assert_int_equal(standing_of(&member, &health).last_eligible_at, 0);
    member.suspended = false;
    member.override = OVERRIDE_INELIGIBLE;
    assert_int_equal(standing_of(&member, &health).last_eligible_at, 0);
    member.override = OVERRIDE_AUTO;
    member.capacity_mbit = 0;
    assert_int_equal(standing_of(&member, &health).last_eligible_at, 0);
}

static struct member_health eligible_health(void)
{
    const struct settings settings = settings_of();
    struct member_health health = health_of(12500);
    lifecycle_advance(&health, &settings, &no_breaker, NOW);
    return health;
}

static void standing_follows_the_verdict(void **)
{
    struct member member = member_of();
    struct member_health health = eligible_health();
    struct standing standing = standing_of(&member, &health);
    assert_true(standing.eligible);
    assert_int_equal(standing.weight, 550);
    assert_string_equal(standing.state, "eligible");
    health.stage = STAGE_INELIGIBLE;
    standing = standing_of(&member, &health);
    assert_false(standing.eligible);
    assert_int_equal(standing.weight, 0);
    assert_string_equal(standing.state, "ineligible");
    standing = standing_of(&member, NULL);
    assert_false(standing.eligible);
    assert_string_equal(standing.state, "registered");
}

/* No address can be left out of a member's own name. */
static void weight_is_by_what_works_of_an_own_name_and_never_0(void **)
{
    struct member member = member_of();
    struct member_health health = eligible_health();
    health.addresses[1].working = false;
    assert_int_equal(standing_of(&member, &health).weight, 550);
    assert_ok(dname_parse(&member.target, "ntp.example.net", NULL));
    assert_int_equal(standing_of(&member, &health).weight, 275);
    assert_non_null(strstr(standing_of(&member, &health).reason, "not on all addresses"));
    member.capacity_mbit = 1;
    assert_int_equal(standing_of(&member, &health).weight, 1);
}

static void override_beats_the_verdict_both_ways(void **)
{
    struct member member = member_of();
    struct member_health health = eligible_health();
    member.override = OVERRIDE_INELIGIBLE;
    struct standing standing = standing_of(&member, &health);
    assert_false(standing.eligible);
    assert_string_equal(standing.state, "ineligible");
    member.override = OVERRIDE_ELIGIBLE;
    standing = standing_of(&member, NULL);
    assert_true(standing.eligible);
    assert_int_equal(standing.weight, 1000);
}

static void suspension_and_capacity_0_beat_the_override(void **)
{
    struct member member = member_of();
    struct member_health health = eligible_health();
    member.override = OVERRIDE_ELIGIBLE;
    member.suspended = true;
    struct standing standing = standing_of(&member, &health);
    assert_false(standing.eligible);
    assert_string_equal(standing.state, "suspended");
    member.suspended = false;
    member.capacity_mbit = 0;
    standing = standing_of(&member, &health);
    assert_false(standing.eligible);
    assert_int_equal(standing.weight, 0);
}

/* In the lead before it leaves, a member is out, whatever the operator's override says; it is not
 * one of the last good members either. */
static void a_member_that_leaves_is_out_by_the_clock(void **)
{
    struct member member = member_of();
    const uint64_t lead_s = settings_of().leave_lead_s;
    struct consensus consensus = { .known = true, .health = eligible_health() };
    consensus.health.last_eligible_at = NOW;
    member.leave_at = NOW + lead_s + 1;
    assert_true(judged(&member, &consensus).eligible);
    static const enum override overrides[] = { OVERRIDE_AUTO, OVERRIDE_ELIGIBLE };
    for (unsigned late = 0; late < 2; late++) {
        for (unsigned i = 0; i < 2; i++) {
            member.leave_at = late == 1 ? NOW - 1 : NOW + lead_s;
            member.override = overrides[i];
            const struct standing standing = judged(&member, &consensus);
            assert_false(standing.eligible);
            assert_string_equal(standing.state, "leaving");
            assert_false(lifecycle_last_good(&standing, NOW));
        }
    }
    member.suspended = true;
    assert_string_equal(judged(&member, &consensus).state, "suspended");
}

static void reason_names_what_the_members_operator_should_do(void **)
{
    struct member member = member_of();
    struct member_health health = health_of(-5000);
    health.addresses[0].failure = health.addresses[1].failure = FAILURE_CERT_EXPIRED;
    assert_string_equal(standing_of(&member, &health).reason, failure_advice(FAILURE_CERT_EXPIRED));
    static const struct {
        enum warning warning;
        const char *says;
    } rows[] = {
        { WARNING_STRATUM, "strata" },
        { WARNING_OFFSET, "100 ms off" },
        { WARNING_WEB, "score or history" },
    };
    health.addresses[0].failure = health.addresses[1].failure = FAILURE_NONE;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        health.addresses[0].warnings = health.addresses[1].warnings = (uint16_t)rows[i].warning;
        assert_non_null(strstr(standing_of(&member, &health).reason, rows[i].says));
    }
}

static void address_that_was_never_probed_stays_in_the_name(void **)
{
    struct member member = member_of();
    struct member_health health = health_of(20000);
    health.addresses[1].working = false;
    health.addresses[1].probes = 0;
    assert_int_equal(standing_of(&member, &health).left_out, 0);
    health.address_count = 1;
    assert_int_equal(standing_of(&member, &health).left_out, 0);
    assert_int_equal(standing_of(&member, NULL).left_out, 0);
}

/* Clients take the first address of a family, so a second one that works does not help them. */
static void broken_address_is_left_out_beside_any_that_works(void **)
{
    static const char *const texts[] = { "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2" };
    struct member member = member_of();
    struct member_health health = health_of(20000);
    member.address_count = health.address_count = 4;
    for (unsigned i = 0; i < 4; i++) {
        health.addresses[i] = health.addresses[0];
        health.addresses[i].address = member.addresses[i] = address_of(texts[i]);
    }
    for (unsigned broken = 0; broken < 16; broken++) {
        for (unsigned i = 0; i < 4; i++) {
            health.addresses[i].working = (broken >> i & 1) == 0;
        }
        assert_int_equal(standing_of(&member, &health).left_out, broken == 15 ? 0 : broken);
    }
}

static void quarantine_ends_with_the_last_certificate(void **)
{
    const struct settings settings = settings_of();
    struct member_health health = health_of(0);
    assert_int_equal(lifecycle_quarantine_end(NULL, &settings, NOW), NOW + settings.quarantine_s);
    assert_int_equal(lifecycle_quarantine_end(&health, &settings, NOW),
                     NOW + settings.quarantine_s);
    health.last_cert_not_after = NOW + 1000;
    assert_int_equal(lifecycle_quarantine_end(&health, &settings, NOW), NOW + 1000);
    health.last_cert_not_after = NOW - 1000;
    assert_int_equal(lifecycle_quarantine_end(&health, &settings, NOW), NOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entry_needs_score_and_history),
        cmocka_unit_test(exit_is_lower_than_entry_and_reentry_higher),
        cmocka_unit_test(weight_ramps_from_a_tenth_at_10_to_all_at_15),
        cmocka_unit_test(stage_before_entry_is_what_was_proven),
        cmocka_unit_test(score_without_proof_of_nts_does_not_enter),
        cmocka_unit_test(member_counts_by_its_best_address),
        cmocka_unit_test(member_without_any_address_left_falls_out),
        cmocka_unit_test(fall_waits_for_an_interval),
        cmocka_unit_test(member_that_stops_falling_was_never_out),
        cmocka_unit_test(no_member_is_removed_while_removals_are_frozen),
        cmocka_unit_test(family_that_says_nothing_keeps_only_members_without_another),
        cmocka_unit_test(each_family_has_its_own_stage),
        cmocka_unit_test(standing_names_what_holds_a_removal),
        cmocka_unit_test(a_member_that_leaves_is_out_by_the_clock),
        cmocka_unit_test(last_good_members_are_those_that_fell_last),
        cmocka_unit_test(the_operators_decision_overrides_the_last_good),
        cmocka_unit_test(standing_follows_the_verdict),
        cmocka_unit_test(weight_is_by_what_works_of_an_own_name_and_never_0),
        cmocka_unit_test(override_beats_the_verdict_both_ways),
        cmocka_unit_test(suspension_and_capacity_0_beat_the_override),
        cmocka_unit_test(reason_names_what_the_members_operator_should_do),
        cmocka_unit_test(address_that_was_never_probed_stays_in_the_name),
        cmocka_unit_test(broken_address_is_left_out_beside_any_that_works),
        cmocka_unit_test(quarantine_ends_with_the_last_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
