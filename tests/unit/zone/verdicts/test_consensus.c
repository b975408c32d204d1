#include "tests/unit/unit.h"
#include "zone/verdicts/consensus.h"

enum {
    NOW = 2000000000
};

/* A row of vantage point `name`: a stage with its weight and score. */
static struct member_health says(const char *name, enum stage stage, uint16_t weight)
{
    struct member_health row = { .member_id = 1,
                                 .stage = stage,
                                 .stage_since = NOW - 1000,
                                 .weight = weight,
                                 .address_count = 2 };
    (void)snprintf(row.vantage, sizeof(row.vantage), "%s", name);
    const char *texts[] = { "192.0.2.1", "2001:db8::1" };
    for (unsigned i = 0; i < 2; i++) {
        row.family[i] = (struct family_health){ stage, NOW - 1000, 0, weight };
        row.addresses[i] = (struct address_health){ .address = address_of(texts[i]),
                                                    .score_milli = 20 * weight,
                                                    .working = weight > 0,
                                                    .probes = 100,
                                                    .first_probe_at = NOW - 100000,
                                                    .last_probe_at = NOW };
    }
    return row;
}

/* a, b and c report; d has been silent for days. */
static struct vantages panel(void)
{
    struct vantages vantages = { .count = 4,
                                 .list = { { .name = "a", .well_at = NOW },
                                           { .name = "b", .well_at = NOW },
                                           { .name = "c", .well_at = NOW },
                                           { .name = "d", .well_at = NOW - 200000 } } };
    for (unsigned i = 0; i < vantages.count; i++) {
        const struct vantage_family on = { .state = FAMILY_ON,
                                           .well_at = vantages.list[i].well_at };
        vantages.list[i].family[ADDRESS_IPV6] = vantages.list[i].family[ADDRESS_IPV4] = on;
    }
    vantages_judge(&vantages, 600, NOW);
    return vantages;
}

/* With the addresses of `says`; the first `count` of them are kept. */
static struct member member_of(unsigned count)
{
    return (struct member){ .id = 1,
                            .address_count = (uint8_t)count,
                            .addresses = { address_of("192.0.2.1"), address_of("2001:db8::1") } };
}

static struct consensus consensus_for(const struct member *member, const struct vantages *vantages,
                                      const struct member_health *rows, unsigned count)
{
    const struct settings settings = default_settings();
    struct consensus consensus;
    consensus_of(&consensus, member, rows, count, vantages, &settings);
    return consensus;
}

static struct consensus consensus_by(const struct vantages *vantages,
                                     const struct member_health *rows, unsigned count)
{
    const struct member member = member_of(2);
    return consensus_for(&member, vantages, rows, count);
}

static struct consensus of_three(uint16_t a, uint16_t b, uint16_t c)
{
    const uint16_t weights[] = { a, b, c };
    const char *names[] = { "a", "b", "c" };
    const struct vantages vantages = panel();
    struct member_health rows[3];
    for (unsigned i = 0; i < 3; i++) {
        enum stage stage = weights[i] > 0 ? STAGE_ELIGIBLE : STAGE_INELIGIBLE;
        rows[i] = says(names[i], stage, weights[i]);
    }
    return consensus_by(&vantages, rows, 3);
}

static void one_vantage_point_is_believed(void **)
{
    const struct vantages vantages = panel();
    struct member_health row = says("a", STAGE_ELIGIBLE, 777);
    struct consensus consensus = consensus_by(&vantages, &row, 1);
    assert_true(consensus.known);
    assert_int_equal(consensus.health.stage, STAGE_ELIGIBLE);
    assert_int_equal(consensus.health.weight, 777);
    assert_int_equal(consensus.votes.all, 1);
    assert_int_equal(consensus.votes.in, 1);
    assert_int_equal(consensus.hold, HOLD_NONE);
}

static void a_member_never_seen_is_unknown(void **)
{
    const struct vantages vantages = panel();
    struct consensus consensus = consensus_by(&vantages, NULL, 0);
    assert_false(consensus.known);
    assert_int_equal(consensus.health.weight, 0);
}

static void verdict_is_the_median_never_the_best(void **)
{
    assert_int_equal(of_three(1000, 0, 0).health.weight, 0);
    assert_int_equal(of_three(1000, 0, 0).health.stage, STAGE_INELIGIBLE);
    assert_int_equal(of_three(1000, 0, 500).health.weight, 500);
    assert_int_equal(of_three(0, 1000, 1000).health.weight, 1000);
    assert_int_equal(of_three(0, 1000, 1000).votes.in, 2);
}

static void of_two_the_worse_counts(void **)
{
    const struct vantages vantages = panel();
    struct member_health rows[] = { says("a", STAGE_ELIGIBLE, 1000),
                                    says("b", STAGE_INELIGIBLE, 0) };
    assert_int_equal(consensus_by(&vantages, rows, 2).health.weight, 0);
    rows[1] = says("b", STAGE_ELIGIBLE, 300);
    assert_int_equal(consensus_by(&vantages, rows, 2).health.weight, 300);
}

static void silent_vantage_point_does_not_vote_beside_others(void **)
{
    const struct vantages vantages = panel();
    const struct member_health rows[] = { says("a", STAGE_ELIGIBLE, 1000),
                                          says("d", STAGE_INELIGIBLE, 0) };
    struct consensus consensus = consensus_by(&vantages, rows, 2);
    assert_int_equal(consensus.health.stage, STAGE_ELIGIBLE);
    assert_int_equal(consensus.votes.all, 1);
    assert_int_equal(consensus_by(&vantages, &rows[1], 1).health.stage, STAGE_INELIGIBLE);
}

/* A new vantage point has seen too little to remove a whole pool. */
static void new_vantage_point_does_not_vote_before_it_can_judge(void **)
{
    const struct vantages vantages = panel();
    struct member_health rows[] = { says("a", STAGE_OPERATIONAL, 0),
                                    says("d", STAGE_ELIGIBLE, 900) };
    rows[0].addresses[0].probes = rows[0].addresses[1].probes = CONSENSUS_PROBES - 1;
    assert_int_equal(consensus_by(&vantages, rows, 2).health.weight, 900);
    rows[0].addresses[1].probes = CONSENSUS_PROBES;
    assert_int_equal(consensus_by(&vantages, rows, 2).health.family[ADDRESS_IPV6].weight, 0);
    assert_int_equal(consensus_by(&vantages, rows, 2).health.family[ADDRESS_IPV4].weight, 900);
    rows[0].addresses[0].probes = CONSENSUS_PROBES;
    assert_int_equal(consensus_by(&vantages, rows, 2).health.weight, 0);
    rows[0].addresses[1].first_probe_at = NOW - 7199;
    assert_int_equal(consensus_by(&vantages, rows, 2).health.weight, 900);
}

/* The vantage point has no IPv6: its row means nothing for that family. */
static void without_ipv6(struct vantages *vantages, struct member_health *row, const char *name)
{
    for (unsigned i = 0; i < vantages->count; i++) {
        if (strcmp(vantages->list[i].name, name) == 0) {
            vantages->list[i].family[ADDRESS_IPV6] = (struct vantage_family){ 0 };
        }
    }
    vantages_judge(vantages, 600, NOW);
    row->family[ADDRESS_IPV6] = (struct family_health){ STAGE_REGISTERED, NOW - 1000, 0, 0 };
    row->addresses[1] = (struct address_health){ .address = row->addresses[1].address,
                                                 .failure = FAILURE_INTERNAL };
}

/* Two of three vantage points have no IPv6. */
static struct consensus of_two_without_ipv6(enum stage a, enum stage b, enum stage c4,
                                            enum stage c6)
{
    struct vantages vantages = panel();
    struct member_health rows[] = { says("a", a, stage_is_in(a) ? 1000 : 0),
                                    says("b", b, stage_is_in(b) ? 900 : 0),
                                    says("c", c4, stage_is_in(c4) ? 800 : 0) };
    without_ipv6(&vantages, &rows[0], "a");
    without_ipv6(&vantages, &rows[1], "b");
    const uint16_t weight = stage_is_in(c6) ? 700 : 0;
    rows[2].family[ADDRESS_IPV6].stage = c6;
    rows[2].family[ADDRESS_IPV6].weight = rows[2].weight = weight;
    rows[2].addresses[1].working = weight > 0;
    rows[2].addresses[1].score_milli = 20 * weight;
    return consensus_by(&vantages, rows, 3);
}

static void vantage_points_without_ipv6_still_vote_for_ipv4(void **)
{
    struct consensus consensus =
        of_two_without_ipv6(STAGE_ELIGIBLE, STAGE_ELIGIBLE, STAGE_INELIGIBLE, STAGE_INELIGIBLE);
    assert_int_equal(consensus.health.stage, STAGE_ELIGIBLE);
    assert_int_equal(consensus.votes.all, 3);
    assert_int_equal(consensus.votes.in, 2);
    assert_int_equal(consensus.family[ADDRESS_IPV6].all, 1);
    assert_true(consensus.health.addresses[0].working);
    assert_false(consensus.health.addresses[1].working);
}

static void the_better_family_decides(void **)
{
    struct consensus consensus =
        of_two_without_ipv6(STAGE_INELIGIBLE, STAGE_INELIGIBLE, STAGE_INELIGIBLE, STAGE_ELIGIBLE);
    assert_int_equal(consensus.health.stage, STAGE_ELIGIBLE);
    assert_int_equal(consensus.health.weight, 700);
    assert_int_equal(consensus.votes.all, 1);
    assert_false(consensus.health.addresses[0].working);
    assert_true(consensus.health.addresses[1].working);
    consensus =
        of_two_without_ipv6(STAGE_INELIGIBLE, STAGE_INELIGIBLE, STAGE_ELIGIBLE, STAGE_INELIGIBLE);
    assert_int_equal(consensus.health.stage, STAGE_INELIGIBLE);
    assert_int_equal(consensus.votes.in, 1);
}

static void blind_vantage_point_does_not_dissent(void **)
{
    struct vantages vantages = panel();
    struct member_health rows[] = { says("a", STAGE_ELIGIBLE, 1000), says("b", STAGE_ELIGIBLE, 900),
                                    says("c", STAGE_ELIGIBLE, 800) };
    without_ipv6(&vantages, &rows[2], "c");
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned f = 0; f < ADDRESS_FAMILIES; f++) {
            rows[i].family[f].stage_since = NOW - 2 * CONSENSUS_LONG_S;
        }
    }
    struct consensus consensus = consensus_by(&vantages, rows, 3);
    assert_int_equal(consensus.family[ADDRESS_IPV6].all, 2);
    assert_false(consensus_dissents(&consensus, &rows[2], &vantages, NOW));
}

static void last_verdict_stands_when_all_are_silent(void **)
{
    struct vantages vantages = panel();
    vantages_judge(&vantages, 600, NOW + 1000000);
    const struct member_health rows[] = { says("a", STAGE_ELIGIBLE, 1000),
                                          says("d", STAGE_INELIGIBLE, 0) };
    struct consensus consensus = consensus_by(&vantages, rows, 2);
    assert_int_equal(consensus.health.stage, STAGE_ELIGIBLE);
    assert_int_equal(consensus.hold, HOLD_SILENT);
}

static void each_address_has_its_own_median(void **)
{
    const struct vantages vantages = panel();
    struct member_health rows[] = { says("a", STAGE_ELIGIBLE, 1000), says("b", STAGE_ELIGIBLE, 900),
                                    says("c", STAGE_ELIGIBLE, 800) };
    /* IPv6 fails for two of three, IPv4 for the third */
    rows[0].addresses[1].working = rows[1].addresses[1].working = false;
    rows[0].addresses[1].score_milli = -2000;
    rows[1].addresses[1].score_milli = -1000;
    rows[2].addresses[0].working = false;
    struct consensus consensus = consensus_by(&vantages, rows, 3);
    assert_true(consensus.health.addresses[0].working);
    assert_false(consensus.health.addresses[1].working);
    assert_int_equal(consensus.health.addresses[1].score_milli, -1000);
}

/* A row of a member that has IPv4 only. */
static struct member_health says_of_ipv4(const char *name, enum stage stage)
{
    struct member_health row = says(name, stage, stage_is_in(stage) ? 900 : 0);
    row.address_count = 1;
    row.family[ADDRESS_IPV6] = (struct family_health){ STAGE_REGISTERED, NOW - 1000, 0, 0 };
    return row;
}

/* No other vantage point has a verdict on the family that it claims. */
static void claim_of_a_family_that_the_member_does_not_have_counts_for_nothing(void **)
{
    const struct vantages vantages = panel();
    const struct member member = member_of(1);
    struct member_health rows[] = { says_of_ipv4("a", STAGE_INELIGIBLE),
                                    says_of_ipv4("b", STAGE_INELIGIBLE),
                                    says("c", STAGE_ELIGIBLE, 1000) };
    struct consensus consensus = consensus_for(&member, &vantages, rows, 3);
    assert_int_equal(consensus.health.stage, STAGE_INELIGIBLE);
    assert_int_equal(consensus.family[ADDRESS_IPV6].all, 0);
    assert_int_equal(consensus.votes.all, 3);
    assert_int_equal(consensus.votes.in, 1);
    /* an honest vantage point may have been silent since the address was removed */
    rows[2] = says("d", STAGE_ELIGIBLE, 1000);
    assert_int_equal(consensus_for(&member, &vantages, rows, 3).health.stage, STAGE_INELIGIBLE);
    assert_int_equal(consensus_for(&member, &vantages, rows, 3).health.address_count, 1);
}

static void name_without_ipv6_is_no_vote_less(void **)
{
    struct vantages vantages = panel();
    const struct member member = member_of(0);
    struct member_health rows[] = { says_of_ipv4("a", STAGE_INELIGIBLE),
                                    says_of_ipv4("b", STAGE_INELIGIBLE),
                                    says("c", STAGE_ELIGIBLE, 1000) };
    vantages.list[0].family[ADDRESS_IPV6] = (struct vantage_family){ .state = FAMILY_UNSEEN };
    struct consensus consensus = consensus_for(&member, &vantages, rows, 3);
    assert_int_equal(consensus.health.stage, STAGE_INELIGIBLE);
    assert_int_equal(consensus.family[ADDRESS_IPV6].all, 3);
    assert_int_equal(consensus.family[ADDRESS_IPV6].in, 1);
    /* a verdict on a family without an address does not count either */
    rows[0].family[ADDRESS_IPV6] = rows[1].family[ADDRESS_IPV6] = rows[2].family[ADDRESS_IPV6];
    assert_int_equal(consensus_for(&member, &vantages, rows, 3).health.stage, STAGE_INELIGIBLE);
    rows[0].family[ADDRESS_IPV4] = rows[2].family[ADDRESS_IPV4];
    assert_int_equal(consensus_for(&member, &vantages, rows, 3).health.stage, STAGE_ELIGIBLE);
}

static void a_claim_to_know_a_new_member_for_long_does_not_count(void **)
{
    const struct vantages vantages = panel();
    struct member member = member_of(2);
    struct member_health rows[] = { says("a", STAGE_OPERATIONAL, 0),
                                    says("b", STAGE_OPERATIONAL, 0),
                                    says("c", STAGE_ELIGIBLE, 1000) };
    for (unsigned i = 0; i < 4; i++) {
        rows[i / 2].addresses[i % 2].first_probe_at = NOW - 60;
        rows[i / 2].addresses[i % 2].probes = 1;
    }
    assert_int_equal(consensus_for(&member, &vantages, rows, 3).health.stage, STAGE_ELIGIBLE);
    member.added_at = NOW - 60;
    struct consensus consensus = consensus_for(&member, &vantages, rows, 3);
    assert_int_equal(consensus.health.stage, STAGE_OPERATIONAL);
    assert_int_equal(consensus.votes.all, 3);
}

/* The median vantage point may be behind: it does not know the second address. */
static void address_is_judged_by_those_that_know_it(void **)
{
    const struct vantages vantages = panel();
    struct member member = member_of(2);
    member.addresses[1] = address_of("192.0.2.2");
    struct member_health rows[] = { says_of_ipv4("a", STAGE_ELIGIBLE),
                                    says_of_ipv4("b", STAGE_ELIGIBLE),
                                    says_of_ipv4("c", STAGE_ELIGIBLE) };
    rows[0].family[ADDRESS_IPV4].weight = 800;
    rows[2].family[ADDRESS_IPV4].weight = 1000;
    for (unsigned i = 0; i < 3; i += 2) {
        rows[i].address_count = 2;
        rows[i].addresses[1].address = member.addresses[1];
        rows[i].addresses[1].working = false;
    }
    struct consensus consensus = consensus_for(&member, &vantages, rows, 3);
    assert_int_equal(consensus.health.address_count, 2);
    assert_true(consensus.health.addresses[0].working);
    assert_false(consensus.health.addresses[1].working);
}

static void quarantine_takes_the_latest_certificate_of_all(void **)
{
    const struct vantages vantages = panel();
    struct member_health rows[] = { says("a", STAGE_ELIGIBLE, 1000),
                                    says("d", STAGE_ELIGIBLE, 900) };
    rows[0].last_cert_not_after = NOW + 5;
    rows[1].last_cert_not_after = NOW + 9;
    assert_int_equal(consensus_by(&vantages, rows, 2).health.last_cert_not_after, NOW + 9);
}

static void a_fall_waits_until_the_operator_releases_it(void **)
{
    struct vantages vantages = panel();
    const struct member_health row = says("a", STAGE_FALLING, 100);
    struct consensus consensus = consensus_by(&vantages, &row, 1);
    assert_int_equal(consensus.health.weight, 100);
    assert_int_equal(consensus.hold, HOLD_WAITING);
    vantages.list[0].frozen_since = NOW - 10;
    assert_int_equal(consensus_by(&vantages, &row, 1).hold, HOLD_FROZEN);
    vantages.list[0].released_at = row.stage_since - 1;
    assert_int_equal(consensus_by(&vantages, &row, 1).health.weight, 100);
    vantages.list[0].released_at = row.stage_since;
    consensus = consensus_by(&vantages, &row, 1);
    assert_int_equal(consensus.health.stage, STAGE_INELIGIBLE);
    assert_int_equal(consensus.health.weight, 0);
    assert_int_equal(consensus.hold, HOLD_NONE);
}

static void since(struct member_health *row, uint64_t when)
{
    row->stage_since = when;
    row->family[ADDRESS_IPV6].stage_since = row->family[ADDRESS_IPV4].stage_since = when;
}

static void long_dissent_is_seen_and_short_is_not(void **)
{
    const struct vantages vantages = panel();
    struct member_health rows[] = { says("a", STAGE_ELIGIBLE, 1000), says("b", STAGE_ELIGIBLE, 900),
                                    says("c", STAGE_INELIGIBLE, 0) };
    for (unsigned i = 0; i < 3; i++) {
        since(&rows[i], NOW - CONSENSUS_LONG_S);
    }
    struct consensus consensus = consensus_by(&vantages, rows, 3);
    assert_false(consensus_dissents(&consensus, &rows[0], &vantages, NOW));
    assert_true(consensus_dissents(&consensus, &rows[2], &vantages, NOW));
    assert_false(consensus_dissents(&consensus, &rows[2], &vantages, NOW - 1));
    since(&rows[2], NOW - CONSENSUS_LONG_S + 1);
    assert_false(consensus_dissents(&consensus, &rows[2], &vantages, NOW));
    consensus = consensus_by(&vantages, &rows[2], 1);
    assert_false(consensus_dissents(&consensus, &rows[2], &vantages, NOW + CONSENSUS_LONG_S));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_vantage_point_is_believed),
        cmocka_unit_test(a_member_never_seen_is_unknown),
        cmocka_unit_test(verdict_is_the_median_never_the_best),
        cmocka_unit_test(of_two_the_worse_counts),
        cmocka_unit_test(silent_vantage_point_does_not_vote_beside_others),
        cmocka_unit_test(new_vantage_point_does_not_vote_before_it_can_judge),
        cmocka_unit_test(vantage_points_without_ipv6_still_vote_for_ipv4),
        cmocka_unit_test(the_better_family_decides),
        cmocka_unit_test(blind_vantage_point_does_not_dissent),
        cmocka_unit_test(last_verdict_stands_when_all_are_silent),
        cmocka_unit_test(each_address_has_its_own_median),
        cmocka_unit_test(claim_of_a_family_that_the_member_does_not_have_counts_for_nothing),
        cmocka_unit_test(name_without_ipv6_is_no_vote_less),
        cmocka_unit_test(a_claim_to_know_a_new_member_for_long_does_not_count),
        cmocka_unit_test(address_is_judged_by_those_that_know_it),
        cmocka_unit_test(quarantine_takes_the_latest_certificate_of_all),
        cmocka_unit_test(long_dissent_is_seen_and_short_is_not),
        cmocka_unit_test(a_fall_waits_until_the_operator_releases_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
