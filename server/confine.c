#include "server/confine.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "zone/base/concern.h"
#include "zone/base/sandbox.h"
#include "zone/base/user.h"
#include "zone/store/store.h"

/* Threads and their priority, the child that looks at a new store, TCP, metrics. */
static const char *const calls[] = { "accept",      "accept4",  "alarm",
                                     "clone",       "sendfile", "sched_setaffinity",
                                     "setpriority", "waitid",   "wait4",
                                     NULL };

/* The dealer lowers its priority, which the filter of a systemd unit may forbid. */
static void check_filters(log_sink *log)
{
    errno = 0;
    int nice = getpriority(PRIO_PROCESS, 0);
    if (errno != 0 || setpriority(PRIO_PROCESS, 0, nice) != 0) {
        log_say(log, LOG_WARNING,
                "a filter of system calls forbids setpriority: deals don't yield to answers; allow "
                "@resources in SystemCallFilter=");
    }
}

static void check_permissions(const char *state, log_sink *log)
{
    const struct log_fields fields = { .warning = concern_id_text(CONCERN_STORE_EXPOSED) };
    char path[STORE_EXPOSED_ROOM];
    if (store_exchange_exposed(state, path)) {
        log_say_about(log, LOG_WARNING, &fields,
                      "every user of this machine can change what goes between server and probe: "
                      "chmod o-w %s",
                      path);
    }
    for (enum store_kind kind = 0; kind < STORE_KINDS; kind++) {
        if (store_exposed(state, kind, path)) {
            log_say_about(log, LOG_WARNING, &fields,
                          "every user of this machine can change state/%s: chmod o-w %s",
                          store_kind_text(kind), path);
        }
    }
}

enum result confine(const struct options *options, log_sink *log, struct diag *diag)
{
    struct sandbox sandbox;
    if (options->user != NULL) {
        TRY(user_become(options->user, diag));
    }
    if (geteuid() == 0) {
        log_say(log, LOG_NOTICE, "runs as root, which it does not need: give it a user (--user)");
    }
    check_filters(log);
    check_permissions(options->state, log);
    sandbox_begin(&sandbox, false);
    sandbox_allow(&sandbox, options->state, SANDBOX_WRITE);
    for (size_t i = 0; i < options->location_count; i++) {
        sandbox_allow_file(&sandbox, options->locations[i], NULL);
    }
    return sandbox_enter_daemon(&sandbox, calls, log, diag);
}
