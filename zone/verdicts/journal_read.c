/* Reading a journal; journal.c writes it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "zone/verdicts/journal.h"

enum {
    HEAD_COST = 512,   /* budget for a report that is skipped */
    MOVES_MAX = 2,     /* switches to a newer file, per call */
    ENTRIES_MAX = 4096 /* directory entries examined */
};

enum result journal_reader_begin(struct journal_reader *reader, const char *state_dir,
                                 const char *vantage, struct diag *diag)
{
    *reader = (struct journal_reader){ .fd = -1 };
    int len = snprintf(reader->path, sizeof(reader->path), "%s/" JOURNAL_DIR "/%s.verdicts",
                       state_dir, vantage);
    return len > 0 && (size_t)len + sizeof(".1") <= sizeof(reader->path)
               ? RESULT_OK
               : diag_fail(diag, RESULT_TOO_LONG, "the path %.80s... is too long", state_dir);
}

void journal_reader_end(struct journal_reader *reader)
{
    if (reader->fd >= 0) {
        (void)close(reader->fd);
        reader->fd = -1;
    }
}

/* Opens the file if it is a regular one: a pipe, a device, a link or a file under a lease must not
 * block us. */
static int open_file(const char *path, const char *ending, struct stat *st)
{
    char whole[PATH_MAX + 2];
    (void)snprintf(whole, sizeof(whole), "%s%s", path, ending);
    int fd = open(whole, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, st) != 0 || !S_ISREG(st->st_mode))) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

static bool switch_file(struct journal_reader *reader, const char *ending)
{
    struct stat st;
    int fd = open_file(reader->path, ending, &st);
    if (fd < 0) {
        return false;
    }
    journal_reader_end(reader);
    reader->fd = fd;
    reader->device = st.st_dev;
    reader->inode = st.st_ino;
    reader->at = 0;
    reader->bad = false;
    return true;
}

/* True if there is another file at the path than the one being read. */
static bool is_replaced(const struct journal_reader *reader)
{
    struct stat st;
    return lstat(reader->path, &st) == 0 && S_ISREG(st.st_mode) &&
           (st.st_dev != reader->device || st.st_ino != reader->inode);
}

/* If the file was truncated, it is read from its beginning again. */
static void check_length(struct journal_reader *reader)
{
    struct stat st;
    if (fstat(reader->fd, &st) == 0 && st.st_size < reader->at) {
        reader->at = 0;
        reader->bad = false;
    }
}

static enum result mark_bad(struct journal_reader *reader)
{
    reader->bad = true;
    return RESULT_DAMAGED;
}

static bool spend(size_t *budget, size_t cost)
{
    *budget = *budget > cost ? *budget - cost : 0;
    return *budget > 0;
}

static enum result next_here(struct journal_reader *reader, uint64_t after, uint8_t *room,
                             size_t *len, size_t *budget)
{
    while (!reader->bad) {
        uint64_t number = 0;
        ssize_t got = pread(reader->fd, room, REPORT_HEAD_LEN, reader->at);
        if (got < REPORT_HEAD_LEN) {
            return RESULT_NOT_FOUND;
        }
        if (!report_peek(room, len, &number)) {
            return mark_bad(reader);
        }
        bool wanted = number > after;
        if (wanted && pread(reader->fd, room, *len, reader->at) < (ssize_t)*len) {
            return RESULT_NOT_FOUND;
        }
        if (!spend(budget, wanted ? *len : HEAD_COST)) {
            return RESULT_EXHAUSTED;
        }
        reader->at += (off_t)*len;
        if (wanted) {
            return RESULT_OK;
        }
    }
    return RESULT_NOT_FOUND;
}

enum result journal_next(struct journal_reader *reader, uint64_t after, uint8_t *room, size_t *len,
                         size_t *budget)
{
    if (reader->fd < 0 && !switch_file(reader, ".1") && !switch_file(reader, "")) {
        return RESULT_NOT_FOUND;
    }
    check_length(reader);
    for (unsigned i = 0;; i++) {
        /* checked before reading: reports written after that check are in the newer file */
        bool replaced = is_replaced(reader);
        enum result result = next_here(reader, after, room, len, budget);
        if (result != RESULT_NOT_FOUND || !replaced || i == MOVES_MAX || !switch_file(reader, "")) {
            return result;
        }
    }
}

enum result journal_claimed_key(const char *state_dir, const char *vantage,
                                uint8_t key[VANTAGE_KEY_LEN])
{
    struct journal_reader reader;
    uint8_t *room = xmalloc(REPORT_MAX);
    size_t len = 0, budget = 2 * (size_t)REPORT_MAX;
    struct report report;
    enum result result = journal_reader_begin(&reader, state_dir, vantage, NULL);
    if (result == RESULT_OK && !switch_file(&reader, "")) {
        result = RESULT_NOT_FOUND;
    }
    if (result == RESULT_OK) {
        result = next_here(&reader, 0, room, &len, &budget);
        result = result == RESULT_OK ? report_open(&report, room, len) : result;
    }
    if (result == RESULT_OK) {
        memcpy(key, report.head.key, VANTAGE_KEY_LEN);
    }
    journal_reader_end(&reader);
    free(room);
    return result;
}

char *journal_key_text(const uint8_t key[VANTAGE_KEY_LEN], char out[JOURNAL_KEY_TEXT])
{
    return sodium_bin2base64(out, JOURNAL_KEY_TEXT, key, VANTAGE_KEY_LEN,
                             sodium_base64_VARIANT_ORIGINAL);
}

enum result journal_key_parse(uint8_t key[VANTAGE_KEY_LEN], const char *text)
{
    uint8_t found[VANTAGE_KEY_LEN];
    size_t len = 0;
    const char *end = NULL;
    if (sodium_base642bin(found, sizeof(found), text, strlen(text), " \n", &len, &end,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        *end != '\0' || len != sizeof(found)) {
        return RESULT_INVALID;
    }
    memcpy(key, found, sizeof(found));
    return RESULT_OK;
}

/* Gets the vantage point from a file name; false for other files. */
static bool name_of_file(const char *file, char name[VANTAGE_ROOM])
{
    const char *end = strrchr(file, '.');
    size_t len = end == NULL ? 0 : (size_t)(end - file);
    if (len == 0 || len >= VANTAGE_ROOM || strcmp(end, ".verdicts") != 0) {
        return false;
    }
    memset(name, 0, VANTAGE_ROOM);
    memcpy(name, file, len);
    return vantage_name_fine(name);
}

unsigned journal_list(const char *state_dir, char names[JOURNALS_MAX][VANTAGE_ROOM])
{
    char path[PATH_MAX];
    unsigned count = 0;
    (void)snprintf(path, sizeof(path), "%s/" JOURNAL_DIR, state_dir);
    DIR *dir = opendir(path);
    const struct dirent *entry = NULL;
    for (unsigned i = 0;
         dir != NULL && i < ENTRIES_MAX && count < JOURNALS_MAX && (entry = readdir(dir)) != NULL;
         i++) {
        count += name_of_file(entry->d_name, names[count]);
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return count;
}
