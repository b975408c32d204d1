#include "server/answering/answer_heap.h"
#include "tests/unit/unit.h"

enum {
    ROOM = 40 * ANSWER_HEAP_PAGE_LINES
};

static struct answer_heap heap;
static struct answer_heap_share worker, other;

static int set_up(void **)
{
    answer_heap_init(&heap, ROOM, 2);
    answer_heap_join(&worker, &heap);
    answer_heap_join(&other, &heap);
    answer_heap_enter(&worker);
    return 0;
}

static int tear_down(void **)
{
    answer_heap_done(&heap);
    return 0;
}

/* Takes all there is and writes all of each piece. */
static unsigned take_all(struct answer_heap_share *share, unsigned lines)
{
    unsigned count = 0;
    for (uint32_t line = 0; (line = answer_heap_take(share, lines)) != 0; count++) {
        assert_true(line + lines <= heap.lines);
        uint8_t *octets = answer_heap_at(&heap, line);
        for (size_t i = 0; i < (size_t)lines * ANSWER_HEAP_LINE; i++) {
            assert_int_equal(octets[i], 0);
            octets[i] = 1;
        }
    }
    return count;
}

static void pieces_do_not_overlap_and_end_at_the_bound(void **)
{
    unsigned pages = (unsigned)heap.lines / ANSWER_HEAP_PAGE_LINES - 1;
    assert_int_equal(take_all(&worker, 3), pages * (ANSWER_HEAP_PAGE_LINES / 3));
    assert_int_equal(take_all(&other, 3), 0);
    assert_int_equal(answer_heap_take(&worker, 6), 0);
}

static void returned_piece_is_taken_again_at_once(void **)
{
    uint32_t line = answer_heap_take(&worker, 4);
    answer_heap_return(&worker, line, 4);
    assert_int_equal(answer_heap_take(&worker, 4), line);
}

/* Gives back as many pieces as are waited for together. */
static uint32_t retire_some(unsigned lines)
{
    uint32_t pieces[ANSWER_HEAP_RETIRED];
    for (size_t i = 0; i < ANSWER_HEAP_RETIRED; i++) {
        pieces[i] = answer_heap_take(&worker, lines);
        assert_int_not_equal(pieces[i], 0);
    }
    for (size_t i = 0; i < ANSWER_HEAP_RETIRED; i++) {
        answer_heap_retire(&worker, pieces[i], lines);
    }
    return pieces[0];
}

/* True if a piece from this one on is given out again in this batch. */
static bool is_reused(uint32_t first, unsigned lines)
{
    for (unsigned i = 0; i < 2 * ANSWER_HEAP_RETIRED; i++) {
        uint32_t line = answer_heap_take(&worker, lines);
        if (line >= first && line < first + ANSWER_HEAP_RETIRED * lines) {
            return true;
        }
    }
    return false;
}

static void new_batch(struct answer_heap_share *share)
{
    answer_heap_leave(share);
    answer_heap_enter(share);
}

static void retired_piece_is_taken_again_after_all_batches_of_its_time(void **)
{
    answer_heap_enter(&other);
    uint32_t first = retire_some(2);
    assert_false(is_reused(first, 2));
    new_batch(&worker);
    assert_false(is_reused(first, 2)); /* the other worker may read it */
    new_batch(&worker);
    new_batch(&other);
    assert_true(is_reused(first, 2));
}

static void worker_without_a_batch_holds_up_nothing(void **)
{
    answer_heap_enter(&other);
    answer_heap_leave(&other);
    uint32_t first = retire_some(5);
    assert_false(is_reused(first, 5));
    new_batch(&worker);
    assert_true(is_reused(first, 5));
}

/* However many pieces are replaced, memory does not grow. */
static void replacing_takes_no_more_memory(void **)
{
    uint32_t present[100];
    for (size_t i = 0; i < 100; i++) {
        present[i] = answer_heap_take(&worker, 4);
    }
    for (unsigned round = 0; round < 1000; round++) {
        new_batch(&worker);
        for (size_t i = 0; i < 100; i++) {
            uint32_t line = answer_heap_take(&worker, 4);
            assert_int_not_equal(line, 0);
            answer_heap_retire(&worker, present[i], 4);
            present[i] = line;
        }
    }
    assert_in_range(atomic_load(&heap.used), 0, 30 * ANSWER_HEAP_PAGE_LINES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pieces_do_not_overlap_and_end_at_the_bound, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(returned_piece_is_taken_again_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(retired_piece_is_taken_again_after_all_batches_of_its_time,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(worker_without_a_batch_holds_up_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(replacing_takes_no_more_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
