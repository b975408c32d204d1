#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/io/connection.h"
#include "tests/pool_fixture.h"
#include "tests/unit/unit.h"

enum {
    MESSAGE = 2 + DNS_HEADER_LEN + 11 + 4, /* SOA of pool.test., with its length */
    MANY = 1000
};

static struct pool_fixture pool;
static uv_loop_t loop;
static struct handler *handler;
static struct rrl *rrl;
static struct answer_cache *cached_answers;
static struct connection_shop *shop;
static struct connection *connection;
static int client;

static int set_up_all(void **)
{
    static const struct identity identity = { NULL, NULL };
    struct diag diag = { "" };
    pool_fixture_init(&pool, NULL);
    rrl = rrl_new();
    cached_answers = answer_cache_new(4, 1);
    const struct handler_parts parts = { .registry = pool.stores[0],
                                         .answers = cached_answers,
                                         .cache = pool.cache,
                                         .denials = pool.cache,
                                         .rrl = rrl,
                                         .identity = &identity };
    handler = calloc(1, sizeof(*handler));
    assert_ok(handler_init(handler, &parts, counters_new(pool.zone, 0), &diag));
    assert_int_equal(uv_loop_init(&loop), 0);
    shop = calloc(1, sizeof(*shop));
    shop->loop = &loop;
    shop->handler = handler;
    shop->set = epoll_create1(EPOLL_CLOEXEC);
    return 0;
}

static int tear_down_all(void **)
{
    (void)close(shop->set);
    free(shop);
    assert_int_equal(uv_loop_close(&loop), 0);
    handler_done(handler);
    answer_cache_free(cached_answers);
    free(handler);
    rrl_free(rrl);
    pool_fixture_done(&pool);
    return 0;
}

static int connect_client(void **)
{
    int ends[2];
    struct endpoint peer;
    pool.zone->settings.rrl_rate = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    assert_ok(endpoint_parse(&peer, "192.0.2.77@5300", 0));
    assert_ok(connection_new(&connection, shop, ends[0], &peer));
    client = ends[1];
    return 0;
}

static int close_client(void **)
{
    connection_free(connection, shop);
    (void)close(client);
    return 0;
}

static void put_query(uint8_t out[MESSAGE], unsigned id)
{
    static const uint8_t rest[] = { 0,   0,   0, 1,   0,   0,   0,   0, 0, 0, 4, 'p', 'o',
                                    'o', 'l', 4, 't', 'e', 's', 't', 0, 0, 6, 0, 1 };
    _Static_assert(sizeof(rest) == MESSAGE - 4, "all of it");
    wire_put_u16(out, MESSAGE - 2);
    wire_put_u16(out + 2, (uint16_t)id);
    memcpy(out + 4, rest, sizeof(rest));
}

/* Sends the queries from `from` up to `to`, as many as the connection takes, only whole ones.
 * Returns the number of the next query. */
static unsigned ask(unsigned from, unsigned to)
{
    uint8_t message[MESSAGE];
    for (; from < to; from++) {
        put_query(message, from);
        ssize_t sent = send(client, message, MESSAGE, 0);
        if (sent != MESSAGE) {
            assert_true(sent < 0 && errno == EAGAIN);
            break;
        }
    }
    return from;
}

/* Reads the answers that have arrived, which must be in order from `from` on. Returns the number of
 * the next answer. */
static unsigned answers(unsigned from)
{
    static uint8_t held[1 << 16];
    static size_t len;
    ssize_t got = 0;
    while ((got = recv(client, held + len, sizeof(held) - len, 0)) > 0) {
        size_t at = 0;
        len += (size_t)got;
        while (len - at >= 2 && len - at - 2 >= (size_t)(held[at] << 8 | held[at + 1])) {
            assert_int_equal(held[at + 2] << 8 | held[at + 3], from++ & 0xffff);
            at += 2u + (size_t)(held[at] << 8 | held[at + 1]);
        }
        memmove(held, held + at, len - at);
        len -= at;
    }
    return from;
}

static void a_turn_answers_some_and_leaves_the_others_for_later_ones(void **)
{
    unsigned asked = ask(0, 10 * CONNECTION_TURN), answered = 0;
    assert_int_equal(asked, 10 * CONNECTION_TURN);
    for (unsigned turn = 1; turn <= 10; turn++) {
        assert_true(connection_turn(connection, shop));
        answered = answers(answered);
        assert_in_range(answered, 1, turn * CONNECTION_TURN);
    }
    for (unsigned turn = 0; turn < 10; turn++) {
        assert_true(connection_turn(connection, shop));
    }
    assert_int_equal(answers(answered), asked);
    assert_true(connection_is_idle(connection));
}

static void one_with_more_to_do_waits_in_the_queue_of_all(void **)
{
    struct epoll_event event = { 0 };
    assert_int_equal(epoll_wait(shop->set, &event, 1, 0), 0);
    assert_int_equal(ask(0, 2 * CONNECTION_TURN), 2 * CONNECTION_TURN);
    assert_int_equal(epoll_wait(shop->set, &event, 1, 0), 1);
    assert_true(connection_turn(connection, shop));
    assert_int_equal(epoll_wait(shop->set, &event, 1, 0), 1);
    assert_ptr_equal(event.data.ptr, connection);
    assert_true(connection_turn(connection, shop));
    assert_int_equal(epoll_wait(shop->set, &event, 1, 0), 0);
    assert_int_equal(answers(0), 2 * CONNECTION_TURN);
}

static void a_client_that_does_not_read_is_answered_up_to_the_bound(void **)
{
    unsigned asked = 0, before = UINT32_MAX;
    while (asked != before) {
        before = asked;
        asked = ask(asked, UINT32_MAX);
        for (unsigned turn = 0; turn < MANY; turn++) {
            assert_true(connection_turn(connection, shop));
            assert_in_range(connection->in_len, 0, CONNECTION_SHORT + CONNECTION_READ);
            assert_in_range(connection->out_len, 0, CONNECTION_OUT_ROOM);
        }
    }
    assert_non_null(connection->out);
    unsigned answered = answers(0);
    for (unsigned turn = 0; answered < asked && turn < 100 * MANY; turn++) {
        assert_true(connection_turn(connection, shop));
        answered = answers(answered);
    }
    assert_int_equal(answered, asked);
    assert_true(connection_is_idle(connection));
}

static void a_network_over_its_rate_rests_with_its_last_answer_sent(void **)
{
    enum {
        RATE = 4
    };
    struct epoll_event event = { 0 };
    pool.zone->settings.rrl_rate = RATE;
    assert_int_equal(ask(0, CONNECTION_TURN), CONNECTION_TURN);
    assert_true(connection_turn(connection, shop));
    assert_true(connection->rests);
    unsigned answered = answers(0);
    assert_in_range(answered, RATE + 1, CONNECTION_TURN - 1);
    assert_true(connection_turn(connection, shop)); /* as if somebody had asked the server to */
    assert_int_equal(answers(answered), answered);
    assert_int_equal(epoll_wait(shop->set, &event, 1, 0), 0);
    pool.zone->settings.rrl_rate = 0;
    connection_resume(connection, shop);
    assert_int_equal(epoll_wait(shop->set, &event, 1, 0), 1);
    assert_true(connection_turn(connection, shop));
    assert_int_equal(answers(answered), CONNECTION_TURN);
}

static void a_client_that_has_finished_sending_gets_all_answers(void **)
{
    assert_int_equal(ask(0, 3 * CONNECTION_TURN), 3 * CONNECTION_TURN);
    assert_int_equal(shutdown(client, SHUT_WR), 0);
    for (unsigned turn = 0; turn < MANY && !connection->lingers; turn++) {
        if (!connection_turn(connection, shop)) {
            break;
        }
    }
    assert_true(connection->ending);
    assert_int_equal(answers(0), 3 * CONNECTION_TURN);
    assert_true(connection_is_done(connection, shop));
}

static void a_malformed_message_ends_the_connection(void **)
{
    assert_int_equal(ask(0, 1), 1);
    assert_int_equal(send(client, "\0\3abc", 5, 0), 5);
    assert_int_equal(ask(1, 2), 2);
    assert_false(connection_turn(connection, shop));
    assert_int_equal(answers(0), 1);
}

static void a_long_message_may_come_in_pieces(void **)
{
    enum {
        LEN = 65535
    };
    static uint8_t message[2 + LEN];
    put_query(message, 7);
    wire_put_u16(message, LEN);
    for (size_t at = 0; at < sizeof(message);) {
        ssize_t sent =
            send(client, message + at, sizeof(message) - at > 999 ? 999 : sizeof(message) - at, 0);
        at += sent > 0 ? (size_t)sent : 0;
        assert_true(connection_turn(connection, shop));
        assert_in_range(connection->in_len, 0, sizeof(message));
    }
    assert_int_equal(ask(8, 9), 9);
    for (unsigned turn = 0; turn < MANY; turn++) {
        assert_true(connection_turn(connection, shop));
    }
    assert_int_equal(answers(7), 9);
}

#define CONNECTED(test) cmocka_unit_test_setup_teardown(test, connect_client, close_client)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONNECTED(a_turn_answers_some_and_leaves_the_others_for_later_ones),
        CONNECTED(one_with_more_to_do_waits_in_the_queue_of_all),
        CONNECTED(a_client_that_does_not_read_is_answered_up_to_the_bound),
        CONNECTED(a_network_over_its_rate_rests_with_its_last_answer_sent),
        CONNECTED(a_client_that_has_finished_sending_gets_all_answers),
        CONNECTED(a_malformed_message_ends_the_connection),
        CONNECTED(a_long_message_may_come_in_pieces),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
