#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "zone/base/clock.h"
#include "zone/base/log.h"

/* Says that the journal reads `file`. */
static void set_journal(int file)
{
    struct stat stat;
    char stream[64];
    assert_int_equal(fstat(file, &stat), 0);
    (void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)stat.st_dev,
                   (uintmax_t)stat.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
}

enum listener {
    LISTENER_JOURNAL,
    LISTENER_OTHER,
    LISTENER_INSTEAD /* of the journal, which the environment names */
};

/* What log lines look like on stderr. */
static void written_text(char *out, size_t room, enum listener listener, const char *text)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    (void)fflush(stderr);
    int old = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    unsetenv("JOURNAL_STREAM");
    if (listener != LISTENER_OTHER) {
        set_journal(listener == LISTENER_JOURNAL ? fileno(file) : old);
    }
    log_write("ntspoold", LOG_WARNING, NULL, text);
    (void)fflush(stderr);
    dup2(old, STDERR_FILENO);
    (void)close(old);
    rewind(file);
    out[fread(out, 1, room - 1, file)] = '\0';
    (void)fclose(file);
}

static void written(char out[256], enum listener listener)
{
    written_text(out, 256, listener, "the answer is 42");
}

static void journal_gets_the_priority(void **)
{
    char line[256];
    written(line, LISTENER_JOURNAL);
    assert_string_equal(line, "<4>the answer is 42\n");
}

static void check_time_and_program(enum listener listener)
{
    char line[256];
    written(line, listener);
    struct tm when = { .tm_year = 0 };
    const char *rest = strptime(line, "%Y-%m-%dT%H:%M:%SZ ntspoold: ", &when);
    assert_non_null(rest);
    assert_true(when.tm_year > 99);
    assert_string_equal(rest, "the answer is 42\n");
}

static void other_readers_get_time_and_program(void **)
{
    check_time_and_program(LISTENER_OTHER);
}

static void so_does_who_reads_instead_of_the_journal(void **)
{
    check_time_and_program(LISTENER_INSTEAD);
}

static void no_text_starts_a_line_of_its_own(void **)
{
    char line[256];
    written_text(line, sizeof(line), LISTENER_JOURNAL, "ok\n<0>the end\x1b[2J");
    assert_string_equal(line, "<4>ok\\x0a<0>the end\\x1b[2J\n");
}

/* A text of `length` times `unit`. */
static void check_cut(const char *unit, size_t length)
{
    char text[3 * LOG_LINE_MAX], line[3 * LOG_LINE_MAX];
    size_t unit_len = strlen(unit);
    for (size_t i = 0; i < length; i++) {
        memcpy(text + i * unit_len, unit, unit_len);
    }
    text[length * unit_len] = '\0';
    written_text(line, sizeof(line), LISTENER_JOURNAL, text);
    size_t len = strlen(line);
    assert_in_range(len, LOG_LINE_MAX - 8, LOG_LINE_MAX + 8);
    assert_string_equal(line + len - 4, "...\n");
}

static void a_line_that_is_cut_says_so(void **)
{
    check_cut("a", LOG_LINE_MAX);
    check_cut("a", (size_t)2 * LOG_LINE_MAX);
    check_cut("\n", LOG_LINE_MAX / 2);
}

/* Fills a pipe: nothing more can be written without blocking. */
static void fill(int pipe_end)
{
    static const char octets[4096];
    int flags = fcntl(pipe_end, F_GETFL);
    assert_int_equal(fcntl(pipe_end, F_SETFL, flags | O_NONBLOCK), 0);
    for (size_t piece = sizeof(octets); piece > 0; piece /= 2) {
        while (write(pipe_end, octets, piece) > 0) {
        }
    }
    assert_int_equal(fcntl(pipe_end, F_SETFL, flags), 0);
}

static void a_reader_that_stands_holds_nobody_up(void **)
{
    int ends[2];
    char read_back[1 << 17];
    assert_int_equal(pipe(ends), 0);
    set_journal(ends[1]);
    fill(ends[1]);
    int old = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    uint64_t before = clock_steady_ms();
    for (int i = 0; i < 1000; i++) {
        log_write("ntspoold", LOG_WARNING, NULL, "lost");
    }
    log_last("lost\n");
    uint64_t took = clock_steady_ms() - before;
    while (poll(&(struct pollfd){ .fd = ends[0], .events = POLLIN }, 1, 0) > 0) {
        assert_true(read(ends[0], read_back, sizeof(read_back)) > 0);
    }
    log_write("ntspoold", LOG_WARNING, NULL, "back");
    dup2(old, STDERR_FILENO);
    (void)close(old);
    ssize_t len = read(ends[0], read_back, sizeof(read_back) - 1);
    assert_true(len > 0);
    read_back[len] = '\0';
    assert_string_equal(read_back, "<4>1000 lines are lost: nobody took them\n<4>back\n");
    assert_true(took < 2000);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void what_is_less_urgent_than_the_level_is_not_written(void **)
{
    static const struct {
        const char *level;
        bool written;
    } levels[] = { { "error", false }, { "warning", true }, { "notice", true }, { "debug", true } };
    char line[256];
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        assert_ok(log_level_set(levels[i].level, NULL));
        written(line, LISTENER_JOURNAL);
        assert_int_equal(line[0] != '\0', levels[i].written);
        assert_int_equal(log_is_wanted(LOG_WARNING), levels[i].written);
        assert_true(log_is_wanted(LOG_ALERT));
    }
    assert_ok(log_level_set(LOG_LEVEL_PRESET, NULL));
    assert_false(log_is_wanted(LOG_DEBUG));
    assert_int_equal(log_level_set("Info", NULL), RESULT_USAGE);
    assert_int_equal(log_level_set("", NULL), RESULT_USAGE);
    assert_true(log_is_wanted(LOG_INFO)); /* as before */
}

static unsigned lines;
static int last_priority;
static char last_line[LOG_LINE_MAX], last_member[16];

static void count(int priority, const struct log_fields *fields, const char *text)
{
    lines++;
    last_priority = priority;
    (void)snprintf(last_line, sizeof(last_line), "%s", text);
    (void)snprintf(last_member, sizeof(last_member), "%s", fields != NULL ? fields->member : "");
}

static void a_sink_gets_the_text_and_what_it_is_about(void **)
{
    const struct log_fields fields = { .member = "one" };
    lines = 0;
    log_say_about(count, LOG_NOTICE, &fields, "%s is %d", "the answer", 42);
    assert_string_equal(last_line, "the answer is 42");
    assert_string_equal(last_member, "one");
    struct log_once once = { 0 };
    last_member[0] = '\0';
    log_once(&once, count, LOG_ERR, &fields, "no answer");
    assert_string_equal(last_line, "no answer");
    assert_string_equal(last_member, "one");
    log_say(count, LOG_ERR, "%s", "no fields");
    assert_string_equal(last_line, "no fields");
    assert_string_equal(last_member, "");
    assert_int_equal(last_priority, LOG_ERR);
    log_say(count, LOG_DEBUG, "not wanted");
    assert_int_equal(lines, 3);
}

static void troubled(struct log_once *once, const char *why)
{
    log_once(once, count, LOG_WARNING, NULL, "%s", why);
}

static void a_trouble_is_logged_once_until_it_changes_and_once_when_it_is_over(void **)
{
    struct log_once once = { 0 };
    lines = 0;
    log_once_over(&once, count, "well");
    assert_int_equal(lines, 0);
    for (int i = 0; i < 3; i++) {
        troubled(&once, "disk full");
    }
    assert_int_equal(lines, 1);
    assert_int_equal(last_priority, LOG_WARNING);
    troubled(&once, "no disk");
    assert_string_equal(last_line, "no disk");
    assert_true(log_once_is_on(&once));
    for (int i = 0; i < 3; i++) {
        log_once_over(&once, count, "well");
    }
    assert_false(log_once_is_on(&once));
    assert_int_equal(lines, 3);
    assert_int_equal(last_priority, LOG_NOTICE);
    assert_string_equal(last_line, "well");
    troubled(&once, "no disk");
    assert_int_equal(lines, 4);
}

static void a_trouble_that_swings_is_limited_and_what_was_left_out_is_counted(void **)
{
    struct log_once once = { 0 };
    lines = 0;
    for (int i = 0; i < LOG_WINDOW_LINES + 7; i++) {
        troubled(&once, i % 2 == 0 ? "disk full" : "no disk");
        troubled(&once, i % 2 == 0 ? "disk full" : "no disk");
    }
    assert_int_equal(lines, LOG_WINDOW_LINES);
    once.limit.began_ms -= LOG_WINDOW_MS;
    troubled(&once, "disk full"); /* as it was: nobody has read that yet */
    assert_string_equal(last_line, "disk full (7 changes before were not logged)");
    troubled(&once, "disk full");
    assert_int_equal(lines, LOG_WINDOW_LINES + 1);
    troubled(&once, "no disk");
    assert_string_equal(last_line, "no disk");
}

static void an_end_that_was_left_out_is_logged_later(void **)
{
    struct log_once once = { 0 };
    lines = 0;
    for (int i = 0; i < LOG_WINDOW_LINES; i++) {
        troubled(&once, i % 2 == 0 ? "disk full" : "no disk");
    }
    log_once_over(&once, count, "well");
    log_once_over(&once, count, "well");
    assert_int_equal(lines, LOG_WINDOW_LINES);
    once.limit.began_ms -= LOG_WINDOW_MS;
    log_once_over(&once, count, "well");
    assert_string_equal(last_line, "well (1 changes before were not logged)");
    log_once_over(&once, count, "well");
    assert_int_equal(lines, LOG_WINDOW_LINES + 1);
}

static void a_trouble_that_nobody_has_read_of_has_no_end_in_the_log(void **)
{
    struct log_once once = { 0 };
    lines = 0;
    for (int i = 0; i < LOG_WINDOW_LINES; i++) {
        log_once_news(&once, count, "another file");
    }
    troubled(&once, "no disk");
    log_once_over(&once, count, "well");
    once.limit.began_ms -= LOG_WINDOW_MS;
    log_once_over(&once, count, "well");
    assert_int_equal(lines, LOG_WINDOW_LINES);
}

static void news_end_a_trouble(void **)
{
    struct log_once once = { 0 };
    lines = 0;
    troubled(&once, "no disk");
    log_once_news(&once, count, "another file");
    log_once_over(&once, count, "well");
    assert_int_equal(lines, 2);
    assert_string_equal(last_line, "another file");
    log_once_news(&once, count, "another file");
    assert_int_equal(lines, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(journal_gets_the_priority),
        cmocka_unit_test(other_readers_get_time_and_program),
        cmocka_unit_test(so_does_who_reads_instead_of_the_journal),
        cmocka_unit_test(no_text_starts_a_line_of_its_own),
        cmocka_unit_test(a_line_that_is_cut_says_so),
        cmocka_unit_test(what_is_less_urgent_than_the_level_is_not_written),
        cmocka_unit_test(a_sink_gets_the_text_and_what_it_is_about),
        cmocka_unit_test(a_trouble_is_logged_once_until_it_changes_and_once_when_it_is_over),
        cmocka_unit_test(a_trouble_that_swings_is_limited_and_what_was_left_out_is_counted),
        cmocka_unit_test(an_end_that_was_left_out_is_logged_later),
        cmocka_unit_test(a_trouble_that_nobody_has_read_of_has_no_end_in_the_log),
        cmocka_unit_test(news_end_a_trouble),
        cmocka_unit_test(a_reader_that_stands_holds_nobody_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
