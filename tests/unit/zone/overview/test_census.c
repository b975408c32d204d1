#include "tests/unit/verdicts_fixture.h"
#include "zone/overview/census.h"

enum {
    DAY = 86400
};

static struct census census;
static struct memberview_source source;

static int set_up_both(void **state)
{
    (void)set_up_verdicts(state);
    source = (struct memberview_source){ .health = verdicts };
    assert_ok(registry_settings(txn, &source.settings, &diag));
    census = (struct census){ 0 };
    return 0;
}

static int tear_down_both(void **state)
{
    census_done(&census);
    return tear_down_verdicts(state);
}

/* A member with one address and what the probe saw of it. */
static void seen(const char *label, const char *address, enum stage stage,
                 struct address_health probed)
{
    struct member member = added(label, address);
    struct member_health row = { .member_id = member.id,
                                 .vantage = "local",
                                 .stage = stage,
                                 .stage_since = NOW - DAY,
                                 .weight = HEALTH_WEIGHT_MAX,
                                 .address_count = 1 };
    enum address_family family = address_family(&member.addresses[0]);
    row.family[family] = (struct family_health){ .stage = stage, .weight = HEALTH_WEIGHT_MAX };
    row.addresses[0] = probed;
    row.addresses[0].address = member.addresses[0];
    row.addresses[0].probes = 100;
    row.addresses[0].first_probe_at = NOW - 30 * DAY;
    row.addresses[0].last_probe_at = NOW - 10;
    assert_ok(health_put(verdicts, &row, &diag));
}

/* Begins both stores' changes anew, in the order of the set-up. */
static void count(void)
{
    assert_ok(store_commit(verdicts, &diag));
    commit();
    assert_ok(store_write(health, &verdicts, &diag));
    source.health = verdicts;
    assert_ok(memberview_begin(&source, NOW));
    assert_ok(census_read(&census, txn, &source, NOW));
}

static size_t in_state(const char *state)
{
    for (unsigned i = 0; i < CENSUS_STATES; i++) {
        if (strcmp(census_state_text(i), state) == 0) {
            return census.states[i];
        }
    }
    fail();
    return 0;
}

static void members_and_addresses_are_counted_by_state_and_failure(void **)
{
    const struct address_health good = { .score_milli = HEALTH_SCORE_MAX,
                                         .working = true,
                                         .warnings = WARNING_PORT | WARNING_NTPD_RS };
    const struct address_health bad = { .score_milli = HEALTH_SCORE_MIN,
                                        .failure = FAILURE_CERT_STAPLE };
    seen("a", "9.9.9.1", STAGE_ELIGIBLE, good);
    seen("b", "2620:fe::1", STAGE_ELIGIBLE, good);
    seen("c", "9.9.9.3", STAGE_INELIGIBLE, bad);
    (void)added("d", "9.9.9.4");
    struct member out = member_of("e", "9.9.9.5");
    out.suspended = true;
    assert_ok(registry_add(at(NOW), &out, true));
    count();
    assert_int_equal(census.members, 5);
    assert_int_equal(census.eligible, 2);
    assert_int_equal(in_state("eligible"), 2);
    assert_int_equal(in_state("ineligible"), 1);
    assert_int_equal(in_state("registered"), 1);
    assert_int_equal(in_state("suspended"), 1);
    assert_int_equal(census.addresses[ADDRESS_IPV4][true], 1);
    assert_int_equal(census.addresses[ADDRESS_IPV6][true], 1);
    assert_int_equal(census.addresses[ADDRESS_IPV4][false], 1);
    assert_int_equal(census.failing[FAILURE_CERT_STAPLE][ADDRESS_IPV4], 1);
    assert_int_equal(census.failing[FAILURE_CERT_STAPLE][ADDRESS_IPV6], 0);
    assert_int_equal(census.warnings[4], 2);
    assert_int_equal(census.warnings[WARNINGS - 1], 2);
    assert_int_equal(census.capacity_mbit, UINT64_C(5) * out.capacity_mbit);
    assert_int_equal(census.eligible_mbit, UINT64_C(2) * out.capacity_mbit);
    assert_int_equal(census.last_probe_at, NOW - 10);
    assert_int_equal(census.part_count, 5);
}

static void certificates_are_counted_by_the_time_that_is_left(void **)
{
    static const uint64_t ends[] = { NOW, NOW + 7 * DAY, NOW + 7 * DAY + 1, NOW + 30 * DAY,
                                     NOW + 31 * DAY };
    for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char label[] = { (char)('a' + i), '\0' }, address[24];
        (void)snprintf(address, sizeof(address), "9.9.9.%u", i + 1);
        seen(label, address, STAGE_ELIGIBLE,
             (struct address_health){ .working = true,
                                      .last_good_at = NOW - 10,
                                      .cert_not_after = ends[i],
                                      .warnings = i == 1 ? WARNING_CERT_AGE : 0 });
    }
    seen("none", "9.9.9.9", STAGE_REGISTERED, (struct address_health){ .working = false });
    count();
    assert_int_equal(census.ended, 1);
    assert_int_equal(census.ends_within[0], 1);
    assert_int_equal(census.ends_within[1], 2);
    assert_int_equal(census.ends_within[2], 3);
    assert_int_equal(census.next_end, NOW + 7 * DAY);
    struct concerns *concerns = xcalloc(1, sizeof(*concerns));
    census_warn(&census, &source.settings, concerns);
    assert_int_equal(concerns->count, 1);
    assert_int_equal(concerns->list[0].id, CONCERN_CERTIFICATES_END);
    assert_non_null(strstr(concerns->list[0].text, "of 2 members end within"));
    assert_non_null(strstr(concerns->list[0].text, ": a, b"));
    free(concerns);
}

static void a_pool_without_eligible_members_is_reported(void **)
{
    struct concerns *concerns = xcalloc(1, sizeof(*concerns));
    count();
    census_warn(&census, &source.settings, concerns);
    assert_int_equal(concerns->count, 0); /* an empty pool */
    census.members = 1;
    census_warn(&census, &source.settings, concerns);
    assert_int_equal(concerns->list[0].id, CONCERN_NO_MEMBER_ELIGIBLE);
    census.last_eligible_at = NOW;
    census_warn(&census, &source.settings, concerns);
    assert_int_equal(concerns->list[1].id, CONCERN_LAST_GOOD_SERVED);
    free(concerns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(members_and_addresses_are_counted_by_state_and_failure,
                                        set_up_both, tear_down_both),
        cmocka_unit_test_setup_teardown(certificates_are_counted_by_the_time_that_is_left,
                                        set_up_both, tear_down_both),
        cmocka_unit_test_setup_teardown(a_pool_without_eligible_members_is_reported, set_up_both,
                                        tear_down_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
