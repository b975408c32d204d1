/* The sandbox of a process that faces the network: an attacker who takes it over gets no more
 * rights than it needs.
 *
 * A process enters its sandbox after it has opened its sockets and stores, and before it starts its
 * first thread: capabilities and Landlock belong to a thread, and only later threads inherit them.
 * It can't leave the sandbox. */
#ifndef ZONE_SANDBOX_H
#define ZONE_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/base/log.h"

enum sandbox_right {
    SANDBOX_READ,
    SANDBOX_WRITE /* and create, truncate and remove files */
};

/* The rules so far. sandbox_enter reports a rule that failed. */
struct sandbox {
    int ruleset;       /* descriptor; -1: the kernel has no Landlock */
    int error;         /* errno of the first failure */
    uint64_t known_fs; /* file rights that this kernel knows */
};

/* The memory holds keys: from now on only root can read it, and there is no core dump. Builds with
 * a sanitizer stay readable, since the sanitizer reads its own process. */
void sandbox_hide_memory(void);

/* `connects`: the process may open TCP connections and sockets later. Otherwise it keeps those it
 * has. */
void sandbox_begin(struct sandbox *sandbox, bool connects);
/* Allows a file, or a directory with everything below it. A path that does not exist needs no
 * rule. */
void sandbox_allow(struct sandbox *sandbox, const char *path, enum sandbox_right right);
/* Allows to read a file again after another file was renamed over it, by allowing its directory. If
 * the directory holds `secret` (may be NULL), only the present file is allowed. */
void sandbox_allow_file(struct sandbox *sandbox, const char *file, const char *secret);
/* Gives up all capabilities and new privileges, and confines the process to what was allowed and to
 * the system files that the C library, TLS and the resolver read. The process then executes no
 * program and signals no process outside. Only root keeps a right: to open files of other users.
 * MISSING, with the reason in the diag, if there is no Landlock. Then only file permissions protect
 * the system; the caller logs this and goes on. */
enum result sandbox_enter(struct sandbox *sandbox, struct diag *diag);
/* The same for a daemon, which has called syscalls_hide: hides its memory as well, and leaves it
 * the system calls of every daemon and those in `calls` (see syscalls_limit). Logs what the kernel
 * does not have. */
enum result sandbox_enter_daemon(struct sandbox *sandbox, const char *const *calls, log_sink *log,
                                 struct diag *diag);

#endif
