#include "probe/limits.h"
#include "probe/ntp_dialog.h"
#include "tests/nts_peer.h"
#include "tests/unit/unit.h"
#include "zone/base/clock.h"

/* A peer that has the keys already, and a dialog with it, in one loop. */
struct world {
    uv_loop_t loop;
    struct nts_peer peer;
    struct nts_cookie cookie;
    struct ntp_result result;
    unsigned done;
    uint64_t took_ms;
};

static void world_open(struct world *world)
{
    const struct nts_keys keys = { .c2s = { AEAD_SIV_CMAC_256, { 1, 2, 3 } },
                                   .s2c = { AEAD_SIV_CMAC_256, { 4, 5, 6 } } };
    assert_int_equal(uv_loop_init(&world->loop), 0);
    peer_open(&world->peer, &world->loop);
    world->peer.keys[0] = keys;
    world->cookie.len = PEER_COOKIE_LEN;
    peer_cookie(&world->peer, 0, world->cookie.octets);
}

static void world_close(struct world *world)
{
    peer_close(&world->peer);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&world->loop), 0);
}

static void done(const struct ntp_result *result, void *arg)
{
    struct world *world = arg;
    world->result = *result;
    world->done++;
    uv_stop(&world->loop);
}

static struct ntp_request request_of(const struct world *world)
{
    return (struct ntp_request){ .endpoint = world->peer.ntp_at,
                                 .keys = &world->peer.keys[0],
                                 .cookie = &world->cookie,
                                 .placeholders = 1 };
}

static void talk(struct world *world, const struct ntp_request *request)
{
    uint64_t began_ns = uv_hrtime();
    assert_non_null(ntp_dialog_start(&world->loop, request, done, world));
    assert_int_equal(world->done, 0); /* later, from the loop */
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(world->done, 1);
    assert_true(world->result.failure == FAILURE_NONE || world->result.detail[0] != '\0');
    world->took_ms = (uv_hrtime() - began_ns) / 1000000;
}

/* Runs a dialog with the peer, which stays open for a look. */
static void ask(struct world *world)
{
    world_open(world);
    const struct ntp_request request = request_of(world);
    talk(world, &request);
    world_close(world);
}

/* A reply that did not end the dialog let it wait for a better one. */
static void assert_waited(const struct world *world, bool waited)
{
    uint64_t limit_ms = clock_pause_ms(LIMIT_NTP_MS);
    assert_int_equal(world->took_ms >= limit_ms - 10, waited);
}

static void good_reply_gives_time_and_cookies(void **)
{
    struct world world = { .peer = { .ahead_s = 0.5 } };
    ask(&world);
    const struct ntp_result *result = &world.result;
    assert_int_equal(result->failure, FAILURE_NONE);
    assert_true(result->authentic);
    assert_int_equal(result->reply.cookie_count, 2);
    assert_int_equal(result->sample.stratum, 1);
    assert_in_range(result->sample.offset_us, 450000, 550000);
    assert_waited(&world, false);
}

static void silence_ends_at_the_limit(void **)
{
    struct world world = { .peer = { .lose = 1 } };
    ask(&world);
    assert_int_equal(world.result.failure, FAILURE_NTP_SILENT);
    assert_false(world.result.authentic);
    assert_waited(&world, true);
}

/* Anybody can forge an ICMP error. */
static void unreachable_port_is_silence_until_the_limit(void **)
{
    struct world world = { 0 };
    world_open(&world);
    struct ntp_request request = request_of(&world);
    request.endpoint.port = world.peer.ke_at.port; /* open for TCP only */
    talk(&world, &request);
    assert_int_equal(world.result.failure, FAILURE_NTP_SILENT);
    assert_waited(&world, true);
    world_close(&world);
}

static void forgeable_reply_is_the_result_only_if_no_better_one_comes(void **)
{
    struct world alone = { .peer = { .garble = true } };
    ask(&alone);
    assert_int_equal(alone.result.failure, FAILURE_NTP_AUTH);
    assert_waited(&alone, true);
    struct world before = { .peer = { .junk = 5 } };
    ask(&before);
    assert_int_equal(before.result.failure, FAILURE_NONE);
    assert_waited(&before, false);
    /* the reply that passed more checks is the result */
    struct world both = { .peer = { .junk = 5, .garble = true } };
    ask(&both);
    assert_int_equal(both.result.failure, FAILURE_NTP_AUTH);
}

static void datagrams_are_read_up_to_the_limit(void **)
{
    struct world fewer = { .peer = { .junk = LIMIT_DATAGRAMS - 1 } };
    ask(&fewer);
    assert_int_equal(fewer.result.failure, FAILURE_NONE);
    struct world more = { .peer = { .junk = LIMIT_DATAGRAMS } };
    ask(&more);
    assert_int_equal(more.result.failure, FAILURE_NTP_MALFORMED);
    assert_waited(&more, true);
}

/* RFC 8915 5.7 */
static void kiss_code_counts_only_with_our_unique_identifier(void **)
{
    struct world real = { .peer = { .kiss = "DENY", .plain = true } };
    ask(&real);
    assert_int_equal(real.result.failure, FAILURE_NTP_DENY);
    assert_waited(&real, false);
    struct world forged = { .peer = { .kiss = "DENY", .plain = true, .without_uid = true } };
    ask(&forged);
    assert_int_equal(forged.result.failure, FAILURE_NTP_UID);
    assert_waited(&forged, true);
}

static void refused_cookie_ends_the_dialog_at_once(void **)
{
    struct world world = { .peer = { .forgetful = true } };
    ask(&world);
    assert_int_equal(world.result.failure, FAILURE_NTP_NAK);
    assert_waited(&world, false);
}

/* Takes the request from the peer's socket before its loop does. Returns the length of the reply,
 * which is yet to be sent. */
static size_t take_request(struct nts_peer *peer, struct sockaddr_storage *from,
                           uint8_t reply[PEER_ROOM])
{
    uint8_t asked[PEER_ROOM];
    socklen_t from_len = sizeof(*from);
    uv_os_fd_t theirs = -1;
    uv_udp_recv_stop(&peer->ntp);
    assert_int_equal(uv_fileno((uv_handle_t *)&peer->ntp, &theirs), 0);
    ssize_t len = recvfrom(theirs, asked, sizeof(asked), 0, (struct sockaddr *)from, &from_len);
    assert_true(len > 48);
    return peer_reply(peer, asked, (size_t)len, reply);
}

static void send_reply(uv_udp_t *socket, const struct sockaddr_storage *to, uint8_t *reply,
                       size_t len)
{
    uv_buf_t buffer = uv_buf_init((char *)reply, (unsigned)len);
    assert_int_equal(uv_udp_try_send(socket, &buffer, 1, (const struct sockaddr *)to), (int)len);
}

static void reply_from_another_address_does_not_count_and_is_reported(void **)
{
    struct world world = { 0 };
    struct nts_peer other = { 0 };
    world_open(&world);
    peer_open(&other, &world.loop);
    struct ntp_request request = request_of(&world);
    struct ntp_dialog *dialog = ntp_dialog_start(&world.loop, &request, done, &world);
    assert_non_null(dialog);
    /* the server's reply leaves from another socket */
    struct sockaddr_storage from;
    uint8_t reply[PEER_ROOM];
    size_t reply_len = take_request(&world.peer, &from, reply);
    send_reply(&other.ntp, &from, reply, reply_len);
    uv_run(&world.loop, UV_RUN_DEFAULT);
    assert_int_equal(world.done, 1);
    assert_int_equal(world.result.failure, FAILURE_NTP_SILENT);
    char port[32];
    (void)snprintf(port, sizeof(port), "127.0.0.1 port %u,", other.ntp_at.port);
    assert_non_null(strstr(world.result.detail, port));
    peer_close(&other);
    world_close(&world);
}

/* The limit has passed when the loop continues. */
static void reply_that_came_during_a_stall_counts(void **)
{
    struct world world = { 0 };
    world_open(&world);
    const struct ntp_request request = request_of(&world);
    uint64_t began_ns = uv_hrtime();
    assert_non_null(ntp_dialog_start(&world.loop, &request, done, &world));
    struct sockaddr_storage from;
    uint8_t reply[PEER_ROOM];
    size_t reply_len = take_request(&world.peer, &from, reply);
    send_reply(&world.peer.ntp, &from, reply, reply_len);
    uint64_t replied_us = (uv_hrtime() - began_ns) / 1000;
    uv_sleep(clock_pause_ms(LIMIT_NTP_MS) + 100);
    uv_run(&world.loop, UV_RUN_DEFAULT);
    assert_int_equal(world.done, 1);
    assert_int_equal(world.result.failure, FAILURE_NONE);
    /* By the time at which the kernel received it. The stall is longer than this allows. */
    assert_true(world.result.sample.rtt_us < replied_us + LIMIT_NTP_MS * 1000 / 2);
    world_close(&world);
}

static void wrong_time_is_authentic_and_fails(void **)
{
    struct world world = { .peer = { .ahead_s = -5 } };
    ask(&world);
    assert_int_equal(world.result.failure, FAILURE_OFFSET);
    assert_true(world.result.authentic);
    assert_in_range(-world.result.sample.offset_us, 4900000, 5100000);
}

static void cancelled_dialog_calls_nobody_and_leaks_nothing(void **)
{
    for (unsigned turns = 0; turns < 4; turns++) {
        struct world world = { .peer = { .junk = 1, .lose = turns % 2 } };
        world_open(&world);
        const struct ntp_request request = request_of(&world);
        struct ntp_dialog *dialog = ntp_dialog_start(&world.loop, &request, done, &world);
        for (unsigned i = 0; i < turns && world.done == 0; i++) {
            uv_run(&world.loop, UV_RUN_NOWAIT);
        }
        if (world.done == 0) {
            ntp_dialog_cancel(dialog);
        }
        unsigned before = world.done;
        world_close(&world);
        assert_int_equal(world.done, before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_reply_gives_time_and_cookies),
        cmocka_unit_test(silence_ends_at_the_limit),
        cmocka_unit_test(unreachable_port_is_silence_until_the_limit),
        cmocka_unit_test(forgeable_reply_is_the_result_only_if_no_better_one_comes),
        cmocka_unit_test(datagrams_are_read_up_to_the_limit),
        cmocka_unit_test(kiss_code_counts_only_with_our_unique_identifier),
        cmocka_unit_test(refused_cookie_ends_the_dialog_at_once),
        cmocka_unit_test(reply_from_another_address_does_not_count_and_is_reported),
        cmocka_unit_test(reply_that_came_during_a_stall_counts),
        cmocka_unit_test(wrong_time_is_authentic_and_fails),
        cmocka_unit_test(cancelled_dialog_calls_nobody_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
