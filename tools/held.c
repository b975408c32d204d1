#include "tools/held.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "zone/base/file.h"

enum {
    CHUNK = 65536
};

int held_file(void)
{
    return memfd_create("output", MFD_CLOEXEC);
}

/* `to` may have been made non-blocking by another process that shares it. */
bool held_copy(int from, int to)
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

void held_begin(struct held *held)
{
    *held = (struct held){ .to = -1 };
    (void)fflush(stdout);
    int to = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int file = to >= 0 ? held_file() : -1;
    if (file >= 0 && dup2(file, STDOUT_FILENO) >= 0) {
        *held = (struct held){ .holds = true, .to = to };
        to = -1;
    }
    if (file >= 0) {
        (void)close(file);
    }
    if (to >= 0) {
        (void)close(to);
    }
}

bool held_end(struct held *held)
{
    if (!held->holds) {
        return true;
    }
    bool good = fflush(stdout) == 0;
    int kept = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    good = kept >= 0 && dup2(held->to, STDOUT_FILENO) >= 0 && good;
    good = good && held_copy(kept, STDOUT_FILENO);
    int error = errno;
    if (kept >= 0) {
        (void)close(kept);
    }
    (void)close(held->to);
    *held = (struct held){ .to = -1 };
    errno = error;
    return good;
}
