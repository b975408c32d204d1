#include "probe/verdict.h"
#include "tests/unit/unit.h"

enum {
    NOW = 2000000000
};

static const struct breaker_state no_breaker = { 0 };

static struct settings settings_of(void)
{
    struct settings settings = default_settings();
    settings.min_history_s = 0;
    settings.entry_score_milli = 10000;
    settings.reentry_score_milli = 12000;
    settings.exit_score_milli = 8000;
    return settings;
}

static struct member_health health_of(unsigned count)
{
    const struct address addresses[] = { address_of("192.0.2.1"), address_of("2001:db8::1") };
    struct member_health health = { .member_id = 7 };
    assert_true(verdict_addresses(&health, addresses, count));
    return health;
}

static struct outcome good_outcome(void)
{
    return (struct outcome){
        .certified = true,
        .certificate = { .not_before = NOW - 100, .not_after = NOW + 1000, .for_name = true },
        .has_keys = true,
        .aead = 15,
        .warnings = WARNING_NO_CLOSE,
        .timed = true,
        .sample = { .stratum = 2, .offset_us = -120, .rtt_us = 3000 },
    };
}

static void apply(struct member_health *health, const struct outcome *outcome, uint64_t now)
{
    const struct settings settings = settings_of();
    verdict_apply(health, 0, outcome, &(struct judgement){ &settings, &no_breaker, true, now });
}

static void good_probe_fills_the_row(void **)
{
    struct member_health health = health_of(1);
    const struct outcome outcome = good_outcome();
    apply(&health, &outcome, NOW);
    const struct address_health *row = &health.addresses[0];
    assert_int_equal(row->failure, FAILURE_NONE);
    assert_true(row->working);
    assert_int_equal(row->probes, 1);
    assert_int_equal(row->score_milli, 1000);
    assert_int_equal(row->first_probe_at, NOW);
    assert_int_equal(row->last_probe_at, NOW);
    assert_int_equal(row->last_good_at, NOW);
    assert_int_equal(row->certified_at, NOW);
    assert_int_equal(row->operational_at, NOW);
    assert_int_equal(row->cert_not_after, NOW + 1000);
    assert_int_equal(row->aead, 15);
    assert_int_equal(row->warnings, WARNING_NO_CLOSE);
    assert_int_equal(row->stratum, 2);
    assert_int_equal(row->offset_us, -120);
    assert_int_equal(row->rtt_us, 3000);
    assert_int_equal(health.stage, STAGE_OPERATIONAL);
    apply(&health, &outcome, NOW + 60);
    assert_int_equal(row->first_probe_at, NOW);
    assert_int_equal(row->last_probe_at, NOW + 60);
    assert_int_equal(row->operational_at, NOW);
}

static void member_becomes_eligible_after_fourteen_good_probes_and_leaves_after_failures(void **)
{
    struct member_health health = health_of(1);
    const struct outcome good = good_outcome();
    const struct outcome silent = { .failure = FAILURE_NTP_SILENT, .detail = "no reply" };
    for (unsigned i = 0; i < 13; i++) {
        apply(&health, &good, NOW + i);
    }
    assert_int_equal(health.stage, STAGE_OPERATIONAL);
    apply(&health, &good, NOW + 13);
    assert_int_equal(health.stage, STAGE_ELIGIBLE);
    apply(&health, &silent, NOW + 14);
    assert_int_equal(health.stage, STAGE_INELIGIBLE);
    assert_string_equal(health.addresses[0].detail, "no reply");
}

static void address_works_until_its_score_is_under_the_exit_score(void **)
{
    struct member_health health = health_of(1);
    const struct outcome good = good_outcome();
    const struct outcome silent = { .failure = FAILURE_NTP_SILENT };
    apply(&health, &good, NOW);
    health.addresses[0].score_milli = 20000;
    apply(&health, &silent, NOW);
    apply(&health, &silent, NOW);
    assert_true(health.addresses[0].working);
    apply(&health, &silent, NOW);
    assert_false(health.addresses[0].working);
    apply(&health, &good, NOW);
    assert_true(health.addresses[0].working);
}

static void address_that_never_worked_does_not(void **)
{
    struct member_health health = health_of(1);
    const struct outcome refused = { .failure = FAILURE_CONNECT_REFUSED };
    health.addresses[0].score_milli = 20000;
    apply(&health, &refused, NOW);
    assert_false(health.addresses[0].working);
    assert_int_equal(health.addresses[0].operational_at, 0);
}

static void failures_of_our_own_do_not_count(void **)
{
    struct member_health health = health_of(1);
    const struct outcome good = good_outcome();
    const struct outcome internal = { .failure = FAILURE_INTERNAL, .detail = "no route" };
    apply(&health, &good, NOW);
    const struct address_health before = health.addresses[0];
    apply(&health, &internal, NOW + 60);
    const struct address_health *row = &health.addresses[0];
    assert_int_equal(row->failure, FAILURE_INTERNAL);
    assert_string_equal(row->detail, "no route");
    assert_int_equal(row->score_milli, before.score_milli);
    assert_int_equal(row->probes, before.probes);
    assert_int_equal(row->last_probe_at, before.last_probe_at);
    assert_true(row->working);
}

static void member_that_answers_after_a_freeze_is_eligible_again(void **)
{
    const struct settings settings = settings_of();
    const struct breaker_state frozen = { .hold_s = 60, .members_frozen = true };
    struct member_health health = health_of(1);
    const struct outcome good = good_outcome();
    const struct outcome refused = { .failure = FAILURE_CONNECT_TIMEOUT };
    uint64_t now = NOW;
    for (unsigned i = 0; i < 40; i++) {
        apply(&health, &good, now += 60);
    }
    assert_int_equal(health.stage, STAGE_ELIGIBLE);
    for (unsigned i = 0; i < 40; i++) {
        const struct judgement judgement = { &settings, &frozen, true, now += 60 };
        verdict_apply(&health, 0, &refused, &judgement);
    }
    assert_int_equal(health.stage, STAGE_FALLING);
    assert_true(health.addresses[0].score_milli < -80000);
    assert_int_equal(health.addresses[0].failures, 40);
    const struct breaker_state waiting = { .hold_s = 60 };
    verdict_apply(&health, 0, &good, &(struct judgement){ &settings, &waiting, true, now + 60 });
    assert_int_equal(health.stage, STAGE_ELIGIBLE);
    assert_int_equal(health.addresses[0].score_milli, 8000);
    assert_int_equal(health.addresses[0].failures, 0);
    assert_int_equal(health.weight, 100);
}

static void address_is_not_left_out_while_its_family_is_frozen(void **)
{
    const struct settings settings = settings_of();
    struct breaker_state breaker_state = { .family_frozen = { false, true } };
    struct member_health health = health_of(2);
    const struct outcome good = good_outcome();
    const struct outcome refused = { .failure = FAILURE_CONNECT_TIMEOUT };
    apply(&health, &good, NOW);
    struct judgement judgement = { &settings, &breaker_state, true, NOW + 60 };
    verdict_apply(&health, 0, &refused, &judgement);
    assert_true(health.addresses[0].working);
    breaker_state.family_frozen[1] = false;
    verdict_apply(&health, 0, &refused, &judgement);
    assert_false(health.addresses[0].working);
}

/* It is shown, and failures entered before this was known are withdrawn. */
static void silence_does_not_count_while_the_family_waits(void **)
{
    const struct settings settings = settings_of();
    const struct breaker_state breaker_state = { .family_waits = { true, false } };
    const struct vantage vantage = { .family = { { FAMILY_UNSEEN }, { FAMILY_ON } } };
    struct member_health health = health_of(2);
    const struct outcome silent = { .failure = FAILURE_CONNECT_TIMEOUT, .detail = "no answer" };
    const struct outcome wrong = { .failure = FAILURE_CERT_NAME };
    verdict_apply(&health, 1, &silent, &(struct judgement){ &settings, &no_breaker, true, NOW });
    assert_int_equal(health.addresses[1].probes, 1);
    assert_true(verdict_withdraw(&health, &vantage));
    assert_false(verdict_withdraw(&health, &vantage));
    for (unsigned i = 0; i < 2; i++) {
        const struct address_health *row = &health.addresses[1];
        assert_int_equal(row->probes, 0);
        assert_int_equal(row->failures, 0);
        assert_int_equal(row->score_milli, 0);
        assert_int_equal(row->failure, FAILURE_FAMILY_OFF);
        assert_string_equal(row->detail, "connect-timeout: no answer");
        verdict_apply(&health, 1, &silent,
                      &(struct judgement){ &settings, &breaker_state, true, NOW });
    }
    verdict_apply(&health, 0, &silent, &(struct judgement){ &settings, &breaker_state, true, NOW });
    assert_int_equal(health.addresses[0].probes, 1);
    assert_false(verdict_withdraw(&health, &vantage));
    verdict_apply(&health, 1, &wrong, &(struct judgement){ &settings, &breaker_state, true, NOW });
    assert_int_equal(health.addresses[1].failure, FAILURE_CERT_NAME);
    assert_int_equal(health.addresses[1].probes, 1);
}

/* Otherwise a self-signed certificate valid until 9999 would keep the label for ever. */
static void only_a_certificate_for_the_name_prolongs_the_quarantine(void **)
{
    const struct settings settings = settings_of();
    struct member_health health = health_of(1);
    struct outcome outcome = good_outcome();
    outcome.failure = FAILURE_CERT_CHAIN;
    outcome.certified = false;
    outcome.certificate.for_name = false;
    outcome.certificate.not_after = 253402300799;
    apply(&health, &outcome, NOW);
    assert_int_equal(health.addresses[0].cert_not_after, 253402300799);
    assert_int_equal(health.addresses[0].certified_at, 0);
    assert_int_equal(health.last_cert_not_after, 0);
    outcome = good_outcome();
    verdict_apply(&health, 0, &outcome, &(struct judgement){ &settings, &no_breaker, false, NOW });
    assert_int_equal(health.last_cert_not_after, 0);
    apply(&health, &outcome, NOW);
    assert_int_equal(health.last_cert_not_after, NOW + 1000);
    outcome.certificate.not_after = NOW + 500;
    apply(&health, &outcome, NOW);
    assert_int_equal(health.last_cert_not_after, NOW + 1000);
}

static void failure_keeps_certificate_and_time_of_the_row(void **)
{
    struct member_health health = health_of(1);
    const struct outcome good = good_outcome();
    const struct outcome refused = { .failure = FAILURE_CONNECT_REFUSED };
    apply(&health, &good, NOW);
    apply(&health, &refused, NOW + 60);
    assert_int_equal(health.addresses[0].cert_not_after, NOW + 1000);
    assert_int_equal(health.addresses[0].stratum, 2);
    assert_int_equal(health.addresses[0].last_good_at, NOW);
}

static void addresses_keep_their_rows_by_value(void **)
{
    struct member_health health = health_of(2);
    health.addresses[1].score_milli = 12345;
    const struct address changed[] = { address_of("2001:db8::1"), address_of("192.0.2.9") };
    assert_false(verdict_addresses(
        &health, (const struct address[]){ address_of("192.0.2.1"), address_of("2001:db8::1") },
        2));
    assert_true(verdict_addresses(&health, changed, 2));
    assert_int_equal(health.addresses[0].score_milli, 12345);
    assert_int_equal(health.addresses[1].score_milli, 0);
    assert_true(verdict_addresses(&health, changed, 1));
    assert_int_equal(health.address_count, 1);
    assert_true(verdict_addresses(&health, changed, 0));
    assert_int_equal(health.address_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_probe_fills_the_row),
        cmocka_unit_test(
            member_becomes_eligible_after_fourteen_good_probes_and_leaves_after_failures),
        cmocka_unit_test(address_works_until_its_score_is_under_the_exit_score),
        cmocka_unit_test(address_that_never_worked_does_not),
        cmocka_unit_test(failures_of_our_own_do_not_count),
        cmocka_unit_test(member_that_answers_after_a_freeze_is_eligible_again),
        cmocka_unit_test(address_is_not_left_out_while_its_family_is_frozen),
        cmocka_unit_test(silence_does_not_count_while_the_family_waits),
        cmocka_unit_test(only_a_certificate_for_the_name_prolongs_the_quarantine),
        cmocka_unit_test(failure_keeps_certificate_and_time_of_the_row),
        cmocka_unit_test(addresses_keep_their_rows_by_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
