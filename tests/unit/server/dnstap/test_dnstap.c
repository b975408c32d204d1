/* The writing thread with two taps and a reader of its own, so that ThreadSanitizer sees all of
 * them together. Threads use CHECK, since cmocka's assertions belong to the main thread.
 * tests/system/test_dnstap.py has readers that go away, stop or talk nonsense. */
#include <pthread.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/dnstap/dnstap.h"
#include "server/dnstap/frame_stream.h"
#include "tests/unit/unit.h"

enum {
    TAPS = 2,
    QUERIES = 4000
};

static const char content[] = "protobuf:dnstap.Dnstap";

static void ignore(int, const struct log_fields *, const char *)
{
}

static void take(int fd, void *out, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t got = read(fd, (uint8_t *)out + at, len - at);
        CHECK(got > 0);
        at += (size_t)got;
    }
}

static uint32_t take_u32(int fd)
{
    uint8_t octets[4];
    take(fd, octets, sizeof(octets));
    struct reader reader = reader_of(octets, sizeof(octets));
    return read_u32(&reader);
}

/* A control frame after its escape. Returns its type. */
static uint32_t take_control(int fd)
{
    uint8_t body[512];
    uint32_t len = take_u32(fd);
    CHECK(len >= 4 && len <= sizeof(body));
    take(fd, body, len);
    struct reader reader = reader_of(body, len);
    return read_u32(&reader);
}

static void put_control(int fd, uint32_t type, bool with_content)
{
    uint8_t out[64];
    size_t len = sizeof(content) - 1;
    struct writer w = writer_of(out, sizeof(out));
    write_u32(&w, 0);
    write_u32(&w, (uint32_t)(4 + (with_content ? 8 + len : 0)));
    write_u32(&w, type);
    if (with_content) {
        write_u32(&w, 1);
        write_u32(&w, (uint32_t)len);
        write_octets(&w, content, len);
    }
    CHECK(write(fd, out, w.at) == (ssize_t)w.at);
}

/* Reads until the writer says goodbye. Returns the number of frames. */
static void *serve(void *arg)
{
    enum {
        ACCEPT = 1,
        START = 2,
        STOP = 3,
        READY = 4,
        FINISH = 5
    };
    static uintptr_t frames;
    int fd = accept(*(int *)arg, NULL, NULL);
    CHECK(fd >= 0);
    CHECK(take_u32(fd) == 0);
    CHECK(take_control(fd) == READY);
    put_control(fd, ACCEPT, true);
    CHECK(take_u32(fd) == 0);
    CHECK(take_control(fd) == START);
    for (uint32_t len = 0; (len = take_u32(fd)) > 0; frames++) {
        uint8_t frame[2048];
        CHECK(len <= sizeof(frame));
        take(fd, frame, len);
    }
    CHECK(take_control(fd) == STOP);
    put_control(fd, FINISH, false);
    (void)close(fd);
    return &frames;
}

static void *work(void *arg)
{
    static const uint8_t octets[1000];
    struct tap *tap = arg;
    const struct endpoint client = { address_of("192.0.2.7"), 5300 };
    const struct endpoint server = { address_of("192.0.2.53"), 53 };
    const struct tap_exchange exchange = {
        .client = &client, .server = &server, .query = { octets, 50 }, .response = { octets, 1000 }
    };
    for (unsigned i = 0; i < QUERIES; i++) {
        if (tap_begin(tap)) {
            tap_answered(tap);
            tap_note(tap, &exchange);
        }
    }
    return NULL;
}

static struct dnstap *start(const char *where)
{
    const struct dnstap_parts parts = { .where = where, .sample = 1, .taps = TAPS, .log = ignore };
    struct diag diag;
    struct dnstap *dnstap = dnstap_new(&parts);
    assert_ok(dnstap_start(dnstap, &diag));
    return dnstap;
}

static uint64_t counted(const struct dnstap *dnstap)
{
    const struct dnstap_totals totals = dnstap_totals(dnstap);
    return totals.frames + totals.dropped;
}

static void each_frame_of_all_taps_is_written_or_counted_as_dropped(void **)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char where[sizeof(address.sun_path) + 8];
    pthread_t reader, workers[TAPS];
    void *frames = NULL;
    unsigned rounds = TAPS;
    if (!frame_stream_is_built()) {
        skip();
    }
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "tap-%d", getpid());
    (void)snprintf(where, sizeof(where), "unix:%s", address.sun_path);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(pthread_create(&reader, NULL, serve, &listener), 0);
    struct dnstap *dnstap = start(where);
    for (; dnstap_totals(dnstap).frames == 0; rounds++) {
        (void)work(dnstap_tap(dnstap, 0)); /* until the reader is connected */
        (void)usleep(1000);
    }
    for (unsigned i = 0; i < TAPS; i++) {
        assert_int_equal(pthread_create(&workers[i], NULL, work, dnstap_tap(dnstap, i)), 0);
    }
    for (unsigned i = 0; i < TAPS; i++) {
        assert_int_equal(pthread_join(workers[i], NULL), 0);
    }
    while (counted(dnstap) < (uint64_t)rounds * 2 * QUERIES) {
        (void)usleep(1000);
    }
    uint64_t written = dnstap_totals(dnstap).frames;
    assert_int_equal(counted(dnstap), rounds * 2 * QUERIES);
    dnstap_free(dnstap);
    assert_int_equal(pthread_join(reader, &frames), 0);
    assert_int_equal(*(uintptr_t *)frames, written);
    (void)close(listener);
    (void)unlink(address.sun_path);
}

static void without_a_reader_nothing_is_written_and_the_end_is_at_once(void **)
{
    struct dnstap *dnstap = start("unix:nobody-is-here");
    (void)work(dnstap_tap(dnstap, 1));
    assert_int_equal(dnstap_totals(dnstap).frames, 0);
    assert_int_equal(dnstap_totals(dnstap).dropped, 2 * QUERIES);
    dnstap_free(dnstap);
}

static void server_without_dnstap_needs_no_care(void **)
{
    struct diag diag;
    assert_ok(dnstap_start(NULL, &diag));
    assert_null(dnstap_tap(NULL, 3));
    assert_int_equal(counted(NULL), 0);
    dnstap_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_frame_of_all_taps_is_written_or_counted_as_dropped),
        cmocka_unit_test(without_a_reader_nothing_is_written_and_the_end_is_at_once),
        cmocka_unit_test(server_without_dnstap_needs_no_care),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
