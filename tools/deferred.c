#include "tools/deferred.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "zone/base/file.h"

enum {
    CHUNK = 65536
};

int deferred_file(void)
{
    return memfd_create("output", MFD_CLOEXEC);
}

/* Uses file_write_all, since another process that shares `to` may have made it non-blocking. */
bool deferred_copy(int from, int to)
{
    char chunk[CHUNK];
    off_t at = 0;
    for (;;) {
        ssize_t got = pread(from, chunk, sizeof chunk, at);
        if (got <= 0) {
            return got == 0;
        }
        if (!file_write_all(to, chunk, (size_t)got)) {
            return false;
        }
        at += got;
    }
}

void deferred_begin(struct deferred *output)
{
    *output = (struct deferred){ .to = -1 };
    (void)fflush(stdout);
    int to = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int file = to >= 0 ? deferred_file() : -1;
    if (file >= 0 && dup2(file, STDOUT_FILENO) >= 0) {
        *output = (struct deferred){ .active = true, .to = to };
        to = -1;
    }
    if (file >= 0) {
        (void)close(file);
    }
    if (to >= 0) {
        (void)close(to);
    }
}

bool deferred_end(struct deferred *output)
{
    if (!output->active) {
        return true;
    }
    bool good = fflush(stdout) == 0;
    int file = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    good = file >= 0 && dup2(output->to, STDOUT_FILENO) >= 0 && good;
    good = good && deferred_copy(file, STDOUT_FILENO);
    int error = errno;
    if (file >= 0) {
        (void)close(file);
    }
    (void)close(output->to);
    *output = (struct deferred){ .to = -1 };
    errno = error;
    return good;
}
