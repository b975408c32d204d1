#include "zone/fleet/keyfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zone/base/user.h"

enum {
    DIR_MODE = 0755 /* what is in it is sealed */
};

enum result keyfiles_open_dir(const char *state_dir, int *out, struct diag *diag)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/" KEYFILES_DIR, state_dir) >= (int)sizeof(path)) {
        return diag_fail(diag, RESULT_TOO_LONG, "%s: is too long for a path", state_dir);
    }
    bool made = mkdir(path, DIR_MODE) == 0;
    int fd = made || errno == EEXIST ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool fine = fd >= 0;
    if (fine && made) {
        fine = user_hand_over_fd(fd, AT_FDCWD, state_dir) && fchmod(fd, DIR_MODE) == 0;
    }
    if (!fine) {
        (void)diag_fail(diag, RESULT_SYSTEM, "%s can't be made: %s", path, strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        return RESULT_SYSTEM;
    }
    *out = fd;
    return RESULT_OK;
}
