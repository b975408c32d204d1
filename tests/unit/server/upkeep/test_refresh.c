/* Workers, refresher and stores together, in one process, so that the sanitizers see all their
 * threads. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/upkeep/refresh.h"
#include "tests/pool_fixture.h"
#include "tests/unit/unit.h"

enum {
    WORKERS = 2,
    CLIENT_TIMEOUT_S = 2,
    GIVE_UP_S = 20
};

static struct pool_fixture pool;
static struct handler_parts shared;
static struct refresh *refresh;
static struct collector *collector;
static struct worker *workers[WORKERS];
static struct endpoint endpoint;

static void log_nothing(int, const struct log_fields *, const char *)
{
}

/* A port that is free for UDP and, most likely, for TCP. */
static uint16_t free_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

static int set_up(void **)
{
    struct diag diag = { "" };
    pool_fixture_init(&pool, NULL);
    static const struct identity identity = { NULL, NULL };
    handler_parts_fill(&shared, 4, WORKERS);
    shared.registry = pool.stores[0];
    shared.identity = &identity;
    const struct collector_sources counts = { .registry = pool.stores[0], .log = log_nothing };
    assert_ok(collector_new(&collector, &counts, &diag));
    const struct refresh_sources sources = { .registry = pool.stores[0],
                                             .health = pool.stores[1],
                                             .keys = pool.stores[2],
                                             .seal = pool.seal,
                                             .cache = shared.cache,
                                             .collector = collector,
                                             .log = log_nothing };
    assert_ok(refresh_new(&refresh, &sources, &diag));
    assert_ok(address_parse(&endpoint.address, "127.0.0.1"));
    endpoint.port = free_port();
    struct kept kept = { .count = 0 };
    const struct worker_parts parts = { .handler = shared,
                                        .listen = &endpoint,
                                        .listen_count = 1,
                                        .kept = &kept,
                                        .udp = true,
                                        .tcp = true,
                                        .tcp_connections = TCP_CONNECTIONS_MAX };
    for (int i = 0; i < WORKERS; i++) {
        assert_ok(worker_new(&workers[i], &parts,
                             collector_counters(collector, refresh_zone_state(refresh)), &diag));
    }
    for (int i = 0; i < WORKERS; i++) {
        assert_ok(worker_start(workers[i], &diag));
    }
    assert_ok(refresh_start(refresh, workers, WORKERS, &diag));
    return 0;
}

static int tear_down(void **)
{
    refresh_free(refresh);
    for (int i = 0; i < WORKERS; i++) {
        worker_free(workers[i]);
    }
    collector_free(collector);
    handler_parts_free(&shared);
    pool_fixture_done(&pool);
    return 0;
}

/* A client in 127.0.<network>.0/24. */
static int connect_from(int type, uint8_t network)
{
    struct sockaddr_storage address;
    socklen_t len = endpoint_to_sockaddr(&endpoint, &address);
    struct timeval timeout = { .tv_sec = CLIENT_TIMEOUT_S };
    int fd = socket(AF_INET, type, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)), 0);
    struct sockaddr_in source = { .sin_family = AF_INET };
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)network * 256);
    assert_int_equal(bind(fd, (const struct sockaddr *)&source, sizeof(source)), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, len), 0);
    return fd;
}

static int connect_client(int type)
{
    return connect_from(type, 0);
}

static size_t make_query(uint8_t *out, uint16_t id, const char *name, uint16_t type)
{
    static const uint8_t opt[] = { 0, 0, RR_OPT, 4, 208, 0, 0, 0x80, 0, 0, 0 };
    struct writer w = writer_of(out, 512);
    struct dname qname = name_of(name);
    write_u16(&w, id);
    write_octets(&w, "\1\0\0\1\0\0\0\0\0\1", 10);
    dname_write(&w, &qname);
    write_u16(&w, type);
    write_u16(&w, RR_CLASS_IN);
    write_octets(&w, opt, sizeof(opt));
    return w.at;
}

/* Asks over UDP from a new socket, so that the kernel spreads the queries over the workers. Returns
 * the answer count and sets the RCODE. */
static unsigned ask(const char *name, uint16_t type, unsigned *rcode)
{
    static uint16_t id;
    uint8_t message[1500];
    int fd = connect_client(SOCK_DGRAM);
    size_t len = make_query(message, ++id, name, type);
    assert_int_equal(send(fd, message, len, 0), (ssize_t)len);
    ssize_t got = recv(fd, message, sizeof(message), 0);
    (void)close(fd);
    assert_true(got >= 12);
    assert_int_equal(message[0] << 8 | message[1], id);
    *rcode = message[3] & 0xfu;
    return (unsigned)(message[6] << 8 | message[7]);
}

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void both_workers_answer(void **)
{
    unsigned rcode = 0;
    for (int i = 0; i < 200; i++) {
        assert_int_equal(ask("alice.pool.test", RR_A, &rcode),
                         2); /* the record and its signature */
        assert_int_equal(ask("nope.pool.test", RR_A, &rcode), 0);
        assert_int_equal(rcode, RCODE_NXDOMAIN);
    }
    for (int i = 0; i < WORKERS; i++) {
        assert_true(counter_get(&workers[i]->handler.counters.at[MESSAGES_RECEIVED]) > 0);
    }
}

static void commit_change(bool add, unsigned number)
{
    struct registry_change change;
    struct diag diag;
    char label[16], address[32];
    (void)snprintf(label, sizeof(label), "new%u", number);
    (void)snprintf(address, sizeof(address), "192.0.2.%u", 100 + number);
    fixture_begin(pool.stores[0], &change, &diag);
    if (add) {
        fixture_member(&change, label, address, NULL, NULL);
    } else {
        assert_ok(registry_remove(&change, label, FIXTURE_NOW));
    }
    assert_ok(registry_commit(&change));
}

/* Names change with the commit, SRV answers (the members and their signature) soon after. */
static void changes_show_while_answering(void **)
{
    unsigned rcode = 0;
    for (unsigned round = 0; round < 5; round++) {
        double began = seconds();
        commit_change(true, round);
        char name[32];
        (void)snprintf(name, sizeof(name), "new%u.pool.test", round);
        assert_int_equal(ask(name, RR_A, &rcode), 2);
        /* alice, bob, carol and the new one */
        while (ask("_ntske._tcp.pool.test", RR_SRV, &rcode) != 5) {
            assert_true(seconds() - began < GIVE_UP_S);
        }
        commit_change(false, round);
        assert_int_equal(ask(name, RR_A, &rcode), 0);
        assert_int_equal(rcode, RCODE_NXDOMAIN);
        assert_int_equal(ask("_ntske._tcp.pool.test", RR_SRV, &rcode),
                         4); /* at once: the name is gone */
    }
}

static void receive_all(int fd, uint8_t *out, size_t len)
{
    for (size_t got = 0; got < len;) {
        ssize_t count = recv(fd, out + got, len - got, 0);
        assert_true(count > 0);
        got += (size_t)count;
    }
}

/* RFC 7766 6.2.1.1: many queries on one connection without waiting. */
static void tcp_pipelines_in_order(void **)
{
    enum {
        QUERIES = 300
    };
    static uint8_t out[QUERIES * 100];
    size_t used = 0;
    for (unsigned id = 0; id < QUERIES; id++) {
        size_t len = make_query(out + used + 2, (uint16_t)id, "nope.pool.test", RR_A);
        wire_put_u16(out + used, (uint16_t)len);
        used += len + 2;
    }
    int fd = connect_client(SOCK_STREAM);
    for (size_t sent = 0; sent < used; sent += 7919) { /* cut at arbitrary places */
        size_t part = used - sent < 7919 ? used - sent : 7919;
        assert_int_equal(send(fd, out + sent, part, 0), (ssize_t)part);
    }
    for (unsigned id = 0; id < QUERIES; id++) {
        uint8_t message[2048];
        receive_all(fd, message, 2);
        size_t len = (size_t)message[0] << 8 | message[1];
        assert_true(len >= 12 && len <= sizeof(message));
        receive_all(fd, message, len);
        assert_int_equal(message[0] << 8 | message[1], id);
        assert_int_equal(message[3] & 0xf, RCODE_NXDOMAIN);
    }
    uint8_t short_message[] = { 0, 5, 1, 2, 3, 4, 5 };
    assert_int_equal(send(fd, short_message, sizeof(short_message), 0),
                     (ssize_t)sizeof(short_message));
    assert_int_equal(recv(fd, short_message, 1, 0), 0); /* closed */
    (void)close(fd);
}

static void many_connections_are_served(void **)
{
    static int fds[WORKERS * TCP_CONNECTIONS_MAX / 4];
    enum {
        COUNT = sizeof(fds) / sizeof(fds[0])
    };
    uint8_t query[512];
    for (int i = 0; i < COUNT; i++) {
        fds[i] = connect_from(SOCK_STREAM, (uint8_t)(i / TCP_CLIENT_MAX));
    }
    for (int i = 0; i < COUNT; i += 16) { /* below the limit every connection is served */
        size_t len = make_query(query + 2, 1, "pool.test", RR_SOA);
        uint8_t head[2];
        wire_put_u16(query, (uint16_t)len);
        assert_int_equal(send(fds[i], query, len + 2, 0), (ssize_t)(len + 2));
        receive_all(fds[i], head, 2);
    }
    for (int i = 0; i < COUNT; i++) {
        (void)close(fds[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_workers_answer),
        cmocka_unit_test(changes_show_while_answering),
        cmocka_unit_test(tcp_pipelines_in_order),
        cmocka_unit_test(many_connections_are_served),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
