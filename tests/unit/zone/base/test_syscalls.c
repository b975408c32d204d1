#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "zone/base/syscalls.h"

enum {
    NOT_CONFINED = 0xfe,
    NO_FILTER = 0xff /* the kernel has none */
};

static const char *const more[] = { "clone", "wait4", NULL };

/* The status of a child that looks from behind the filters. `look` returns the child's exit code.
 */
static int child(bool strict, int (*look)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct diag diag;
        syscalls_hide();
        enum result result = syscalls_limit(more, strict, &diag);
        if (result == RESULT_OK) {
            _exit(look());
        }
        _exit(result == RESULT_MISSING ? NO_FILTER : NOT_CONFINED);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_FILTER) {
        skip();
    }
    return status;
}

static void check(int (*look)(void))
{
    int status = child(false, look);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool passes(long rc)
{
    return rc != -1 || errno != ENOSYS;
}

static bool lacks_socket(int family, int type)
{
    int fd = socket(family, type | SOCK_CLOEXEC, 0);
    (void)close(fd);
    return fd < 0;
}

static int look_at_sockets(void)
{
    return lacks_socket(AF_INET, SOCK_DGRAM) | lacks_socket(AF_UNIX, SOCK_STREAM) << 1 |
           passes(socket(AF_NETLINK, SOCK_RAW, 0)) << 2 |
           passes(socket(AF_PACKET, SOCK_RAW, 0)) << 3 |
           passes(socket(AF_ALG, SOCK_SEQPACKET, 0)) << 4 |
           passes(syscall(SYS_accept4, 0, NULL, NULL, 0)) << 5; /* not in `more` */
}

static void sockets_are_of_ip_or_unix(void **)
{
    check(look_at_sockets);
}

static void *set(void *arg)
{
    *(bool *)arg = true;
    return NULL;
}

static int look_at_children(void)
{
    pthread_t thread;
    bool ran = false;
    int status = 1;
    if (pthread_create(&thread, NULL, set, &ran) != 0 || pthread_join(thread, NULL) != 0) {
        return 1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    bool waited = waitpid(pid, &status, 0) == pid;
    return (!ran || !waited || status != 0) |
           passes(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)) << 1 |
           passes(syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0)) << 2 |
           passes(syscall(SYS_clone3, NULL, 0)) << 3;
}

static void threads_and_children_stay_in_their_namespaces(void **)
{
    check(look_at_children);
}

/* As the child that looks at a damaged store does, when LMDB finds a contradiction. */
static int look_at_abort(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        (void)signal(SIGSEGV, SIG_DFL);
        abort();
    }
    bool ended = waitpid(pid, &status, 0) == pid && WIFSIGNALED(status);
    return !ended || (WTERMSIG(status) != SIGABRT && WTERMSIG(status) != SIGSEGV);
}

static void a_child_that_aborts_ends_by_a_signal_that_says_so(void **)
{
    check(look_at_abort);
    assert_int_equal(child(true, look_at_abort), 0);
}

static int look_at_memory(void)
{
    size_t len = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *both = mmap(NULL, len, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool mapped = both != MAP_FAILED;
    return (page == MAP_FAILED) | mapped << 1 |
           passes(mprotect(page, len, PROT_READ | PROT_EXEC)) << 2 |
           (mprotect(page, len, PROT_READ) != 0) << 3 |
           passes(syscall(SYS_memfd_create, "code", 0)) << 4;
}

static void nothing_written_is_executed(void **)
{
    check(look_at_memory);
}

static int look_at_others(void)
{
    struct rlimit limit;
    return (syscall(SYS_tgkill, getppid(), getppid(), 0) == 0) |
           (syscall(SYS_tgkill, getpid(), getpid(), 0) != 0) << 1 |
           passes(syscall(SYS_prlimit64, getppid(), RLIMIT_NOFILE, NULL, &limit)) << 2 |
           (getrlimit(RLIMIT_NOFILE, &limit) != 0) << 3 | passes(ioctl(0, TIOCSTI, "x")) << 4 |
           passes(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)) << 5;
}

static void other_processes_and_the_terminal_are_out_of_reach(void **)
{
    check(look_at_others);
}

static int look_at_the_rest(void)
{
    return passes(syscall(SYS_io_uring_setup, 8, NULL)) |
           passes(syscall(SYS_setresuid, -1, -1, -1)) << 1 | passes(inotify_init1(0)) << 2 |
           passes(symlink("a", "b")) << 3 | passes(mknod("a", S_IFIFO | 0600, 0)) << 4 |
           passes(syscall(0xfff, 0)) << 5; /* of a newer kernel */
}

static void what_is_not_listed_looks_like_what_the_kernel_does_not_have(void **)
{
    check(look_at_the_rest);
}

static int listen_in(void)
{
    return listen(0, 1);
}

static void in_a_strict_filter_it_ends_the_process(void **)
{
    int status = child(true, listen_in);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

static int execute(void)
{
    return execl("/bin/true", "true", (char *)NULL);
}

static int read_another(void)
{
    return (int)syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
}

static int mount_here(void)
{
    return mount("none", "/nowhere", "tmpfs", 0, NULL);
}

static int leave(void)
{
    return unshare(CLONE_NEWUSER);
}

static int load_bpf(void)
{
    return (int)syscall(SYS_bpf, 0, NULL, 0);
}

static int load_kernel(void)
{
    return (int)syscall(SYS_kexec_load, 0, 0, NULL, 0);
}

static int add_key(void)
{
    return (int)syscall(SYS_add_key, "user", "a", "b", 1, 0);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* which trace themselves */
static int trace(void)
{
    return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}
#endif

#ifdef __x86_64__
/* getpid(2), by the numbers of x32. */
static int call_foreign(void)
{
    return syscall(0x40000000 | SYS_getpid) < 0;
}
#endif

static void what_only_an_attacker_calls_ends_the_process(void **)
{
    int (*const calls[])(void) = {
        execute,
        read_another,
        mount_here,
        leave,
        load_bpf,
        load_kernel,
        add_key,
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        trace,
#endif
#ifdef __x86_64__
        call_foreign
#endif
    };
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        int status = child(false, calls[i]);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSYS);
    }
}

static int nothing(void)
{
    return 0;
}

/* libuv would keep its ring. */
static void nothing_is_limited_before_the_ring_is_hidden(void **)
{
    struct diag diag;
    assert_int_equal(syscalls_limit(more, false, &diag), RESULT_MISSING);
    check(nothing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sockets_are_of_ip_or_unix),
        cmocka_unit_test(threads_and_children_stay_in_their_namespaces),
        cmocka_unit_test(a_child_that_aborts_ends_by_a_signal_that_says_so),
        cmocka_unit_test(nothing_written_is_executed),
        cmocka_unit_test(other_processes_and_the_terminal_are_out_of_reach),
        cmocka_unit_test(what_is_not_listed_looks_like_what_the_kernel_does_not_have),
        cmocka_unit_test(in_a_strict_filter_it_ends_the_process),
        cmocka_unit_test(what_only_an_attacker_calls_ends_the_process),
        cmocka_unit_test(nothing_is_limited_before_the_ring_is_hidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
