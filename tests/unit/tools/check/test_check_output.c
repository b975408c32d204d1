#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "tools/check/check.h"

static char shown[1 << 16];

/* What `show` prints. */
static void capture(void (*show)(const struct check *check), const struct check *check)
{
    FILE *out = tmpfile();
    assert_non_null(out);
    (void)fflush(stdout);
    int old = dup(STDOUT_FILENO);
    (void)dup2(fileno(out), STDOUT_FILENO);
    show(check);
    (void)fflush(stdout);
    (void)dup2(old, STDOUT_FILENO);
    (void)close(old);
    rewind(out);
    shown[fread(shown, 1, sizeof(shown) - 1, out)] = '\0';
    (void)fclose(out);
}

static struct check *check_of(void)
{
    struct check *check = xcalloc(1, sizeof(*check));
    check->pool = name_of("pool.test.");
    check->now = 1800000000;
    check->options.timeout_s = 600;
    check_report(check, CHECK_TCP, CHECK_OK, NULL, "2 of 2 addresses");
    check_report(check, CHECK_RTT, CHECK_INFO, NULL, "1.0 to 2.0 ms");
    return check;
}

static int status;
static void nagios(const struct check *check)
{
    status = check_print_nagios(check);
}

static void findings_stand_in_the_order_of_the_checks_with_advice_for_the_bad_ones(void **)
{
    struct check *check = check_of();
    check_fail(check, CHECK_UDP, "ns1 192.0.2.1", "no answer");
    (void)snprintf(check->summary, sizeof(check->summary), "as a client would");
    capture(check_print, check);
    const char *udp = strstr(shown, "FAIL  servers/udp               ns1 192.0.2.1: no answer\n"
                                    "      Let UDP port 53 through");
    const char *tcp = strstr(shown, "\nok    servers/tcp               2 of 2 addresses\n"
                                    "info  servers/rtt               1.0 to 2.0 ms\n");
    assert_true(udp == shown && tcp > udp);
    assert_non_null(strstr(tcp, "\n2 ok, 1 error; as a client would\n"));
    free(check);
}

static void what_servers_send_is_escaped(void **)
{
    struct check *check = check_of();
    check_fail(check, CHECK_UDP, "\x1b[31mns", "\x1b]0;x\x07");
    (void)snprintf(check->summary, sizeof(check->summary), "\x1b[2J");
    static void (*const prints[])(const struct check *) = { check_print, nagios, check_print_json };
    for (size_t i = 0; i < 3; i++) {
        capture(prints[i], check);
        assert_null(strpbrk(shown, "\x1b\x07"));
        assert_non_null(strstr(shown, "servers/udp"));
    }
    free(check);
}

static void an_unfinished_check_says_so_everywhere(void **)
{
    struct check *check = check_of();
    check->late = true;
    check_fail(check, CHECK_UDP, "ns1", "is not kept");
    assert_int_equal(check_worst(check), CHECK_WARNING);
    capture(check_print, check);
    assert_non_null(strstr(shown, "2 ok, not finished within 600 s"));
    assert_null(strstr(shown, "is not kept"));
    capture(nagios, check);
    assert_int_equal(status, 1);
    assert_non_null(strstr(shown, "not finished within 600 s"));
    capture(check_print_json, check);
    json_t *json = json_loads(shown, 0, NULL);
    assert_true(json_is_false(json_object_get(json, "finished")));
    assert_true(json_is_false(json_object_get(json, "good")));
    json_decref(json);
    free(check);
}

static void a_plugin_ends_with_the_worst_level(void **)
{
    static const struct {
        enum check_level level;
        int status;
        const char *line;
    } rows[] = {
        { CHECK_OK, 0, "NTSPOOL OK: 3 ok | ok=3;;;0 warnings=0;;;0 errors=0;;;0\n" },
        { CHECK_INFO, 0, "NTSPOOL OK: 3 ok | ok=3;;;0 warnings=0;;;0 errors=0;;;0\n" },
        { CHECK_WARNING, 1,
          "NTSPOOL WARNING: 2 ok, 1 warning | ok=2;;;0 warnings=1;;;0 errors=0;;;0\n" },
        { CHECK_ERROR, 2,
          "NTSPOOL CRITICAL: 2 ok, 1 error | ok=2;;;0 warnings=0;;;0 errors=1;;;0\n" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct check *check = check_of();
        check_report(check, CHECK_UDP, rows[i].level, NULL, "seen");
        capture(nagios, check);
        assert_int_equal(status, rows[i].status);
        assert_int_equal(strncmp(shown, rows[i].line, strlen(rows[i].line)), 0);
        assert_int_equal(strstr(shown, "servers/udp") != NULL, rows[i].level > CHECK_INFO);
        free(check);
    }
}

/* -- what a check means -- */

static const char *explained;
static bool as_json, found;
static void explain(const struct check *check)
{
    (void)check;
    found = check_explain(explained, as_json);
}

static void each_check_and_each_group_is_explained(void **)
{
    for (unsigned id = 0; id < CHECK_COUNT; id++) {
        explained = check_rows[id].id;
        as_json = false;
        capture(explain, NULL);
        assert_true(found);
        assert_int_equal(strncmp(shown, explained, strlen(explained)), 0);
        assert_non_null(strstr(shown, check_rows[id].what));
        assert_non_null(strstr(shown, check_rows[id].advice));
        as_json = true;
        capture(explain, NULL);
        json_t *json = json_loads(shown, 0, NULL), *list = json_object_get(json, "checks");
        assert_int_equal(json_array_size(list), 1);
        assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "id")),
                            explained);
        json_decref(json);
    }
    size_t all = 0;
    for (unsigned group = 0; group < check_group_count; group++) {
        explained = check_groups[group].name;
        capture(explain, NULL);
        json_t *json = json_loads(shown, 0, NULL);
        all += json_array_size(json_object_get(json, "checks"));
        json_decref(json);
    }
    assert_int_equal(all, CHECK_COUNT);
}

static void what_is_no_check_is_not_explained(void **)
{
    static const char *const bad[] = { "",    "servers/",     "servers/ud",  "serv",
                                       "udp", "servers/udp/", "servers/udpx" };
    as_json = false;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        explained = bad[i];
        capture(explain, NULL);
        assert_false(found);
        assert_string_equal(shown, "");
    }
}

/* -- metrics -- */

static void metrics_have_the_worst_level_of_each_check_that_was_made(void **)
{
    struct check *check = check_of();
    struct diag diag;
    char text[4096];
    check->options.metrics = "test_check_output.prom";
    (void)unlink(check->options.metrics);
    check_fail(check, CHECK_UDP, "ns1", "no answer");
    check_report(check, CHECK_UDP, CHECK_INFO, "ns2", "no route");
    check_fail(check, CHECK_SIZE, "ns1", "large");
    assert_ok(check_write_metrics(check, &diag));
    FILE *file = fopen(check->options.metrics, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    (void)fclose(file);
    static const char *const lines[] = { "udp\"} 2\n", "tcp\"} 0\n", "size\"} 1\n", "rtt\"} 0\n" };
    for (size_t i = 0; i < 4; i++) {
        char line[128];
        (void)snprintf(line, sizeof(line),
                       "ntspool_check_level{pool=\"pool.test.\",check=\"servers/%s", lines[i]);
        assert_non_null(strstr(text, line));
    }
    assert_null(strstr(text, "servers/aa"));
    assert_non_null(
        strstr(text, "ntspool_check_timestamp_seconds{pool=\"pool.test.\"} 1800000000\n"));
    (void)unlink(check->options.metrics);
    free(check);
}

/* A scrape sees the old file or the new one: the file is replaced, not written over. */
static void the_metrics_appear_whole(void **)
{
    struct check *check = check_of();
    struct diag diag;
    struct stat before, after;
    check->options.metrics = "test_check_output.prom";
    assert_ok(check_write_metrics(check, &diag));
    FILE *reader = fopen(check->options.metrics, "r");
    assert_non_null(reader);
    assert_int_equal(fstat(fileno(reader), &before), 0);
    assert_ok(check_write_metrics(check, &diag));
    assert_int_equal(stat(check->options.metrics, &after), 0);
    assert_int_not_equal(before.st_ino, after.st_ino);
    assert_int_equal(before.st_size, after.st_size);
    (void)fclose(reader);
    (void)unlink(check->options.metrics);
    check->options.metrics = "nowhere/test_check_output.prom";
    assert_int_not_equal(check_write_metrics(check, &diag), RESULT_OK);
    assert_non_null(strstr(diag.text, "nowhere"));
    free(check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(findings_stand_in_the_order_of_the_checks_with_advice_for_the_bad_ones),
        cmocka_unit_test(what_servers_send_is_escaped),
        cmocka_unit_test(an_unfinished_check_says_so_everywhere),
        cmocka_unit_test(a_plugin_ends_with_the_worst_level),
        cmocka_unit_test(each_check_and_each_group_is_explained),
        cmocka_unit_test(what_is_no_check_is_not_explained),
        cmocka_unit_test(metrics_have_the_worst_level_of_each_check_that_was_made),
        cmocka_unit_test(the_metrics_appear_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
