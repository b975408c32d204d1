#include <signal.h>
#include <sys/resource.h>

#include "tests/unit/journal_fixture.h"

/* -- damage -- */

static void file_that_was_cut_is_read_up_to_there(void **)
{
    char path[128];
    off_t len = write_events(1, 3);
    for (off_t cut = len; cut-- > 0;) {
        struct follower follower = follower_of();
        assert_int_equal(truncate(path_of("far.verdicts", path), cut), 0);
        follow(&follower);
        assert_int_equal(follower.reports, (unsigned)(cut / (len / 3)));
        assert_int_equal(follower.damaged, 0); /* more may come */
        journal_reader_end(&follower.reader);
    }
    (void)write_events(1, 2); /* the vantage point goes on */
    struct follower follower = follower_of();
    follow(&follower);
    assert_int_equal(follower.next, 3);
    journal_reader_end(&follower.reader);
}

static void an_invalid_report_is_reported_once_and_a_new_file_is_read(void **)
{
    char path[128];
    off_t len = write_events(1, 4);
    struct follower follower = follower_of();
    follow(&follower);
    int fd = open(path_of("far.verdicts", path), O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "\xff\xff\xff\xff no report at all", 22, len), 22);
    (void)close(fd);
    for (int i = 0; i < 3; i++) {
        follow(&follower);
        assert_int_equal(follower.damaged, 1);
    }
    (void)write_events(5, 3);
    follow(&follower);
    assert_int_equal(follower.next, 8);
    assert_int_equal(follower.damaged, 1);
    journal_reader_end(&follower.reader);
}

static void damaged_journal_is_recalled_up_to_there(void **)
{
    char path[128];
    off_t len = write_events(1, 6);
    for (off_t at = 0; at < len; at += 7) {
        int fd = open(path_of("far.verdicts", path), O_RDWR);
        uint8_t octet = 0;
        assert_true(fd >= 0 && pread(fd, &octet, 1, at) == 1);
        octet ^= 0x40;
        assert_int_equal(pwrite(fd, &octet, 1, at), 1);
        struct journal *journal = opened();
        journal_free(journal); /* nothing was written, the file stays */
        octet ^= 0x40;
        assert_int_equal(pwrite(fd, &octet, 1, at), 1);
        (void)close(fd);
    }
    struct follower follower = follower_of();
    follow(&follower);
    assert_int_equal(follower.next, 7);
    journal_reader_end(&follower.reader);
}

/* The file is read from the start, and reports taken in before are skipped. */
static void file_that_was_cut_and_written_again_repeats_nothing(void **)
{
    char path[128], copy[128], command[300];
    (void)write_events(1, 5);
    struct follower follower = follower_of();
    follow(&follower);
    (void)snprintf(command, sizeof(command), "cp %s %s", path_of("far.verdicts", path),
                   path_of("copy", copy));
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): the test's own file */
    assert_int_equal(truncate(path, 3), 0);
    follow(&follower);
    (void)snprintf(command, sizeof(command), "cat %s > %s", copy, path);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): the test's own file */
    follow(&follower);
    assert_true(follower.reports == 5 && follower.damaged == 0);
    journal_reader_end(&follower.reader);
}

static void other_kinds_of_files_never_block(void **)
{
    (void)write_events(1, 1);
    for (size_t i = 0; i < sizeof(stands) / sizeof(stands[0]); i++) {
        struct follower follower = follower_of();
        uint8_t key[VANTAGE_KEY_LEN];
        stand_in("far.verdicts", stands[i]);
        stand_in("far.verdicts.1", stands[i]);
        follow(&follower);
        assert_int_equal(follower.reports, 0);
        assert_int_equal(journal_claimed_key(dir, "far", key), RESULT_NOT_FOUND);
        journal_reader_end(&follower.reader);
    }
}

static void journal_under_a_reader_may_become_anything(void **)
{
    (void)write_events(1, 2);
    struct follower follower = follower_of();
    follow(&follower);
    for (size_t i = 0; i < sizeof(stands) / sizeof(stands[0]); i++) {
        stand_in("far.verdicts", stands[i]);
        follow(&follower);
    }
    char path[128];
    (void)unlink(path_of("far.verdicts", path));
    follow(&follower);
    /* the first file is gone: numbers begin with the time again, which is the same here */
    assert_int_equal(follower.reports, 2);
    journal_reader_end(&follower.reader);
}

static void full_disk_leaves_a_journal_that_is_read_on(void **)
{
    struct rlimit before, limit;
    struct follower follower = follower_of();
    struct journal *journal = opened();
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_ok(write_event(journal, 1));
    char path[128];
    struct stat st;
    assert_int_equal(stat(path_of("far.verdicts", path), &st), 0);
    for (rlim_t more = 0; more < (rlim_t)st.st_size; more += 5) {
        follow(&follower);
        const uint64_t next = follower.next;
        limit = (struct rlimit){ (rlim_t)st.st_size + more, before.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        assert_int_equal(write_event(journal, next), RESULT_SYSTEM);
        assert_non_null(strstr(diag.text, "far.verdicts"));
        assert_true(journal_wants_all(journal));
        follow(&follower);
        assert_int_equal(follower.next, next); /* none of it counts */
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_ok(write_event(journal, next));
        follow(&follower);
        assert_int_equal(follower.next, next + 1);
    }
    /* a new file can't be started either */
    limit = (struct rlimit){ 10, before.rlim_max };
    journal_free(journal);
    journal = opened();
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(write_event(journal, follower.next), RESULT_SYSTEM);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_ok(write_event(journal, follower.next));
    uint64_t next = follower.next;
    follow(&follower);
    assert_true(follower.next == next + 1 && follower.damaged == 0);
    journal_free(journal);
    journal_reader_end(&follower.reader);
}

/* -- bounds -- */

static void budget_ends_a_look_and_the_next_goes_on(void **)
{
    (void)write_events(1, 200);
    struct journal_reader reader;
    uint64_t position = 0;
    unsigned reports = 0, looks = 0;
    assert_ok(journal_reader_begin(&reader, dir, "far", &diag));
    enum result result = RESULT_EXHAUSTED;
    while (result == RESULT_EXHAUSTED) {
        size_t budget = 3000, len = 0;
        looks++;
        while ((result = journal_next(&reader, position, room, &len, &budget)) == RESULT_OK) {
            struct report report;
            assert_ok(report_open(&report, room, len));
            position = report.head.number;
            reports++;
        }
    }
    assert_int_equal(result, RESULT_NOT_FOUND);
    assert_int_equal(reports, 200);
    assert_true(looks > 10);
    journal_reader_end(&reader);
    /* skipped octets cost too */
    size_t budget = 3000, len = 0;
    assert_ok(journal_reader_begin(&reader, dir, "far", &diag));
    assert_int_equal(journal_next(&reader, position, room, &len, &budget), RESULT_EXHAUSTED);
    journal_reader_end(&reader);
}

static void journals_of_a_machine_are_listed_by_valid_names(void **)
{
    static const char *const others[] = { "far.verdicts.1",  "far.verdicts.new",
                                          "Bad.verdicts",    ".verdicts",
                                          "a.b.verdicts",    "-x.verdicts",
                                          "verdicts",        "far.key",
                                          "x.Verdicts",      "0123456789abcdefg.verdicts",
                                          "\x1b[2J.verdicts" };
    char names[JOURNALS_MAX][VANTAGE_ROOM];
    assert_int_equal(journal_list(dir, names), 0); /* no directory */
    (void)write_events(1, 1);
    put_file("0123456789abcdef.verdicts", "", 0);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        put_file(others[i], "", 0);
    }
    assert_int_equal(journal_list(dir, names), 2);
    bool far_first = strcmp(names[0], "far") == 0;
    assert_string_equal(names[far_first], "0123456789abcdef");
    assert_string_equal(names[!far_first], "far");
    for (int i = 0; i < 2 * JOURNALS_MAX; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "x%d.verdicts", i);
        put_file(name, "", 0);
    }
    assert_int_equal(journal_list(dir, names), JOURNALS_MAX);
}

static void journal_claims_its_key(void **)
{
    uint8_t key[VANTAGE_KEY_LEN], secret[REPORT_SECRET_LEN];
    assert_int_equal(journal_claimed_key(dir, "far", key), RESULT_NOT_FOUND);
    (void)write_events(1, 1);
    assert_ok(journal_key(dir, "far", secret, &diag));
    assert_ok(journal_claimed_key(dir, "far", key));
    assert_memory_equal(key, secret + crypto_sign_SEEDBYTES, sizeof(key));
    put_file("near.verdicts", "rubbish and more of it", 22);
    assert_int_equal(journal_claimed_key(dir, "near", key), RESULT_DAMAGED);
}

static void paths_that_are_too_long_are_reported(void **)
{
    char *longer = malloc(PATH_MAX + 2);
    struct journal_reader reader;
    struct journal *journal = NULL;
    uint8_t secret[REPORT_SECRET_LEN];
    assert_non_null(longer);
    for (size_t len = PATH_MAX - 40; len <= PATH_MAX; len++) {
        memset(longer, 'x', len);
        longer[len] = '\0';
        assert_int_not_equal(journal_key(longer, "far", secret, &diag), RESULT_OK);
        assert_int_not_equal(journal_open(&journal, longer, &whose_far, &nothing, NULL, &diag),
                             RESULT_OK);
        if (journal_reader_begin(&reader, longer, "far", &diag) == RESULT_OK) {
            size_t got = 0, budget = SIZE_MAX;
            assert_int_equal(journal_next(&reader, 0, room, &got, &budget), RESULT_NOT_FOUND);
            journal_reader_end(&reader);
        }
    }
    free(longer);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(file_that_was_cut_is_read_up_to_there),
        CASE(an_invalid_report_is_reported_once_and_a_new_file_is_read),
        CASE(damaged_journal_is_recalled_up_to_there),
        CASE(file_that_was_cut_and_written_again_repeats_nothing),
        CASE(other_kinds_of_files_never_block),
        CASE(journal_under_a_reader_may_become_anything),
        CASE(full_disk_leaves_a_journal_that_is_read_on),
        CASE(budget_ends_a_look_and_the_next_goes_on),
        CASE(journals_of_a_machine_are_listed_by_valid_names),
        CASE(journal_claims_its_key),
        CASE(paths_that_are_too_long_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
