#include "probe/daily_checks.h"
#include "probe/limits.h"
#include "probe/probe_run.h"
#include "tests/nts_peer.h"
#include "tests/unit/unit.h"
#include "zone/base/clock.h"

/* A peer that a probe found good, and its daily checks, in one loop. */
struct world {
    uv_loop_t loop;
    struct nts_peer peer;
    struct tls_trust *trust;
    struct probe_plan plan;
    struct daily_checks checks;
    struct association *association;
    struct trace trace;
    enum failure failure;
    unsigned done;
};

static void probed(const struct outcome *outcome, void *)
{
    assert_int_equal(outcome->failure, FAILURE_NONE);
}

/* The peer is no member, since its web server would be the one of this machine. */
static struct world *world_new(void)
{
    struct world *world = xcalloc(1, sizeof(*world));
    struct diag diag = { "" };
    assert_int_equal(uv_loop_init(&world->loop), 0);
    peer_open(&world->peer, &world->loop);
    uv_unref((uv_handle_t *)&world->peer.listener);
    uv_unref((uv_handle_t *)&world->peer.ntp);
    assert_ok(tls_trust_new(&world->trust, world->peer.tls.trust_file, &diag));
    world->plan = (struct probe_plan){ .name = TLS_PEER_NAME,
                                       .endpoint = world->peer.ke_at,
                                       .allow_private = true,
                                       .allow_foreign = true,
                                       .trust = world->trust };
    assert_non_null(probe_run_start(&world->loop, &world->plan, &world->association, probed, NULL));
    uv_run(&world->loop, UV_RUN_DEFAULT);
    world->plan.daily = &world->checks;
    world->peer.requests = 0;
    return world;
}

static void world_free(struct world *world)
{
    daily_forget(&world->checks);
    association_free(world->association);
    peer_close(&world->peer);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    tls_trust_free(world->trust);
    free(world);
}

static void done(enum failure failure, const char *detail, void *arg)
{
    struct world *world = arg;
    assert_int_equal(failure == FAILURE_NONE, detail[0] == '\0');
    world->failure = failure;
    world->done++;
}

static enum failure run_checks(struct world *world)
{
    world->done = 0;
    trace_start(&world->trace, uv_hrtime());
    uv_update_time(&world->loop);
    assert_non_null(
        daily_start(&world->loop, &world->plan, world->association, &world->trace, done, world));
    assert_int_equal(world->done, 0); /* later, from the loop */
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(world->done, 1);
    return world->failure;
}

static void good_server_has_no_warning_and_is_due_again_in_a_day(void **)
{
    struct world *world = world_new();
    uint64_t now = clock_steady();
    assert_int_equal(run_checks(world), FAILURE_NONE);
    assert_int_equal(world->checks.warnings, 0);
    assert_int_equal(world->checks.aead, AEAD_SIV_CMAC_256);
    assert_in_range(world->checks.due_at, now + LIMIT_DAILY_S, now + LIMIT_DAILY_S + 60);
    assert_int_equal(world->trace.count, 2);
    assert_string_equal(world->trace.steps[0].name, "broken cookie");
    assert_string_equal(world->trace.steps[1].name, "aead");
    assert_int_equal(world->association->cookie_count, NTS_COOKIES); /* none was used */
    world_free(world);
}

/* RFC 8915 6 */
static void accepted_broken_cookie_fails_and_the_checks_stay_due(void **)
{
    struct world *world = world_new();
    world->peer.forgiving = true;
    assert_int_equal(run_checks(world), FAILURE_NTP_FORGED_COOKIE);
    assert_int_equal(world->checks.due_at, 0);
    assert_int_equal(world->checks.aead, 0);
    world_free(world);
}

static void chosen_algorithm_is_recorded_and_tried(void **)
{
    const uint16_t algorithms[] = { AEAD_SIV_CMAC_512, AEAD_GCM_SIV_128 };
    for (unsigned i = 0; i < 2; i++) {
        struct world *world = world_new();
        world->peer.aead_of_many = algorithms[i];
        world->checks.warnings = WARNING_AEAD; /* from the day before */
        assert_int_equal(run_checks(world), FAILURE_NONE);
        assert_int_equal(world->checks.aead, algorithms[i]);
        assert_int_equal(world->checks.warnings, 0);
        assert_int_equal(world->peer.requests, 2);
        assert_non_null(strstr(world->trace.steps[1].text, "NTP answers with it"));
        world_free(world);
    }
}

static void algorithm_that_was_not_offered_draws_a_warning(void **)
{
    struct world *world = world_new();
    world->peer.aead_of_many = 16;
    world->checks.aead = AEAD_SIV_CMAC_512;
    assert_int_equal(run_checks(world), FAILURE_NONE);
    assert_int_equal(world->checks.aead, AEAD_SIV_CMAC_512);
    assert_int_equal(world->checks.warnings, WARNING_AEAD);
    assert_in_range(world->checks.due_at, clock_steady() + LIMIT_DAILY_S - 60, UINT32_MAX);
    world_free(world);
}

static void algorithm_that_ntp_does_not_answer_with_draws_a_warning(void **)
{
    struct world *world = world_new();
    world->peer.aead_of_many = AEAD_SIV_CMAC_512;
    world->peer.lose = 1 + LIMIT_TRIES; /* the broken cookie's, too */
    assert_int_equal(run_checks(world), FAILURE_NONE);
    assert_int_equal(world->checks.aead, AEAD_SIV_CMAC_512);
    assert_int_equal(world->checks.warnings, WARNING_AEAD);
    world->peer.lose = LIMIT_TRIES; /* one reply gets through */
    assert_int_equal(run_checks(world), FAILURE_NONE);
    assert_int_equal(world->checks.warnings, 0);
    world_free(world);
}

/* Early versions of chrony export the keys in another way. Without the record they look like
 * servers that export them correctly. */
static void algorithm_30_draws_no_warning_without_agreement_on_the_export(void **)
{
    struct world *world = world_new();
    world->peer.aead_of_many = AEAD_GCM_SIV_128;
    world->peer.garble = true;
    assert_int_equal(run_checks(world), FAILURE_NONE);
    assert_int_equal(world->checks.aead, AEAD_GCM_SIV_128);
    assert_int_equal(world->checks.warnings, 0);
    world_free(world);
}

static void results_that_can_not_be_renewed_stay(void **)
{
    struct world *world = world_new();
    world->plan.endpoint.port = world->peer.ntp_at.port; /* open for UDP only */
    world->checks.aead = AEAD_SIV_CMAC_512;
    world->checks.warnings = WARNING_AEAD | WARNING_COOKIE_REFUSED;
    assert_int_equal(run_checks(world), FAILURE_NONE);
    assert_int_equal(world->checks.aead, AEAD_SIV_CMAC_512);
    assert_int_equal(world->checks.warnings, WARNING_AEAD | WARNING_COOKIE_REFUSED);
    world_free(world);
}

/* -- days -- */

static char clock_path[] = "ntspool-clock-XXXXXX";

static void move_clock(int64_t to_s)
{
    const int64_t lead[2] = { to_s, 0 };
    FILE *file = fopen(clock_path, "r+b");
    assert_non_null(file);
    assert_int_equal(fwrite(lead, sizeof(lead), 1, file), 1);
    assert_int_equal(fclose(file), 0);
}

/* A cookie is stored, most of a day passes, then the rest. */
static struct world *world_a_day_later(void)
{
    if (!clock_is_led()) {
        skip();
    }
    struct world *world = world_new();
    move_clock(0);
    assert_int_equal(run_checks(world), FAILURE_NONE);
    move_clock(LIMIT_DAILY_S - 60);
    world->peer.requests = 0;
    assert_int_equal(run_checks(world), FAILURE_NONE);
    assert_int_equal(world->peer.requests, 1); /* with the broken one */
    move_clock(LIMIT_DAILY_S + 60);
    world->peer.requests = 0;
    return world;
}

static void cookie_of_the_day_before_is_used_once_more(void **)
{
    struct world *world = world_a_day_later();
    assert_int_equal(run_checks(world), FAILURE_NONE);
    assert_int_equal(world->peer.requests, 2);
    assert_string_equal(world->trace.steps[2].text, "taken after a day");
    assert_int_equal(world->checks.warnings, 0);
    /* then another one is stored */
    world->peer.requests = 0;
    assert_int_equal(run_checks(world), FAILURE_NONE);
    assert_int_equal(world->peer.requests, 1);
    world_free(world);
}

/* RFC 8915 5.7: with NTSN a client knows that it needs new ones, with silence it does not. */
static void old_cookie_may_be_refused_but_not_ignored(void **)
{
    struct world *world = world_a_day_later();
    world->peer.forgetful = true;
    assert_int_equal(run_checks(world), FAILURE_NONE);
    assert_int_equal(world->checks.warnings, WARNING_COOKIE_REFUSED);
    world_free(world);
    world = world_a_day_later();
    world->peer.lose = 1 + LIMIT_TRIES;
    assert_int_equal(run_checks(world), FAILURE_NONE);
    assert_int_equal(world->peer.requests, 1 + LIMIT_TRIES);
    assert_int_equal(world->checks.warnings, WARNING_COOKIE_IGNORED);
    world_free(world);
}

static void lost_reply_to_an_old_cookie_is_retried(void **)
{
    struct world *world = world_a_day_later();
    world->peer.lose = LIMIT_TRIES;
    assert_int_equal(run_checks(world), FAILURE_NONE);
    assert_int_equal(world->peer.requests, 1 + LIMIT_TRIES);
    assert_int_equal(world->checks.warnings, 0);
    world_free(world);
}

static void cancelled_round_calls_nobody_and_leaks_nothing(void **)
{
    bool through = false;
    for (unsigned turns = 0; turns < 40 && !through; turns++) {
        struct world *world = world_new();
        world->peer.aead_of_many = AEAD_SIV_CMAC_512;
        struct daily_round *round =
            daily_start(&world->loop, &world->plan, world->association, &world->trace, done, world);
        for (unsigned i = 0; i < turns && world->done == 0; i++) {
            uv_run(&world->loop, UV_RUN_ONCE);
        }
        through = world->done > 0;
        if (!through) {
            daily_cancel(round);
            uv_run(&world->loop, UV_RUN_DEFAULT);
            assert_int_equal(world->done, 0);
        }
        world_free(world);
    }
    assert_true(through); /* it was cancelled at each turn of the loop */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_server_has_no_warning_and_is_due_again_in_a_day),
        cmocka_unit_test(accepted_broken_cookie_fails_and_the_checks_stay_due),
        cmocka_unit_test(chosen_algorithm_is_recorded_and_tried),
        cmocka_unit_test(algorithm_that_was_not_offered_draws_a_warning),
        cmocka_unit_test(algorithm_that_ntp_does_not_answer_with_draws_a_warning),
        cmocka_unit_test(algorithm_30_draws_no_warning_without_agreement_on_the_export),
        cmocka_unit_test(results_that_can_not_be_renewed_stay),
        cmocka_unit_test(cookie_of_the_day_before_is_used_once_more),
        cmocka_unit_test(old_cookie_may_be_refused_but_not_ignored),
        cmocka_unit_test(lost_reply_to_an_old_cookie_is_retried),
        cmocka_unit_test(cancelled_round_calls_nobody_and_leaks_nothing),
    };
    int fd = mkstemp(clock_path);
    ASSERT(fd >= 0 && ftruncate(fd, 16) == 0 && close(fd) == 0);
    ASSERT(setenv("NTSPOOL_TEST_CLOCK", clock_path, 1) == 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(clock_path);
    return failed;
}
