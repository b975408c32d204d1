#include "tests/unit/unit.h"
#include "zone/base/log.h"

static char datagram[LOG_LINE_MAX + JOURNALD_BESIDE];

static const char *formed(const struct log_fields *fields, const char *text)
{
    size_t len = journald_form(datagram, sizeof(datagram), "ntspoold", LOG_WARNING, fields, text);
    assert_int_equal(strlen(datagram), len);
    return datagram;
}

static void a_line_has_what_the_journal_shows(void **)
{
    const struct log_fields none = { 0 };
    assert_string_equal(formed(&none, "the answer is 42"),
                        "MESSAGE=the answer is 42\nPRIORITY=4\nSYSLOG_FACILITY=3\n"
                        "SYSLOG_IDENTIFIER=ntspoold\n");
}

static void what_it_is_about_has_fields(void **)
{
    const struct log_fields fields = { "local", "ntp1", "192.0.2.1", "tcp-refused",
                                       "vantage-aside" };
    static const char after[] = "NTSPOOL_VANTAGE=local\nNTSPOOL_MEMBER=ntp1\n"
                                "NTSPOOL_ADDRESS=192.0.2.1\nNTSPOOL_FAILURE=tcp-refused\n"
                                "NTSPOOL_WARNING=vantage-aside\n";
    assert_string_equal(strstr(formed(&fields, ""), "NTSPOOL_"), after);
}

static void no_value_makes_a_field_of_its_own(void **)
{
    const struct log_fields fields = { .member = "a\nPRIORITY=0" };
    assert_non_null(strstr(formed(&fields, ""), "NTSPOOL_MEMBER=a\\x0aPRIORITY=0\n"));
}

static void the_longest_line_fits(void **)
{
    char text[LOG_LINE_MAX] = "", value[LOG_LINE_MAX] = "";
    memset(text, 'a', sizeof(text) - 1);
    memset(value, '\n', sizeof(value) - 1);
    const struct log_fields fields = { value, value, value, value, value };
    (void)formed(&fields, text);
    assert_int_equal(datagram[strlen(datagram) - 1], '\n');
    assert_in_range(strlen(datagram), LOG_LINE_MAX + 5 * (JOURNALD_VALUE_MAX - 4),
                    sizeof(datagram) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_what_the_journal_shows),
        cmocka_unit_test(what_it_is_about_has_fields),
        cmocka_unit_test(no_value_makes_a_field_of_its_own),
        cmocka_unit_test(the_longest_line_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
