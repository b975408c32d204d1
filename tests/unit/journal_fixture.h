/* A state directory for each test, with the journal of the vantage point far and its reader. */
#ifndef TESTS_UNIT_JOURNAL_FIXTURE_H
#define TESTS_UNIT_JOURNAL_FIXTURE_H

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/reports.h"

static char dir[64];
static struct diag diag;
static struct dname apex;
static uint8_t room[REPORT_MAX];

static inline int set_up(void **)
{
    assert_true(sodium_init() >= 0);
    apex = name_of("pool.test");
    (void)snprintf(dir, sizeof(dir), "test_journal.XXXXXX");
    assert_non_null(mkdtemp(dir));
    return 0;
}

static inline int tear_down(void **)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command); /* NOLINT(cert-env33-c): the test's own directory */
}

static inline char *path_of(const char *name, char out[128])
{
    (void)snprintf(out, 128, "%s/" JOURNAL_DIR "/%s", dir, name);
    return out;
}

static const struct report_visit nothing = { .self = NULL };

static const struct report_head whose_far = { .vantage = "far", .registry = "the registry is" };

static inline struct journal *opened(void)
{
    struct journal *journal = NULL;
    assert_ok(journal_open(&journal, dir, &whose_far, &nothing, NULL, &diag));
    return journal;
}

/* Writes a report with one event, whose time is its number. */
static inline enum result write_event(struct journal *journal, uint64_t number)
{
    const struct vantage self = reports_vantage(REPORTS_NOW);
    const struct history_event event = { .at = number, .text = "an event" };
    journal_begin(journal, &apex, REPORTS_NOW);
    journal_self(journal, &self);
    journal_event(journal, "alice", &event);
    return journal_end(journal, &diag);
}

/* A reader of the journal, like the pool's. */
struct follower {
    struct journal_reader reader;
    uint64_t position, next; /* number of the last report; time of the next event */
    unsigned reports, damaged;
    bool any; /* events may be missing, but are in order */
};

static inline void expect_event(const char *label, const struct history_event *event, void *arg)
{
    struct follower *follower = arg;
    assert_string_equal(label, "alice");
    assert_true(follower->any ? event->at >= follower->next : event->at == follower->next);
    follower->next = event->at + 1;
}

static inline void follow(struct follower *follower)
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

static inline struct follower follower_of(void)
{
    struct follower follower = { .next = 1 };
    assert_ok(journal_reader_begin(&follower.reader, dir, "far", &diag));
    return follower;
}

static inline void put_file(const char *name, const char *text, size_t len)
{
    char path[128];
    (void)unlink(path_of(name, path));
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0 && write(fd, text, len) == (ssize_t)len);
    (void)close(fd);
}

/* The octets of a file. */
static inline void stand_in(const char *name, const char *what)
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

/* Writes `count` events and returns the length of the journal's file. */
static inline off_t write_events(uint64_t first, uint64_t count)
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

#endif
