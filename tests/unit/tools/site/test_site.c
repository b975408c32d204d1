#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "tools/site/site.h"

enum {
    NOW = 1764500000,
    WARM_S = 900,
    DAY_S = 86400
};

static char dir[] = "test_site.XXXXXX";
static char site_dir[64];
static struct diag diag;

static int setup(void **)
{
    assert_non_null(mkdtemp(dir));
    (void)snprintf(site_dir, sizeof(site_dir), "%s/site", dir);
    return 0;
}

static int clear(void **)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf %s/*", dir);
    return system(command); /* NOLINT(concurrency-mt-unsafe,cert-env33-c) */
}

static int teardown(void **)
{
    return rmdir(dir);
}

static char *path_of(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", site_dir, name);
    return path;
}

static bool is_there(const char *name)
{
    return access(path_of(name), F_OK) == 0;
}

static void holds(const char *name, const char *expected)
{
    char text[64] = "";
    FILE *file = fopen(path_of(name), "re");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof(text) - 1, file), strlen(expected));
    (void)fclose(file);
    assert_string_equal(text, expected);
}

static void write_foreign(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct site *begin_of(uint64_t now, uint64_t edition)
{
    const struct site_terms terms = {
        .apex = "pool.example", .now = now, .warm_s = WARM_S, .edition = edition
    };
    struct site *site = NULL;
    diag.text[0] = 0;
    assert_ok(site_open(&site, site_dir, &terms, &diag));
    return site;
}

static struct site *begin(uint64_t now)
{
    return begin_of(now, 1);
}

static enum result put(struct site *site, const char *path, const char *text)
{
    struct markup m = { 0 };
    markup_raw(&m, text);
    enum result result = site_put(site, path, &m);
    markup_done(&m);
    return result;
}

static struct site_totals end(struct site *site)
{
    struct site_totals totals;
    assert_ok(site_close(site, true, &totals));
    assert_false(is_there(".tmp"));
    return totals;
}

/* A run in which alice has one page. True if it was due. */
static bool run(uint64_t now, enum site_tier tier, uint64_t fingerprint)
{
    struct site *site = begin(now);
    bool due = site_due(site, "member/alice", tier, fingerprint);
    if (due) {
        assert_ok(put(site, "members/alice.html", "page"));
    }
    (void)end(site);
    assert_true(is_there("members/alice.html"));
    return due;
}

static void files_appear_in_folders_and_the_same_content_is_left_alone(void **)
{
    struct site *site = begin(NOW);
    assert_true(site_due(site, "x", SITE_HOT, 0));
    assert_ok(put(site, "index.html", "one"));
    assert_ok(put(site, "scores/2001:db8::1/json", "{}"));
    struct site_totals totals = end(site);
    assert_int_equal(totals.written, 2);
    holds("index.html", "one");
    holds("scores/2001:db8::1/json", "{}");
    struct stat before, after;
    assert_int_equal(stat(path_of("index.html"), &before), 0);
    site = begin(NOW + 60);
    assert_true(site_due(site, "x", SITE_HOT, 0));
    assert_ok(put(site, "index.html", "one"));
    assert_ok(put(site, "scores/2001:db8::1/json", "[]"));
    totals = end(site);
    assert_int_equal(totals.written, 1);
    assert_int_equal(totals.same, 1);
    assert_int_equal(totals.removed, 0);
    assert_int_equal(stat(path_of("index.html"), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    holds("scores/2001:db8::1/json", "[]");
}

static void a_warm_page_is_due_once_in_its_quarter_of_an_hour(void **)
{
    unsigned due = 0;
    assert_true(run(NOW, SITE_WARM, 1));
    for (uint64_t at = NOW + 60; at <= NOW + SITE_COLD_S; at += 60) {
        due += run(at, SITE_WARM, 1);
    }
    assert_int_equal(due, SITE_COLD_S / WARM_S);
}

static void a_cold_page_is_due_once_a_day_also_after_missed_runs(void **)
{
    assert_true(run(NOW, SITE_COLD, 1));
    assert_true(run(NOW + SITE_COLD_S, SITE_COLD, 1));
    assert_false(run(NOW + SITE_COLD_S + 60, SITE_COLD, 1));
    assert_true(run(NOW + (uint64_t)10 * SITE_COLD_S, SITE_COLD, 1));
}

static void pages_of_a_tier_are_spread_over_its_interval(void **)
{
    char subject[32];
    unsigned due = 0;
    for (unsigned round = 0; round < 2; round++) {
        struct site *site = begin(NOW + (uint64_t)60 * round);
        due = 0;
        for (unsigned i = 0; i < 1500; i++) {
            (void)snprintf(subject, sizeof(subject), "member/m%u", i);
            due += site_due(site, subject, SITE_WARM, 0);
        }
        (void)end(site);
    }
    assert_in_range(due, 60, 150); /* a fifteenth are 100 */
}

static void a_changed_fingerprint_edition_or_clock_makes_a_page_due(void **)
{
    assert_true(run(NOW, SITE_ONCE, 1));
    assert_false(run(NOW + 10 * DAY_S, SITE_ONCE, 1));
    assert_true(run(NOW + 10 * DAY_S, SITE_ONCE, 2));
    assert_true(run(NOW, SITE_ONCE, 2)); /* it was made later than now */
    struct site *site = begin_of(NOW, 2);
    assert_true(site_due(site, "member/alice", SITE_ONCE, 2));
    (void)end(site);
    const struct site_terms all = { .apex = "pool.example", .now = NOW, .edition = 2, .all = true };
    assert_ok(site_open(&site, site_dir, &all, &diag));
    assert_true(site_due(site, "member/alice", SITE_ONCE, 2));
    (void)end(site);
}

static void files_whose_subject_is_gone_are_removed_with_their_folders_but_no_others(void **)
{
    struct site *site = begin(NOW);
    assert_true(site_due(site, "member/alice", SITE_ONCE, 1));
    assert_ok(put(site, "members/alice.html", "a"));
    assert_ok(put(site, "scores/192.0.2.1/json", "a"));
    assert_true(site_due(site, "member/bob", SITE_ONCE, 1));
    assert_ok(put(site, "members/bob.html", "b"));
    assert_int_equal(end(site).removed, 0);
    write_foreign("members/logo.html", "foreign");
    write_foreign("robots.txt", "foreign");
    site = begin(NOW + 60);
    assert_false(site_due(site, "member/bob", SITE_ONCE, 1));
    assert_int_equal(end(site).removed, 2);
    assert_false(is_there("members/alice.html"));
    assert_false(is_there("scores"));
    holds("members/bob.html", "b");
    holds("members/logo.html", "foreign");
    holds("robots.txt", "foreign");
}

static void a_file_that_a_subject_no_longer_has_is_removed_unless_another_has_it(void **)
{
    struct site *site = begin(NOW);
    assert_true(site_due(site, "member/alice", SITE_ONCE, 1));
    assert_ok(put(site, "members/alice.html", "a"));
    assert_ok(put(site, "members/alice.svg", "a"));
    (void)end(site);
    site = begin(NOW + 60);
    assert_true(site_due(site, "removed/alice", SITE_ONCE, 1));
    assert_ok(put(site, "members/alice.html", "removed"));
    assert_int_equal(end(site).removed, 1);
    holds("members/alice.html", "removed");
    assert_false(is_there("members/alice.svg"));
}

static void pages_can_be_kept_for_a_time_after_their_subject_is_gone(void **)
{
    struct site *site = begin(NOW);
    assert_true(site_due(site, "removed/alice", SITE_ONCE, 1));
    assert_ok(put(site, "members/alice.html", "removed"));
    (void)end(site);
    site = begin(NOW + DAY_S - 1);
    site_keep(site, "removed", DAY_S);
    assert_int_equal(end(site).removed, 0);
    assert_true(is_there("members/alice.html"));
    site = begin(NOW + DAY_S);
    site_keep(site, "removed", DAY_S);
    assert_int_equal(end(site).removed, 1);
}

static void after_a_failure_nothing_is_removed_or_forgotten(void **)
{
    assert_true(run(NOW, SITE_ONCE, 1));
    struct site_totals totals;
    assert_ok(site_close(begin(NOW + 60), false, &totals));
    assert_false(run(NOW + 120, SITE_ONCE, 1));
}

static void a_damaged_memory_makes_all_anew_and_removes_nothing(void **)
{
    assert_true(run(NOW, SITE_ONCE, 1));
    write_foreign(".state", "ntspool-site 1 x");
    struct site *site = begin(NOW + 60);
    assert_true(site_due(site, "other", SITE_ONCE, 1));
    assert_int_equal(end(site).removed, 0);
    assert_true(is_there("members/alice.html"));
}

static void what_a_killed_run_left_goes_with_the_next(void **)
{
    assert_true(run(NOW, SITE_ONCE, 1));
    write_foreign(".tmp", "half");
    assert_false(run(NOW + 60, SITE_ONCE, 1));
    assert_false(is_there(".tmp"));
}

static void refused(const char *apex, const char *said)
{
    const struct site_terms terms = { .apex = apex, .now = NOW };
    struct site *site = NULL;
    assert_int_equal(site_open(&site, site_dir, &terms, &diag), RESULT_REFUSED);
    assert_non_null(strstr(diag.text, said));
    assert_non_null(strstr(diag.text, site_dir));
}

static void a_directory_with_files_of_others_is_refused(void **)
{
    assert_int_equal(mkdir(site_dir, 0755), 0);
    write_foreign(".hidden", "may be there");
    (void)end(begin(NOW));
    assert_int_equal(unlink(path_of(".lock")), 0);
    write_foreign("index.html", "foreign");
    refused("pool.example", "not of a site");
    holds("index.html", "foreign");
}

static void the_site_of_another_pool_is_refused(void **)
{
    (void)end(begin(NOW));
    refused("other.example", "pool.example");
}

static void two_runs_at_once_are_refused(void **)
{
    struct site *site = begin(NOW);
    refused("pool.example", "another ntspool report");
    (void)end(site);
    (void)end(begin(NOW));
}

static void fails_to_put(const char *path)
{
    struct site *site = begin(NOW);
    struct site_totals totals;
    assert_true(site_due(site, "x", SITE_HOT, 1));
    assert_int_equal(put(site, path, "text"), RESULT_SYSTEM);
    assert_non_null(strstr(diag.text, path));
    assert_ok(site_close(site, false, &totals));
    assert_false(is_there(".tmp"));
}

static void an_obstacle_is_named_and_no_link_is_followed(void **)
{
    char outside[96];
    (void)end(begin(NOW));
    write_foreign("members", "a file where a folder belongs");
    fails_to_put("members/alice.html");
    assert_int_equal(mkdir(path_of("index.html"), 0755), 0);
    fails_to_put("index.html");
    (void)snprintf(outside, sizeof(outside), "%s/outside", dir);
    assert_int_equal(mkdir(outside, 0755), 0);
    assert_int_equal(symlink("../outside", path_of("scores")), 0);
    fails_to_put("scores/192.0.2.1/json");
    assert_int_equal(rmdir(outside), 0); /* it is empty */
}

static void a_directory_that_can_not_be_made_is_named(void **)
{
    const struct site_terms terms = { .apex = "pool.example", .now = NOW };
    struct site *site = NULL;
    assert_int_equal(site_open(&site, "/nonexistent/site", &terms, &diag), RESULT_SYSTEM);
    assert_non_null(strstr(diag.text, "/nonexistent/site"));
}

/* As on a full disk: writing fails after part of the file. */
static void a_file_that_can_not_be_written_whole_leaves_the_old_one(void **)
{
    struct site *site = begin(NOW);
    assert_true(site_due(site, "x", SITE_HOT, 1));
    assert_ok(put(site, "index.html", "old"));
    (void)end(site);
    struct rlimit limit, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){ 2, limit.rlim_max };
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    fails_to_put("index.html");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    holds("index.html", "old");
}

static void a_file_can_be_read_back(void **)
{
    struct site *site = begin(NOW);
    assert_null(site_get(site, "shares/all"));
    assert_true(site_due(site, "shares", SITE_ONCE, 1));
    assert_ok(put(site, "shares/all", "a text"));
    char *text = site_get(site, "shares/all");
    assert_non_null(text);
    assert_string_equal(text, "a text");
    free(text);
    assert_null(site_get(site, "../site/shares/all"));
    assert_null(site_get(site, "shares"));
    (void)end(site);
    FILE *file = fopen(path_of("shares/all"), "we");
    assert_non_null(file);
    assert_int_equal(fwrite("a\0b", 1, 3, file), 3);
    assert_int_equal(fclose(file), 0);
    site = begin(NOW + 1);
    assert_null(site_get(site, "shares/all"));
    assert_false(site_due(site, "shares", SITE_ONCE, 1));
    (void)end(site);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, clear)
    const struct CMUnitTest tests[] = {
        TEST(files_appear_in_folders_and_the_same_content_is_left_alone),
        TEST(a_warm_page_is_due_once_in_its_quarter_of_an_hour),
        TEST(a_cold_page_is_due_once_a_day_also_after_missed_runs),
        TEST(pages_of_a_tier_are_spread_over_its_interval),
        TEST(a_changed_fingerprint_edition_or_clock_makes_a_page_due),
        TEST(files_whose_subject_is_gone_are_removed_with_their_folders_but_no_others),
        TEST(a_file_that_a_subject_no_longer_has_is_removed_unless_another_has_it),
        TEST(pages_can_be_kept_for_a_time_after_their_subject_is_gone),
        TEST(after_a_failure_nothing_is_removed_or_forgotten),
        TEST(a_damaged_memory_makes_all_anew_and_removes_nothing),
        TEST(what_a_killed_run_left_goes_with_the_next),
        TEST(a_directory_with_files_of_others_is_refused),
        TEST(a_file_can_be_read_back),
        TEST(the_site_of_another_pool_is_refused),
        TEST(two_runs_at_once_are_refused),
        TEST(an_obstacle_is_named_and_no_link_is_followed),
        TEST(a_directory_that_can_not_be_made_is_named),
        TEST(a_file_that_can_not_be_written_whole_leaves_the_old_one),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
