#include <time.h>
#include <unistd.h>

#include "server/upkeep/location_watch.h"
#include "tests/unit/unit.h"
#include "zone/base/clock.h"

static char dir[64], first[96], second[96], table[96], logged[1024];
static const char *state; /* where tables are kept; NULL: they are not */
static struct location_watch watch;
static struct places *places;

static void log_line(int, const struct log_fields *, const char *text)
{
    size_t used = strlen(logged);
    (void)snprintf(logged + used, sizeof(logged) - used, "%s\n", text);
}

/* Puts the first `len` octets of a test file (SIZE_MAX: all) at `path`, by a rename or by
 * overwriting the file there. */
static void put(const char *path, const char *name, size_t len, bool by_rename)
{
    static uint8_t data[65536];
    char from[512], to[128];
    (void)snprintf(from, sizeof(from), "%s/%s", TEST_DATA, name);
    (void)snprintf(to, sizeof(to), "%s%s", path, by_rename ? ".new" : "");
    FILE *in = fopen(from, "rbe"), *out = fopen(to, "wbe");
    assert_true(in != NULL && out != NULL);
    size_t got = fread(data, 1, sizeof(data), in);
    got = got < len ? got : len;
    assert_int_equal(fwrite(data, 1, got, out), got);
    assert_int_equal(fclose(in), 0);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(by_rename ? rename(to, path) : 0, 0);
}

static int set_up(void **)
{
    (void)snprintf(dir, sizeof(dir), "test_watch.XXXXXX");
    assert_non_null(mkdtemp(dir));
    (void)snprintf(first, sizeof(first), "%s/first.mmdb", dir);
    (void)snprintf(second, sizeof(second), "%s/second.mmdb", dir);
    (void)snprintf(table, sizeof(table), "%s/locations.table", dir);
    logged[0] = '\0';
    places = NULL;
    state = NULL;
    return 0;
}

static int tear_down(void **)
{
    location_watch_end(&watch);
    places_unref(places);
    (void)unlink(first);
    (void)unlink(second);
    (void)unlink(table);
    return rmdir(dir);
}

static void begin(const char *const *paths, size_t count)
{
    struct diag diag = { "" };
    watch =
        (struct location_watch){ .paths = paths, .count = count, .state = state, .log = log_line };
    assert_ok(location_watch_begin(&watch, &places, &diag));
}

/* Looks once and takes new tables. True if there were any. `said` is the expected log line. */
static bool look(const char *said)
{
    logged[0] = '\0';
    watch.trouble.limit = (struct log_limit){ 0 };
    struct places *found = location_watch_look(&watch);
    while (watch.reader.running) {
        const struct timespec moment = { .tv_nsec = 1000000 };
        (void)nanosleep(&moment, NULL);
        found = location_watch_look(&watch);
    }
    if (said == NULL) {
        assert_string_equal(logged, "");
    } else if (strstr(logged, said) == NULL || strchr(logged, '\n') != strrchr(logged, '\n')) {
        fail_msg("said \"%s\", not \"%s\"", logged, said);
    }
    if (found == NULL) {
        return false;
    }
    places_unref(places);
    places = found;
    return true;
}

static void expect(const char *text, const char *country)
{
    struct address address;
    size_t count = 0;
    assert_ok(address_parse(&address, text));
    const struct cell *cells = locations_cells(places->locations, &count);
    assert_string_equal(cells[locations_find(places->locations, &address).cell].country, country);
}

static void without_files_there_is_nothing_to_see(void **)
{
    begin(NULL, 0);
    assert_null(places);
    assert_false(look(NULL));
}

static void a_file_that_is_bad_at_the_start_is_an_error(void **)
{
    const char *const paths[] = { first };
    struct diag diag = { "" };
    watch = (struct location_watch){ .paths = paths, .count = 1, .log = log_line };
    assert_int_equal(location_watch_begin(&watch, &places, &diag), RESULT_SYSTEM);
    assert_non_null(strstr(diag.text, first));
    put(first, "places.mmdb", 100, true);
    watch = (struct location_watch){ .paths = paths, .count = 1, .log = log_line };
    assert_int_equal(location_watch_begin(&watch, &places, &diag), RESULT_INVALID);
    assert_non_null(strstr(diag.text, first));
    assert_null(places);
}

static void a_new_file_is_taken_once(void **)
{
    const char *const paths[] = { first };
    put(first, "places.mmdb", SIZE_MAX, true);
    begin(paths, 1);
    expect("10.7.1.1", "NL");
    assert_false(look(NULL));
    put(first, "towns.mmdb", SIZE_MAX, true);
    assert_true(look("new location files are in use: 13 cells"));
    expect("10.7.1.1", "CH");
    assert_false(look(NULL));
    put(first, "places.mmdb", SIZE_MAX, false); /* written over the old one */
    assert_true(look("new location files are in use"));
    expect("10.7.1.1", "NL");
}

static void a_bad_file_is_told_once_and_changes_nothing(void **)
{
    static const struct {
        const char *name, *said;
        size_t len;
        bool by_rename;
    } bad[] = { { "places.mmdb", "first.mmdb: ", 300, false }, /* truncated in place */
                { "places.mmdb", "first.mmdb: ", 0, true },
                { "make-mmdb.pl", "first.mmdb: ", 999, true } };
    const char *const paths[] = { first };
    put(first, "places.mmdb", SIZE_MAX, true);
    begin(paths, 1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct places *before = places;
        put(first, bad[i].name, bad[i].len, bad[i].by_rename);
        assert_false(look(bad[i].said));
        assert_false(look(NULL));
        assert_ptr_equal(places, before);
        expect("10.7.1.1", "NL");
        put(first, "places.mmdb", SIZE_MAX, true);
        assert_true(look("new location files are in use"));
        put(first, bad[i].name, bad[i].len, bad[i].by_rename); /* logged again after it was over */
        assert_false(look("the locations read before stay in use"));
        put(first, "places.mmdb", SIZE_MAX, true);
        assert_true(look("new location files are in use"));
    }
}

static void a_file_that_is_away_for_a_while_is_missed_once(void **)
{
    const char *const paths[] = { first };
    put(first, "places.mmdb", SIZE_MAX, true);
    begin(paths, 1);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(rename(first, second), 0);
        assert_false(look("first.mmdb: cannot be opened"));
        assert_false(look(NULL));
        expect("10.7.1.1", "NL");
        assert_int_equal(rename(second, first), 0);
        assert_false(look("are there again"));
        assert_false(look(NULL));
    }
    assert_int_equal(unlink(first), 0);
    assert_false(look("first.mmdb: cannot be opened"));
    put(first, "towns.mmdb", SIZE_MAX, true);
    assert_true(look("new location files are in use"));
}

/* A damaged file that vanishes and returns unchanged is not logged as "there again". */
static void a_bad_file_stays_refused_while_it_comes_and_goes(void **)
{
    const char *const paths[] = { first };
    put(first, "places.mmdb", SIZE_MAX, true);
    begin(paths, 1);
    put(first, "places.mmdb", 300, true);
    assert_false(look("first.mmdb: "));
    assert_int_equal(rename(first, second), 0);
    assert_false(look("cannot be opened"));
    assert_int_equal(rename(second, first), 0);
    assert_false(look(NULL));
}

static void of_several_files_one_bad_one_is_enough(void **)
{
    const char *const paths[] = { first, second };
    put(first, "towns-ipv4.mmdb", SIZE_MAX, true);
    put(second, "towns-ipv6.mmdb", SIZE_MAX, true);
    begin(paths, 2);
    expect("10.10.1.1", "NL");
    expect("2001:db8:2::1", "JP");
    put(first, "ipv4.mmdb", SIZE_MAX, true);
    put(second, "towns-ipv6.mmdb", 500, true);
    assert_false(look("second.mmdb: "));
    expect("198.51.100.1", ""); /* the new first file is not in use either */
    expect("2001:db8:2::1", "JP");
    put(second, "towns-ipv6.mmdb", SIZE_MAX, true);
    assert_true(look("new location files are in use"));
    expect("198.51.100.1", "DE");
    expect("2001:db8:2::1", "JP");
}

/* The watch waits for its reader before it ends, and frees everything. */
static void a_watch_may_end_while_it_reads(void **)
{
    const char *const paths[] = { first };
    put(first, "places.mmdb", SIZE_MAX, true);
    begin(paths, 1);
    put(first, "towns.mmdb", SIZE_MAX, true);
    assert_null(location_watch_look(&watch));
    assert_true(watch.reader.running);
    location_watch_end(&watch);
    assert_false(watch.reader.running);
    expect("10.7.1.1", "NL");
}

static struct timespec table_time(void)
{
    struct stat file;
    assert_int_equal(stat(table, &file), 0);
    return file.st_mtim;
}

/* Waits until a change of the file would show in its times. Until then its table may be kept once
 * more. */
static void settle(const char *path)
{
    struct stat file;
    assert_int_equal(stat(path, &file), 0);
    while (clock_now() < (uint64_t)file.st_ctim.tv_sec + 3) {
        (void)usleep(50000);
    }
}

/* The first look keeps the tables of the start. */
static void compiled_tables_are_kept_for_the_next_start(void **)
{
    const char *const paths[] = { first };
    state = dir;
    put(first, "places.mmdb", SIZE_MAX, true);
    settle(first);
    begin(paths, 1);
    assert_int_equal(access(table, F_OK), -1);
    assert_false(look(NULL));
    struct timespec kept = table_time();
    put(first, "towns.mmdb", SIZE_MAX, true);
    settle(first);
    assert_true(look("new location files are in use: 13 cells"));
    assert_true(memcmp(&kept, &(struct timespec[]){ table_time() }, sizeof(kept)) != 0);
    kept = table_time();
    location_watch_end(&watch);
    places_unref(places);
    begin(paths, 1); /* from the table, so there is nothing to keep */
    expect("10.7.1.1", "CH");
    assert_false(look(NULL));
    assert_memory_equal(&kept, &(struct timespec[]){ table_time() }, sizeof(kept));
}

/* Nobody waits for that: the next look sees a new file in any case. */
static void a_file_that_is_new_at_once_comes_before_keeping(void **)
{
    const char *const paths[] = { first };
    state = dir;
    put(first, "places.mmdb", SIZE_MAX, true);
    begin(paths, 1);
    put(first, "towns.mmdb", SIZE_MAX, true);
    assert_true(look("new location files are in use: 13 cells"));
    location_watch_end(&watch);
    places_unref(places);
    begin(paths, 1);
    assert_null(location_watch_look(&watch)); /* keeps, or ends while it does */
    location_watch_end(&watch);
}

static void tables_that_cant_be_kept_cost_one_line(void **)
{
    const char *const paths[] = { first };
    state = "/nonexistent";
    put(first, "places.mmdb", SIZE_MAX, true);
    begin(paths, 1);
    assert_false(look("can't write /nonexistent/locations.table.new: "));
    assert_false(look(NULL));
    expect("10.7.1.1", "NL");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(without_files_there_is_nothing_to_see),
        CASE(a_file_that_is_bad_at_the_start_is_an_error),
        CASE(a_new_file_is_taken_once),
        CASE(a_bad_file_is_told_once_and_changes_nothing),
        CASE(a_file_that_is_away_for_a_while_is_missed_once),
        CASE(a_bad_file_stays_refused_while_it_comes_and_goes),
        CASE(of_several_files_one_bad_one_is_enough),
        CASE(a_watch_may_end_while_it_reads),
        CASE(compiled_tables_are_kept_for_the_next_start),
        CASE(a_file_that_is_new_at_once_comes_before_keeping),
        CASE(tables_that_cant_be_kept_cost_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
