#include "tests/unit/unit.h"
#include "tools/fleet/feedstatus.h"

enum {
    NOW_MS = 1000000
};

static enum feedstate_trouble trouble_of(struct follow_facts facts)
{
    return feedstatus_of(&facts, NOW_MS);
}

static void what_follow_says_comes_to_one_trouble(void **)
{
    assert_int_equal(trouble_of((struct follow_facts){ .level = true }), FEEDSTATE_FINE);
    assert_int_equal(trouble_of((struct follow_facts){ .cut_off = true }), FEEDSTATE_AWAY);
    assert_int_equal(trouble_of((struct follow_facts){ .trouble = RESULT_REFUSED }),
                     FEEDSTATE_REFUSED);
    assert_int_equal(trouble_of((struct follow_facts){ .trouble = RESULT_DAMAGED }),
                     FEEDSTATE_FORKED);
    assert_int_equal(trouble_of((struct follow_facts){ .trouble = RESULT_NEWER, .cut_off = true }),
                     FEEDSTATE_NEWER);
    assert_int_equal(trouble_of((struct follow_facts){ .trouble = RESULT_FULL }), FEEDSTATE_BEHIND);
}

static void a_moment_without_an_answer_or_behind_is_no_trouble(void **)
{
    struct follow_facts facts = { .trouble = RESULT_UNREACHABLE };
    assert_int_equal(trouble_of(facts), FEEDSTATE_FINE);
    facts.behind_since_ms = NOW_MS - FEEDSTATUS_BEHIND_MS + 1;
    assert_int_equal(trouble_of(facts), FEEDSTATE_FINE);
    facts.behind_since_ms--;
    assert_int_equal(trouble_of(facts), FEEDSTATE_BEHIND);
    facts.cut_off = true;
    assert_int_equal(trouble_of(facts), FEEDSTATE_AWAY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_follow_says_comes_to_one_trouble),
        cmocka_unit_test(a_moment_without_an_answer_or_behind_is_no_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
