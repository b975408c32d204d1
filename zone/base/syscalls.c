#include "zone/base/syscalls.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define IS_SANITIZED
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define IS_SANITIZED
#    endif
#endif

#ifndef PR_SET_VMA
#    define PR_SET_VMA 0x53564d41
#endif

#define INT UINT32_MAX
#define NAMESPACES                                                                                 \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)

enum {
#ifdef __s390x__
    CLONE_FLAGS = 1
#else
    CLONE_FLAGS = 0
#endif
};

/* A name that is unknown to libseccomp or this architecture is left out: some calls have another
 * name on other architectures, and some are younger than Debian 12. */
static const char *const common[] = {
    /* files */
    "access", "close", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fallocate",
    "fchmod", "fchmodat", "fchown", "fchownat", "fcntl", "fdatasync", "flock", "fstat", "fstatfs",
    "fsync", "ftruncate", "getcwd", "getdents64", "ioctl", "lchown", "lseek", "lstat", "mkdir",
    "mkdirat", "newfstatat", "open", "openat", "pipe2", "pread64", "preadv", "pwrite64", "pwritev",
    "read", "readlink", "readlinkat", "readv", "rename", "renameat", "renameat2", "stat", "statfs",
    "statx", "sync_file_range", "truncate", "umask", "unlink", "unlinkat", "write", "writev",
    /* memory */
    "brk", "madvise", "membarrier", "mlock", "mlock2", "mmap", "mprotect", "mremap", "mseal",
    "msync", "munlock", "munmap",
    /* threads, time and itself */
    "clock_getres", "clock_gettime", "clock_nanosleep", "exit", "exit_group", "futex",
    "futex_requeue", "futex_wait", "futex_waitv", "futex_wake", "get_robust_list", "getcpu",
    "getegid", "geteuid", "getgid", "getpid", "getppid", "getpriority", "getrandom", "getresgid",
    "getresuid", "getrlimit", "getrusage", "gettid", "gettimeofday", "getuid", "nanosleep", "prctl",
    "prlimit64", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask",
    "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "sched_getaffinity", "sched_yield",
    "set_robust_list", "set_tid_address", "setitimer", "sigaltstack", "sysinfo", "tgkill", "time",
    "times", "uname",
    /* sockets and waiting for them */
    "bind", "connect", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
    "eventfd2", "getpeername", "getsockname", "getsockopt", "poll", "ppoll", "pselect6", "recvfrom",
    "recvmmsg", "recvmsg", "select", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
    "socket", "timerfd_create", "timerfd_settime",
#ifdef IS_SANITIZED
    "clone", "getdents", "kill", "personality", "ptrace", "sched_getparam", "sched_getscheduler",
    "wait4",
#endif
    /* the first filter refuses them, and that is not worth a line in the kernel's log */
    "clone3", "io_uring_setup", NULL
};

/* What no library tries. */
static const char *const deadly[] = {
    /* other programs and processes */
    "execve", "execveat", "pidfd_getfd", "process_vm_readv", "process_vm_writev",
#ifndef IS_SANITIZED
    "ptrace",
#endif
    /* namespaces, mounts and files past them */
    "chroot", "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount",
    "open_by_handle_at", "open_tree", "pivot_root", "quotactl", "setns", "umount2", "unshare",
    /* the kernel and the machine */
    "acct", "add_key", "bpf", "clock_settime", "delete_module", "finit_module", "init_module",
    "ioperm", "iopl", "kexec_file_load", "kexec_load", "keyctl", "perf_event_open", "reboot",
    "request_key", "setdomainname", "sethostname", "settimeofday", "swapoff", "swapon",
    "userfaultfd", NULL
};

/* An argument of a call, under a mask, has this value. A call that is here is allowed if one of its
 * lines holds. */
static const struct condition {
    const char *call;
    unsigned argument;
    uint64_t mask, value;
} conditions[] = {
    { "clone", CLONE_FLAGS, NAMESPACES, 0 },
    { "ioctl", 1, INT, FIONBIO },
    { "ioctl", 1, INT, FIONREAD },
    { "ioctl", 1, INT, FIOCLEX },
    { "ioctl", 1, INT, SIOCGIFINDEX },
    { "ioctl", 1, INT, SIOCGIFNAME },
    { "ioctl", 1, INT, TCGETS },
    { "ioctl", 1, INT, TIOCGWINSZ },
    { "ioctl", 1, INT, TIOCOUTQ },
    { "mmap", 2, PROT_EXEC, 0 },
    { "mmap", 2, PROT_EXEC | PROT_WRITE, PROT_EXEC }, /* a library */
    { "mprotect", 2, PROT_EXEC, 0 },
    { "prctl", 0, INT, PR_SET_NAME },
    { "prctl", 0, INT, PR_SET_PDEATHSIG },
    { "prctl", 0, INT, PR_SET_VMA },
#ifdef IS_SANITIZED
    { "prctl", 0, INT, PR_GET_DUMPABLE },
    { "prctl", 0, INT, PR_SET_DUMPABLE },
    { "prctl", 0, INT, PR_SET_PTRACER },
#endif
    { "prlimit64", 0, INT, 0 },
    { "socket", 0, INT, AF_INET },
    { "socket", 0, INT, AF_INET6 },
    { "socket", 0, INT, AF_UNIX },
};

static int hiding = -EINVAL; /* what syscalls_hide came to: 0, or an error */

static int allow_if(scmp_filter_ctx filter, int call, const struct condition *only)
{
    return seccomp_rule_add(
        filter, SCMP_ACT_ALLOW, call, 1,
        SCMP_CMP64(only->argument, SCMP_CMP_MASKED_EQ, only->mask, only->value));
}

/* Signals of this process to itself. A child that aborts ends by SIGSEGV, which abort(3) falls back
 * to. */
static int allow_tgkill(scmp_filter_ctx filter, int call)
{
    uint32_t pid = (uint32_t)getpid();
    int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 1,
                              SCMP_CMP64(0, SCMP_CMP_NE, pid, 0));
    return rc == 0 ? seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
                                      SCMP_CMP64(0, SCMP_CMP_EQ, pid, 0))
                   : rc;
}

/* Adds the rules of a call, if this architecture has it. */
static int allow(scmp_filter_ctx filter, const char *name)
{
    int call = seccomp_syscall_resolve_name(name), rc = 0;
    bool any = false;
    if (call == __NR_SCMP_ERROR) {
        return 0;
    }
    if (strcmp(name, "tgkill") == 0) {
        return allow_tgkill(filter, call);
    }
    for (size_t i = 0; rc == 0 && i < sizeof(conditions) / sizeof(conditions[0]); i++) {
        if (strcmp(conditions[i].call, name) == 0) {
            any = true;
            rc = allow_if(filter, call, &conditions[i]);
        }
    }
    return any ? rc : seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
}

static int allow_all(scmp_filter_ctx filter, const char *const *names)
{
    int rc = 0;
    for (; rc == 0 && *names != NULL; names++) {
        rc = allow(filter, *names);
    }
    return rc;
}

static int refuse_all(scmp_filter_ctx filter, uint32_t action, const char *const *names)
{
    int rc = 0;
    for (; rc == 0 && *names != NULL; names++) {
        int call = seccomp_syscall_resolve_name(*names);
        rc = call == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(filter, action, call, 0);
    }
    return rc;
}

/* Frees the filter. */
static int load(scmp_filter_ctx filter, int rc)
{
    (void)seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1); /* the kernel's own error */
    rc = rc == 0 ? seccomp_load(filter) : rc;
    seccomp_release(filter);
    return rc;
}

void syscalls_hide(void)
{
    static const char *const names[] = { "clone3", "io_uring_setup", NULL };
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    CHECK(filter != NULL);
    hiding = load(filter, refuse_all(filter, SCMP_ACT_ERRNO(ENOSYS), names));
}

static int limit(const char *const *more, bool strict)
{
    scmp_filter_ctx filter = seccomp_init(strict ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(ENOSYS));
    if (filter == NULL) {
        return -EOPNOTSUPP;
    }
    /* Without these the filter refuses as much. The kernel may be older than 4.14, or seccomp(2) be
     * forbidden, in whose place libseccomp uses prctl(2). */
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
    (void)seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    (void)refuse_all(filter, SCMP_ACT_KILL_PROCESS, deadly);
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree of numbers */
    int rc = allow_all(filter, common);
    rc = rc == 0 ? allow_all(filter, more) : rc;
    return load(filter, rc);
}

enum result syscalls_limit(const char *const *more, bool strict, struct diag *diag)
{
    int rc = hiding == 0 ? limit(more, strict) : hiding;
    return rc == 0 ? RESULT_OK
                   : diag_fail(diag, RESULT_MISSING,
                               "the kernel refuses a filter of system calls (%s): all of them stay "
                               "open to an attacker who takes this process over",
                               strerror(-rc));
}
