/* What a mail says of a member, and who sends it. */
#include "tests/unit/unit.h"
#include "tools/notices/noticetext.h"

#define T   UINT64_C(1795996800) /* 2026-11-30T00:00:00Z */
#define DAY UINT64_C(86400)

static struct noticelist list;
static struct noticeitem items[2];
static struct notice_sender sender;
static struct mail mail;
static char said[8192]; /* the last mail, each run of spaces and line ends as one space */

static int begin(void **)
{
    struct diag diag;
    list = (struct noticelist){ .now = T };
    settings_defaults(&list.settings);
    list.settings.apex = name_of("pool.example");
    list.settings.mailbox = name_of("hostmaster.example.net");
    items[0] = (struct noticeitem){ .reason = "score under the re-entry threshold" };
    strcpy(items[0].member.label, "alice");
    strcpy(items[0].member.contact, "ops@example.org");
    items[0].health.address_count = 1;
    items[0].health.addresses[0].address = address_of("192.0.2.1");
    items[0].facts.since = T - DAY;
    items[1] = items[0];
    strcpy(items[1].member.label, "bob");
    return noticetext_sender(&sender, &list.settings, NULL, NULL, &diag) == RESULT_OK ? 0 : -1;
}

static int end(void **)
{
    mail_done(&mail);
    return 0;
}

static const char *mail_about(size_t count)
{
    size_t len = 0;
    mail_done(&mail);
    noticetext_mail(&mail, &sender, &list, items, count);
    assert_true(mail.len < sizeof(said));
    for (const char *at = mail.text; *at != '\0'; at++) {
        bool blank = *at == ' ' || *at == '\n';
        if (!blank) {
            said[len++] = *at;
        } else if (len > 0 && said[len - 1] != ' ') {
            said[len++] = ' ';
        }
    }
    said[len] = '\0';
    return mail.text;
}

static void assert_says(enum notice notice, const char *words)
{
    items[0].due = 1U << notice;
    (void)mail_about(1);
    if (strstr(said, words) == NULL) {
        fail_msg("\"%s\" is not in: %s", words, said);
    }
}

static void outage_has_its_reason_and_what_to_do(void **)
{
    struct address_health *seen = &items[0].health.addresses[0];
    assert_says(NOTICE_OUT, "It has been out of the pool since 2026-11-29T00:00:00Z");
    assert_says(NOTICE_OUT, "once its score is 12 again.");
    assert_says(NOTICE_OUT, "Reason: score under the re-entry threshold");
    seen->failure = FAILURE_CERT_NAME;
    strcpy(seen->detail, "certificate is for time.example.net");
    assert_says(NOTICE_STILL_OUT, "192.0.2.1: cert-name Get a certificate for the member's name in "
                                  "the pool. (RFC 9525 6) Seen: certificate is for "
                                  "time.example.net");
    assert_null(strstr(said, "Reason:"));
}

static void addresses_that_fail_alike_are_told_of_together(void **)
{
    struct member_health *health = &items[0].health;
    static const char *const texts[] = { "192.0.2.1", "2001:db8::1", "192.0.2.2", "192.0.2.3" };
    health->address_count = 4;
    for (unsigned i = 0; i < 4; i++) {
        health->addresses[i] = (struct address_health){ .address = address_of(texts[i]),
                                                        .failure = FAILURE_CONNECT_REFUSED };
    }
    health->addresses[1].failure = FAILURE_CONNECT_TIMEOUT;
    health->addresses[2].failure = FAILURE_NONE;
    assert_says(NOTICE_OUT, " 192.0.2.1, 192.0.2.3: connect-refused Start");
    assert_says(NOTICE_OUT, " 2001:db8::1: connect-timeout Open");
    assert_null(strstr(said, "192.0.2.2"));
}

static void name_that_does_not_resolve_has_no_address(void **)
{
    items[0].health.addresses[0] =
        (struct address_health){ .failure = FAILURE_RESOLVE_MISSING,
                                 .detail = "no such name: ntp1.example.net" };
    assert_says(NOTICE_OUT, " resolve-missing The server's name");
    assert_null(strstr(said, "::"));
}

static void fault_of_ours_is_no_reason(void **)
{
    items[0].health.addresses[0].failure = FAILURE_INTERNAL;
    assert_says(NOTICE_OUT, "Reason: score");
    assert_null(strstr(said, "internal"));
}

static void each_notice_has_its_facts(void **)
{
    items[0].facts.certificate_soon = items[0].health.addresses[0].cert_not_after = T + DAY;
    items[0].facts.certificate_ended = T - DAY;
    items[0].facts.expires_at = items[0].facts.leaves_at = T + 14 * DAY;
    items[0].facts.removed_at = T;
    assert_says(NOTICE_BACK, "has been back in the pool since 2026-11-29T00:00:00Z");
    assert_says(NOTICE_CERTIFICATE_SOON, "ends at 2026-12-01T00:00:00Z");
    assert_says(NOTICE_CERTIFICATE_SOON, "at 192.0.2.1");
    assert_says(NOTICE_CERTIFICATE_ENDED, "ended at 2026-11-29T00:00:00Z");
    assert_says(NOTICE_EXPIRES, "by 2026-12-14T00:00:00Z, its registration expires: it is removed "
                                "from the pool, and its name is no longer served.");
    assert_says(NOTICE_LEAVES, "leaves the pool at 2026-12-14T00:00:00Z, as planned. No new "
                               "clients are sent to it.");
    list.now = T - 1;
    assert_says(NOTICE_LEAVES, "as planned. From 2026-11-30T00:00:00Z on, no new clients");
    assert_says(NOTICE_REMOVED, "removed from the pool at 2026-11-30T00:00:00Z. Its name");
    items[0].memory.expires_at = T; /* it may have got a certificate since */
    assert_says(NOTICE_REMOVED, "removed from the pool at 2026-11-30T00:00:00Z. Its name");
    items[0].member.leave_at = T - 1;
    assert_says(NOTICE_REMOVED, "removed from the pool at 2026-11-30T00:00:00Z, as planned.");
}

static void one_mail_tells_of_all_members(void **)
{
    items[0].due = 1U << NOTICE_OUT | 1U << NOTICE_CERTIFICATE_ENDED;
    items[1].due = 1U << NOTICE_BACK;
    const char *text = mail_about(2);
    assert_non_null(
        strstr(text, "\nSubject: pool.example: alice is out of the pool, and 2 more\n"));
    assert_non_null(strstr(text, "\n\nalice (alice.pool.example)\n"));
    assert_non_null(strstr(text, "\n\nbob (bob.pool.example)\n"));
    assert_non_null(strstr(said, "To stop these mails, write to hostmaster@example.net."));
}

static void member_with_its_own_name_is_told_it(void **)
{
    items[0].member.target = name_of("ntp1.example.net");
    assert_says(NOTICE_OUT, "alice (ntp1.example.net)");
    items[0].facts.expires_at = items[0].facts.removed_at = T;
    assert_says(NOTICE_EXPIRES, "its registration expires: it is removed from the pool.");
    assert_says(NOTICE_REMOVED, "removed from the pool at 2026-11-30T00:00:00Z.");
    assert_null(strstr(said, "no longer served"));
}

static void page_is_linked_if_there_is_a_site(void **)
{
    struct diag diag;
    assert_says(NOTICE_OUT, "pool.example");
    assert_null(strstr(said, "http"));
    assert_ok(
        noticetext_sender(&sender, &list.settings, "a@b.example", "https://pool.example", &diag));
    assert_says(NOTICE_OUT, " https://pool.example/members/alice.html ");
    assert_says(NOTICE_OUT, "From: a@b.example ");
}

static void sender_is_an_address(void **)
{
    static const char *const bad_urls[] = {
        "", "ftp://x", "https://x/", "https://", "https://x y", "https://x\n", "https://\xc3\xa9"
    };
    struct diag diag;
    struct settings *s = &list.settings;
    assert_string_equal(sender.from, "hostmaster@example.net");
    assert_int_equal(noticetext_sender(&sender, s, "nobody", NULL, &diag), RESULT_USAGE);
    assert_int_equal(noticetext_sender(&sender, s, "a@b.example\nX: y", NULL, &diag), RESULT_USAGE);
    for (size_t i = 0; i < sizeof(bad_urls) / sizeof(bad_urls[0]); i++) {
        assert_int_equal(noticetext_sender(&sender, s, NULL, bad_urls[i], &diag), RESULT_USAGE);
    }
    s->mailbox = name_of("first\\.last.example.net");
    assert_ok(noticetext_sender(&sender, s, NULL, NULL, &diag));
    assert_string_equal(sender.from, "first.last@example.net");
    s->mailbox = name_of("a\\010b.example.net");
    assert_int_equal(noticetext_sender(&sender, s, NULL, NULL, &diag), RESULT_USAGE);
    assert_non_null(strstr(diag.text, "--from"));
    s->mailbox = name_of(".");
    assert_int_equal(noticetext_sender(&sender, s, NULL, NULL, &diag), RESULT_USAGE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(outage_has_its_reason_and_what_to_do),
        CASE(addresses_that_fail_alike_are_told_of_together),
        CASE(name_that_does_not_resolve_has_no_address),
        CASE(fault_of_ours_is_no_reason),
        CASE(each_notice_has_its_facts),
        CASE(one_mail_tells_of_all_members),
        CASE(member_with_its_own_name_is_told_it),
        CASE(page_is_linked_if_there_is_a_site),
        CASE(sender_is_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
