#include <pthread.h>

#include "server/dnstap/frame_queue.h"
#include "tests/unit/unit.h"

static struct frame_queue queue;

static int set_up(void **)
{
    frame_queue_init(&queue, 1024);
    return 0;
}

static int tear_down(void **)
{
    frame_queue_done(&queue);
    return 0;
}

/* Puts a frame of `len` octets of `value`. False if there is no room. */
static bool put(size_t len, uint8_t value)
{
    uint8_t *room = frame_queue_reserve(&queue, len);
    if (room == NULL) {
        return false;
    }
    memset(room, value, len);
    frame_queue_commit(&queue, len);
    return true;
}

static void assert_frame(const struct iovec *frame, size_t len, uint8_t value)
{
    assert_int_equal(frame->iov_len, len);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(((const uint8_t *)frame->iov_base)[i], value);
    }
}

static void frames_come_out_in_order(void **)
{
    struct iovec out[3];
    assert_int_equal(frame_queue_take(&queue, out, 3), 0);
    for (uint8_t i = 0; i < 5; i++) {
        assert_true(put(i, i));
    }
    assert_int_equal(frame_queue_take(&queue, out, 3), 3);
    for (uint8_t i = 0; i < 3; i++) {
        assert_frame(&out[i], i, i);
    }
    frame_queue_release(&queue);
    assert_int_equal(frame_queue_take(&queue, out, 3), 2);
    assert_frame(&out[1], 4, 4);
    assert_int_equal(frame_queue_take(&queue, out, 3), 0);
}

static void full_queue_takes_no_more_until_frames_are_released(void **)
{
    struct iovec out[4];
    for (uint8_t i = 0; i < 4; i++) {
        assert_true(put(252, i)); /* 256 with its length */
    }
    assert_false(put(0, 9));
    assert_int_equal(frame_queue_take(&queue, out, 4), 4);
    assert_false(put(0, 9)); /* taken, but still in use */
    assert_frame(&out[0], 252, 0);
    frame_queue_release(&queue);
    assert_true(put(1020, 9));
    assert_false(put(1, 9));
    assert_false(put(1021, 9));
}

static void frame_larger_than_the_queue_never_fits(void **)
{
    assert_false(put(1021, 1));
    assert_false(put(1 << 20, 1));
    assert_true(put(1020, 1));
}

static void frame_may_be_shorter_than_its_room(void **)
{
    struct iovec out[2];
    memset(frame_queue_reserve(&queue, 900), 7, 10);
    frame_queue_commit(&queue, 10);
    assert_true(put(900, 8));
    assert_int_equal(frame_queue_take(&queue, out, 2), 2);
    assert_frame(&out[0], 10, 7);
    assert_frame(&out[1], 900, 8);
}

static void room_that_is_not_used_is_no_frame(void **)
{
    struct iovec out[2];
    assert_true(put(900, 1));
    assert_int_equal(frame_queue_take(&queue, out, 2), 1);
    frame_queue_release(&queue);
    assert_non_null(frame_queue_reserve(&queue, 500)); /* at the beginning of the ring */
    assert_int_equal(frame_queue_take(&queue, out, 2), 0);
    assert_true(put(20, 2)); /* at its end */
    assert_int_equal(frame_queue_take(&queue, out, 2), 1);
    assert_frame(&out[0], 20, 2);
}

/* A length and a value for each number, from 0 to 300 octets. */
static size_t len_of(unsigned number)
{
    return number * 31 % 301;
}

static void *produce(void *arg)
{
    unsigned count = *(unsigned *)arg;
    for (unsigned i = 0; i < count;) {
        i += put(len_of(i), (uint8_t)i);
    }
    return NULL;
}

/* Under ThreadSanitizer as well. */
static void two_threads_pass_all_frames(void **)
{
    unsigned count = 30000, next = 0;
    pthread_t producer;
    assert_int_equal(pthread_create(&producer, NULL, produce, &count), 0);
    while (next < count) {
        struct iovec out[7];
        unsigned got = frame_queue_take(&queue, out, 7);
        for (unsigned i = 0; i < got; i++, next++) {
            assert_frame(&out[i], len_of(next), (uint8_t)next);
        }
        frame_queue_release(&queue);
    }
    assert_int_equal(pthread_join(producer, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(frames_come_out_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_queue_takes_no_more_until_frames_are_released, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(frame_larger_than_the_queue_never_fits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(frame_may_be_shorter_than_its_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(room_that_is_not_used_is_no_frame, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_threads_pass_all_frames, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
