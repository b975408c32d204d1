#include <stdatomic.h>
#include <time.h>

#include "tests/unit/unit.h"
#include "zone/base/clock.h"
#include "zone/base/thread.h"

static struct thread thread;
static unsigned rounds;

static int set_up(void **)
{
    rounds = 0;
    thread_init(&thread);
    return 0;
}

static atomic_bool may_pause;

static int tear_down(void **)
{
    thread_done(&thread);
    return 0;
}

static void a_pause_lasts_and_goes_on(void **)
{
    uint64_t before = clock_steady();
    assert_true(thread_pause(&thread, 1));
    assert_true(thread_pause(&thread, 1200));
    assert_true(clock_steady() > before);
}

static void *run(void *arg)
{
    rounds++;
    while (thread_pause(arg, 3600000)) {
        rounds += 100;
    }
    rounds += thread_pause(arg, 3600000) ? 100 : 0; /* and there is no further pause */
    return NULL;
}

static void an_end_waits_for_the_thread_but_not_for_its_pause(void **)
{
    struct diag diag;
    uint64_t before = clock_steady();
    for (unsigned i = 1; i <= 3; i++) {
        assert_ok(thread_start(&thread, run, &thread, &diag));
        assert_true(thread.running);
        thread_end(&thread);
        assert_false(thread.running);
        assert_int_equal(rounds, i);
    }
    thread_end(&thread); /* there is no thread to end */
    assert_true(clock_steady() < before + 60);
}

static void rest(long ms)
{
    struct timespec time = { .tv_nsec = ms * 1000000L };
    (void)nanosleep(&time, NULL);
}

static void *stand(void *arg)
{
    while (!atomic_load(&may_pause)) { /* works for long without a pause */
        rest(1);
    }
    while (thread_pause(arg, 3600000)) {
    }
    return NULL;
}

static void a_thread_that_works_stands_still_and_one_that_pauses_does_not(void **)
{
    struct diag diag;
    assert_int_equal(thread_still_ms(&thread), 0); /* it does not run */
    atomic_store(&may_pause, false);
    assert_ok(thread_start(&thread, stand, &thread, &diag));
    rest(300);
    assert_true(thread_still_ms(&thread) >= 300);
    atomic_store(&may_pause, true);
    for (unsigned i = 0; i < 20000 && thread_still_ms(&thread) > 0; i++) {
        rest(1);
    }
    rest(300);
    assert_int_equal(thread_still_ms(&thread), 0); /* a pause is no hang */
    thread_end(&thread);
    assert_int_equal(thread_still_ms(&thread), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pause_lasts_and_goes_on),
        TEST(an_end_waits_for_the_thread_but_not_for_its_pause),
        TEST(a_thread_that_works_stands_still_and_one_that_pauses_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
