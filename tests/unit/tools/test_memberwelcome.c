#include <stdlib.h>

#include "tests/unit/unit.h"
#include "tools/memberwelcome.h"

static struct settings settings;
static struct member alice;

static int set_up(void **)
{
    settings_defaults(&settings);
    CHECK(dname_parse(&settings.apex, "pool.example", NULL) == RESULT_OK);
    member_defaults(&alice);
    strcpy(alice.label, "alice");
    alice.address_count = 2;
    alice.addresses[0] = address_of("192.0.2.1");
    alice.addresses[1] = address_of("2001:db8::1");
    return 0;
}

/* The text, until the next call. */
static const char *welcome(void)
{
    static char *text;
    struct diag diag;
    free(text);
    assert_int_equal(memberwelcome_text(&alice, &settings, &text, &diag), RESULT_OK);
    return text;
}

static void assert_says(const char *words)
{
    assert_non_null(strstr(welcome(), words));
}

static void assert_silent_on(const char *words)
{
    assert_null(strstr(welcome(), words));
}

static void says_what_is_registered(void **)
{
    strcpy(alice.operator_name, "Example B.V.");
    assert_says("    name           alice.pool.example\n");
    assert_says("    addresses      192.0.2.1\n                   2001:db8::1\n");
    assert_says("    operator       Example B.V.\n");
    assert_silent_on("country");
}

static void commands_have_the_contact_if_there_is_one(void **)
{
    alice.contact[0] = '\0';
    assert_says("--email you@example.net");
    assert_says("-m you@example.net");
    strcpy(alice.contact, "ops@example.org");
    assert_says("    contact        ops@example.org\n");
    assert_says("--email ops@example.org");
    assert_says("-m ops@example.org");
    assert_silent_on("you@example.net");
}

static void names_the_cas_that_may_issue(void **)
{
    struct diag diag;
    assert_int_equal(settings_set(&settings, "ca", "a.example,b.example", &diag), RESULT_OK);
    assert_says("for alice.pool.example, from a.example or b.example.\n");
    assert_says("--server DIRECTORY");
    assert_says("--directory-url DIRECTORY");
    assert_int_equal(settings_set(&settings, "ca", "a.example,letsencrypt.org", &diag), RESULT_OK);
    assert_silent_on("DIRECTORY");
}

static void refuses_if_no_ca_may_issue(void **)
{
    char *text = NULL;
    struct diag diag;
    assert_int_equal(settings_set(&settings, "ca", "none", &diag), RESULT_OK);
    assert_int_equal(memberwelcome_text(&alice, &settings, &text, &diag), RESULT_REFUSED);
    assert_null(text);
    assert_non_null(strstr(diag.text, "zone set ca"));
}

static void a_name_of_its_own_is_free_in_its_ca(void **)
{
    struct diag diag;
    alice.address_count = 0;
    CHECK(dname_parse(&alice.target, "time.example.net", NULL) == RESULT_OK);
    assert_int_equal(settings_set(&settings, "ca", "none", &diag), RESULT_OK);
    assert_says("for time.example.net, from any public CA.\n");
    assert_says("    ntspool probe time.example.net\n");
    assert_silent_on("CAA");
    assert_silent_on("alice.pool.example");
}

static void a_name_of_its_own_has_to_consent(void **)
{
    assert_says("    _ntspool.time.example.net. IN TXT \"pool=pool.example\"\n");
    settings.target_consent = false;
    assert_silent_on("_ntspool");
    settings.target_consent = true;
}

static void an_acme_account_binds_the_certificate(void **)
{
    assert_says("If you tell us the URI of your ACME account");
    strcpy(alice.accounturi, "https://acme.example/acct/7");
    assert_says("    ACME account   https://acme.example/acct/7\n");
    assert_says("They allow the ACME account above only");
}

static void another_port_is_in_all_lines(void **)
{
    assert_silent_on("ntsport");
    alice.port = 4461;
    assert_says("    TCP 4461       NTS-KE\n");
    assert_says("    ntsport 4461\n");
    assert_says("    listen = \"[::]:4461\"\n");
    assert_says("nts ntsport 4461 iburst");
    assert_says("    ntspool probe alice.pool.example:4461\n");
    assert_says("ntpsec can't be used");
    assert_silent_on("nts enable");
}

static void the_pools_settings_say_when_it_enters(void **)
{
    struct diag diag;
    assert_int_equal(settings_set(&settings, "min-history", "3h", &diag), RESULT_OK);
    assert_int_equal(settings_set(&settings, "entry-score", "11.5", &diag), RESULT_OK);
    assert_says("that has lasted for 3h and the score is 11.5 or more");
    alice.capacity_mbit = 0;
    assert_says("0 Mbit/s: it is probed, but never handed out\n");
    assert_silent_on("eligible");
}

static void hostile_texts_are_escaped(void **)
{
    strcpy(alice.operator_name, "\x1b[31m\n6. Pay\xff");
    assert_silent_on("\x1b");
    assert_silent_on("\n6. Pay");
    json_t *out = memberwelcome_json(&alice, &settings, strdup(welcome()));
    assert_string_equal(json_string_value(json_object_get(out, "text")), welcome());
    assert_string_equal(json_string_value(json_object_get(out, "subject")),
                        "Your server alice in the pool pool.example");
    json_decref(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(says_what_is_registered, set_up),
        cmocka_unit_test_setup(commands_have_the_contact_if_there_is_one, set_up),
        cmocka_unit_test_setup(names_the_cas_that_may_issue, set_up),
        cmocka_unit_test_setup(refuses_if_no_ca_may_issue, set_up),
        cmocka_unit_test(a_name_of_its_own_is_free_in_its_ca),
        cmocka_unit_test(a_name_of_its_own_has_to_consent),
        cmocka_unit_test_setup(an_acme_account_binds_the_certificate, set_up),
        cmocka_unit_test_setup(another_port_is_in_all_lines, set_up),
        cmocka_unit_test_setup(the_pools_settings_say_when_it_enters, set_up),
        cmocka_unit_test_setup(hostile_texts_are_escaped, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
