#include "tests/unit/unit.h"
#include "zone/overview/poolmetrics.h"

static struct openmetrics om;
static char *text;

static int begin(void **)
{
    openmetrics_init(&om, OPENMETRICS_PROMETHEUS);
    return 0;
}

static int end(void **)
{
    openmetrics_done(&om);
    free(text);
    return 0;
}

static void finish(void)
{
    assert_true(openmetrics_end(&om));
    text = xmalloc(om.len + 1);
    memcpy(text, om.text, om.len);
    text[om.len] = '\0';
}

static void assert_line(const char *line)
{
    char whole[256];
    (void)snprintf(whole, sizeof(whole), "\n%s\n", line);
    if (strstr(text, whole) == NULL) {
        print_error("missing: %s\n", line);
        fail();
    }
}

static size_t samples_of(const char *start)
{
    size_t count = 0;
    for (const char *at = strstr(text, start); at != NULL; at = strstr(at + 1, start)) {
        count += at[-1] == '\n';
    }
    return count;
}

static void the_counts_are_written_with_their_labels(void **)
{
    struct overview *overview = xcalloc(1, sizeof(*overview));
    struct census *census = &overview->census;
    overview->judged = true;
    census->states[STAGE_FALLING] = 3;
    census->states[CENSUS_STATES - 1] = 2;
    census->vantages.held[HOLD_FROZEN] = 4;
    census->addresses[ADDRESS_IPV4][true] = 5;
    census->failing[FAILURE_NTP_SILENT][ADDRESS_IPV6] = 6;
    census->warnings[0] = 7;
    census->eligible_mbit = 8;
    census->ends_within[1] = 9;
    census->next_end = 1800000000;
    overview->stores[STORE_HEALTH] =
        (struct storeview){ .readable = true, .usage = { .used_bytes = 4096 } };
    overview->shares = (struct shareview){ .members = 2, .quantiles = { 0.5, 1, 1.5, 1.5 } };
    poolmetrics_write(&om, overview);
    finish();
    assert_line("ntspool_members{state=\"falling\"} 3");
    assert_line("ntspool_members{state=\"suspended\"} 2");
    assert_int_equal(samples_of("ntspool_members{"), 8);
    assert_line("ntspool_members_held{why=\"frozen\"} 4");
    assert_int_equal(samples_of("ntspool_members_held{"), 3);
    assert_line("ntspool_addresses{family=\"ipv4\",working=\"true\"} 5");
    assert_line("ntspool_addresses_failing{failure=\"ntp-silent\",family=\"ipv6\"} 6");
    assert_int_equal(samples_of("ntspool_addresses_failing{"), 2 * (FAILURE_COUNT - 1));
    assert_line("ntspool_member_warnings{warning=\"certificate-age\"} 7");
    assert_line("ntspool_capacity_bytes_per_second{of=\"eligible\"} 1000000");
    assert_line("ntspool_certificates_ending{within=\"14d\"} 9");
    assert_line("ntspool_certificate_next_end_timestamp_seconds 1800000000");
    assert_line("ntspool_store_used_bytes{store=\"health\"} 4096");
    assert_line("ntspool_store_readable{store=\"keys\"} 0");
    assert_int_equal(samples_of("ntspool_store_used_bytes{"), 1);
    assert_line("ntspool_share_ratio{quantile=\"0.99\"} 1.5");
    assert_line("ntspool_share_ratio_count 2");
    free(overview);
}

static void what_is_not_known_has_no_sample(void **)
{
    struct overview *overview = xcalloc(1, sizeof(*overview));
    overview->zone = true;
    poolmetrics_write(&om, overview);
    finish();
    assert_int_equal(samples_of("ntspool_members"), 0);
    assert_int_equal(samples_of("ntspool_addresses"), 0);
    assert_line("ntspool_store_readable{store=\"health\"} 0");
    free(overview);
}

static void each_vantage_point_has_its_samples(void **)
{
    const struct vantages vantages = { .count = 2,
                                       .list = { { .name = "far",
                                                   .state = VANTAGE_CLOCK_OFF,
                                                   .well_at = 1700000000,
                                                   .members = 12,
                                                   .down = 3,
                                                   .frozen_since = 7 },
                                                 { .name = "near",
                                                   .frozen_since = 7,
                                                   .released_at = 8,
                                                   .family = { { .frozen_since = 9 } } } },
                                       .asked = { false, true } };
    const struct vantageview seen = { .dissent = { 0, 2 } };
    poolmetrics_write_vantages(&om, &vantages, &seen);
    finish();
    assert_line("ntspool_vantage_asked{vantage=\"far\"} 0");
    assert_line("ntspool_vantage_asked{vantage=\"near\"} 1");
    assert_line("ntspool_vantage_state{vantage=\"near\",state=\"well\"} 1");
    assert_line("ntspool_vantage_state{vantage=\"far\",state=\"well\"} 0");
    assert_int_equal(samples_of("ntspool_vantage_state{"), 8);
    assert_line("ntspool_vantage_last_word_timestamp_seconds{vantage=\"far\"} 1700000000");
    assert_int_equal(samples_of("ntspool_vantage_last_word_timestamp_seconds{"), 1);
    assert_line("ntspool_vantage_eligible_members{vantage=\"far\"} 12");
    assert_line("ntspool_vantage_down_members{vantage=\"far\"} 3");
    assert_line("ntspool_vantage_dissents{vantage=\"near\"} 2");
    assert_line("ntspool_vantage_frozen{vantage=\"far\",what=\"members\"} 1");
    assert_line("ntspool_vantage_frozen{vantage=\"near\",what=\"members\"} 0"); /* released */
    assert_line("ntspool_vantage_frozen{vantage=\"near\",what=\"ipv6\"} 1");
}

static void what_a_probe_of_this_machine_has_done_is_written(void **)
{
    struct runview *run = xcalloc(1, sizeof(*run));
    run->probe_count = 2;
    run->probes[0] = (struct running_probe){ .vantage = "far" }; /* of another version */
    run->probes[1] = (struct running_probe){ .vantage = "near", .counted = true };
    probe_totals_result(&run->probes[1].totals, FAILURE_NTP_SILENT);
    probe_totals_step(&run->probes[1].totals, PROBE_TLS, 250000);
    poolmetrics_write_probes(&om, run);
    finish();
    assert_line("ntspool_probes_total{vantage=\"near\",result=\"ntp-silent\"} 1");
    assert_int_equal(samples_of("ntspool_probes_total{"), FAILURE_COUNT);
    assert_line("ntspool_probe_seconds_bucket{vantage=\"near\",step=\"tls\",le=\"0.1\"} 0");
    assert_line("ntspool_probe_seconds_bucket{vantage=\"near\",step=\"tls\",le=\"0.3\"} 1");
    assert_line("ntspool_probe_seconds_sum{vantage=\"near\",step=\"tls\"} 0.25");
    assert_int_equal(samples_of("ntspool_probe_seconds_count{"), PROBE_STEPS);
    free(run);
}

static void every_warning_is_there_as_0_or_1(void **)
{
    struct concerns *concerns = xcalloc(1, sizeof(*concerns));
    concern_add(concerns, CONCERN_VANTAGE_SILENT, "far", 0, "far is silent");
    concern_add(concerns, CONCERN_VANTAGE_SILENT, "near", 0, "near is silent");
    concern_add(concerns, CONCERN_SERVER_DOWN, NULL, 0, "down");
    poolmetrics_write_warnings(&om, concerns);
    finish();
    assert_int_equal(samples_of("ntspool_warning{"), CONCERN_IDS);
    assert_line("ntspool_warning{id=\"vantage-silent\",severity=\"warning\"} 1");
    assert_line("ntspool_warning{id=\"server-down\",severity=\"urgent\"} 1");
    assert_line("ntspool_warning{id=\"keys-unsafe\",severity=\"urgent\"} 0");
    free(concerns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_counts_are_written_with_their_labels, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_known_has_no_sample, begin, end),
        cmocka_unit_test_setup_teardown(each_vantage_point_has_its_samples, begin, end),
        cmocka_unit_test_setup_teardown(what_a_probe_of_this_machine_has_done_is_written, begin,
                                        end),
        cmocka_unit_test_setup_teardown(every_warning_is_there_as_0_or_1, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
