#include "tests/unit/unit.h"
#include "zone/lifecycle.h"

enum {
    NOW = 2000000000,
    HISTORY = 7200
};

static struct settings settings_of(void)
{
    struct settings settings;
    settings_defaults(&settings);
    settings.min_history_s = HISTORY;
    settings.entry_score_milli = 10000;
    settings.reentry_score_milli = 12000;
    settings.exit_score_milli = 8000;
    settings.quarantine_s = 8640000;
    return settings;
}

static struct address address_of(const char *text)
{
    struct address address;
    assert_ok(address_parse(&address, text));
    return address;
}

/* Two addresses, IPv4 and IPv6, that work since long, with this score. */
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
    lifecycle_advance(health, &settings, now);
    return health->stage;
}

static void entry_needs_score_and_history(void **state)
{
    (void)state;
    struct member_health health = health_of(0);
    assert_int_equal(stage_after(&health, 9999, NOW), STAGE_OPERATIONAL);
    assert_int_equal(health.weight, 0);
    assert_int_equal(stage_after(&health, 10000, NOW - 1), STAGE_OPERATIONAL);
    assert_int_equal(stage_after(&health, 10000, NOW), STAGE_ELIGIBLE);
    assert_int_equal(health.stage_since, NOW);
    assert_int_equal(health.weight, 100);
}

static void exit_is_lower_than_entry_and_reentry_higher(void **state)
{
    (void)state;
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

static void weight_ramps_from_a_tenth_at_10_to_all_at_15(void **state)
{
    (void)state;
    const struct {
        int32_t score_milli;
        uint16_t weight;
    } rows[] = {
        {8000,   100 },
        { 10000, 100 },
        { 11000, 280 },
        { 12500, 550 },
        { 14000, 820 },
        { 15000, 1000},
        { 20000, 1000}
    };
    struct member_health health = health_of(0);
    assert_int_equal(stage_after(&health, 20000, NOW), STAGE_ELIGIBLE);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(stage_after(&health, rows[i].score_milli, NOW), STAGE_ELIGIBLE);
        assert_int_equal(health.weight, rows[i].weight);
    }
}

static void stage_before_entry_is_what_was_proven(void **state)
{
    (void)state;
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

static void score_without_proof_of_nts_does_not_enter(void **state)
{
    (void)state;
    struct member_health health = health_of(0);
    health.addresses[0].operational_at = health.addresses[1].operational_at = 0;
    assert_int_equal(stage_after(&health, 20000, NOW), STAGE_CERTIFIED);
}

static void member_counts_by_its_best_address(void **state)
{
    (void)state;
    const struct settings settings = settings_of();
    struct member_health health = health_of(20000);
    health.addresses[0].score_milli = -100000;
    lifecycle_advance(&health, &settings, NOW);
    assert_int_equal(health.stage, STAGE_ELIGIBLE);
    assert_int_equal(health.weight, HEALTH_WEIGHT_MAX);
    /* an address that was never probed has score 0 and proves nothing */
    health.addresses[1].score_milli = -1;
    health.addresses[0].probes = 0;
    health.addresses[0].score_milli = 0;
    lifecycle_advance(&health, &settings, NOW);
    assert_int_equal(health.stage, STAGE_INELIGIBLE);
}

static void member_without_any_address_left_falls_out(void **state)
{
    (void)state;
    const struct settings settings = settings_of();
    struct member_health health = health_of(20000);
    lifecycle_advance(&health, &settings, NOW);
    assert_int_equal(health.stage, STAGE_ELIGIBLE);
    health.address_count = 0;
    lifecycle_advance(&health, &settings, NOW);
    assert_int_equal(health.stage, STAGE_INELIGIBLE);
}

static struct member_health eligible_health(void)
{
    const struct settings settings = settings_of();
    struct member_health health = health_of(12500);
    lifecycle_advance(&health, &settings, NOW);
    return health;
}

static void standing_follows_the_verdict(void **state)
{
    (void)state;
    struct member member = member_of();
    struct member_health health = eligible_health();
    struct standing standing = lifecycle_standing(&member, &health);
    assert_true(standing.eligible);
    assert_int_equal(standing.weight, 550);
    assert_string_equal(standing.state, "eligible");
    health.stage = STAGE_INELIGIBLE;
    standing = lifecycle_standing(&member, &health);
    assert_false(standing.eligible);
    assert_int_equal(standing.weight, 0);
    assert_string_equal(standing.state, "ineligible");
    standing = lifecycle_standing(&member, NULL);
    assert_false(standing.eligible);
    assert_string_equal(standing.state, "registered");
}

static void weight_of_an_eligible_member_is_never_0(void **state)
{
    (void)state;
    struct member member = member_of();
    struct member_health health = eligible_health();
    member.capacity_mbit = 1;
    health.weight = 100;
    assert_int_equal(lifecycle_standing(&member, &health).weight, 1);
}

static void override_beats_the_verdict_both_ways(void **state)
{
    (void)state;
    struct member member = member_of();
    struct member_health health = eligible_health();
    member.override = OVERRIDE_INELIGIBLE;
    struct standing standing = lifecycle_standing(&member, &health);
    assert_false(standing.eligible);
    assert_string_equal(standing.state, "ineligible");
    member.override = OVERRIDE_ELIGIBLE;
    standing = lifecycle_standing(&member, NULL);
    assert_true(standing.eligible);
    assert_int_equal(standing.weight, 1000);
}

static void suspension_and_capacity_0_beat_the_override(void **state)
{
    (void)state;
    struct member member = member_of();
    struct member_health health = eligible_health();
    member.override = OVERRIDE_ELIGIBLE;
    member.suspended = true;
    struct standing standing = lifecycle_standing(&member, &health);
    assert_false(standing.eligible);
    assert_string_equal(standing.state, "suspended");
    member.suspended = false;
    member.capacity_mbit = 0;
    standing = lifecycle_standing(&member, &health);
    assert_false(standing.eligible);
    assert_int_equal(standing.weight, 0);
}

static void reason_names_what_the_members_operator_should_do(void **state)
{
    (void)state;
    struct member member = member_of();
    struct member_health health = health_of(-5000);
    health.addresses[0].failure = health.addresses[1].failure = FAILURE_CERT_EXPIRED;
    assert_string_equal(lifecycle_standing(&member, &health).reason,
                        failure_advice(FAILURE_CERT_EXPIRED));
}

static void broken_address_is_left_out_while_the_other_family_works(void **state)
{
    (void)state;
    struct member member = member_of();
    struct member_health health = health_of(20000);
    assert_int_equal(lifecycle_standing(&member, &health).left_out, 0);
    health.addresses[1].working = false;
    assert_int_equal(lifecycle_standing(&member, &health).left_out, 2);
    health.addresses[0].working = false;
    assert_int_equal(lifecycle_standing(&member, &health).left_out, 0);
    health.addresses[1].working = true;
    assert_int_equal(lifecycle_standing(&member, &health).left_out, 1);
}

static void address_that_was_never_probed_stays_in_the_name(void **state)
{
    (void)state;
    struct member member = member_of();
    struct member_health health = health_of(20000);
    health.addresses[1].working = false;
    health.addresses[1].probes = 0;
    assert_int_equal(lifecycle_standing(&member, &health).left_out, 0);
    health.address_count = 1;
    assert_int_equal(lifecycle_standing(&member, &health).left_out, 0);
    assert_int_equal(lifecycle_standing(&member, NULL).left_out, 0);
}

static void broken_address_stays_beside_one_of_its_own_family(void **state)
{
    (void)state;
    struct member member = member_of();
    struct member_health health = health_of(20000);
    member.addresses[1] = health.addresses[1].address = address_of("192.0.2.2");
    health.addresses[1].working = false;
    assert_int_equal(lifecycle_standing(&member, &health).left_out, 0);
}

static void quarantine_ends_with_the_last_certificate(void **state)
{
    (void)state;
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
        cmocka_unit_test(standing_follows_the_verdict),
        cmocka_unit_test(weight_of_an_eligible_member_is_never_0),
        cmocka_unit_test(override_beats_the_verdict_both_ways),
        cmocka_unit_test(suspension_and_capacity_0_beat_the_override),
        cmocka_unit_test(reason_names_what_the_members_operator_should_do),
        cmocka_unit_test(broken_address_is_left_out_while_the_other_family_works),
        cmocka_unit_test(address_that_was_never_probed_stays_in_the_name),
        cmocka_unit_test(broken_address_stays_beside_one_of_its_own_family),
        cmocka_unit_test(quarantine_ends_with_the_last_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
