#include <unistd.h>

#include "tests/unit/unit.h"
#include "tools/cli.h"
#include "zone/base/version.h"

/* The arguments of the last command that ran. */
static struct {
    unsigned runs;
    char arguments[256], state[64], one[64], many[64];
    bool json, flag, any;
    enum result number;
    uint32_t size;
    char diag[512];
} seen;

static void append(char *out, size_t room, const char *text)
{
    size_t len = strlen(out);
    (void)snprintf(out + len, room - len, "%s|", text);
}

static int run_probe(struct cli *cli, int argc, char **argv)
{
    seen.runs++;
    for (int i = 0; i < argc; i++) {
        append(seen.arguments, sizeof seen.arguments, argv[i]);
    }
    (void)snprintf(seen.state, sizeof seen.state, "%s", cli->state_dir);
    seen.json = cli->json;
    seen.flag = cli_flag(cli, "flag");
    seen.any = cli_any(cli);
    const char *one = cli_value(cli, "one", 0);
    (void)snprintf(seen.one, sizeof seen.one, "%s", one != NULL ? one : "(none)");
    for (size_t i = 0; i < cli_count(cli, "many"); i++) {
        append(seen.many, sizeof seen.many, cli_value(cli, "many", i));
    }
    assert_null(cli_value(cli, "many", cli_count(cli, "many")));
    seen.number = cli_number(cli, "size", 1, 10, &seen.size);
    (void)snprintf(seen.diag, sizeof seen.diag, "%s", cli->diag.text);
    return 42;
}

static const struct option_row options[] = {
    { "one", 'o', "VALUE", false, "help of one" },
    { "many", 0, "VALUE", true, "help of many" },
    { "flag", 'f', NULL, false, "help of flag" },
    { "size", 0, "N", false, "help of size" },
    { 0 },
};
static const struct cli_command commands[] = {
    { "look", "[A] [B]", 0, 2, "help of look", "notes of look", options, run_probe },
    { "item add", "NAME", 1, 1, "help of item add", NULL, NULL, run_probe },
};
static const struct cli_group groups[] = { { "item", "help of item" }, { 0 } };

static char out_text[1 << 14], err_text[1 << 14];

static void slurp(FILE *file, char *out, size_t room)
{
    rewind(file);
    size_t len = fread(out, 1, room - 1, file);
    out[len] = 0;
    (void)fclose(file);
}

/* Runs a command line with its words separated by spaces. Captures stdout and stderr. Returns the
 * exit status. */
static int run(const char *line)
{
    char words[256];
    char *argv[32] = { (char[]){ "ntspool" } };
    int argc = 1;
    char *save = NULL;
    memset(&seen, 0, sizeof seen);
    (void)snprintf(words, sizeof words, "%s", line);
    for (char *w = strtok_r(words, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
        argv[argc++] = w;
    }
    FILE *out = tmpfile();
    FILE *err = tmpfile();
    assert_true(out != NULL && err != NULL);
    (void)fflush(stdout);
    (void)fflush(stderr);
    int old_out = dup(STDOUT_FILENO);
    int old_err = dup(STDERR_FILENO);
    dup2(fileno(out), STDOUT_FILENO);
    dup2(fileno(err), STDERR_FILENO);
    int status = cli_main(commands, sizeof commands / sizeof commands[0], groups, argc, argv);
    (void)fflush(stdout);
    (void)fflush(stderr);
    dup2(old_out, STDOUT_FILENO);
    dup2(old_err, STDERR_FILENO);
    (void)close(old_out);
    (void)close(old_err);
    slurp(out, out_text, sizeof out_text);
    slurp(err, err_text, sizeof err_text);
    return status;
}

static void wrong(const char *line, const char *message)
{
    assert_int_equal(run(line), CLI_USAGE);
    assert_int_equal(seen.runs, 0);
    assert_non_null(strstr(err_text, message));
    assert_non_null(strstr(err_text, "--help"));
    assert_ptr_equal(strchr(err_text, '\n'), err_text + strlen(err_text) - 1);
    assert_string_equal(out_text, "");
}

static void options_may_stand_anywhere_in_all_spellings(void **)
{
    static const char *const lines[] = {
        "-s /x --json look a --one v b -f --many 1 --many 2",
        "look --state=/x a b --one=v --flag --many=1 --many 2 --json",
        "--state /x look -ov -f a --json --many 1 b --many=2",
        "look -s/x -f --json --many 1 --many 2 --one v -- a b",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_equal(run(lines[i]), 42);
        assert_int_equal(seen.runs, 1);
        assert_string_equal(seen.arguments, "a|b|");
        assert_string_equal(seen.state, "/x");
        assert_string_equal(seen.one, "v");
        assert_string_equal(seen.many, "1|2|");
        assert_true(seen.json && seen.flag);
    }
}

static void options_not_given_have_their_presets(void **)
{
    assert_int_equal(run("look"), 42);
    assert_string_equal(seen.state, CONFIG_STATE_PRESET);
    assert_string_equal(seen.one, "(none)");
    assert_false(seen.json || seen.flag);
}

static void common_options_are_not_the_commands_own(void **)
{
    assert_int_equal(run("look -s /x --json"), 42);
    assert_false(seen.any);
    assert_int_equal(run("look -s /x -f"), 42);
    assert_true(seen.any);
}

static void after_two_hyphens_all_words_are_arguments(void **)
{
    assert_int_equal(run("look -- --one -"), 42);
    assert_string_equal(seen.arguments, "--one|-|");
    assert_int_equal(run("look -"), 42);
    assert_string_equal(seen.arguments, "-|");
}

static void a_value_may_begin_with_a_hyphen(void **)
{
    assert_int_equal(run("look --one --flag"), 42);
    assert_string_equal(seen.one, "--flag");
    assert_false(seen.flag);
}

static void wrong_usage_is_named_and_runs_nothing(void **)
{
    wrong("", "a command is missing");
    wrong("item", "a command is missing");
    wrong("nonsense", "unknown command 'nonsense'");
    wrong("item nonsense", "unknown command 'nonsense'");
    wrong("look --nonsense", "unknown option '--nonsense'");
    wrong("look -x", "unknown option '-x'");
    wrong("item add a --one v", "unknown option '--one'");
    wrong("look --one", "option --one needs a value");
    wrong("look --flag=yes", "option --flag takes no value");
    wrong("look --one a --one b", "option --one is given twice");
    wrong("look a b c", "unexpected argument 'c'");
    wrong("item add", "an argument is missing: ntspool item add NAME");
}

static void a_similar_word_is_suggested(void **)
{
    wrong("loook", "'look'?");
    wrong("itme", "'item'?");
    wrong("item ad", "'add'?");
    wrong("look --mani", "'many'?");
    wrong("look --jsn", "'json'?");
    wrong("xyz", "unknown command 'xyz';");
}

static void unknown_words_are_escaped(void **)
{
    wrong("\x1b[2J", "'\\x1b[2J'");
    assert_null(strchr(err_text, '\x1b'));
}

static void help_is_on_every_level(void **)
{
    static const char *const rows[][2] = {
        { "--help", "help of look" },           { "-h", "help of item" },
        { "item --help", "item add" },          { "look --help", "help of many" },
        { "look --help", "notes of look" },     { "look --help", "--state DIR" },
        { "item add --help", "item add NAME" }, { "look a b --help", "usage: ntspool look" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(run(rows[i][0]), CLI_DONE);
        assert_int_equal(seen.runs, 0);
        assert_non_null(strstr(out_text, rows[i][1]));
        assert_string_equal(err_text, "");
    }
    assert_int_equal(run("--version"), CLI_DONE);
    assert_memory_equal(out_text, "ntspool " NTSPOOL_VERSION, strlen("ntspool " NTSPOOL_VERSION));
    assert_non_null(strstr(out_text, version_text()));
}

static void numbers_out_of_range_are_wrong_usage(void **)
{
    assert_int_equal(run("look --size 10"), 42);
    assert_ok(seen.number);
    assert_int_equal(seen.size, 10);
    assert_int_equal(run("look"), 42);
    assert_ok(seen.number);
    assert_int_equal(run("look --size 11"), 42);
    assert_int_equal(seen.number, RESULT_USAGE);
    assert_non_null(strstr(seen.diag, "from 1 to 10"));
    assert_int_equal(seen.size, 0);
}

static void a_missing_config_file_is_an_error(void **)
{
    assert_int_equal(run("look -c /nonexistent.yaml"), CLI_FAILED);
    assert_int_equal(seen.runs, 0);
    assert_non_null(strstr(err_text, "/nonexistent.yaml"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_may_stand_anywhere_in_all_spellings),
        cmocka_unit_test(options_not_given_have_their_presets),
        cmocka_unit_test(common_options_are_not_the_commands_own),
        cmocka_unit_test(after_two_hyphens_all_words_are_arguments),
        cmocka_unit_test(a_value_may_begin_with_a_hyphen),
        cmocka_unit_test(wrong_usage_is_named_and_runs_nothing),
        cmocka_unit_test(a_similar_word_is_suggested),
        cmocka_unit_test(unknown_words_are_escaped),
        cmocka_unit_test(help_is_on_every_level),
        cmocka_unit_test(numbers_out_of_range_are_wrong_usage),
        cmocka_unit_test(a_missing_config_file_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
