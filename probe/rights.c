#include "probe/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "zone/store.h"

/* Of the first version of Landlock; a later one knows more, which stays allowed. */
static const uint64_t for_reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t for_a_store = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                                    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                                    LANDLOCK_ACCESS_FS_REMOVE_FILE;
static const uint64_t for_a_device = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
static const uint64_t handled =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
    LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
    LANDLOCK_ACCESS_FS_MAKE_SYM;

/* A path that is not there needs no rule. */
static bool allow(int ruleset, const char *path, uint64_t access)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    struct stat what;
    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR;
    }
    bool directory = fstat(fd, &what) == 0 && S_ISDIR(what.st_mode);
    const struct landlock_path_beneath_attr rule = {
        .allowed_access = directory ? access : access & for_a_device,
        .parent_fd = fd,
    };
    bool done = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    (void)close(fd);
    return done;
}

static bool allow_stores(int ruleset, const char *state_dir)
{
    static const enum store_kind kinds[] = { STORE_REGISTRY, STORE_HEALTH, STORE_HISTORY };
    bool done = true;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char path[PATH_MAX];
        int len = snprintf(path, sizeof(path), "%s/%s", state_dir, store_kind_text(kinds[i]));
        done = done && len > 0 && (size_t)len < sizeof(path) && allow(ruleset, path, for_a_store);
    }
    return done;
}

/* True if `path` is in the directory, or is it. */
static bool is_within(const char *path, const char *directory)
{
    size_t len = strlen(directory);
    return strncmp(path, directory, len) == 0 &&
           (path[len] == '/' || path[len] == '\0' || len == 1);
}

/* The file may be replaced before it is read again, so its directory is what counts; unless the stores with the keys are there. */
static bool allow_trust(int ruleset, const char *trust_file, const char *state_dir)
{
    char directory[PATH_MAX], state[PATH_MAX];
    if (realpath(trust_file, directory) == NULL || realpath(state_dir, state) == NULL) {
        return false;
    }
    char *slash = strrchr(directory, '/');
    slash[slash == directory ? 1 : 0] = '\0';
    return allow(ruleset, is_within(state, directory) ? trust_file : directory, for_reading);
}

/* Certificates, resolver, names, time zone; /proc for descriptors and a sanitizer's report. */
static bool allow_system(int ruleset)
{
    static const char *const read_only[] = { "/etc",
                                             "/usr",
                                             "/lib",
                                             "/lib64",
                                             "/proc",
                                             "/sys/devices/system/cpu",
                                             "/run/systemd/resolve",
                                             "/run/resolvconf",
                                             "/run/NetworkManager" };
    static const char *const devices[] = { "/dev/null", "/dev/urandom", "/dev/random" };
    bool done = true;
    for (size_t i = 0; i < sizeof(read_only) / sizeof(read_only[0]); i++) {
        done = done && allow(ruleset, read_only[i], for_reading);
    }
    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        done = done && allow(ruleset, devices[i], for_a_device);
    }
    return done;
}

enum result rights_confine(const char *state_dir, const char *trust_file, struct diag *diag)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return diag_fail(diag, RESULT_SYSTEM, "can't give up new privileges: %s", strerror(errno));
    }
    const struct landlock_ruleset_attr attributes = { .handled_access_fs = handled };
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
    if (ruleset < 0) {
        return diag_fail(diag, RESULT_MISSING,
                         "the kernel has no Landlock (%s): only the rights of the files keep "
                         "this process from others",
                         strerror(errno));
    }
    bool done = allow_stores(ruleset, state_dir) && allow_system(ruleset) &&
                (trust_file == NULL || allow_trust(ruleset, trust_file, state_dir)) &&
                syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    int error = errno;
    (void)close(ruleset);
    return done ? RESULT_OK
                : diag_fail(diag, RESULT_SYSTEM, "can't confine the process: %s", strerror(error));
}
