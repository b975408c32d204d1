#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/reports.h"
#include "zone/journal.h"

static char dir[64];
static struct diag diag;
static struct dname apex;
static uint8_t room[REPORT_MAX];

static int set_up(void **state)
{
    (void)state;
    assert_true(sodium_init() >= 0);
    apex = name_of("pool.test");
    (void)snprintf(dir, sizeof(dir), "test_journal.XXXXXX");
    assert_non_null(mkdtemp(dir));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command); /* NOLINT(cert-env33-c): the test's own directory */
}

static char *path_of(const char *name, char out[128])
{
    (void)snprintf(out, 128, "%s/" JOURNAL_DIR "/%s", dir, name);
    return out;
}

static const struct report_visit nothing = { .self = NULL };

static struct journal *opened(void)
{
    struct journal *journal = NULL;
    assert_ok(journal_open(&journal, dir, "far", reports_registry, &nothing, NULL, &diag));
    return journal;
}

/* A writing of one event whose time is its number. */
static enum result write_event(struct journal *journal, uint64_t number)
{
    const struct vantage self = reports_vantage(REPORTS_NOW);
    const struct history_event event = { .at = number, .text = "an event" };
    journal_begin(journal, &apex, REPORTS_NOW);
    journal_self(journal, &self);
    journal_event(journal, "alice", &event);
    return journal_end(journal, &diag);
}

/* Who follows it, as the pool does. */
struct follower {
    struct journal_reader reader;
    uint64_t position, next; /* number of the last report; of the event that is expected */
    unsigned reports, damaged;
    bool any; /* events may be missing, but come in order */
};

static void expect_event(const char *label, const struct history_event *event, void *arg)
{
    struct follower *follower = arg;
    assert_string_equal(label, "alice");
    assert_true(follower->any ? event->at >= follower->next : event->at == follower->next);
    follower->next = event->at + 1;
}

static void follow(struct follower *follower)
{
    static const struct report_visit visit = { .event = expect_event };
    size_t len = 0, budget = SIZE_MAX;
    enum result result = RESULT_OK;
    while (result == RESULT_OK || result == RESULT_DAMAGED) {
        struct report report;
        result = journal_next(&follower->reader, follower->position, room, &len, &budget);
        follower->damaged += result == RESULT_DAMAGED;
        if (result != RESULT_OK) {
            continue;
        }
        assert_ok(report_open(&report, room, len));
        assert_true(report.head.number > follower->position);
        assert_true(report_is_by(&report, report.head.key));
        follower->position = report.head.number;
        follower->reports++;
        assert_ok(report_each(&report, &visit, follower));
    }
    assert_int_equal(result, RESULT_NOT_FOUND);
}

static struct follower follower_of(void)
{
    struct follower follower = { .next = 1 };
    assert_ok(journal_reader_begin(&follower.reader, dir, "far", &diag));
    return follower;
}

/* -- the key ------------------------------------------------------------------------------------------------------- */

static void key_is_made_once_for_its_owner_alone(void **state)
{
    (void)state;
    uint8_t secret[REPORT_SECRET_LEN], again[REPORT_SECRET_LEN], other[REPORT_SECRET_LEN];
    char path[128];
    struct stat st;
    assert_ok(journal_key(dir, "far", secret, &diag));
    assert_ok(journal_key(dir, "far", again, &diag));
    assert_ok(journal_key(dir, "near", other, &diag));
    assert_memory_equal(secret, again, sizeof(secret));
    assert_memory_not_equal(secret, other, sizeof(secret));
    assert_int_equal(stat(path_of("far.key", path), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    struct journal *journal = opened();
    assert_memory_equal(journal_public(journal), secret + crypto_sign_SEEDBYTES, VANTAGE_KEY_LEN);
    journal_free(journal);
}

static void key_that_others_may_read_is_refused(void **state)
{
    (void)state;
    static const mode_t modes[] = { 0640, 0604, 0620, 0601, 0666 };
    uint8_t secret[REPORT_SECRET_LEN];
    char path[128];
    assert_ok(journal_key(dir, "far", secret, &diag));
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct journal *journal = NULL;
        assert_int_equal(chmod(path_of("far.key", path), modes[i]), 0);
        assert_int_equal(journal_key(dir, "far", secret, &diag), RESULT_REFUSED);
        assert_non_null(strstr(diag.text, "chmod 600"));
        assert_int_equal(
            journal_open(&journal, dir, "far", reports_registry, &nothing, NULL, &diag),
            RESULT_REFUSED);
        assert_null(journal);
    }
}

static void put_file(const char *name, const char *text, size_t len)
{
    char path[128];
    (void)unlink(path_of(name, path));
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0 && write(fd, text, len) == (ssize_t)len);
    (void)close(fd);
}

static void key_that_is_none_is_told_and_stays(void **state)
{
    (void)state;
    uint8_t secret[REPORT_SECRET_LEN];
    char good[80] = "", path[128];
    assert_ok(journal_key(dir, "far", secret, &diag));
    int fd = open(path_of("far.key", path), O_RDONLY);
    assert_true(fd >= 0 && read(fd, good, sizeof(good)) == 65);
    (void)close(fd);
    for (size_t len = 0; len < 65; len++) {
        put_file("far.key", good, len);
        assert_int_equal(journal_key(dir, "far", secret, &diag), RESULT_DAMAGED);
    }
    for (size_t at = 0; at < 65; at++) {
        char bad[66];
        memcpy(bad, good, 65);
        bad[65] = '\n';
        bad[at] = 'x';
        put_file("far.key", bad, 65);
        assert_int_equal(journal_key(dir, "far", secret, &diag), RESULT_DAMAGED);
    }
    good[65] = '\n';
    put_file("far.key", good, 66);
    assert_int_equal(journal_key(dir, "far", secret, &diag), RESULT_DAMAGED);
    put_file("far.key", good, 65);
    assert_ok(journal_key(dir, "far", secret, &diag));
}

/* What stands in the place of a file. */
static void stand_in(const char *name, const char *what)
{
    char path[128];
    (void)path_of(name, path);
    (void)unlink(path);
    (void)rmdir(path);
    if (strcmp(what, "fifo") == 0) {
        assert_int_equal(mkfifo(path, 0600), 0);
    } else if (strcmp(what, "directory") == 0) {
        assert_int_equal(mkdir(path, 0700), 0);
    } else {
        assert_int_equal(symlink(what, path), 0);
    }
}

static const char *const stands[] = { "fifo",    "directory",    "/dev/zero",
                                      "nowhere", "far.verdicts", "far.key" };

static void what_is_no_key_file_never_blocks(void **state)
{
    (void)state;
    uint8_t secret[REPORT_SECRET_LEN];
    assert_ok(journal_key(dir, "far", secret, &diag));
    for (size_t i = 0; i < sizeof(stands) / sizeof(stands[0]); i++) {
        stand_in("far.key", stands[i]);
        assert_int_not_equal(journal_key(dir, "far", secret, &diag), RESULT_OK);
    }
}

static void text_of_a_key_is_read_again_and_other_texts_are_none(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "AAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=x",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\x01=",
    };
    uint8_t key[VANTAGE_KEY_LEN], found[VANTAGE_KEY_LEN];
    char text[JOURNAL_KEY_TEXT];
    for (int i = 0; i < 50; i++) {
        randombytes_buf(key, sizeof(key));
        assert_ok(journal_key_parse(found, journal_key_text(key, text)));
        assert_memory_equal(key, found, sizeof(key));
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(journal_key_parse(found, texts[i]), RESULT_INVALID);
        assert_memory_equal(key, found, sizeof(key));
    }
}

/* -- writing and following ----------------------------------------------------------------------------------------- */

static void follower_reads_what_is_written_once(void **state)
{
    (void)state;
    struct follower follower = follower_of();
    follow(&follower); /* there is no file yet */
    struct journal *journal = opened();
    for (uint64_t i = 1; i <= 40; i++) {
        assert_ok(write_event(journal, i));
        if (i % 3 == 0) {
            follow(&follower);
            assert_int_equal(follower.next, i + 1);
        }
    }
    follow(&follower);
    follow(&follower);
    assert_int_equal(follower.next, 41);
    assert_int_equal(follower.reports, 40);
    journal_free(journal);
    journal_reader_end(&follower.reader);
}

static void restart_begins_a_new_file_and_goes_on(void **state)
{
    (void)state;
    struct follower follower = follower_of(), late = follower_of();
    uint64_t number = 0;
    for (int run = 0; run < 5; run++) {
        struct journal *journal = opened();
        assert_true(journal_wants_all(journal));
        for (int i = 0; i < 4; i++) {
            assert_ok(write_event(journal, ++number));
            assert_false(journal_wants_all(journal));
        }
        journal_free(journal);
        follow(&follower);
        assert_int_equal(follower.next, number + 1);
        assert_int_equal(follower.reports, number);
    }
    late.any = true; /* who comes now finds the last two files */
    follow(&late);
    assert_int_equal(late.reports, 8);
    assert_int_equal(late.next, number + 1);
    assert_true(late.position == follower.position);
    journal_reader_end(&follower.reader);
    journal_reader_end(&late.reader);
}

/* Two readers, one of them seldom, while the files turn by their length. */
static void files_turn_and_nothing_is_missed(void **state)
{
    (void)state;
    struct journal *journal = opened();
    struct follower often = follower_of(), seldom = follower_of();
    uint64_t number = 0;
    unsigned turns = 0, since = 0;
    while (turns < 4) {
        const struct vantage self = reports_vantage(REPORTS_NOW);
        bool turned = journal_wants_all(journal);
        if (since > 0 && turned) {
            follow(&seldom);
            since = 0;
        }
        turns += turned;
        since++;
        journal_begin(journal, &apex, REPORTS_NOW);
        journal_self(journal, &self);
        for (int i = 0; i < 6000; i++) {
            const struct history_event event = { .at = ++number, .text = "" };
            journal_event(journal, "alice", &event);
        }
        assert_ok(journal_end(journal, &diag));
        follow(&often);
        assert_int_equal(often.next, number + 1);
    }
    follow(&seldom);
    assert_int_equal(seldom.next, number + 1);
    assert_int_equal(seldom.reports, often.reports);
    assert_true(often.damaged == 0 && seldom.damaged == 0);
    char path[128];
    struct stat st;
    assert_int_equal(stat(path_of("far.verdicts.1", path), &st), 0);
    assert_true(st.st_size >= JOURNAL_TURN && st.st_size < 2 * JOURNAL_TURN);
    journal_free(journal);
    journal_reader_end(&often.reader);
    journal_reader_end(&seldom.reader);
}

static void recall(const char *label, const struct member_health *health, void *arg)
{
    assert_string_equal(label, "alice");
    *(struct member_health *)arg = *health;
}

static void opening_recalls_what_was_known_of_this_registry(void **state)
{
    (void)state;
    static const struct report_visit visit = { .verdict = recall };
    static const uint8_t other[REGISTRY_ID_LEN] = "another one";
    struct member_health health = reports_verdict(7, "192.0.2.1"), found = { .member_id = 0 };
    struct journal *journal = opened();
    for (int i = 0; i < 3; i++) {
        journal_begin(journal, &apex, REPORTS_NOW);
        health.addresses[0].probes = 100U + (unsigned)i;
        journal_verdict(journal, "alice", &health);
        assert_ok(journal_end(journal, &diag));
    }
    journal_free(journal);
    assert_ok(journal_open(&journal, dir, "far", other, &visit, &found, &diag));
    assert_int_equal(found.member_id, 0);
    journal_free(journal);
    assert_ok(journal_open(&journal, dir, "far", reports_registry, &visit, &found, &diag));
    assert_int_equal(found.member_id, 7);
    assert_int_equal(found.addresses[0].probes, 102);
    journal_free(journal);
}

static void numbers_go_on_after_a_loss(void **state)
{
    (void)state;
    char path[128];
    struct follower follower = follower_of();
    struct journal *journal = opened();
    assert_ok(write_event(journal, 1));
    journal_free(journal);
    follow(&follower);
    assert_int_equal(follower.position, (uint64_t)REPORTS_NOW * 1000 + 1);
    assert_int_equal(unlink(path_of("far.verdicts", path)), 0);
    journal = opened();
    const struct history_event event = { .at = 2, .text = "later" };
    journal_begin(journal, &apex, REPORTS_NOW + 10);
    journal_event(journal, "alice", &event);
    assert_ok(journal_end(journal, &diag));
    journal_free(journal);
    follow(&follower);
    assert_int_equal(follower.next, 3);
    assert_true(follower.position > (uint64_t)REPORTS_NOW * 1000 + 9000);
    journal_reader_end(&follower.reader);
}

static void nothing_to_say_writes_no_report(void **state)
{
    (void)state;
    struct follower follower = follower_of();
    struct journal *journal = opened();
    journal_begin(journal, &apex, REPORTS_NOW);
    assert_ok(journal_end(journal, &diag));
    follow(&follower);
    assert_int_equal(follower.reports, 0);
    assert_ok(write_event(journal, 1));
    follow(&follower);
    assert_int_equal(follower.next, 2);
    journal_free(journal);
    journal_reader_end(&follower.reader);
}

/* -- damage -------------------------------------------------------------------------------------------------------- */

/* Of a journal with `count` events, the length of the file. */
static off_t write_events(uint64_t first, uint64_t count)
{
    char path[128];
    struct stat st;
    struct journal *journal = opened();
    for (uint64_t i = 0; i < count; i++) {
        assert_ok(write_event(journal, first + i));
    }
    journal_free(journal);
    assert_int_equal(stat(path_of("far.verdicts", path), &st), 0);
    return st.st_size;
}

static void file_that_was_cut_is_read_up_to_there(void **state)
{
    (void)state;
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

static void what_is_no_report_is_told_once_and_a_new_file_is_read_on(void **state)
{
    (void)state;
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

static void damaged_journal_is_recalled_up_to_there(void **state)
{
    (void)state;
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

/* It is read from the start, and what was taken in is not taken in again. */
static void file_that_was_cut_and_written_again_repeats_nothing(void **state)
{
    (void)state;
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

static void what_is_no_journal_file_never_blocks(void **state)
{
    (void)state;
    (void)write_events(1, 1);
    for (size_t i = 0; i < sizeof(stands) / sizeof(stands[0]); i++) {
        struct follower follower = follower_of();
        uint8_t key[VANTAGE_KEY_LEN];
        stand_in("far.verdicts", stands[i]);
        stand_in("far.verdicts.1", stands[i]);
        follow(&follower);
        assert_int_equal(follower.reports, 0);
        assert_int_equal(journal_claims(dir, "far", key), RESULT_NOT_FOUND);
        journal_reader_end(&follower.reader);
    }
}

static void journal_under_a_reader_may_become_anything(void **state)
{
    (void)state;
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

static void full_disk_leaves_a_journal_that_is_read_on(void **state)
{
    (void)state;
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
        uint64_t next = follower.next == 1 ? 2 : follower.next;
        follow(&follower);
        next = follower.next;
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
    /* nor can a new file be begun */
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

/* -- bounds -------------------------------------------------------------------------------------------------------- */

static void budget_ends_a_look_and_the_next_goes_on(void **state)
{
    (void)state;
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
    /* what is skipped costs too */
    size_t budget = 3000, len = 0;
    assert_ok(journal_reader_begin(&reader, dir, "far", &diag));
    assert_int_equal(journal_next(&reader, position, room, &len, &budget), RESULT_EXHAUSTED);
    journal_reader_end(&reader);
}

static void journals_of_a_machine_are_listed_by_fine_names(void **state)
{
    (void)state;
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

static void journal_claims_its_key(void **state)
{
    (void)state;
    uint8_t key[VANTAGE_KEY_LEN], secret[REPORT_SECRET_LEN];
    assert_int_equal(journal_claims(dir, "far", key), RESULT_NOT_FOUND);
    (void)write_events(1, 1);
    assert_ok(journal_key(dir, "far", secret, &diag));
    assert_ok(journal_claims(dir, "far", key));
    assert_memory_equal(key, secret + crypto_sign_SEEDBYTES, sizeof(key));
    put_file("near.verdicts", "rubbish and more of it", 22);
    assert_int_equal(journal_claims(dir, "near", key), RESULT_DAMAGED);
}

static void paths_that_are_too_long_are_told(void **state)
{
    (void)state;
    char *longer = malloc(PATH_MAX + 2);
    struct journal_reader reader;
    struct journal *journal = NULL;
    uint8_t secret[REPORT_SECRET_LEN];
    assert_non_null(longer);
    for (size_t len = PATH_MAX - 40; len <= PATH_MAX; len++) {
        memset(longer, 'x', len);
        longer[len] = '\0';
        assert_int_not_equal(journal_key(longer, "far", secret, &diag), RESULT_OK);
        assert_int_not_equal(
            journal_open(&journal, longer, "far", reports_registry, &nothing, NULL, &diag),
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
        CASE(key_is_made_once_for_its_owner_alone),
        CASE(key_that_others_may_read_is_refused),
        CASE(key_that_is_none_is_told_and_stays),
        CASE(what_is_no_key_file_never_blocks),
        CASE(text_of_a_key_is_read_again_and_other_texts_are_none),
        CASE(follower_reads_what_is_written_once),
        CASE(restart_begins_a_new_file_and_goes_on),
        CASE(files_turn_and_nothing_is_missed),
        CASE(opening_recalls_what_was_known_of_this_registry),
        CASE(numbers_go_on_after_a_loss),
        CASE(nothing_to_say_writes_no_report),
        CASE(file_that_was_cut_is_read_up_to_there),
        CASE(what_is_no_report_is_told_once_and_a_new_file_is_read_on),
        CASE(damaged_journal_is_recalled_up_to_there),
        CASE(file_that_was_cut_and_written_again_repeats_nothing),
        CASE(what_is_no_journal_file_never_blocks),
        CASE(journal_under_a_reader_may_become_anything),
        CASE(full_disk_leaves_a_journal_that_is_read_on),
        CASE(budget_ends_a_look_and_the_next_goes_on),
        CASE(journals_of_a_machine_are_listed_by_fine_names),
        CASE(journal_claims_its_key),
        CASE(paths_that_are_too_long_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
