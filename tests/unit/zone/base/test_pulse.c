#include "tests/unit/unit.h"
#include "zone/base/clock.h"
#include "zone/base/pulse.h"

static struct pulse pulse;

static int set_up(void **state)
{
    (void)state;
    pulse_init(&pulse);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pulse_done(&pulse);
    return 0;
}

static void a_pause_lasts_and_goes_on(void **state)
{
    (void)state;
    uint64_t before = clock_steady();
    assert_true(pulse_pause(&pulse, 1));
    assert_true(pulse_pause(&pulse, 1200));
    assert_true(clock_steady() > before);
}

static void *stop(void *arg)
{
    pulse_stop(arg);
    return NULL;
}

static void a_stop_ends_this_pause_and_all_to_come(void **state)
{
    (void)state;
    pthread_t thread;
    uint64_t before = clock_steady();
    assert_int_equal(pthread_create(&thread, NULL, stop, &pulse), 0);
    assert_false(pulse_pause(&pulse, 3600000));
    assert_false(pulse_pause(&pulse, 3600000));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(clock_steady() < before + 60);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pause_lasts_and_goes_on),
        TEST(a_stop_ends_this_pause_and_all_to_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
