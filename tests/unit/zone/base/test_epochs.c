#include "tests/unit/unit.h"
#include "zone/base/epochs.h"

static struct epochs *epochs;
static struct epochs_seat *first, *second;

static int set_up(void **)
{
    epochs = epochs_new(2);
    first = epochs_take_seat(epochs);
    second = epochs_take_seat(epochs);
    return 0;
}

static int tear_down(void **)
{
    epochs_free(epochs);
    return 0;
}

static void what_nobody_reads_has_passed(void **)
{
    uint64_t stamp = epochs_stamp(epochs);
    assert_true(stamp < epochs_passed(epochs));
}

static void who_entered_before_holds_it_up_until_he_leaves(void **)
{
    epochs_enter(epochs, first);
    uint64_t stamp = epochs_stamp(epochs);
    epochs_enter(epochs, second);
    assert_false(stamp < epochs_passed(epochs));
    epochs_leave(first);
    assert_true(stamp < epochs_passed(epochs));
    epochs_leave(second);
}

static void who_enters_again_after_it_no_longer_holds_it_up(void **)
{
    epochs_enter(epochs, first);
    uint64_t stamp = epochs_stamp(epochs);
    epochs_enter(epochs, first);
    assert_true(stamp < epochs_passed(epochs));
    assert_false(epochs_stamp(epochs) < epochs_passed(epochs));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_nobody_reads_has_passed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_entered_before_holds_it_up_until_he_leaves, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_enters_again_after_it_no_longer_holds_it_up, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
