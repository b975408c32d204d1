#include <string.h>

#include "tests/unit/unit.h"
#include "zone/base/complete.h"

static const struct option_row own[] = {
    { "listen", 'l', "ADDRESS", true, "where\nto answer" },
    { "takeover", 't', NULL, false, "one" },
    { "state", 's', "DIR", false, "what" },
    { 0 },
};

static struct arguments arguments;
static char *words[9];

/* Begins with the words, the last of which is the current one. */
static struct complete begin(const char *const *list)
{
    static char room[8][64];
    size_t count = 0;
    for (; list[count] != NULL; count++) {
        (void)snprintf(room[count], sizeof(room[count]), "%s", list[count]);
        words[count] = room[count];
    }
    words[count] = NULL;
    arguments_free(&arguments);
    arguments.tables[0] = own;
    return complete_begin(&arguments, words);
}

#define BEGIN(...) begin((const char *const[]){ __VA_ARGS__, NULL })

static int tear_down(void **)
{
    arguments_free(&arguments);
    return 0;
}

/* What the calls print, with " " for the tab and "|" for the end of a line. */
static const char *printed(const struct complete *complete, const char *value, const char *meaning)
{
    static char text[1024];
    memset(text, 0, sizeof(text));
    FILE *out = fmemopen(text, sizeof(text), "w");
    assert_non_null(out);
    if (value == NULL) {
        complete_options(out, complete);
    } else {
        complete_print(out, complete, value, meaning);
    }
    assert_int_equal(fclose(out), 0);
    for (char *at = text; *at != '\0'; at++) {
        if (*at == '\t' || *at == '\n') {
            *at = *at == '\t' ? (char)' ' : (char)'|';
        }
    }
    return text;
}

static void words_and_options_before_are_told_apart(void **)
{
    struct complete c = BEGIN("member", "--listen", "a", "show", "-5", "-", "--takeover", "");
    assert_string_equal(complete_next(&c), "member");
    assert_string_equal(complete_next(&c), "show");
    assert_string_equal(complete_next(&c), "-5");
    assert_string_equal(complete_next(&c), "-");
    assert_null(complete_next(&c));
    assert_null(c.option);
    assert_false(complete_is_option(&c));
    c = BEGIN("--", "--listen", "-");
    assert_string_equal(complete_next(&c), "--listen");
    assert_null(complete_next(&c));
    assert_false(complete_is_option(&c));
}

static void the_value_of_an_option_is_awaited_behind_it(void **)
{
    static const struct {
        const char *before, *current, *option;
        size_t prefix;
    } rows[] = { { "--listen", "", "listen", 0 },
                 { "-l", "x", "listen", 0 },
                 { "-ts", "", "state", 0 },
                 { "--state", "--listen", "state", 0 },
                 { "--takeover", "--state=/v", "state", 8 },
                 { "--takeover", "", NULL, 0 },
                 { "--takeover", "--takeover=", NULL, 0 },
                 { "--nothing", "", NULL, 0 },
                 { "--listen=a", "", NULL, 0 },
                 { "x", "--nothing=", NULL, 0 } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct complete c = BEGIN(rows[i].before, rows[i].current);
        while (complete_next(&c) != NULL) {
        }
        if (rows[i].option == NULL) {
            assert_null(c.option);
        } else {
            assert_non_null(c.option);
            assert_string_equal(c.option->name, rows[i].option);
            assert_int_equal(c.prefix, rows[i].prefix);
        }
    }
}

static void an_option_is_offered_once_unless_it_repeats(void **)
{
    struct complete c = BEGIN("--listen", "a", "-t", "--x", "-");
    assert_null(complete_next(&c));
    assert_true(complete_is_option(&c));
    assert_string_equal(printed(&c, NULL, NULL), "--listen where|--state what|");
}

static void a_value_behind_an_equals_sign_keeps_its_option(void **)
{
    struct complete c = BEGIN("--state=/v");
    assert_null(complete_next(&c));
    assert_string_equal(printed(&c, "/var", "where"), "--state=/var where|");
}

static void what_would_control_a_terminal_is_left_out(void **)
{
    struct complete c = BEGIN("");
    assert_null(complete_next(&c));
    assert_string_equal(printed(&c, "a\nb", ""), "");
    assert_string_equal(printed(&c, "a\033[2J", ""), "");
    assert_string_equal(printed(&c, "a b'\"\\", "m\nn"), "a b'\"\\ m|");
}

static void without_a_word_the_current_one_is_empty(void **)
{
    struct complete c = begin((const char *const[]){ NULL });
    assert_null(complete_next(&c));
    assert_string_equal(c.current, "");
    assert_string_equal(printed(&c, NULL, NULL), "--listen where|--takeover one|--state what|");
}

static void words_for_files_are_known(void **)
{
    assert_true(complete_is_file("FILE.csv"));
    assert_true(complete_is_file("DIR"));
    assert_false(complete_is_file("FILES"));
    assert_false(complete_is_file("NAME"));
    assert_false(complete_is_file(""));
}

static void only_the_hidden_command_asks_for_it(void **)
{
    int exit_code = 7;
    assert_true(complete_is_asked((char *[]){ "ntspoold", "__complete", NULL }));
    assert_false(complete_is_asked((char *[]){ "ntspoold", NULL }));
    assert_false(complete_is_asked((char *[]){ NULL }));
    assert_false(
        complete_program(&arguments, (char *[]){ "ntspoold", "--state", NULL }, &exit_code));
    assert_int_equal(exit_code, 7);
    arguments.tables[0] = own;
    char *argv[] = { "ntspoold", "__complete", "--state", "", NULL };
    assert_true(complete_program(&arguments, argv, &exit_code));
    assert_int_equal(exit_code, COMPLETE_FILES);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(words_and_options_before_are_told_apart),
        TEST(the_value_of_an_option_is_awaited_behind_it),
        TEST(an_option_is_offered_once_unless_it_repeats),
        TEST(a_value_behind_an_equals_sign_keeps_its_option),
        TEST(what_would_control_a_terminal_is_left_out),
        TEST(without_a_word_the_current_one_is_empty),
        TEST(words_for_files_are_known),
        TEST(only_the_hidden_command_asks_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
