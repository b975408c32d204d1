#include "tests/unit/unit.h"
#include "zone/base/clock.h"
#include "zone/base/periodic.h"

static struct periodic periodic;

static int set_up(void **)
{
    periodic_init(&periodic);
    return 0;
}

static int tear_down(void **)
{
    periodic_done(&periodic);
    return 0;
}

static void a_pause_lasts_and_goes_on(void **)
{
    uint64_t before = clock_steady();
    assert_true(periodic_pause(&periodic, 1));
    assert_true(periodic_pause(&periodic, 1200));
    assert_true(clock_steady() > before);
}

static void *stop(void *arg)
{
    periodic_stop(arg);
    return NULL;
}

static void a_stop_ends_this_pause_and_all_to_come(void **)
{
    pthread_t thread;
    uint64_t before = clock_steady();
    assert_int_equal(pthread_create(&thread, NULL, stop, &periodic), 0);
    assert_false(periodic_pause(&periodic, 3600000));
    assert_false(periodic_pause(&periodic, 3600000));
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
