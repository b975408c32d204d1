#include "probe/ke_dialog.h"
#include "probe/limits.h"
#include "tests/nts_peer.h"
#include "tests/unit/unit.h"

/* A peer and a dialog with it, in one loop. */
struct world {
    uv_loop_t loop;
    struct nts_peer peer;
    struct tls_trust *trust;
    struct trace trace;
    struct ke_result result;
    unsigned done;
};

static void world_open(struct world *world)
{
    struct diag diag = { "" };
    assert_int_equal(uv_loop_init(&world->loop), 0);
    peer_open(&world->peer, &world->loop);
    assert_ok(tls_trust_new(&world->trust, world->peer.tls.trust_file, &diag));
    trace_start(&world->trace, uv_hrtime());
}

static void world_close(struct world *world)
{
    peer_close(&world->peer);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    tls_trust_free(world->trust);
}

static void done(const struct ke_result *result, void *arg)
{
    struct world *world = arg;
    world->result = *result;
    world->done++;
    uv_stop(&world->loop);
}

static struct ke_request request_of(const struct world *world)
{
    return (struct ke_request){ .endpoint = world->peer.ke_at,
                                .name = TLS_PEER_NAME,
                                .trust = world->trust,
                                .allow_private = true };
}

/* Runs one dialog from start to end. */
static void talk(struct world *world, const struct ke_request *request)
{
    assert_non_null(ke_dialog_start(&world->loop, request, &world->trace, done, world));
    assert_int_equal(world->done, 0); /* later, from the loop */
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(world->done, 1);
    assert_true(world->result.failure == FAILURE_NONE || world->result.detail[0] != '\0');
}

/* The result of a response, and the step that failed. */
static void assert_answer(const void *answer, size_t len, enum failure failure, const char *step)
{
    struct world world = { .peer = { .answer = answer, .answer_len = len } };
    world_open(&world);
    const struct ke_request request = request_of(&world);
    talk(&world, &request);
    assert_int_equal(world.result.failure, failure);
    assert_string_equal(world.result.step, step);
    assert_true(world.result.certified);
    world_close(&world);
}

static void good_server_gives_cookies_and_both_ends_have_the_same_keys(void **)
{
    struct world world = { 0 };
    world_open(&world);
    const struct ke_request request = request_of(&world);
    talk(&world, &request);
    const struct ke_result *result = &world.result;
    assert_int_equal(result->failure, FAILURE_NONE);
    assert_true(result->certified);
    assert_false(result->no_close);
    assert_int_equal(result->answer.aead, AEAD_SIV_CMAC_256);
    assert_int_equal(result->answer.cookie_count, NTS_COOKIES);
    assert_int_equal(result->answer.port, world.peer.ntp_at.port);
    assert_string_equal(result->certificate.subject, TLS_PEER_NAME);
    assert_memory_equal(&result->keys, &world.peer.keys[0], sizeof(result->keys));
    static const char *const steps[] = { "connect", "tls", "certificate", "records", "ke" };
    assert_int_equal(world.trace.count, sizeof(steps) / sizeof(steps[0]));
    for (unsigned i = 0; i < world.trace.count; i++) {
        assert_string_equal(world.trace.steps[i].name, steps[i]);
    }
    world_close(&world);
}

static void server_chooses_of_all_algorithms_if_all_are_offered(void **)
{
    const uint16_t algorithms[] = { AEAD_SIV_CMAC_512, AEAD_GCM_SIV_128 };
    for (unsigned i = 0; i < 2; i++) {
        struct world world = { .peer = { .aead_of_many = algorithms[i] } };
        world_open(&world);
        struct ke_request request = request_of(&world);
        request.offer = NTS_KE_ALL;
        talk(&world, &request);
        assert_int_equal(world.result.failure, FAILURE_NONE);
        assert_int_equal(world.result.answer.aead, algorithms[i]);
        assert_memory_equal(&world.result.keys, &world.peer.keys[0], sizeof(world.result.keys));
        world_close(&world);
    }
}

static void special_addresses_are_not_contacted_unless_allowed(void **)
{
    struct world world = { 0 };
    world_open(&world);
    struct ke_request request = request_of(&world);
    request.allow_private = false;
    talk(&world, &request);
    assert_int_equal(world.result.failure, FAILURE_ADDRESS);
    uv_run(&world.loop, UV_RUN_NOWAIT);
    assert_int_equal(world.peer.connections, 0);
    world_close(&world);
}

static void closed_port_is_connect_refused(void **)
{
    struct world world = { 0 };
    world_open(&world);
    struct ke_request request = request_of(&world);
    request.endpoint.port = world.peer.ntp_at.port; /* open for UDP only */
    talk(&world, &request);
    assert_int_equal(world.result.failure, FAILURE_CONNECT_REFUSED);
    assert_string_equal(world.result.step, "connect");
    world_close(&world);
}

/* Otherwise cookies would come from anybody. */
static void no_request_is_sent_to_a_server_with_a_wrong_certificate(void **)
{
    struct world world = { 0 };
    world_open(&world);
    struct ke_request request = request_of(&world);
    request.name = "bob.example.net";
    talk(&world, &request);
    assert_int_equal(world.result.failure, FAILURE_CERT_NAME);
    assert_string_equal(world.result.step, "certificate");
    assert_false(world.result.certified);
    assert_int_not_equal(world.result.certificate.not_after, 0);
    assert_int_equal(world.peer.questions, 0);
    world_close(&world);
}

static void other_alpn_differs_from_broken_tls(void **)
{
    struct world world = { 0 };
    world_open(&world);
    world.peer.tls.alpn = "\x08http/1.1";
    const struct ke_request request = request_of(&world);
    talk(&world, &request);
    assert_int_equal(world.result.failure, FAILURE_TLS_ALPN);
    assert_string_equal(world.result.step, "tls");
    world_close(&world);
}

static void cut_or_wrong_response_fails_by_what_was_received(void **)
{
    assert_answer("\x80\x01\x00\x02\x00\x00", 6, FAILURE_KE_CLOSED, "ke");
    assert_answer("\x80\x02\x00\x02\x00\x01", 6, FAILURE_KE_ERROR, "ke");
    assert_answer("\x80\x00\x00\x00", 4, FAILURE_KE_PROTOCOL, "ke");
}

static void endless_response_is_read_up_to_its_bound(void **)
{
    static const uint8_t zeros[LIMIT_TLS_OCTETS] = { 0x40, 0, 0xff, 0xff };
    assert_answer(zeros, NTS_KE_ANSWER_MAX + 1, FAILURE_KE_TOO_LONG, "ke");
    assert_answer(zeros, 16384, FAILURE_KE_TOO_LONG, "ke");
}

static void missing_close_notify_is_noted_and_no_failure(void **)
{
    struct world world = { .peer = { .no_notify = true } };
    world_open(&world);
    const struct ke_request request = request_of(&world);
    talk(&world, &request);
    assert_int_equal(world.result.failure, FAILURE_NONE);
    assert_true(world.result.no_close);
    world_close(&world);
}

static void octets_after_the_end_of_message_fail(void **)
{
    struct world world = { .peer = { .late = (const uint8_t *)"late", .late_len = 4 } };
    world_open(&world);
    const struct ke_request request = request_of(&world);
    talk(&world, &request);
    assert_int_equal(world.result.failure, FAILURE_KE_MALFORMED);
    world_close(&world);
}

static void silent_server_times_out_at_each_limit(void **)
{
    struct world worlds[2] = { { .peer = { .mute_tls = true } }, { .peer = { .mute_ke = true } } };
    const enum failure wanted[] = { FAILURE_TLS_TIMEOUT, FAILURE_KE_TIMEOUT };
    const unsigned limits_ms[] = { LIMIT_TLS_MS, LIMIT_KE_MS };
    for (unsigned i = 0; i < 2; i++) {
        world_open(&worlds[i]);
        const struct ke_request request = request_of(&worlds[i]);
        uint64_t began_ns = uv_hrtime();
        talk(&worlds[i], &request);
        assert_int_equal(worlds[i].result.failure, wanted[i]);
        assert_in_range((uv_hrtime() - began_ns) / 1000000, limits_ms[i] - 10, limits_ms[i] + 5000);
        world_close(&worlds[i]);
    }
}

/* All limits but the last have passed whenever the loop continues. */
static void response_that_came_during_a_stall_counts(void **)
{
    struct world world = { 0 };
    world_open(&world);
    const struct ke_request request = request_of(&world);
    assert_non_null(ke_dialog_start(&world.loop, &request, &world.trace, done, &world));
    uv_sleep(LIMIT_CONNECT_MS + 100);
    uv_run(&world.loop, UV_RUN_DEFAULT);
    assert_int_equal(world.done, 1);
    assert_int_equal(world.result.failure, FAILURE_NONE);
    world_close(&world);
}

static void connection_closed_during_a_stall_is_not_the_servers_fault(void **)
{
    static const struct {
        const char *answer;
        size_t len;
        uint64_t ticked_before_ms;
        enum failure failure;
    } rows[] = {
        { "\x80\x01\x00\x02\x00\x00", 6, STALL_SHORT_MS, FAILURE_INTERNAL },
        { "\x80\x01\x00\x02\x00\x00", 6, 0, FAILURE_KE_CLOSED },
        { "\x80\x02\x00\x02\x00\x01", 6, STALL_SHORT_MS, FAILURE_KE_ERROR },
        { "\x80\x02\x00\x02\x00\x01", 6, STALL_LONG_MS, FAILURE_INTERNAL },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const uint8_t *answer = (const uint8_t *)rows[i].answer;
        struct world world = { .peer = { .answer = answer, .answer_len = rows[i].len } };
        const struct stall stall = { .ticked_at = stall_now() - rows[i].ticked_before_ms };
        world_open(&world);
        struct ke_request request = request_of(&world);
        request.stall = &stall;
        talk(&world, &request);
        assert_int_equal(world.result.failure, rows[i].failure);
        assert_string_equal(world.result.step, "ke");
        world_close(&world);
    }
}

static void cancelled_dialog_calls_nobody_and_leaks_nothing(void **)
{
    for (unsigned turns = 0; turns < 12; turns++) {
        struct world world = { .peer = { .mute_ke = true } };
        world_open(&world);
        const struct ke_request request = request_of(&world);
        struct ke_dialog *dialog = ke_dialog_start(&world.loop, &request, NULL, done, &world);
        for (unsigned i = 0; i < turns; i++) {
            uv_run(&world.loop, UV_RUN_NOWAIT);
        }
        ke_dialog_cancel(dialog);
        world_close(&world);
        assert_int_equal(world.done, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_server_gives_cookies_and_both_ends_have_the_same_keys),
        cmocka_unit_test(server_chooses_of_all_algorithms_if_all_are_offered),
        cmocka_unit_test(special_addresses_are_not_contacted_unless_allowed),
        cmocka_unit_test(closed_port_is_connect_refused),
        cmocka_unit_test(no_request_is_sent_to_a_server_with_a_wrong_certificate),
        cmocka_unit_test(other_alpn_differs_from_broken_tls),
        cmocka_unit_test(cut_or_wrong_response_fails_by_what_was_received),
        cmocka_unit_test(endless_response_is_read_up_to_its_bound),
        cmocka_unit_test(missing_close_notify_is_noted_and_no_failure),
        cmocka_unit_test(octets_after_the_end_of_message_fail),
        cmocka_unit_test(silent_server_times_out_at_each_limit),
        cmocka_unit_test(response_that_came_during_a_stall_counts),
        cmocka_unit_test(connection_closed_during_a_stall_is_not_the_servers_fault),
        cmocka_unit_test(cancelled_dialog_calls_nobody_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
