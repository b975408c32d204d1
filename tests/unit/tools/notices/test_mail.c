/* Mails: headers that nothing can be added to, and a body that stays one. */
#include "tests/unit/unit.h"
#include "tools/notices/mail.h"

static struct mail mail;

static const struct mail_head head = { .from = "pool@example.net",
                                       .to = "ops@example.org",
                                       .subject = "pool.example: alice is out",
                                       .pool = "pool.example",
                                       .now = 1795995291,
                                       .id = 0x1234abcd };

static const char *made_with(const struct mail_head *with, unsigned indent, const char *text)
{
    mail_done(&mail);
    mail_begin(&mail, with);
    mail_paragraph(&mail, indent, text);
    mail_end(&mail);
    assert_int_equal(strlen(mail.text), mail.len);
    return mail.text;
}

static const char *body_of(unsigned indent, const char *text)
{
    return strstr(made_with(&head, indent, text), "\n\n") + 2;
}

static int tear_down(void **)
{
    mail_done(&mail);
    return 0;
}

static void mail_is_as_rfc_5322_wants_it(void **)
{
    assert_string_equal(made_with(&head, 0, "Hello."),
                        "Date: Sun, 29 Nov 2026 23:34:51 +0000\n"
                        "From: pool@example.net\n"
                        "To: ops@example.org\n"
                        "Subject: pool.example: alice is out\n"
                        "Message-ID: <1795995291.000000001234abcd@pool.example>\n"
                        "Auto-Submitted: auto-generated\n"
                        "MIME-Version: 1.0\n"
                        "Content-Type: text/plain; charset=us-ascii\n"
                        "Content-Transfer-Encoding: 7bit\n"
                        "\n"
                        "Hello.\n");
}

static void mails_of_a_second_have_their_own_message_ids(void **)
{
    char first[64];
    struct mail_head other = head;
    const char *id = strstr(made_with(&head, 0, ""), "Message-ID");
    (void)snprintf(first, sizeof(first), "%.*s", (int)strcspn(id, "\n"), id);
    other.id++;
    assert_null(strstr(made_with(&other, 0, ""), first));
}

static void subject_can_not_begin_a_header(void **)
{
    struct mail_head with = head;
    with.subject = "a\r\nBcc: evil@example.com\n\nbody\x01\x7f";
    const char *text = made_with(&with, 0, "");
    assert_non_null(strstr(text, "\nSubject: a Bcc: evil@example.com body??\n"));
    with.pool = "pool.example>\nBcc: evil@example.com";
    assert_null(strstr(made_with(&with, 0, ""), "\nBcc"));
}

static void long_subject_is_folded(void **)
{
    struct mail_head with = head;
    with.subject =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: is out of the pool, and "
        "12 more";
    assert_non_null(
        strstr(made_with(&with, 0, ""),
               "\nSubject: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: is "
               "out of\n the pool, and 12 more\nMessage-ID"));
}

static void paragraph_is_wrapped_and_indented(void **)
{
    assert_string_equal(body_of(4, "one  two\n three\t four"), "    one two three four\n");
    assert_string_equal(
        body_of(4, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb c"),
        "    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n    c\n");
    assert_string_equal(body_of(4, " \n"), "");
}

static void only_printable_ascii_gets_in(void **)
{
    assert_string_equal(body_of(4, "caf\xc3\xa9 \x1b[31m \xe2\x80\xae. \n.\n"),
                        "    caf?? ?[31m ???. .\n");
}

static void word_without_end_is_cut(void **)
{
    char word[2000];
    memset(word, 'a', sizeof(word));
    word[sizeof(word) - 1] = '\0';
    const char *line = body_of(8, word);
    while (*line != '\0') {
        size_t len = strcspn(line, "\n");
        assert_in_range(len, 1, 998);
        line += len + 1;
    }
}

static void time_out_of_any_calendar_does_no_harm(void **)
{
    struct mail_head with = head;
    with.now = UINT64_MAX;
    (void)made_with(&with, 0, "");
    with.now = INT64_MAX;
    (void)made_with(&with, 0, "");
}

#define CASE(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(mail_is_as_rfc_5322_wants_it),      CASE(mails_of_a_second_have_their_own_message_ids),
        CASE(subject_can_not_begin_a_header),    CASE(long_subject_is_folded),
        CASE(paragraph_is_wrapped_and_indented), CASE(only_printable_ascii_gets_in),
        CASE(word_without_end_is_cut),           CASE(time_out_of_any_calendar_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
