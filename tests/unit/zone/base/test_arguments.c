#include "tests/unit/unit.h"
#include "zone/base/arguments.h"

static const struct option_row own[] = {
    { "listen", 'l', "ADDRESS", true, "where" },
    { "takeover", 't', NULL, false, "one" },
    { "once", '1', NULL, false, "two" },
    { 0 },
};
static const struct option_row common[] = {
    { "state", 's', "DIR", false, "where" },
    { "json", 0, NULL, false, "how" },
    { 0 },
};

/* Parses options up to the first NULL. Returns the result of the last one. */
static enum result take(struct arguments *out, struct diag *diag, const char *const *words)
{
    static char room[8][32];
    char *argv[9] = { NULL }, **next = argv;
    int argc = 0;
    enum result result = RESULT_OK;
    for (; words[argc] != NULL; argc++) {
        (void)snprintf(room[argc], sizeof(room[argc]), "%s", words[argc]);
        argv[argc] = room[argc];
    }
    out->tables[0] = own;
    out->tables[1] = common;
    while (*next != NULL && result == RESULT_OK) {
        result = arguments_take(out, &next, diag);
    }
    return result;
}

static void values_hang_on_an_option_or_follow_it(void **)
{
    static const char *const forms[][3] = {
        { "--listen=a", NULL }, { "--listen", "a" }, { "-la", NULL }, { "-l", "a" }
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct arguments arguments = { .last_wins = false };
        struct diag diag;
        const char *const words[] = { forms[i][0], forms[i][1], NULL };
        assert_ok(take(&arguments, &diag, words));
        assert_int_equal(arguments_count(&arguments, "listen"), 1);
        assert_string_equal(arguments_value(&arguments, "listen", 0), "a");
        assert_null(arguments_value(&arguments, "listen", 1));
        assert_null(arguments_value(&arguments, "state", 0));
        arguments_free(&arguments);
    }
}

static void an_option_that_repeats_keeps_its_order(void **)
{
    struct arguments arguments = { .last_wins = false };
    struct diag diag;
    const char *const words[] = { "-l1", "--state=x", "-l2", "--listen", "--odd", NULL };
    assert_ok(take(&arguments, &diag, words));
    assert_int_equal(arguments_count(&arguments, "listen"), 3);
    assert_string_equal(arguments_value(&arguments, "listen", 1), "2");
    assert_string_equal(arguments_value(&arguments, "listen", 2), "--odd");
    arguments_free(&arguments);
}

static void flags_share_a_hyphen(void **)
{
    struct arguments arguments = { .last_wins = false };
    struct diag diag;
    const char *const words[] = { "-t1s", "dir", "--json", NULL };
    assert_ok(take(&arguments, &diag, words));
    assert_int_equal(arguments_count(&arguments, "takeover"), 1);
    assert_int_equal(arguments_count(&arguments, "once"), 1);
    assert_int_equal(arguments_count(&arguments, "json"), 1);
    assert_string_equal(arguments_value(&arguments, "state", 0), "dir");
    arguments_free(&arguments);
}

static void the_last_of_an_option_wins_where_that_is_wanted(void **)
{
    struct arguments arguments = { .last_wins = true };
    struct diag diag;
    const char *const words[] = { "--state=a", "-t", "-s", "b", "-t", NULL };
    assert_ok(take(&arguments, &diag, words));
    assert_int_equal(arguments_count(&arguments, "state"), 1);
    assert_string_equal(arguments_value(&arguments, "state", 0), "b");
    assert_int_equal(arguments_count(&arguments, "takeover"), 1);
    arguments_free(&arguments);
}

static void wrong_options_are_named(void **)
{
    static const struct {
        const char *words[3], *said;
    } cases[] = {
        { { "--lisen=a", NULL }, "unknown option '--lisen=a' (do you mean 'listen'?)" },
        { { "--", NULL }, "unknown option '--'" },
        { { "-x", NULL }, "unknown option '-x'" },
        { { "-tx", NULL }, "unknown option '-tx'" },
        { { "--listen", NULL }, "option --listen needs a value: ADDRESS" },
        { { "-l", NULL }, "option --listen needs a value: ADDRESS" },
        { { "--json=yes", NULL }, "option --json takes no value" },
        { { "--state=a", "--state=b" }, "option --state is given twice" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arguments arguments = { .last_wins = false };
        struct diag diag = { "" };
        const char *const words[] = { cases[i].words[0], cases[i].words[1], NULL };
        assert_int_equal(take(&arguments, &diag, words), RESULT_USAGE);
        assert_string_equal(diag.text, cases[i].said);
        arguments_free(&arguments);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_hang_on_an_option_or_follow_it),
        cmocka_unit_test(an_option_that_repeats_keeps_its_order),
        cmocka_unit_test(flags_share_a_hyphen),
        cmocka_unit_test(the_last_of_an_option_wins_where_that_is_wanted),
        cmocka_unit_test(wrong_options_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
