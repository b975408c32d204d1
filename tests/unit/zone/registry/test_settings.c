#include "tests/unit/unit.h"
#include "zone/registry/settings.h"

static void every_setting_reads_back_what_it_writes(void **)
{
    size_t count = 0;
    const struct setting_info *list = settings_list(&count);
    assert_true(count > 10);
    for (size_t i = 0; i < count; i++) {
        struct settings settings, again;
        char first[SETTING_VALUE_MAX], second[SETTING_VALUE_MAX];
        if (i > 0) {
            assert_true(strcmp(list[i - 1].name, list[i].name) < 0);
        }
        settings_defaults(&settings);
        settings.mailbox = name_of("hostmaster.pool.test");
        again = settings;
        assert_ok(settings_text(&settings, list[i].name, first));
        assert_ok(settings_set(&again, list[i].name, first, NULL));
        assert_ok(settings_text(&again, list[i].name, second));
        assert_string_equal(first, second);
        assert_memory_equal(&settings, &again, sizeof(settings));
    }
}

static void values_out_of_bounds_change_nothing(void **)
{
    static const char *const bad[][2] = { { "srv-count", "0" },
                                          { "srv-count", "9" },
                                          { "srv-count", "4m" },
                                          { "srv-count", "" },
                                          { "srv-ttl", "0" },
                                          { "srv-ttl", "2d" },
                                          { "srv-ttl", "-5" },
                                          { "srv-ttl", "5 m" },
                                          { "srv-ttl", "1h30m" },
                                          { "entry-score", "21" },
                                          { "entry-score", "nan" },
                                          { "entry-score", "" },
                                          { "entry-score", "1e1" },
                                          { "srv-weights", "some" },
                                          { "denial", "nsec3" },
                                          { "denial", "compact " },
                                          { "denial-budget", "1000001" },
                                          { "denial-budget", "-1" },
                                          { "whoami", "yes" },
                                          { "whoami", "" },
                                          { "publish", "" },
                                          { "publish", "operator," },
                                          { "publish", "contact" },
                                          { "publish", "operator capacity" },
                                          { "ca", "" },
                                          { "ca", "a,,b" },
                                          { "ca", "a;b" },
                                          { "ca", "a,b,c,d,e" },
                                          { "mailbox", "a@" },
                                          { "mailbox", "a@b@c" },
                                          { "mailbox", "a@b.example@" },
                                          { "mailbox", "a b@c.example" },
                                          { "mailbox", "@c.example" },
                                          { "mailbox", "" },
                                          { "signature-validity", "1d" },
                                          { "ttl", "99999999999999999999w" } };
    struct settings before, after;
    settings_defaults(&before);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct diag diag = { "" };
        after = before;
        assert_int_equal((int)settings_set(&after, bad[i][0], bad[i][1], &diag), RESULT_INVALID);
        assert_memory_equal(&before, &after, sizeof(before));
        assert_non_null(strstr(diag.text, bad[i][0]));
    }
    assert_int_equal((int)settings_set(&after, "colour", "red", NULL), RESULT_NOT_FOUND);
}

static void mail_addresses_become_names(void **)
{
    struct settings settings;
    char text[SETTING_VALUE_MAX];
    settings_defaults(&settings);
    assert_ok(settings_set(&settings, "mailbox", "first.last@pool.test", NULL));
    assert_ok(settings_text(&settings, "mailbox", text));
    assert_string_equal(text, "first\\.last.pool.test."); /* RFC 1035 8 */
}

static void words_are_taken_in_any_order(void **)
{
    static const char *const rows[][2] = { { "capacity,operator", "operator,capacity" },
                                           { "operator,operator", "operator" },
                                           { "capacity", "capacity" },
                                           { "none", "none" } };
    struct settings settings;
    char text[SETTING_VALUE_MAX];
    settings_defaults(&settings);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_ok(settings_set(&settings, "publish", rows[i][0], NULL));
        assert_ok(settings_text(&settings, "publish", text));
        assert_string_equal(text, rows[i][1]);
    }
}

static void durations_have_units(void **)
{
    static const struct {
        const char *text;
        uint32_t s;
    } rows[] = { { "0", 0 },     { "90", 90 },     { "90s", 90 },    { "15m", 900 },
                 { "2h", 7200 }, { "7d", 604800 }, { "2w", 1209600 } };
    char text[16];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t s = 1;
        assert_ok(duration_parse(&s, rows[i].text));
        assert_int_equal(s, rows[i].s);
    }
    assert_string_equal(duration_text(604800, text), "7d");
    assert_string_equal(duration_text(90, text), "90s");
    assert_string_equal(duration_text(0, text), "0s");
    uint32_t s = 0;
    assert_int_equal((int)duration_parse(&s, "9999999w"), RESULT_INVALID);
}

/* RFC 9567 5: a name outside the zone, short enough to be prefixed with the labels of a report. */
static void report_agent_is_outside_and_short(void **)
{
    static const struct {
        const char *value;
        enum result result;
    } rows[] = { { "none", RESULT_OK },
                 { "reports.example.net", RESULT_OK },
                 { "reports.example.net.", RESULT_OK },
                 { "apool.test", RESULT_OK },
                 { "pool.test", RESULT_INVALID },
                 { "Reports.POOL.test", RESULT_INVALID },
                 { ".", RESULT_INVALID },
                 { "a..b", RESULT_INVALID },
                 { "", RESULT_INVALID },
                 { "an-agent-with-a-label-of-sixty-three-octets-is-as-long-as-can-be1."
                   "an-agent-with-a-label-of-sixty-three-octets-is-as-long-as-can-be2."
                   "an-agent-with-a-label-of-sixty-three-octets-is-as-long-as-can-be3",
                   RESULT_INVALID } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct settings settings;
        settings_defaults(&settings);
        settings.apex = name_of("pool.test");
        assert_int_equal(settings_set(&settings, "report-agent", rows[i].value, NULL),
                         rows[i].result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_setting_reads_back_what_it_writes),
        cmocka_unit_test(values_out_of_bounds_change_nothing),
        cmocka_unit_test(mail_addresses_become_names),
        cmocka_unit_test(words_are_taken_in_any_order),
        cmocka_unit_test(durations_have_units),
        cmocka_unit_test(report_agent_is_outside_and_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
