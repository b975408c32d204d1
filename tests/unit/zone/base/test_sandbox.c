#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "zone/base/sandbox.h"

static char dir[64];
static bool connects = true; /* what the next child may do */

static char *path_in(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void make_file(const char *name)
{
    int fd = open(path_in(name), O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
}

static int make_state(void **)
{
    (void)snprintf(dir, sizeof(dir), "rights.XXXXXX");
    assert_non_null(mkdtemp(dir));
    static const char *const stores[] = { "registry", "health", "history", "keys", "cas" };
    for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
        assert_int_equal(mkdir(path_in(stores[i]), 0700), 0);
    }
    make_file("seal.key");
    make_file("keys/data.mdb");
    make_file("registry/data.mdb");
    make_file("cas/trust.pem");
    make_file("trust.pem");
    return 0;
}

static int remove_state(void **)
{
    static const char *const all[] = { "registry/data.mdb",
                                       "health/lock.mdb",
                                       "keys/data.mdb",
                                       "cas/trust.pem",
                                       "trust.pem",
                                       "seal.key",
                                       "registry",
                                       "health",
                                       "history",
                                       "keys",
                                       "cas",
                                       "" };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        (void)remove(path_in(all[i]));
    }
    return 0;
}

static int error_of_opening(const char *name, int flags)
{
    int fd = open(path_in(name), flags | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno;
    }
    (void)close(fd);
    return 0;
}

/* Runs a child that has entered its sandbox. Bit i: expectation i does not hold. 0xff: the kernel
 * can't confine. */
static int child(const char *trust, int (*look)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct sandbox sandbox;
        struct diag diag;
        sandbox_begin(&sandbox, connects);
        sandbox_allow(&sandbox, path_in("registry"), SANDBOX_WRITE);
        sandbox_allow(&sandbox, path_in("health"), SANDBOX_WRITE);
        sandbox_allow(&sandbox, path_in("nowhere"), SANDBOX_WRITE);
        sandbox_allow_file(&sandbox, path_in(trust), dir);
        enum result result = sandbox_enter(&sandbox, &diag);
        _exit(result == RESULT_MISSING ? 0xff : result == RESULT_OK ? look() : 0x7f);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static long landlock_version(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, 1U);
}

static void check(const char *trust, int (*look)(void))
{
    int missed = child(trust, look);
    if (missed == 0xff) {
        skip();
    }
    assert_int_equal(missed, 0);
}

static int look_for_keys(void)
{
    return (error_of_opening("seal.key", O_RDONLY) != EACCES) |
           (error_of_opening("keys/data.mdb", O_RDONLY) != EACCES) << 1 |
           (error_of_opening("new", O_WRONLY | O_CREAT) != EACCES) << 2;
}

static void keys_are_out_of_reach(void **)
{
    check("cas/trust.pem", look_for_keys);
}

static void keys_are_out_of_reach_when_the_trust_is_beside_them(void **)
{
    check("trust.pem", look_for_keys);
}

static int look_for_stores(void)
{
    return (error_of_opening("registry/data.mdb", O_RDWR) != 0) |
           (error_of_opening("health/lock.mdb", O_RDWR | O_CREAT) != 0) << 1 |
           (error_of_opening("cas/trust.pem", O_RDONLY) != 0) << 2 |
           (error_of_opening("cas/trust.pem", O_WRONLY) != EACCES) << 3 |
           (access("/etc/passwd", R_OK) != 0) << 4;
}

static void what_is_allowed_stays_open(void **)
{
    check("cas/trust.pem", look_for_stores);
}

static int look_for_programs(void)
{
    (void)execl("/bin/false", "false", (char *)NULL); /* if it ran, it would exit with 1 */
    return errno == EACCES ? 0 : 1;
}

static void nothing_is_executed(void **)
{
    check("cas/trust.pem", look_for_programs);
}

/* The new file was renamed into place: it has another inode, which no rule names. */
static int look_for_the_next_trust(void)
{
    return (error_of_opening("cas/trust.pem", O_RDONLY) != 0) |
           (error_of_opening("cas/next.pem", O_RDONLY) != 0) << 1;
}

static void file_may_be_replaced_also_by_a_link(void **)
{
    make_file("cas/next.pem");
    assert_int_equal(symlink("cas/trust.pem", path_in("link.pem")), 0);
    check("link.pem", look_for_the_next_trust);
    assert_int_equal(unlink(path_in("cas/next.pem")) | unlink(path_in("link.pem")), 0);
}

/* truncate(2) opens no file, so it needs a right of its own. */
static int look_for_truncation(void)
{
    return (truncate(path_in("seal.key"), 0) == 0) |
           (truncate(path_in("registry/data.mdb"), 0) != 0) << 1;
}

static void a_foreign_file_is_not_truncated(void **)
{
    if (landlock_version() < 3) {
        skip();
    }
    check("cas/trust.pem", look_for_truncation);
}

static int look_for_the_parent(void)
{
    return kill(getppid(), 0) == 0 || kill(getpid(), 0) != 0;
}

static void nobody_outside_is_signalled(void **)
{
    if (landlock_version() < 6) {
        skip();
    }
    check("cas/trust.pem", look_for_the_parent);
}

static int error_of_tcp(bool binding)
{
    const struct sockaddr_in local = { .sin_family = AF_INET,
                                       .sin_addr = { htonl(INADDR_LOOPBACK) },
                                       .sin_port = htons(binding ? 0 : 1) };
    union {
        const struct sockaddr_in *in;
        const struct sockaddr *any;
    } address = { .in = &local };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc =
        binding ? bind(fd, address.any, sizeof(local)) : connect(fd, address.any, sizeof(local));
    int error = rc == 0 ? 0 : errno;
    (void)close(fd);
    return error;
}

static int look_for_tcp(void)
{
    return (error_of_tcp(true) != EACCES) | (error_of_tcp(false) != EACCES) << 1;
}

static void a_program_that_need_not_connect_opens_no_tcp(void **)
{
    if (landlock_version() < 4) {
        skip();
    }
    connects = false;
    check("cas/trust.pem", look_for_tcp);
    connects = true;
}

/* Root keeps the capability to open files of other users. Any other user keeps none. */
static int look_for_capabilities(void)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct has[_LINUX_CAPABILITY_U32S_3] = { 0 };
    bool known = syscall(SYS_capget, &head, has) == 0;
    uint32_t most = geteuid() == 0 ? 1U << CAP_DAC_OVERRIDE : 0;
    return (known ? 0 : 1) | ((has[0].permitted & ~most) != 0 || has[1].permitted != 0) << 1 |
           (prctl(PR_CAPBSET_READ, CAP_NET_RAW, 0, 0, 0) != 0 && geteuid() == 0) << 2 |
           (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) << 3;
}

static void no_capability_is_left(void **)
{
    check("cas/trust.pem", look_for_capabilities);
}

static void no_core_holds_the_memory(void **)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit limit;
        sandbox_hide_memory();
        _exit(getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_cur != 0 || limit.rlim_max != 0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_state, remove_state)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(keys_are_out_of_reach),
        CASE(keys_are_out_of_reach_when_the_trust_is_beside_them),
        CASE(what_is_allowed_stays_open),
        CASE(nothing_is_executed),
        CASE(file_may_be_replaced_also_by_a_link),
        CASE(a_foreign_file_is_not_truncated),
        CASE(nobody_outside_is_signalled),
        CASE(a_program_that_need_not_connect_opens_no_tcp),
        CASE(no_capability_is_left),
        CASE(no_core_holds_the_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
