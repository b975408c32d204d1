#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "zone/base/thread.h"
#include "zone/stub/dnsclient.h"

enum {
    EXCHANGES = 60, /* more than run at a time */
    HEAD = 12
};

/* How the server behaves. */
enum manner {
    ANSWERS,
    SECOND_TRY,  /* it leaves the first datagram unanswered */
    TRUNCATES,   /* TC over UDP, the answer over TCP */
    STRAYS,      /* first another ID, another question, garbage, nothing at all; then the answer */
    LIES,        /* nothing but strays */
    FLOODS,      /* strays without end */
    SILENT,      /* nothing */
    LATE,        /* the answer to a query when the next one comes, and then its own */
    OTHER_PORT,  /* answers from another port than it was asked at */
    TWICE,       /* two answers, the second one with another rcode */
    CLOSES,      /* TCP: takes the query and closes */
    CUTS,        /* TCP: closes in the middle of the answer */
    WRONG_STREAM /* TCP: another ID */
};

/* A name server on loopback with one port for UDP and TCP. */
struct server {
    struct thread thread;
    enum manner manner;
    int udp, tcp;
    struct endpoint endpoint;
    unsigned datagrams, streams;
    /* The last query, to be answered again. */
    uint8_t last[2048];
    size_t last_len;
    struct sockaddr_storage asker;
    socklen_t asker_len;
};

/* More than the server ever needs. */
static const struct dns_limits patient = { .wait_ms = 30000, .total_ms = 120000 };
/* A second a try. */
static const struct dns_limits brisk = { .wait_ms = 3000, .total_ms = 120000 };
/* For servers that do not answer. */
static const struct dns_limits hasty = { .wait_ms = 300, .total_ms = 120000 };

/* The response with the query's question, in place. */
static void make_response(uint8_t *message, unsigned flags)
{
    message[2] = (uint8_t)(0x80 | flags >> 8);
    message[3] = 0;
}

static void send_to(const struct server *server, const uint8_t *data, size_t len,
                    const struct sockaddr_storage *to, socklen_t to_len)
{
    (void)sendto(server->udp, data, len, 0, (const struct sockaddr *)to, to_len);
}

static void send_strays(const struct server *server, uint8_t *message, size_t len,
                        const struct sockaddr_storage *to, socklen_t to_len)
{
    static const uint8_t garbage[] = { 0xff, 0xc0, 0x0c };
    send_to(server, message, len, to, to_len); /* the query itself: no QR */
    make_response(message, 0);
    message[0] ^= 0x80; /* another ID */
    send_to(server, message, len, to, to_len);
    message[0] ^= 0x80;
    message[HEAD + 1] ^= 0x01; /* another question */
    send_to(server, message, len, to, to_len);
    message[HEAD + 1] ^= 0x01;
    send_to(server, message, HEAD - 1, to, to_len);
    send_to(server, garbage, sizeof(garbage), to, to_len);
    send_to(server, garbage, 0, to, to_len);
}

static void send_from_another_port(const uint8_t *message, size_t len,
                                   const struct sockaddr_storage *to, socklen_t to_len)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    (void)sendto(fd, message, len, 0, (const struct sockaddr *)to, to_len);
    (void)close(fd);
}

/* The answer to the query before, which the client no longer waits for, to both of its ports. */
static void send_late(const struct server *server, const struct sockaddr_storage *to,
                      socklen_t to_len)
{
    uint8_t late[2048];
    memcpy(late, server->last, server->last_len);
    make_response(late, 0);
    send_to(server, late, server->last_len, &server->asker, server->asker_len);
    send_to(server, late, server->last_len, to, to_len);
}

static void serve_datagram(struct server *server)
{
    uint8_t message[2048];
    struct sockaddr_storage from = { 0 };
    socklen_t from_len = sizeof(from);
    ssize_t got =
        recvfrom(server->udp, message, sizeof(message), 0, (struct sockaddr *)&from, &from_len);
    if (got < HEAD) {
        return;
    }
    bool first = server->datagrams++ == 0;
    if (server->manner == STRAYS || server->manner == LIES) {
        send_strays(server, message, (size_t)got, &from, from_len);
    }
    if (server->manner == LATE && !first) {
        send_late(server, &from, from_len);
    }
    memcpy(server->last, message, (size_t)got);
    server->last_len = (size_t)got;
    server->asker = from;
    server->asker_len = from_len;
    make_response(message, server->manner == TRUNCATES ? DNSMESSAGE_TC : 0);
    if (server->manner == OTHER_PORT) {
        send_from_another_port(message, (size_t)got, &from, from_len);
        return;
    }
    bool waits = (server->manner == SECOND_TRY || server->manner == LATE) && first;
    if (!waits && server->manner != LIES && server->manner != FLOODS && server->manner != SILENT) {
        send_to(server, message, (size_t)got, &from, from_len);
    }
    if (server->manner == TWICE) {
        message[3] = DNS_SERVFAIL;
        send_to(server, message, (size_t)got, &from, from_len);
    }
}

/* Another ID each time, never the right one. */
static void flood(struct server *server)
{
    for (unsigned i = 0; i < 100 && server->last_len > 0; i++) {
        uint8_t message[2048];
        memcpy(message, server->last, server->last_len);
        make_response(message, 0);
        message[1] = (uint8_t)(message[1] + 1 + i);
        send_to(server, message, server->last_len, &server->asker, server->asker_len);
    }
}

/* Over TCP the response comes octet by octet. */
static void serve_stream(struct server *server)
{
    uint8_t message[2 + 2048];
    int fd = accept(server->tcp, NULL, NULL);
    ssize_t got = recv(fd, message, 2, MSG_WAITALL);
    size_t len = (size_t)message[0] << 8 | message[1];
    if (fd < 0 || got != 2 || len > sizeof(message) - 2 ||
        recv(fd, message + 2, len, MSG_WAITALL) != (ssize_t)len) {
        (void)close(fd);
        return;
    }
    server->streams++;
    make_response(message + 2, 0);
    message[2] ^= server->manner == WRONG_STREAM ? 0x80 : 0;
    size_t send_len = server->manner == CLOSES ? 0 : server->manner == CUTS ? len : len + 2;
    for (size_t i = 0; i < send_len; i++) {
        (void)send(fd, message + i, 1, MSG_NOSIGNAL);
    }
    (void)close(fd);
}

static void *serve(void *arg)
{
    struct server *server = arg;
    while (thread_pause(&server->thread, 1)) {
        struct pollfd polled[] = { { .fd = server->udp, .events = POLLIN },
                                   { .fd = server->tcp, .events = POLLIN } };
        if (server->manner == FLOODS) {
            flood(server);
        }
        if (poll(polled, 2, 0) <= 0) {
            continue;
        }
        if (polled[0].revents != 0) {
            serve_datagram(server);
        }
        if (polled[1].revents != 0) {
            serve_stream(server);
        }
    }
    return NULL;
}

/* UDP takes the port that TCP was given; if somebody has it, the next is tried. */
static void bind_both(struct server *server)
{
    for (bool bound = false; !bound;) {
        struct endpoint any = { .address = address_of("127.0.0.1") };
        struct sockaddr_storage address;
        socklen_t len = endpoint_to_sockaddr(&any, &address);
        server->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        server->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(server->tcp, (struct sockaddr *)&address, len), 0);
        assert_int_equal(listen(server->tcp, 64), 0);
        assert_int_equal(getsockname(server->tcp, (struct sockaddr *)&address, &len), 0);
        assert_ok(endpoint_of_sockaddr(&server->endpoint, (struct sockaddr *)&address));
        bound = bind(server->udp, (struct sockaddr *)&address, len) == 0;
        if (!bound) {
            (void)close(server->tcp);
            (void)close(server->udp);
        }
    }
}

static struct server *start(enum manner manner)
{
    struct server *server = calloc(1, sizeof(*server));
    assert_non_null(server);
    server->manner = manner;
    bind_both(server);
    thread_init(&server->thread);
    assert_ok(thread_start(&server->thread, serve, server, NULL));
    return server;
}

/* Ends the thread, so that the counts hold; what it did not come to see counts too. */
static void end(struct server *server)
{
    uint8_t octet;
    thread_end(&server->thread);
    while (recv(server->udp, &octet, 1, MSG_DONTWAIT) >= 0) {
        server->datagrams++;
    }
}

static void stop(struct server *server)
{
    thread_done(&server->thread);
    (void)close(server->udp);
    (void)close(server->tcp);
    free(server);
}

static struct dns_exchange question(const struct server *server)
{
    return (struct dns_exchange){ .server = server->endpoint,
                                  .query = { .name = name_of("pool.test."), .type = RR_SOA } };
}

static void many_are_asked_at_once(void **)
{
    struct server *server = start(ANSWERS);
    struct dns_exchange list[EXCHANGES];
    for (unsigned i = 0; i < EXCHANGES; i++) {
        list[i] = question(server);
        list[i].tcp = i % 3 == 0;
    }
    dnsclient_run(list, EXCHANGES, patient);
    for (unsigned i = 0; i < EXCHANGES; i++) {
        assert_int_equal(list[i].error, 0);
        assert_int_equal(list[i].by_tcp, i % 3 == 0);
        assert_false(list[i].stray);
        assert_true(list[i].len > HEAD);
    }
    dnsclient_free(list, EXCHANGES);
    dnsclient_run(list, 0, patient); /* nobody to ask */
    stop(server);
}

static void a_lost_datagram_is_sent_again(void **)
{
    struct server *server = start(SECOND_TRY);
    struct dns_exchange exchange = question(server);
    dnsclient_run(&exchange, 1, brisk);
    assert_int_equal(exchange.error, 0);
    end(server);
    assert_true(server->datagrams >= 2);
    dnsclient_free(&exchange, 1);
    stop(server);
}

/* It has the ID of the try before. */
static void an_answer_that_comes_late_is_not_taken_for_that_of_the_next_try(void **)
{
    struct server *server = start(LATE);
    struct dns_exchange exchange = question(server);
    dnsclient_run(&exchange, 1, brisk);
    assert_int_equal(exchange.error, 0);
    assert_true(exchange.stray);
    end(server);
    assert_true(server->datagrams >= 2);
    assert_memory_equal(exchange.data, server->last, 2); /* the ID of the last try */
    dnsclient_free(&exchange, 1);
    stop(server);
}

static void an_answer_from_another_port_is_not_taken(void **)
{
    struct server *server = start(OTHER_PORT);
    struct dns_exchange exchange = question(server);
    dnsclient_run(&exchange, 1, hasty);
    assert_int_equal(exchange.error, ETIMEDOUT);
    assert_false(exchange.stray); /* it does not even get here */
    stop(server);
}

static void the_first_of_two_answers_counts(void **)
{
    struct server *server = start(TWICE);
    struct dns_exchange list[EXCHANGES];
    for (unsigned i = 0; i < EXCHANGES; i++) {
        list[i] = question(server);
    }
    dnsclient_run(list, EXCHANGES, patient);
    for (unsigned i = 0; i < EXCHANGES; i++) {
        assert_int_equal(list[i].error, 0);
        assert_int_equal(list[i].data[3], DNS_NOERROR);
    }
    dnsclient_free(list, EXCHANGES);
    stop(server);
}

/* Neither wrong answers without end nor silence hold the client up. */
static void the_limits_hold_whatever_comes(void **)
{
    struct server *flooding = start(FLOODS), *silent = start(SILENT);
    struct dns_exchange list[EXCHANGES];
    for (unsigned i = 0; i < EXCHANGES; i++) {
        list[i] = question(i % 2 == 0 ? flooding : silent);
    }
    const struct dns_limits limits = { .wait_ms = 3600 * 1000, .total_ms = 300 };
    dnsclient_run(list, EXCHANGES, limits);
    for (unsigned i = 0; i < EXCHANGES; i++) {
        assert_int_equal(list[i].error, ETIMEDOUT);
        assert_null(list[i].data);
    }
    assert_false(list[1].stray);
    end(silent);
    assert_true(silent->datagrams <= DNSCLIENT_PARALLEL / 2); /* the others were not asked */
    struct dns_exchange more = question(flooding);
    dnsclient_run(&more, 1, brisk);
    assert_int_equal(more.error, ETIMEDOUT);
    assert_true(more.stray);
    stop(flooding);
    stop(silent);
}

/* The address of all hosts is none to which a query can go. */
static void an_address_without_a_route_is_told_apart(void **)
{
    struct server *server = start(ANSWERS);
    struct dns_exchange list[] = { question(server), question(server), question(server) };
    list[0].server.address = list[1].server.address = address_of("255.255.255.255");
    list[1].tcp = true;
    dnsclient_run(list, 3, patient);
    assert_true(list[0].no_route && list[0].error != 0);
    assert_true(list[1].no_route && list[1].error != 0);
    assert_false(list[2].no_route);
    dnsclient_free(list, 3);
    stop(server);
}

/* RFC 7766 5. */
static void a_truncated_answer_is_asked_for_over_tcp_unless_it_is_wanted(void **)
{
    struct server *server = start(TRUNCATES);
    struct dns_exchange list[] = { question(server), question(server) };
    list[1].keep_truncated = true;
    dnsclient_run(list, 2, patient);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(list[i].error, 0);
        assert_int_equal(list[i].by_tcp, i == 0);
        assert_int_equal((list[i].data[2] & 0x02) != 0, i == 1);
    }
    end(server);
    assert_int_equal(server->streams, 1);
    dnsclient_free(list, 2);
    stop(server);
}

static void datagrams_that_do_not_answer_the_query_are_not_taken(void **)
{
    struct server *server = start(STRAYS), *liar = start(LIES);
    struct dns_exchange list[] = { question(server), question(liar) };
    dnsclient_run(&list[0], 1, patient);
    dnsclient_run(&list[1], 1, hasty);
    assert_int_equal(list[0].error, 0);
    assert_true(list[0].stray);
    assert_true(list[0].len > HEAD && (list[0].data[2] & 0x80) != 0);
    assert_int_equal(list[1].error, ETIMEDOUT);
    assert_true(list[1].stray);
    assert_null(list[1].data);
    end(liar);
    assert_int_equal(liar->datagrams, DNSCLIENT_TRIES);
    dnsclient_free(list, 2);
    stop(server);
    stop(liar);
}

static void a_stream_without_the_answer_is_a_failure(void **)
{
    static const enum manner manners[] = { CLOSES, CUTS, WRONG_STREAM };
    for (unsigned i = 0; i < 3; i++) {
        struct server *server = start(manners[i]);
        struct dns_exchange exchange = question(server);
        exchange.tcp = true;
        dnsclient_run(&exchange, 1, patient);
        assert_int_equal(exchange.error, EPROTO);
        assert_int_equal(exchange.stray, manners[i] == WRONG_STREAM);
        assert_null(exchange.data);
        stop(server);
    }
}

static void a_closed_port_is_told_at_once(void **)
{
    struct server *server = start(ANSWERS);
    struct dns_exchange list[] = { question(server), question(server) };
    list[1].tcp = true;
    stop(server);
    dnsclient_run(list, 2, patient);
    assert_int_equal(list[0].error, ECONNREFUSED);
    assert_int_equal(list[1].error, ECONNREFUSED);
    assert_false(list[0].no_route || list[1].no_route);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_are_asked_at_once),
        cmocka_unit_test(a_lost_datagram_is_sent_again),
        cmocka_unit_test(an_answer_that_comes_late_is_not_taken_for_that_of_the_next_try),
        cmocka_unit_test(an_answer_from_another_port_is_not_taken),
        cmocka_unit_test(the_first_of_two_answers_counts),
        cmocka_unit_test(the_limits_hold_whatever_comes),
        cmocka_unit_test(an_address_without_a_route_is_told_apart),
        cmocka_unit_test(a_truncated_answer_is_asked_for_over_tcp_unless_it_is_wanted),
        cmocka_unit_test(datagrams_that_do_not_answer_the_query_are_not_taken),
        cmocka_unit_test(a_stream_without_the_answer_is_a_failure),
        cmocka_unit_test(a_closed_port_is_told_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
