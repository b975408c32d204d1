#include <dnstap.pb-c.h>

#include "server/dnstap/tap.h"
#include "tests/unit/unit.h"

static struct tap tap;
static struct frame_origin origin;
static atomic_bool connected;
static struct endpoint client, server;

static int set_up(void **)
{
    frame_origin_set(&origin, "ns1", "1");
    atomic_store(&connected, true);
    assert_ok(endpoint_parse(&client, "192.0.2.7@5300", 0));
    assert_ok(endpoint_parse(&server, "198.51.100.53@53", 0));
    tap_init(&tap, 3, &origin, &connected);
    return 0;
}

static int tear_down(void **)
{
    tap_done(&tap);
    return 0;
}

static void note(const uint8_t *query, size_t query_len, size_t response_len)
{
    static const uint8_t response[1232];
    const struct tap_exchange exchange = { .client = &client,
                                           .server = &server,
                                           .query = { query, query_len },
                                           .response = { response, response_len } };
    tap_answered(&tap);
    tap_note(&tap, &exchange);
}

static unsigned taken(void)
{
    struct iovec frames[64];
    unsigned count = frame_queue_take(&tap.queue, frames, 64);
    frame_queue_release(&tap.queue);
    return count;
}

static void one_batch_in_three_is_due_from_the_first_on(void **)
{
    for (unsigned i = 0; i < 30; i++) {
        assert_int_equal(tap_begin(&tap), i % 3 == 0);
    }
}

static void worker_without_a_tap_notes_nothing(void **)
{
    assert_false(tap_begin(NULL));
}

static void query_and_response_are_two_frames_of_one_exchange(void **)
{
    struct iovec frames[64];
    assert_true(tap_begin(&tap));
    note((const uint8_t *)"asked", 5, 100);
    note((const uint8_t *)"lost", 4, 0);
    assert_int_equal(frame_queue_take(&tap.queue, frames, 64), 3);
    Dnstap__Dnstap *frame[3];
    for (size_t i = 0; i < 3; i++) {
        frame[i] = dnstap__dnstap__unpack(NULL, frames[i].iov_len, frames[i].iov_base);
        assert_non_null(frame[i]);
        assert_int_equal(frame[i]->message->type, i == 1 ? DNSTAP__MESSAGE__TYPE__AUTH_RESPONSE
                                                         : DNSTAP__MESSAGE__TYPE__AUTH_QUERY);
        assert_int_equal(frame[i]->message->query_time_sec, tap.asked.tv_sec);
    }
    assert_memory_equal(frame[0]->message->query_message.data, "asked", 5);
    assert_int_equal(frame[1]->message->response_message.len, 100);
    assert_memory_equal(frame[2]->message->query_message.data, "lost", 4);
    for (size_t i = 0; i < 3; i++) {
        dnstap__dnstap__free_unpacked(frame[i], NULL);
    }
    assert_int_equal(tap.dropped, 0);
}

static void without_a_reader_all_frames_are_counted_as_dropped(void **)
{
    atomic_store(&connected, false);
    note((const uint8_t *)"asked", 5, 100);
    note((const uint8_t *)"lost", 4, 0);
    assert_int_equal(tap.dropped, 3);
    assert_int_equal(taken(), 0);
}

static void full_queue_drops_and_counts_and_takes_frames_again_when_read(void **)
{
    static const uint8_t query[1232];
    unsigned noted = 0, read = 0, last = 0;
    while (tap.dropped == 0) {
        note(query, sizeof(query), sizeof(query));
        noted += 2;
    }
    assert_in_range(noted, TAP_QUEUE / 1400, TAP_QUEUE / 1232);
    do {
        last = taken();
        read += last;
    } while (last > 0);
    assert_int_equal(read + tap.dropped, noted);
    note(query, sizeof(query), 0);
    assert_int_equal(taken(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_batch_in_three_is_due_from_the_first_on, set_up,
                                        tear_down),
        cmocka_unit_test(worker_without_a_tap_notes_nothing),
        cmocka_unit_test_setup_teardown(query_and_response_are_two_frames_of_one_exchange, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_a_reader_all_frames_are_counted_as_dropped, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            full_queue_drops_and_counts_and_takes_frames_again_when_read, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
