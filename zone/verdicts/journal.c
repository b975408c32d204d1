#include "zone/verdicts/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "zone/base/file.h"
#include "zone/base/user.h"

enum {
    DIR_MODE = 0755,
    FILE_MODE = 0644,
    KEY_MODE = 0600,
    SEED_HEX = 2 * crypto_sign_SEEDBYTES
};

struct journal {
    char path[PATH_MAX]; /* <state>/probe/<name>.verdicts */
    int dir, fd;         /* fd -1: the next writing starts a new file */
    int lock;            /* the key file, locked: a journal has one writer */
    uint64_t number;     /* of the last report */
    uint8_t secret[REPORT_SECRET_LEN];
    struct report_head head;
    bool new_file;        /* this writing starts a new file */
    off_t len, whole_len; /* of the file; of what it started with, all that was known */
    enum result failed;   /* the first failure of this writing */
    int error;            /* its errno */
    size_t items;         /* in the current report */
    struct report_writer report;
};

/* -- the key -- */

static enum result fail(const char *what, const char *path, struct diag *diag)
{
    return diag_fail(diag, RESULT_SYSTEM, "can't %s %s: %s", what, path, strerror(errno));
}

/* Opens <state>/probe; creates it if missing. As root, gives it to the owner of the state
 * directory. */
static enum result open_dir(const char *state_dir, char path[PATH_MAX], int *fd, struct diag *diag)
{
    int len = snprintf(path, PATH_MAX, "%s/" JOURNAL_DIR, state_dir);
    if (len < 0 || len >= PATH_MAX - VANTAGE_ROOM - 16) {
        return diag_fail(diag, RESULT_TOO_LONG, "the path %.80s... is too long", state_dir);
    }
    if (mkdir(path, DIR_MODE) == 0) {
        if (!user_hand_over(path, state_dir)) {
            return fail("give to its owner", path, diag);
        }
    } else if (errno != EEXIST) {
        return fail("make", path, diag);
    }
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd >= 0 ? RESULT_OK : fail("open", path, diag);
}

static enum result make_key(int dir, const char *name, const char *path,
                            uint8_t seed[crypto_sign_SEEDBYTES], struct diag *diag)
{
    char text[SEED_HEX + 1];
    randombytes_buf(seed, crypto_sign_SEEDBYTES);
    sodium_bin2hex(text, sizeof(text), seed, crypto_sign_SEEDBYTES);
    text[SEED_HEX] = '\n';
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, KEY_MODE);
    bool done = fd >= 0 && user_hand_over_fd(fd, dir, ".") &&
                file_write_all(fd, text, sizeof(text)) && fsync(fd) == 0 && fsync(dir) == 0;
    int error = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (fd >= 0 && !done) {
        (void)unlinkat(dir, name, 0);
    }
    sodium_memzero(text, sizeof(text));
    errno = error;
    return done ? RESULT_OK : fail("make the key in", path, diag);
}

static enum result read_key(int fd, const char *path, uint8_t seed[crypto_sign_SEEDBYTES],
                            struct diag *diag)
{
    char text[SEED_HEX + 2] = "";
    size_t len = 0;
    const char *end = NULL;
    struct stat st;
    ssize_t got = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? read(fd, text, sizeof(text)) : 0;
    bool good =
        got == SEED_HEX + 1 &&
        sodium_hex2bin(seed, crypto_sign_SEEDBYTES, text, SEED_HEX, NULL, &len, &end) == 0 &&
        len == crypto_sign_SEEDBYTES && text[SEED_HEX] == '\n';
    sodium_memzero(text, sizeof(text));
    if (!good) {
        return diag_fail(diag, RESULT_DAMAGED,
                         "the key of this vantage point in %s can't be read: restore it, or remove "
                         "the file and name the new key by `ntspool vantage add`",
                         path);
    }
    if ((st.st_mode & 077) != 0) {
        return diag_fail(diag, RESULT_REFUSED,
                         "others may read the key of this vantage point in %s: chmod 600 it", path);
    }
    return RESULT_OK;
}

static enum result key_in(int dir, const char *path, const char *vantage,
                          uint8_t secret[REPORT_SECRET_LEN], struct diag *diag)
{
    char name[VANTAGE_ROOM + 8];
    uint8_t seed[crypto_sign_SEEDBYTES], public[VANTAGE_KEY_LEN];
    (void)snprintf(name, sizeof(name), "%s.key", vantage);
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    enum result result = fd >= 0           ? read_key(fd, path, seed, diag)
                         : errno == ENOENT ? make_key(dir, name, path, seed, diag)
                                           : fail("read the key in", path, diag);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (result == RESULT_OK) {
        (void)crypto_sign_seed_keypair(public, secret, seed);
    }
    sodium_memzero(seed, sizeof(seed));
    return result;
}

enum result journal_key(const char *state_dir, const char *vantage,
                        uint8_t secret[REPORT_SECRET_LEN], struct diag *diag)
{
    char path[PATH_MAX];
    int dir = -1;
    TRY(open_dir(state_dir, path, &dir, diag));
    enum result result = key_in(dir, path, vantage, secret, diag);
    (void)close(dir);
    return result;
}

/* -- opening -- */

/* One writer at a time, even across PID namespaces. The kernel releases the lock when the process
 * ends. */
static enum result lock_key(struct journal *journal, struct diag *diag)
{
    char name[VANTAGE_ROOM + 8];
    (void)snprintf(name, sizeof(name), "%s.key", journal->head.vantage);
    journal->lock = openat(journal->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (journal->lock >= 0 && flock(journal->lock, LOCK_EX | LOCK_NB) == 0) {
        return RESULT_OK;
    }
    return errno == EWOULDBLOCK
               ? diag_fail(diag, RESULT_REFUSED,
                           "an ntspool-probed reports as %s here already: end it, or give this one "
                           "another name (--id)",
                           journal->head.vantage)
               : fail("lock the key in", journal->path, diag);
}

/* Visits the reports of earlier runs. A damaged file is used up to the damage. */
static void replay(struct journal *journal, struct journal_reader *reader,
                   const struct report_visit *visit, void *arg)
{
    uint8_t *room = xmalloc(REPORT_MAX);
    size_t len = 0, budget = SIZE_MAX;
    struct report report;
    enum result result = RESULT_OK;
    while (result == RESULT_OK || result == RESULT_DAMAGED) {
        result = journal_next(reader, journal->number, room, &len, &budget);
        if (result != RESULT_OK || report_open(&report, room, len) != RESULT_OK ||
            !report_is_by(&report, journal->head.key)) {
            continue;
        }
        journal->number = report.head.number;
        if (memcmp(report.head.registry, journal->head.registry, REGISTRY_ID_LEN) == 0) {
            enum result read = report_each(&report, visit, arg);
            (void)read; /* the readable part was visited */
        }
    }
    free(room);
}

enum result journal_open(struct journal **out, const char *state_dir,
                         const struct report_head *whose, const struct report_visit *visit,
                         void *arg, struct diag *diag)
{
    struct journal *journal = xcalloc(1, sizeof(*journal));
    const char *vantage = journal->head.vantage;
    struct journal_reader reader;
    memcpy(journal->head.registry, whose->registry, REGISTRY_ID_LEN);
    memcpy(journal->head.vantage, whose->vantage, sizeof(journal->head.vantage));
    journal->fd = -1;
    journal->lock = -1;
    enum result result = open_dir(state_dir, journal->path, &journal->dir, diag);
    if (result != RESULT_OK) {
        journal->dir = -1;
    } else {
        result = key_in(journal->dir, journal->path, vantage, journal->secret, diag);
    }
    if (result == RESULT_OK) {
        result = lock_key(journal, diag);
    }
    if (result == RESULT_OK) {
        result = journal_reader_begin(&reader, state_dir, vantage, diag);
    }
    if (result != RESULT_OK) {
        journal_free(journal);
        return result;
    }
    memcpy(journal->path, reader.path, sizeof(journal->path));
    memcpy(journal->head.key, journal->secret + crypto_sign_SEEDBYTES, VANTAGE_KEY_LEN);
    replay(journal, &reader, visit, arg);
    journal_reader_end(&reader);
    *out = journal;
    return RESULT_OK;
}

void journal_free(struct journal *journal)
{
    if (journal != NULL) {
        if (journal->fd >= 0) {
            (void)close(journal->fd);
        }
        if (journal->lock >= 0) {
            (void)close(journal->lock);
        }
        if (journal->dir >= 0) {
            (void)close(journal->dir);
        }
        sodium_memzero(journal->secret, sizeof(journal->secret));
        free(journal);
    }
}

const uint8_t *journal_public(const struct journal *journal)
{
    return journal->head.key;
}

/* -- writing -- */

bool journal_wants_all(const struct journal *journal)
{
    return journal->fd < 0 || (journal->len >= JOURNAL_ROTATE_LEN &&
                               journal->len >= JOURNAL_ROTATE_TIMES * journal->whole_len);
}

static void note_failure(struct journal *journal)
{
    if (journal->failed == RESULT_OK) {
        journal->failed = RESULT_SYSTEM;
        journal->error = errno;
    }
}

/* Writes the name of one of the journal's files. */
static const char *file_name(const struct journal *journal, const char *ending,
                             char out[VANTAGE_ROOM + 24])
{
    (void)snprintf(out, VANTAGE_ROOM + 24, "%s.verdicts%s", journal->head.vantage, ending);
    return out;
}

static void begin_file(struct journal *journal)
{
    char name[VANTAGE_ROOM + 24];
    if (journal->fd >= 0) {
        (void)close(journal->fd);
    }
    (void)file_name(journal, ".new", name);
    (void)unlinkat(journal->dir, name, 0);
    journal->fd =
        openat(journal->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC,
               FILE_MODE);
    if (journal->fd < 0 || fchmod(journal->fd, FILE_MODE) != 0 ||
        !user_hand_over_fd(journal->fd, journal->dir, ".")) {
        note_failure(journal);
    }
    journal->len = 0;
}

static void begin_report(struct journal *journal)
{
    journal->head.number = journal->number + 1;
    report_begin(&journal->report, &journal->head);
    journal->items = 0;
}

/* Numbers follow the time in milliseconds, so that a vantage point that lost its journal, or got an
 * older one back, continues with higher ones. */
void journal_begin(struct journal *journal, const struct dname *apex, uint64_t now)
{
    journal->failed = RESULT_OK;
    journal->head.apex = *apex;
    journal->head.made_at = now;
    journal->number = journal->number < now * 1000 ? now * 1000 : journal->number;
    journal->new_file = journal_wants_all(journal);
    if (journal->new_file) {
        begin_file(journal);
    }
    begin_report(journal);
}

void journal_cut(struct journal *journal)
{
    if (journal->items == 0) {
        return;
    }
    size_t len = report_end(&journal->report, journal->secret);
    if (journal->failed == RESULT_OK && !file_write_all(journal->fd, journal->report.octets, len)) {
        note_failure(journal);
    }
    journal->len += (off_t)len;
    journal->number++;
    begin_report(journal);
}

void journal_self(struct journal *journal, const struct vantage *vantage)
{
    if (!report_self(&journal->report, vantage)) {
        journal_cut(journal);
        CHECK(report_self(&journal->report, vantage));
    }
    journal->items++;
}

void journal_verdict(struct journal *journal, const char *label, const struct member_health *health)
{
    if (!report_verdict(&journal->report, label, health)) {
        journal_cut(journal);
        CHECK(report_verdict(&journal->report, label, health));
    }
    journal->items++;
}

void journal_sample(struct journal *journal, const char *label,
                    const struct history_subject *subject, const struct history_sample *sample)
{
    if (!report_sample(&journal->report, label, subject, sample)) {
        journal_cut(journal);
        CHECK(report_sample(&journal->report, label, subject, sample));
    }
    journal->items++;
}

void journal_event(struct journal *journal, const char *label, const struct history_event *event)
{
    if (!report_event(&journal->report, label, event)) {
        journal_cut(journal);
        CHECK(report_event(&journal->report, label, event));
    }
    journal->items++;
}

/* Rotates the files: the newer one becomes the older one, and the file just written the newer
 * one. */
static bool rotate(const struct journal *journal)
{
    char made[VANTAGE_ROOM + 24], newer[VANTAGE_ROOM + 24], older[VANTAGE_ROOM + 24];
    (void)file_name(journal, ".new", made);
    (void)file_name(journal, "", newer);
    (void)file_name(journal, ".1", older);
    return fsync(journal->fd) == 0 &&
           (renameat(journal->dir, newer, journal->dir, older) == 0 || errno == ENOENT) &&
           renameat(journal->dir, made, journal->dir, newer) == 0 && fsync(journal->dir) == 0;
}

enum result journal_end(struct journal *journal, struct diag *diag)
{
    journal_cut(journal);
    if (journal->new_file && journal->failed == RESULT_OK && !rotate(journal)) {
        note_failure(journal);
    }
    if (journal->failed == RESULT_OK) {
        journal->whole_len = journal->new_file ? journal->len : journal->whole_len;
        return RESULT_OK;
    }
    /* the next report must not follow half a report */
    if (journal->fd >= 0) {
        (void)close(journal->fd);
        journal->fd = -1;
    }
    return diag_fail(diag, journal->failed, "can't write %s: %s", journal->path,
                     strerror(journal->error));
}
