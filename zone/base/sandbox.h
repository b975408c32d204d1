/* What a process may still do once it faces the network: whoever takes it over shall find no more
 * than it needs.
 *
 * A process enters its sandbox when it has its sockets and stores, and before its first thread
 * starts: capabilities and Landlock belong to a thread, and only later threads inherit them. There
 * is no way out. */
#ifndef ZONE_SANDBOX_H
#define ZONE_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/base/result.h"

enum sandbox_right {
    SANDBOX_READ,
    SANDBOX_WRITE /* and make, cut and remove files */
};

/* Rules on their way to the kernel. A rule that fails is reported by sandbox_enter. */
struct sandbox {
    int ruleset;       /* -1: the kernel takes none */
    int error;         /* errno of the first failure */
    uint64_t known_fs; /* rights on files that this kernel knows */
};

/* From here on nobody but root can read this process's memory, and no core dump holds it: keys are
 * in there. Builds with a sanitizer stay readable, since the sanitizer reads itself. */
void sandbox_hide_memory(void);

/* `connects`: it may open TCP connections and sockets later on; otherwise those it has are all. */
void sandbox_begin(struct sandbox *sandbox, bool connects);
/* A file, or a directory with all below it. A path that is not there needs no rule. */
void sandbox_allow(struct sandbox *sandbox, const char *path, enum sandbox_right right);
/* A file that is read again after another was renamed into its place, so its directory is allowed;
 * unless the directory holds `secret` (NULL: nothing is secret), then the file as it is now. */
void sandbox_allow_file(struct sandbox *sandbox, const char *file, const char *secret);
/* Gives up all capabilities and new privileges, and confines the process to what was allowed and to
 * what the C library, TLS and the resolver read of the system. It executes nothing, and signals
 * nobody outside. Root alone keeps the right to open files of other users. MISSING, with the reason
 * in the diag, where Landlock is not to be had: then only the rights of files hold, which is no
 * reason to stop, but is to be said. */
enum result sandbox_enter(struct sandbox *sandbox, struct diag *diag);

#endif
