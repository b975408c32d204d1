#include "probe/daily_checks.h"
#include "probe/limits.h"
#include "probe/probe_run.h"
#include "tests/nts_peer.h"
#include "tests/unit/unit.h"

/* A peer, and the probes of it with their association, in one loop. */
struct world {
    uv_loop_t loop;
    struct nts_peer peer;
    struct tls_trust *trust;
    struct probe_plan plan;
    struct association *association;
    struct outcome outcome;
    unsigned done;
};

static struct world *world_new(void)
{
    struct world *world = xcalloc(1, sizeof(*world));
    struct diag diag = { "" };
    assert_int_equal(uv_loop_init(&world->loop), 0);
    peer_open(&world->peer, &world->loop);
    assert_ok(tls_trust_new(&world->trust, world->peer.tls.trust_file, &diag));
    world->plan = (struct probe_plan){ .name = TLS_PEER_NAME,
                                       .endpoint = world->peer.ke_at,
                                       .registered = &world->plan.endpoint.address,
                                       .registered_count = 1,
                                       .allow_private = true,
                                       .trust = world->trust };
    return world;
}

static void world_free(struct world *world)
{
    peer_close(&world->peer);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    tls_trust_free(world->trust);
    association_free(world->association);
    free(world);
}

static void done(const struct outcome *outcome, void *arg)
{
    struct world *world = arg;
    world->outcome = *outcome;
    world->done++;
    uv_stop(&world->loop);
}

static enum failure run(struct world *world)
{
    world->done = 0;
    uv_update_time(&world->loop);
    assert_non_null(probe_run_start(&world->loop, &world->plan, &world->association, done, world));
    assert_int_equal(world->done, 0); /* later, from the loop */
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(world->done, 1);
    const struct outcome *outcome = &world->outcome;
    assert_true(outcome->failure == FAILURE_NONE || outcome->detail[0] != '\0');
    assert_int_equal(outcome->failure == FAILURE_NONE, outcome->failed_at == NULL);
    return outcome->failure;
}

static void first_probe_establishes_keys_and_makes_two_exchanges(void **)
{
    struct world *world = world_new();
    assert_int_equal(run(world), FAILURE_NONE);
    assert_int_equal(world->peer.connections, 1);
    assert_int_equal(world->peer.requests, 2);
    assert_true(world->outcome.certified && world->outcome.timed);
    assert_int_equal(world->outcome.aead, AEAD_SIV_CMAC_256);
    assert_int_equal(world->outcome.warnings, WARNING_PORT); /* the port is not 4460 */
    assert_non_null(world->association);
    world_free(world);
}

static void later_probes_use_each_cookie_once_and_keep_a_full_set(void **)
{
    struct world *world = world_new();
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(run(world), FAILURE_NONE);
        assert_true(world->outcome.certified);
    }
    assert_int_equal(world->peer.connections, 1);
    assert_int_equal(world->peer.requests, 21);
    assert_int_equal(world->peer.twice, 0);
    assert_int_equal(world->association->cookie_count, NTS_COOKIES);
    world_free(world);
}

static void keys_are_renewed_after_their_lifetime(void **)
{
    struct world *world = world_new();
    assert_int_equal(run(world), FAILURE_NONE);
    world->association->established_at -= LIMIT_KE_LIFE_S - 5;
    assert_int_equal(run(world), FAILURE_NONE);
    assert_int_equal(world->peer.connections, 1);
    world->association->established_at -= 10;
    assert_int_equal(run(world), FAILURE_NONE);
    assert_int_equal(world->peer.connections, 2);
    world->plan.ke_life_s = 100;
    world->association->established_at -= 101;
    assert_int_equal(run(world), FAILURE_NONE);
    assert_int_equal(world->peer.connections, 3);
    world_free(world);
}

/* RFC 8915 5.7: NTSN for an old cookie leads to new keys. For a new one it is the server's fault.
 */
static void server_may_forget_old_cookies_but_not_new_ones(void **)
{
    struct world *world = world_new();
    assert_int_equal(run(world), FAILURE_NONE);
    for (unsigned i = 0; i < world->association->cookie_count; i++) {
        world->association->cookies[i].octets[50] ^= 1; /* as if the server had other keys now */
    }
    assert_int_equal(run(world), FAILURE_NONE);
    assert_int_equal(world->peer.connections, 2);
    assert_true(world->outcome.timed);
    world->peer.forgetful = true;
    assert_int_equal(run(world), FAILURE_NTP_NAK);
    assert_string_equal(world->outcome.failed_at, "ntp 1");
    assert_int_equal(world->peer.connections, 3);
    assert_null(world->association);
    world_free(world);
}

static void lost_reply_is_retried_and_three_are_silence(void **)
{
    struct world *world = world_new();
    world->peer.lose = LIMIT_TRIES - 1;
    assert_int_equal(run(world), FAILURE_NONE);
    assert_int_equal(world->peer.requests, LIMIT_TRIES + 1);
    assert_int_equal(world->peer.twice, 0);
    world->peer.lose = LIMIT_TRIES;
    assert_int_equal(run(world), FAILURE_NTP_SILENT);
    assert_int_equal(world->peer.requests, 2 * LIMIT_TRIES + 1);
    assert_null(world->association);
    assert_true(world->outcome.certified);
    world_free(world);
}

static void keys_survive_rate_but_not_deny(void **)
{
    struct world *world = world_new();
    assert_int_equal(run(world), FAILURE_NONE);
    world->peer.kiss = "RATE";
    world->peer.plain = true;
    assert_int_equal(run(world), FAILURE_NTP_RATE);
    assert_non_null(world->association);
    world->peer.kiss = "DENY";
    assert_int_equal(run(world), FAILURE_NTP_DENY);
    assert_null(world->association);
    assert_int_equal(world->peer.connections, 1);
    world_free(world);
}

static void wrong_time_fails_and_the_keys_stay(void **)
{
    struct world *world = world_new();
    world->peer.ahead_s = 7;
    assert_int_equal(run(world), FAILURE_OFFSET);
    assert_string_equal(world->outcome.failed_at, "ntp 1");
    assert_true(world->outcome.timed && world->outcome.certified);
    assert_in_range(world->outcome.sample.offset_us, 6900000, 7100000);
    assert_non_null(world->association);
    world->peer.ahead_s = 0;
    assert_int_equal(run(world), FAILURE_NONE);
    assert_int_equal(world->peer.connections, 1);
    world_free(world);
}

/* RFC 8915 4.1.7: NTS-KE may name another NTP server, but only a registered one. */
static enum failure sent_to(const char *server)
{
    struct world *world = world_new();
    world->peer.server = server;
    enum failure failure = run(world);
    world_free(world);
    return failure;
}

static void own_name_and_address_are_no_other_server(void **)
{
    assert_int_equal(sent_to(TLS_PEER_NAME), FAILURE_NONE);
    assert_int_equal(sent_to("ALICE.example.NET."), FAILURE_NONE);
    assert_int_equal(sent_to("127.0.0.1"), FAILURE_NONE);
    /* the probe has no address of this family */
    assert_int_equal(sent_to("::1"), FAILURE_KE_SERVER);
}

static void failed_key_establishment_names_its_step(void **)
{
    struct world *world = world_new();
    world->peer.answer = (const uint8_t *)"\x80\x02\x00\x02\x00\x02\x80\x00\x00\x00";
    world->peer.answer_len = 10;
    assert_int_equal(run(world), FAILURE_KE_ERROR);
    assert_string_equal(world->outcome.failed_at, "ke");
    assert_int_equal(world->peer.requests, 0);
    assert_null(world->association);
    world_free(world);
}

static void cancelled_probe_calls_nobody_and_leaks_nothing(void **)
{
    bool through = false;
    for (unsigned turns = 0; turns < 80 && !through; turns++) {
        struct world *world = world_new();
        struct daily_checks daily = { 0 };
        world->plan.daily = &daily;
        world->plan.allow_foreign = true;
        struct probe_run *one =
            probe_run_start(&world->loop, &world->plan, &world->association, done, world);
        for (unsigned i = 0; i < turns && world->done == 0; i++) {
            uv_run(&world->loop, UV_RUN_ONCE);
        }
        through = world->done > 0;
        if (!through) {
            probe_run_cancel(one);
            for (unsigned i = 0; i < 4; i++) {
                uv_run(&world->loop, UV_RUN_NOWAIT);
            }
            assert_int_equal(world->done, 0);
        }
        daily_forget(&daily);
        world_free(world);
    }
    assert_true(through); /* it was cancelled at each turn of the loop */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_probe_establishes_keys_and_makes_two_exchanges),
        cmocka_unit_test(later_probes_use_each_cookie_once_and_keep_a_full_set),
        cmocka_unit_test(keys_are_renewed_after_their_lifetime),
        cmocka_unit_test(server_may_forget_old_cookies_but_not_new_ones),
        cmocka_unit_test(lost_reply_is_retried_and_three_are_silence),
        cmocka_unit_test(keys_survive_rate_but_not_deny),
        cmocka_unit_test(wrong_time_fails_and_the_keys_stay),
        cmocka_unit_test(own_name_and_address_are_no_other_server),
        cmocka_unit_test(failed_key_establishment_names_its_step),
        cmocka_unit_test(cancelled_probe_calls_nobody_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
