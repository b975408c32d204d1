#include "zone/verdicts/probe_totals.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zone/base/user.h"
#include "zone/base/wire.h"
#include "zone/verdicts/journal.h"

enum {
    LAYOUT = 1,
    READ_MAX = 64 * 1024, /* more than a probe with many more classes of failure writes */
    FILE_MODE = 0644
};

static const uint8_t magic[8] = { 'n', 't', 's', 'p', 'o', 'o', 'l', LAYOUT };

const double probe_totals_bounds[PROBE_BUCKETS] = { 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10 };

void probe_totals_result(struct probe_totals *totals, enum failure failure)
{
    totals->results[failure < FAILURE_COUNT ? failure : FAILURE_INTERNAL]++;
}

void probe_totals_step(struct probe_totals *totals, enum probe_step step, uint64_t took_us)
{
    unsigned i = 0;
    while (i < PROBE_BUCKETS && (double)took_us > probe_totals_bounds[i] * 1e6) {
        i++;
    }
    totals->steps[step].buckets[i]++;
    totals->steps[step].sum_us += took_us;
}

const char *probe_step_text(enum probe_step step)
{
    static const char *const texts[PROBE_STEPS] = { "connect", "tls", "ke", "ntp" };
    ASSERT((unsigned)step < PROBE_STEPS);
    return texts[step];
}

size_t probe_totals_encode(const struct probe_totals *totals, uint8_t out[PROBE_TOTALS_MAX])
{
    struct writer w = writer_of(out, PROBE_TOTALS_MAX);
    write_octets(&w, magic, sizeof(magic));
    write_u32(&w, FAILURE_COUNT);
    write_u32(&w, PROBE_BUCKETS);
    for (unsigned i = 0; i < FAILURE_COUNT; i++) {
        write_u64(&w, totals->results[i]);
    }
    for (unsigned step = 0; step < PROBE_STEPS; step++) {
        for (unsigned i = 0; i <= PROBE_BUCKETS; i++) {
            write_u64(&w, totals->steps[step].buckets[i]);
        }
        write_u64(&w, totals->steps[step].sum_us);
    }
    ASSERT(!w.failed);
    return w.at;
}

enum result probe_totals_decode(struct probe_totals *out, const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    struct probe_totals totals = { 0 };
    uint8_t begin[sizeof(magic)] = { 0 };
    read_into(&r, begin, sizeof(begin));
    uint32_t classes = read_u32(&r), buckets = read_u32(&r);
    if (memcmp(begin, magic, sizeof(magic)) != 0 || buckets != PROBE_BUCKETS) {
        return RESULT_INVALID;
    }
    for (uint32_t i = 0; i < classes && !r.failed; i++) {
        uint64_t count = read_u64(&r);
        if (i < FAILURE_COUNT) {
            totals.results[i] = count;
        }
    }
    for (unsigned step = 0; step < PROBE_STEPS; step++) {
        for (unsigned i = 0; i <= PROBE_BUCKETS; i++) {
            totals.steps[step].buckets[i] = read_u64(&r);
        }
        totals.steps[step].sum_us = read_u64(&r);
    }
    if (!reader_done(&r)) {
        return RESULT_INVALID;
    }
    *out = totals;
    return RESULT_OK;
}

static void path_of(char out[PATH_MAX], const char *state_dir, const char *vantage)
{
    (void)snprintf(out, PATH_MAX, "%s/" JOURNAL_DIR "/%s.totals", state_dir, vantage);
}

enum result probe_totals_open(int *out, const char *state_dir, const char *vantage,
                              struct diag *diag)
{
    char path[PATH_MAX], directory[PATH_MAX];
    struct stat file;
    path_of(path, state_dir, vantage);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, FILE_MODE);
    if (fd < 0) {
        return diag_fail(diag, RESULT_SYSTEM, "can't write %s: %s", path, strerror(errno));
    }
    if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode) || file.st_nlink != 1) {
        (void)close(fd);
        return diag_fail(diag, RESULT_SYSTEM, "%s is no plain file: remove it", path);
    }
    (void)snprintf(directory, sizeof(directory), "%s/" JOURNAL_DIR, state_dir);
    (void)user_hand_over_fd(fd, AT_FDCWD, directory);
    (void)fchmod(fd, FILE_MODE);
    *out = fd;
    return RESULT_OK;
}

void probe_totals_write(const struct probe_totals *totals, int file)
{
    uint8_t octets[PROBE_TOTALS_MAX];
    size_t len = probe_totals_encode(totals, octets);
    if (file >= 0 && pwrite(file, octets, len, 0) == (ssize_t)len) {
        (void)!ftruncate(file, (off_t)len); /* an older or newer probe may have written more */
    }
}

enum result probe_totals_read(struct probe_totals *out, const char *state_dir, const char *vantage)
{
    char path[PATH_MAX];
    path_of(path, state_dir, vantage);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return errno == ENOENT ? RESULT_NOT_FOUND : RESULT_SYSTEM;
    }
    uint8_t *octets = xmalloc(READ_MAX);
    ssize_t len = read(fd, octets, READ_MAX);
    (void)close(fd);
    enum result result = len < 0 ? RESULT_SYSTEM : probe_totals_decode(out, octets, (size_t)len);
    free(octets);
    return result;
}
