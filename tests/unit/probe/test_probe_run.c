#include "probe/daily_checks.h"
#include "probe/limits.h"
#include "probe/probe_run.h"
#include "tests/nts_peer.h"
#include "tests/unit/unit.h"

/* Attempts at a peer, in one loop; what is kept between them is kept here. */
struct world {
    uv_loop_t loop;
    struct nts_peer peer;
    struct tls_trust *trust;
    struct probe_plan plan;
    struct association *kept;
    struct outcome outcome;
    unsigned told;
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
    association_free(world->kept);
    free(world);
}

static void told(const struct outcome *outcome, void *arg)
{
    struct world *world = arg;
    world->outcome = *outcome;
    world->told++;
    uv_stop(&world->loop);
}

static enum failure run(struct world *world)
{
    world->told = 0;
    uv_update_time(&world->loop);
    assert_non_null(probe_run_start(&world->loop, &world->plan, &world->kept, told, world));
    assert_int_equal(world->told, 0); /* later, from the loop */
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(world->told, 1);
    const struct outcome *outcome = &world->outcome;
    assert_true(outcome->failure == FAILURE_NONE || outcome->detail[0] != '\0');
    assert_int_equal(outcome->failure == FAILURE_NONE, outcome->failed_at == NULL);
    return outcome->failure;
}

static void the_first_attempt_makes_keys_and_two_exchanges(void **)
{
    struct world *world = world_new();
    assert_int_equal(run(world), FAILURE_NONE);
    assert_int_equal(world->peer.connections, 1);
    assert_int_equal(world->peer.requests, 2);
    assert_true(world->outcome.certified && world->outcome.timed);
    assert_int_equal(world->outcome.aead, AEAD_SIV_CMAC_256);
    assert_int_equal(world->outcome.warnings, WARNING_PORT); /* it is not 4460 */
    assert_non_null(world->kept);
    world_free(world);
}

static void later_ones_use_each_cookie_once_and_keep_a_full_set(void **)
{
    struct world *world = world_new();
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(run(world), FAILURE_NONE);
        assert_true(world->outcome.certified);
    }
    assert_int_equal(world->peer.connections, 1);
    assert_int_equal(world->peer.requests, 21);
    assert_int_equal(world->peer.twice, 0);
    assert_int_equal(world->kept->cookie_count, NTS_COOKIES);
    world_free(world);
}

static void keys_are_made_anew_when_their_life_is_over(void **)
{
    struct world *world = world_new();
    assert_int_equal(run(world), FAILURE_NONE);
    world->kept->established_at -= LIMIT_KE_LIFE_S - 5;
    assert_int_equal(run(world), FAILURE_NONE);
    assert_int_equal(world->peer.connections, 1);
    world->kept->established_at -= 10;
    assert_int_equal(run(world), FAILURE_NONE);
    assert_int_equal(world->peer.connections, 2);
    world->plan.ke_life_s = 100;
    world->kept->established_at -= 101;
    assert_int_equal(run(world), FAILURE_NONE);
    assert_int_equal(world->peer.connections, 3);
    world_free(world);
}

/* RFC 8915 5.7: NTSN for a cookie that we held means new keys; for a fresh one it is the server's
 * fault. */
static void a_server_may_forget_cookies_but_not_fresh_ones(void **)
{
    struct world *world = world_new();
    assert_int_equal(run(world), FAILURE_NONE);
    for (unsigned i = 0; i < world->kept->cookie_count; i++) {
        world->kept->cookies[i].octets[50] ^= 1; /* as if its keys were others now */
    }
    assert_int_equal(run(world), FAILURE_NONE);
    assert_int_equal(world->peer.connections, 2);
    assert_true(world->outcome.timed);
    world->peer.forgetful = true;
    assert_int_equal(run(world), FAILURE_NTP_NAK);
    assert_string_equal(world->outcome.failed_at, "ntp 1");
    assert_int_equal(world->peer.connections, 3);
    assert_null(world->kept);
    world_free(world);
}

static void a_lost_reply_is_asked_for_again_and_three_are_silence(void **)
{
    struct world *world = world_new();
    world->peer.lose = LIMIT_TRIES - 1;
    assert_int_equal(run(world), FAILURE_NONE);
    assert_int_equal(world->peer.requests, LIMIT_TRIES + 1);
    assert_int_equal(world->peer.twice, 0);
    world->peer.lose = LIMIT_TRIES;
    assert_int_equal(run(world), FAILURE_NTP_SILENT);
    assert_int_equal(world->peer.requests, 2 * LIMIT_TRIES + 1);
    assert_null(world->kept);
    assert_true(world->outcome.certified);
    world_free(world);
}

static void who_asks_for_less_keeps_its_keys_and_who_denies_does_not(void **)
{
    struct world *world = world_new();
    assert_int_equal(run(world), FAILURE_NONE);
    world->peer.kiss = "RATE";
    world->peer.plain = true;
    assert_int_equal(run(world), FAILURE_NTP_RATE);
    assert_non_null(world->kept);
    world->peer.kiss = "DENY";
    assert_int_equal(run(world), FAILURE_NTP_DENY);
    assert_null(world->kept);
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
    assert_non_null(world->kept);
    world->peer.ahead_s = 0;
    assert_int_equal(run(world), FAILURE_NONE);
    assert_int_equal(world->peer.connections, 1);
    world_free(world);
}

/* RFC 8915 4.1.7: NTS-KE may name another NTP server, but not just any. */
static enum failure sent_to(const char *server)
{
    struct world *world = world_new();
    world->peer.server = server;
    enum failure failure = run(world);
    world_free(world);
    return failure;
}

static void the_own_name_and_address_are_no_other_server(void **)
{
    assert_int_equal(sent_to(TLS_PEER_NAME), FAILURE_NONE);
    assert_int_equal(sent_to("ALICE.example.NET."), FAILURE_NONE);
    assert_int_equal(sent_to("127.0.0.1"), FAILURE_NONE);
    /* there is nothing of this family */
    assert_int_equal(sent_to("::1"), FAILURE_KE_SERVER);
}

static void a_failure_of_key_establishment_is_told_with_its_step(void **)
{
    struct world *world = world_new();
    world->peer.answer = (const uint8_t *)"\x80\x02\x00\x02\x00\x02\x80\x00\x00\x00";
    world->peer.answer_len = 10;
    assert_int_equal(run(world), FAILURE_KE_ERROR);
    assert_string_equal(world->outcome.failed_at, "ke");
    assert_int_equal(world->peer.requests, 0);
    assert_null(world->kept);
    world_free(world);
}

static void an_attempt_that_is_ended_says_nothing_and_leaves_nothing(void **)
{
    bool through = false;
    for (unsigned turns = 0; turns < 80 && !through; turns++) {
        struct world *world = world_new();
        struct daily_checks daily = { 0 };
        world->plan.daily = &daily;
        world->plan.allow_foreign = true;
        struct probe_run *one =
            probe_run_start(&world->loop, &world->plan, &world->kept, told, world);
        for (unsigned i = 0; i < turns && world->told == 0; i++) {
            uv_run(&world->loop, UV_RUN_ONCE);
        }
        through = world->told > 0;
        if (!through) {
            probe_run_cancel(one);
            for (unsigned i = 0; i < 4; i++) {
                uv_run(&world->loop, UV_RUN_NOWAIT);
            }
            assert_int_equal(world->told, 0);
        }
        daily_forget(&daily);
        world_free(world);
    }
    assert_true(through); /* it was ended at each of its turns */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_attempt_makes_keys_and_two_exchanges),
        cmocka_unit_test(later_ones_use_each_cookie_once_and_keep_a_full_set),
        cmocka_unit_test(keys_are_made_anew_when_their_life_is_over),
        cmocka_unit_test(a_server_may_forget_cookies_but_not_fresh_ones),
        cmocka_unit_test(a_lost_reply_is_asked_for_again_and_three_are_silence),
        cmocka_unit_test(who_asks_for_less_keeps_its_keys_and_who_denies_does_not),
        cmocka_unit_test(wrong_time_fails_and_the_keys_stay),
        cmocka_unit_test(the_own_name_and_address_are_no_other_server),
        cmocka_unit_test(a_failure_of_key_establishment_is_told_with_its_step),
        cmocka_unit_test(an_attempt_that_is_ended_says_nothing_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
