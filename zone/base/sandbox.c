#include "zone/base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "zone/base/syscalls.h"
#include "zone/base/user.h"

/* Rights that the headers may be too old for, with Landlock's version. */
#define FS_REFER              (UINT64_C(1) << 13) /* 2 */
#define FS_TRUNCATE           (UINT64_C(1) << 14) /* 3 */
#define NET_BIND_TCP          (UINT64_C(1) << 0)  /* 4 */
#define NET_CONNECT_TCP       (UINT64_C(1) << 1)
#define FS_IOCTL_DEV          (UINT64_C(1) << 15) /* 5 */
#define SCOPE_ABSTRACT_SOCKET (UINT64_C(1) << 0)  /* 6 */
#define SCOPE_SIGNAL          (UINT64_C(1) << 1)
#define FS_FIRST_VERSION      ((UINT64_C(1) << 13) - 1)

enum {
    VERSION_REFER = 2,
    VERSION_TRUNCATE = 3,
    VERSION_NET = 4,
    VERSION_IOCTL = 5,
    VERSION_SCOPES = 6
};

/* struct landlock_ruleset_attr of version 6. An older kernel accepts it if the fields that it does
 * not know are 0. */
struct ruleset_attributes {
    uint64_t fs, net, scoped;
};

static const uint64_t for_reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t for_writing = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                                    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                                    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                    FS_TRUNCATE;
static const uint64_t for_a_file =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE;

void sandbox_hide_memory(void)
{
    const struct rlimit none = { 0, 0 };
    (void)setrlimit(RLIMIT_CORE, &none);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

void sandbox_begin(struct sandbox *sandbox, bool connects)
{
    *sandbox = (struct sandbox){ .ruleset = -1 };
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) {
        sandbox->error = errno;
        return;
    }
    struct ruleset_attributes handled = { .fs = FS_FIRST_VERSION };
    handled.fs |= version >= VERSION_REFER ? FS_REFER : 0;
    handled.fs |= version >= VERSION_TRUNCATE ? FS_TRUNCATE : 0;
    handled.fs |= version >= VERSION_IOCTL ? FS_IOCTL_DEV : 0;
    handled.net = version >= VERSION_NET && !connects ? NET_BIND_TCP | NET_CONNECT_TCP : 0;
    handled.scoped = version >= VERSION_SCOPES ? SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL : 0;
    sandbox->known_fs = handled.fs;
    sandbox->ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
    sandbox->error = sandbox->ruleset < 0 ? errno : 0;
}

static void allow(struct sandbox *sandbox, const char *path, uint64_t access)
{
    if (sandbox->ruleset < 0 || sandbox->error != 0) {
        return;
    }
    int fd = open(path, O_PATH | O_CLOEXEC);
    struct stat what;
    if (fd < 0) {
        sandbox->error = errno == ENOENT || errno == ENOTDIR ? 0 : errno;
        return;
    }
    bool directory = fstat(fd, &what) == 0 && S_ISDIR(what.st_mode);
    const struct landlock_path_beneath_attr rule = {
        .allowed_access = (directory ? access : access & for_a_file) & sandbox->known_fs,
        .parent_fd = fd,
    };
    if (syscall(SYS_landlock_add_rule, sandbox->ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) !=
        0) {
        sandbox->error = errno;
    }
    (void)close(fd);
}

void sandbox_allow(struct sandbox *sandbox, const char *path, enum sandbox_right right)
{
    allow(sandbox, path, right == SANDBOX_WRITE ? for_writing : for_reading);
}

/* True if `path` is in the directory, or is it. */
static bool is_within(const char *path, const char *directory)
{
    size_t len = strlen(directory);
    return strncmp(path, directory, len) == 0 &&
           (path[len] == '/' || path[len] == '\0' || len == 1);
}

/* The directory part of a path; "." for a bare name. */
static void directory_of(char out[PATH_MAX], const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL || slash == path ? 1 : (size_t)(slash - path);
    ASSERT(len < PATH_MAX);
    memcpy(out, slash == NULL ? "." : path, len);
    out[len] = '\0';
}

/* Allows the directory of the name and that of the file a link leads to: either may be replaced. */
void sandbox_allow_file(struct sandbox *sandbox, const char *file, const char *secret)
{
    char named[PATH_MAX], real[PATH_MAX], hidden[PATH_MAX], whole[PATH_MAX];
    if (strlen(file) >= PATH_MAX || realpath(file, real) == NULL ||
        (secret != NULL && realpath(secret, hidden) == NULL)) {
        sandbox->error = sandbox->error != 0 ? sandbox->error : errno;
        return;
    }
    directory_of(named, file);
    const char *directories[] = { named, real };
    sandbox_allow(sandbox, real, SANDBOX_READ);
    directory_of(real, real);
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
        bool open_to_all = realpath(directories[i], whole) != NULL &&
                           (secret == NULL || !is_within(hidden, whole));
        if (open_to_all) {
            sandbox_allow(sandbox, whole, SANDBOX_READ);
        }
    }
}

/* Certificates, resolver, names, time zone; /proc for descriptors and a sanitizer's report. */
static void allow_system(struct sandbox *sandbox)
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
    for (size_t i = 0; i < sizeof(read_only) / sizeof(read_only[0]); i++) {
        allow(sandbox, read_only[i], for_reading);
    }
    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        allow(sandbox, devices[i], for_a_file);
    }
}

/* Of this thread, and of all that it starts. A filter of system calls may refuse the call that has
 * nothing to do. */
static bool drop_capabilities(void)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct had[_LINUX_CAPABILITY_U32S_3] = { 0 };
    struct __user_cap_data_struct kept[_LINUX_CAPABILITY_U32S_3] = { 0 };
    user_bound_capabilities();
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capget, &head, had) != 0) {
        return false;
    }
    if (geteuid() == 0) {
        kept[0].permitted = had[0].permitted & (1U << CAP_DAC_OVERRIDE);
        kept[0].effective = kept[0].permitted;
    }
    return memcmp(had, kept, sizeof(had)) == 0 || syscall(SYS_capset, &head, kept) == 0;
}

static const char *why_missing(int error)
{
    switch (error) {
    case ENOSYS:
        return "the kernel has no Landlock, or a filter of system calls hides it";
    case EOPNOTSUPP:
        return "Landlock is switched off in the kernel (lsm=)";
    default:
        return "a filter of system calls forbids Landlock (SystemCallFilter= must have @sandbox)";
    }
}

enum result sandbox_enter(struct sandbox *sandbox, struct diag *diag)
{
    bool missing = sandbox->ruleset < 0;
    allow_system(sandbox);
    bool dropped = drop_capabilities();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return diag_fail(diag, RESULT_SYSTEM, "can't give up new privileges: %s", strerror(errno));
    }
    if (!missing && sandbox->error == 0 &&
        syscall(SYS_landlock_restrict_self, sandbox->ruleset, 0) != 0) {
        sandbox->error = errno;
    }
    if (!missing) {
        (void)close(sandbox->ruleset);
    }
    if (missing) {
        return diag_fail(diag, RESULT_MISSING,
                         "%s: only the rights of the files keep this process from others",
                         why_missing(sandbox->error));
    }
    if (sandbox->error != 0) {
        return diag_fail(diag, RESULT_SYSTEM, "can't confine the process: %s",
                         strerror(sandbox->error));
    }
    return dropped ? RESULT_OK
                   : diag_fail(diag, RESULT_MISSING,
                               "a filter of system calls forbids to give up capabilities "
                               "(SystemCallFilter= must have capset): the process keeps them");
}

static enum result or_warning(enum result result, log_sink *log, const struct diag *diag)
{
    if (result == RESULT_MISSING) {
        log_say(log, LOG_WARNING, "%s", diag->text);
    }
    return result == RESULT_MISSING ? RESULT_OK : result;
}

enum result sandbox_enter_daemon(struct sandbox *sandbox, const char *const *calls, log_sink *log,
                                 struct diag *diag)
{
    sandbox_hide_memory(); /* a change of the user may have shown it */
    TRY(or_warning(sandbox_enter(sandbox, diag), log, diag));
    return or_warning(syscalls_limit(calls, SYSCALLS_STRICT, diag), log, diag);
}
