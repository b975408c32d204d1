#include "tests/unit/unit.h"
#include "tools/fleet/followstart.h"

enum {
    CHANGES = 4
};

static struct ledgerhead_position at[CHANGES + 1]; /* by number; 0: nowhere yet */

static int set_up_chain(void **)
{
    for (unsigned i = 1; i <= CHANGES; i++) {
        struct ledgerhead head = { .epoch = 1, .seq = i, .writer = "anna" };
        if (i > 1) {
            ledgerhead_digest(&at[i - 1].head, &head.previous);
        }
        at[i] = (struct ledgerhead_position){ 7, 100 + i, head };
    }
    return 0;
}

static enum followstart start(unsigned before, unsigned mine, unsigned found)
{
    return followstart_of(&at[before].head, &at[mine], &at[found]);
}

static void who_has_all_is_level_and_who_is_behind_resumes(void **)
{
    assert_int_equal(start(3, 3, 3), FOLLOWSTART_LEVEL);
    assert_int_equal(start(2, 3, 3), FOLLOWSTART_LEVEL);
    assert_int_equal(start(2, 2, 3), FOLLOWSTART_RESUME);
    assert_int_equal(start(1, 1, 4), FOLLOWSTART_RESUME);
}

static void who_can_not_resume_reads_all_rows(void **)
{
    struct ledgerhead_position mine = at[2], found = at[1];
    assert_int_equal(start(0, 0, 1), FOLLOWSTART_JOIN);
    assert_int_equal(start(0, 0, 3), FOLLOWSTART_JOIN);
    mine.cluster = 8; /* the engine is another one */
    assert_int_equal(followstart_of(&mine.head, &mine, &at[3]), FOLLOWSTART_JOIN);
    mine = at[2];
    mine.revision = at[3].revision; /* it was restored, and went on */
    assert_int_equal(followstart_of(&mine.head, &mine, &at[3]), FOLLOWSTART_JOIN);
    found.head.epoch = 2;
    assert_int_equal(followstart_of(&at[2].head, &at[2], &found), FOLLOWSTART_JOIN);
}

static void engine_that_lacks_what_was_here_before_has_lost_it(void **)
{
    struct ledgerhead_position other = at[3];
    other.head.change[0] ^= 1;
    assert_int_equal(start(3, 3, 2), FOLLOWSTART_LOST);
    assert_int_equal(start(3, 4, 2), FOLLOWSTART_LOST);
    assert_int_equal(followstart_of(&at[3].head, &at[3], &other), FOLLOWSTART_LOST);
}

static void command_that_was_faster_than_the_engines_reply_is_no_loss(void **)
{
    assert_int_equal(start(2, 3, 2), FOLLOWSTART_LOOK_AGAIN);
    assert_int_equal(start(1, 4, 2), FOLLOWSTART_LOOK_AGAIN);
    assert_int_equal(start(0, 2, 1), FOLLOWSTART_LOOK_AGAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_all_is_level_and_who_is_behind_resumes),
        cmocka_unit_test(who_can_not_resume_reads_all_rows),
        cmocka_unit_test(engine_that_lacks_what_was_here_before_has_lost_it),
        cmocka_unit_test(command_that_was_faster_than_the_engines_reply_is_no_loss),
    };
    return cmocka_run_group_tests(tests, set_up_chain, NULL);
}
