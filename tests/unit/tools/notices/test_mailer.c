/* The mailer: which words it gets, and what is said when it fails. */
#include "tests/unit/unit.h"
#include "tools/notices/mailer.h"

static struct mailer mailer;
static struct diag diag;

static enum result sent_by(const char *command, const char *mail)
{
    assert_ok(mailer_init(&mailer, command, 1, &diag));
    return mailer_send(&mailer, mail, strlen(mail), &diag);
}

static void command_is_split_at_spaces(void **)
{
    assert_ok(mailer_init(&mailer, "  /usr/sbin/sendmail  -i -t ", 30, &diag));
    assert_string_equal(mailer.words[0], "/usr/sbin/sendmail");
    assert_string_equal(mailer.words[1], "-i");
    assert_string_equal(mailer.words[2], "-t");
    assert_null(mailer.words[3]);
}

static void command_that_is_none_is_refused(void **)
{
    char long_one[600];
    memset(long_one, 'a', sizeof(long_one));
    long_one[sizeof(long_one) - 1] = '\0';
    assert_int_equal(mailer_init(&mailer, " ", 30, &diag), RESULT_USAGE);
    assert_int_equal(mailer_init(&mailer, long_one, 30, &diag), RESULT_USAGE);
    assert_int_equal(mailer_init(&mailer, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", 30, &diag),
                     RESULT_USAGE);
    assert_ok(mailer_init(&mailer, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", 30, &diag));
}

static void mail_is_its_standard_input(void **)
{
    assert_ok(sent_by("cmp - mail", ""));
    FILE *file = fopen("mail", "w");
    assert_non_null(file);
    (void)fputs("Date: now\n\nHello.\n", file);
    (void)fclose(file);
    assert_ok(sent_by("cmp - mail", "Date: now\n\nHello.\n"));
    assert_int_equal(sent_by("cmp - mail", "Date: now\n\nHallo.\n"), RESULT_REFUSED);
}

static void mail_may_be_left_unread(void **)
{
    char mail[100000];
    memset(mail, 'a', sizeof(mail));
    mail[sizeof(mail) - 1] = '\0';
    assert_ok(sent_by("true", mail));
}

static void failure_says_what_happened(void **)
{
    assert_int_equal(sent_by("false", ""), RESULT_REFUSED);
    assert_string_equal(diag.text, "false exited with 1");
    assert_int_equal(sent_by("/nowhere/sendmail", ""), RESULT_SYSTEM);
    assert_non_null(strstr(diag.text, "can't be run: No such file"));
    assert_int_equal(sent_by("sleep 100", ""), RESULT_EXHAUSTED);
    assert_string_equal(diag.text, "sleep did not end within 1 seconds");
}

/* No shell reads the command. */
static void words_are_only_words(void **)
{
    assert_ok(sent_by("test $HOME = $HOME", ""));
    assert_int_equal(sent_by("test $HOME = /", ""), RESULT_REFUSED);
    assert_ok(sent_by("true ; false", ""));
}

static int make_mail(void **)
{
    FILE *file = fopen("mail", "w");
    return file == NULL ? -1 : fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_is_split_at_spaces),
        cmocka_unit_test(command_that_is_none_is_refused),
        cmocka_unit_test_setup(mail_is_its_standard_input, make_mail),
        cmocka_unit_test(mail_may_be_left_unread),
        cmocka_unit_test(failure_says_what_happened),
        cmocka_unit_test(words_are_only_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
