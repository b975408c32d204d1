#include "tests/unit/unit.h"
#include "zone/verdicts/consensus.h"
#include "zone/verdicts/outline.h"

enum {
    NOW = 2000000000,
    ROUNDS = 20000,
    VOTERS = 5
};

static struct member_health a_verdict(void)
{
    struct member_health health = { .member_id = 7,
                                    .stage = STAGE_ELIGIBLE,
                                    .stage_since = NOW - 5000,
                                    .weight = 500,
                                    .last_cert_not_after = NOW + 86400,
                                    .address_count = 2 };
    const char *texts[] = { "192.0.2.1", "2001:db8::1" };
    for (unsigned i = 0; i < 2; i++) {
        health.family[i] = (struct family_health){ STAGE_ELIGIBLE, NOW - 5000, 0, 500 };
        health.addresses[i] = (struct address_health){ .address = address_of(texts[i]),
                                                       .score_milli = 12000,
                                                       .working = true,
                                                       .probes = 100,
                                                       .first_probe_at = NOW - 100000,
                                                       .last_probe_at = NOW };
    }
    return health;
}

static void what_each_probe_changes_is_not_in_the_outline(void **)
{
    struct member_health health = a_verdict();
    uint64_t before = outline_of(&health);
    for (unsigned i = 0; i < health.address_count; i++) {
        struct address_health *each = &health.addresses[i];
        each->score_milli += 400;
        each->probes++;
        each->last_probe_at += 60;
        each->last_good_at += 60;
        each->offset_us = 1234;
        each->rtt_us = 4321;
        each->stratum = 2;
    }
    health.last_eligible_at = NOW;
    assert_true(outline_of(&health) == before);
}

static void what_counts_is_in_the_outline(void **)
{
    const struct member_health before = a_verdict();
    struct member_health changed[14];
    size_t count = 0;
    for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
        changed[i] = before;
    }
    changed[count++].member_id = 8;
    changed[count++].stage = STAGE_FALLING;
    changed[count++].last_cert_not_after += 1;
    changed[count++].family[ADDRESS_IPV6].stage = STAGE_FALLING;
    changed[count++].family[ADDRESS_IPV4].stage_since += 1;
    changed[count++].family[ADDRESS_IPV4].frozen_at = NOW;
    changed[count++].family[ADDRESS_IPV4].weight = 501;
    changed[count++].family[ADDRESS_IPV4].weight = 400;
    changed[count++].address_count = 1;
    changed[count++].addresses[1].address = address_of("2001:db8::2");
    changed[count++].addresses[0].working = false;
    changed[count++].addresses[1].failure = FAILURE_CERT_NAME;
    changed[count++].addresses[1].probes = CONSENSUS_PROBES - 1;
    changed[count++].address_count = 0;
    assert_int_equal(count, sizeof(changed) / sizeof(changed[0]));
    for (size_t i = 0; i < count; i++) {
        if (outline_of(&changed[i]) == outline_of(&before)) {
            fail_msg("change %zu is not in the outline", i);
        }
    }
}

static void no_weight_and_a_small_one_differ(void **)
{
    struct member_health none = a_verdict(), little = a_verdict();
    none.family[ADDRESS_IPV4].weight = 0;
    little.family[ADDRESS_IPV4].weight = 1;
    assert_true(outline_of(&none) != outline_of(&little));
}

/* A verdict of vantage point `name` at random, of few kinds, so that many are alike. */
static struct member_health random_verdict(char name)
{
    static const enum stage stages[] = { STAGE_ELIGIBLE, STAGE_FALLING, STAGE_INELIGIBLE,
                                         STAGE_OPERATIONAL };
    struct member_health health = a_verdict();
    health.vantage[0] = name;
    for (unsigned i = 0; i < 2; i++) {
        enum stage stage = stages[random() % 4];
        health.family[i].stage = stage;
        if (stage_is_in(stage)) {
            health.family[i].weight = (uint16_t)(1 + random() % 1000);
        } else {
            health.family[i].weight = 0;
        }
        health.addresses[i].working = random() % 2 == 0;
        health.addresses[i].score_milli = (int32_t)(random() % 20000);
        health.addresses[i].probes = random() % 4 == 0 ? 3 : 300;
    }
    health.stage = health.family[0].stage;
    return health;
}

/* The same verdict a while later or earlier, with the same outline. */
static struct member_health another_time(const struct member_health *health)
{
    struct member_health other = *health;
    for (unsigned i = 0; i < 2; i++) {
        unsigned weight = health->family[i].weight;
        unsigned below = weight == 0 ? 0 : (weight - 1) / 100 * 100;
        other.addresses[i].score_milli = (int32_t)(random() % 20000);
        other.family[i].weight = (uint16_t)(weight == 0 ? 0 : below + 1 + random() % 100);
    }
    assert_true(outline_of(&other) == outline_of(health));
    return other;
}

static struct consensus consensus_on(const struct member_health rows[VOTERS],
                                     const struct vantages *vantages)
{
    const struct settings settings = default_settings();
    const struct member member = { .id = 7,
                                   .address_count = 2,
                                   .addresses = { address_of("192.0.2.1"),
                                                  address_of("2001:db8::1") } };
    struct consensus out;
    consensus_of(&out, &member, rows, VOTERS, vantages, &settings);
    return out;
}

static void assert_alike(const struct consensus *a, const struct consensus *b)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct family_health *left = &a->health.family[i], *right = &b->health.family[i];
        int apart = (int)left->weight - (int)right->weight;
        assert_int_equal(stage_is_in(left->stage), stage_is_in(right->stage));
        assert_true(apart <= 100 && apart >= -100);
        assert_int_equal(a->family[i].all, b->family[i].all);
        assert_int_equal(a->family[i].in, b->family[i].in);
        assert_int_equal(a->health.addresses[i].working, b->health.addresses[i].working);
    }
}

static void verdicts_of_equal_outlines_give_the_same_consensus(void **)
{
    struct vantages vantages = { .count = VOTERS };
    struct member_health rows[VOTERS], others[VOTERS];
    const struct vantage_family on = { .state = FAMILY_ON, .well_at = NOW };
    for (unsigned i = 0; i < VOTERS; i++) {
        vantages.list[i] = (struct vantage){ .name = { (char)('a' + i) }, .well_at = NOW };
        vantages.list[i].family[0] = vantages.list[i].family[1] = on;
    }
    vantages_judge(&vantages, 600, NOW);
    srandom(1);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < VOTERS; i++) {
            rows[i] = random_verdict((char)('a' + i));
            others[i] = another_time(&rows[i]);
        }
        const struct consensus now = consensus_on(rows, &vantages),
                               then = consensus_on(others, &vantages);
        assert_alike(&now, &then);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_each_probe_changes_is_not_in_the_outline),
        cmocka_unit_test(what_counts_is_in_the_outline),
        cmocka_unit_test(no_weight_and_a_small_one_differ),
        cmocka_unit_test(verdicts_of_equal_outlines_give_the_same_consensus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
