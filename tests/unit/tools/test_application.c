#include "tests/unit/unit.h"
#include "tools/application.h"

#define HEAD "ntspool-application: 1\n"
#define FEW  "pool: pool.example\nname: alice\nipv4: 9.9.9.9\n"

static enum result parse(struct application *out, const char *text, struct diag *diag)
{
    *diag = (struct diag){ "" };
    return application_read(out, text, strlen(text), false, diag);
}

static struct application good(const char *text)
{
    struct application application;
    struct diag diag;
    enum result result = parse(&application, text, &diag);
    assert_string_equal(diag.text, "");
    assert_ok(result);
    return application;
}

/* The text is refused with these words. */
static void bad(const char *text, const char *words)
{
    struct application application = { .pool = { .len = 7 } };
    struct diag diag;
    assert_int_equal(parse(&application, text, &diag), RESULT_INVALID);
    assert_int_equal(application.pool.len, 7);
    if (strstr(diag.text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", diag.text, words);
    }
}

static void what_is_written_reads_back(void **)
{
    const char *const texts[] = {
        HEAD "pool: pool.example\n"
             "name: alice\n"
             "ipv4: 9.9.9.9 9.9.9.10\n"
             "ipv6: 2620:fe::9\n"
             "port: 4461\n"
             "country: NL\n"
             "position: 52.3700,4.9000\n"
             "operator: B\xc3\xa4r: the operator, with a colon\n"
             "capacity_mbit: 250\n"
             "contact: ops@example.net\n"
             "accounturi: https://acme.example/acct/7\n"
             "unlisted: yes\n"
             "end\n",
        HEAD "pool: pool.example\n"
             "name: own\n"
             "target: time.example.net.\n"
             "port: 4460\n"
             "capacity_mbit: 100\n"
             "end\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct application application = good(texts[i]);
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        application_write(out, &application);
        (void)fclose(out);
        assert_string_equal(text, texts[i]);
        free(text);
    }
}

static void mail_around_it_is_ignored(void **)
{
    struct application application =
        good("From: ops@example.net\r\nSubject: pool: a server\r\n\r\nHello,\r\n\r\n"
             "  ntspool-application: 1  \r\n"
             "\tpool: Pool.Example.\r\n\r\nname:Alice\r\n ipv4: \t 9.9.9.9\r\nend\r\n"
             "-- \r\nname: bob\r\noverride: eligible\r\n");
    char name[DNAME_TEXT_MAX];
    assert_string_equal(dname_text(&application.pool, name), "pool.example.");
    assert_string_equal(application.member.label, "alice");
    assert_int_equal(application.member.override, OVERRIDE_AUTO);
    assert_int_equal(application.member.port, MEMBER_PORT);
}

static void only_the_pool_decides_what_only_it_can(void **)
{
    bad(HEAD FEW "override: eligible\nend\n", "line 5: unknown key");
    bad(HEAD FEW "suspended: yes\nend\n", "line 5: unknown key");
    bad(HEAD FEW "leave: 2030-01-01\nend\n", "line 5: unknown key");
}

static void faults_are_told_with_their_line(void **)
{
    bad("", "no application");
    bad("ntspool application 1\n" FEW "end\n", "no application");
    bad("name: alice\n", "no application");
    bad(HEAD FEW, "cut off");
    bad(HEAD FEW "endless\nend\n", "line 5: not \"key: value\"");
    bad(HEAD "pool: pool.example\nname: alice\nname: bob\nend\n", "line 4: the key is there twice");
    bad(HEAD "name: alice\nipv4: 9.9.9.9\nend\n", "has a pool and a name");
    bad(HEAD "pool: pool.example\nipv4: 9.9.9.9\nend\n", "has a pool and a name");
    bad(HEAD "pool: .\nname: alice\nend\n", "line 2: pool is the domain name");
    bad(HEAD "pool: pool.example\nname: a b\nend\n", "line 3: ");
    bad(HEAD FEW "ipv6: 9.9.9.9\nend\n", "line 5: \"9.9.9.9\" is no IPv6 address");
    bad(HEAD FEW "country: XX\nend\n", "line 5: ");
    bad(HEAD FEW "position: north\nend\n", "line 5: position takes");
    bad(HEAD FEW "capacity_mbit: -1\nend\n", "line 5: capacity_mbit is a whole number");
    bad(HEAD FEW "port: 65536\nend\n", "line 5: port is a whole number");
    bad(HEAD FEW "contact: a@b.example\\nBcc: c@d.example\nend\n", "line 5: contact is one mail");
    bad(HEAD FEW "unlisted: no\nend\n", "line 5: unlisted is yes or empty");
    bad(HEAD FEW "target: time.example.net\nend\n", "one or the other");
    bad(HEAD FEW "end\n" HEAD "end\n", "line 6: a second application");
    bad(HEAD FEW "operator: \x1b[31m\nend\n", "control character");
    bad(HEAD "pool: pool.example\nname: alice\nend\n", "address");
}

static void private_addresses_are_refused_unless_allowed(void **)
{
    static const char text[] = HEAD "pool: pool.example\nname: alice\nipv4: 10.0.0.1\nend\n";
    struct application application;
    struct diag diag = { "" };
    bad(text, "10.0.0.1");
    assert_ok(application_read(&application, text, sizeof(text) - 1, true, &diag));
}

static void later_version_is_told_apart(void **)
{
    struct application application;
    struct diag diag;
    assert_int_equal(parse(&application, "ntspool-application: 2\nend\n", &diag), RESULT_NEWER);
    assert_int_equal(parse(&application, "ntspool-application: 1x\n", &diag), RESULT_NEWER);
}

static void long_lines_and_values_are_refused(void **)
{
    char text[8192];
    (void)snprintf(text, sizeof(text), HEAD FEW "operator: %064d\nend\n", 0);
    bad(text, "line 5: operator has at most 63 octets");
    (void)snprintf(text, sizeof(text), HEAD FEW "accounturi: https://a.example/%0300d\nend\n", 0);
    bad(text, "line 5: accounturi has at most 255 octets");
    (void)snprintf(text, sizeof(text), HEAD FEW "ipv4: %05000d\nend\n", 0);
    bad(text, "line 5: the line is too long");
    (void)snprintf(text, sizeof(text), "%05000d\n" HEAD FEW "end\n", 0);
    (void)good(text);
}

static void no_truncation_is_an_application(void **)
{
    static const char whole[] = HEAD FEW "operator: A\naccounturi: https://a.example/1\nend";
    (void)good(whole);
    for (size_t len = 0; len < sizeof(whole) - 1; len++) {
        char *text = strndup(whole, len);
        struct application application;
        struct diag diag;
        assert_int_not_equal(parse(&application, text, &diag), RESULT_OK);
        free(text);
    }
}

static void flipped_bits_and_nuls_do_no_harm(void **)
{
    static const char whole[] = HEAD FEW "operator: A\nend\n";
    struct application application;
    struct diag diag = { "" };
    for (size_t i = 0; i < (sizeof(whole) - 1) * 8; i++) {
        char text[sizeof(whole)];
        memcpy(text, whole, sizeof(whole));
        text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
        if (application_read(&application, text, sizeof(text) - 1, false, &diag) == RESULT_OK) {
            assert_ok(member_check(&application.member, &application.pool, false, &diag));
        }
        text[i / 8] = '\0';
        assert_int_equal(application_read(&application, text, sizeof(text) - 1, false, &diag),
                         RESULT_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(mail_around_it_is_ignored),
        cmocka_unit_test(only_the_pool_decides_what_only_it_can),
        cmocka_unit_test(faults_are_told_with_their_line),
        cmocka_unit_test(private_addresses_are_refused_unless_allowed),
        cmocka_unit_test(later_version_is_told_apart),
        cmocka_unit_test(long_lines_and_values_are_refused),
        cmocka_unit_test(no_truncation_is_an_application),
        cmocka_unit_test(flipped_bits_and_nuls_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
