/* One daemon of a kind a state: which one runs, and how a second one is refused or takes over.
 *
 * Two files in the state directory. `<name>.lock` is locked (open file description locks, which
 * count across PID namespaces) and can be opened by its owner alone: who may only read the state
 * must not be able to keep a daemon from its start. `<name>.instance` tells everybody who runs; it
 * is empty when nobody does. A program may fork: the lock is held until the last child has
 * ended. */
#ifndef ZONE_INSTANCE_H
#define ZONE_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/base/result.h"

enum {
    INSTANCE_BEAT_S = 1,  /* a daemon says that it runs */
    INSTANCE_STALE_S = 10 /* one that has been silent for longer runs no more, or stands */
};

struct instance;

struct instance_facts {
    /* Holds its lock; where this can't be seen for lack of rights, it was heard of lately. */
    bool running;
    uint64_t pid; /* in its own PID namespace */
    uint64_t since, heartbeat;
    /* Since the heartbeat, by a clock that nobody sets; UINT64_MAX if the machine has started
     * since. */
    uint64_t silent_s;
    unsigned workers; /* 0 if it has none */
    char version[32];
};

/* Becomes the one daemon `name` of the state directory. REFUSED if one runs, and the diag tells
 * which; SYSTEM if the files can't be made. The caller may go on after SYSTEM: then nobody is kept
 * from starting a second one. */
enum result instance_claim(struct instance **out, const char *state, const char *name,
                           unsigned workers, struct diag *diag);
/* The same, but where one runs the caller becomes its successor. REFUSED if it has one already. */
enum result instance_succeed(struct instance **out, const char *state, const char *name,
                             unsigned workers, struct diag *diag);
/* True for a successor whose predecessor has not ended. */
bool instance_waits(const struct instance *instance);
/* A successor does the work now: asks the predecessor to end. */
void instance_ready(struct instance *instance);
/* True once a successor has the lock itself. Looks, does not wait. */
bool instance_inherit(struct instance *instance);
/* True if a successor does the work already. */
bool instance_is_succeeded(const struct instance *instance);
/* To be called every INSTANCE_BEAT_S. Nothing while it waits, or of NULL. */
void instance_beat(struct instance *instance);
/* Says that nobody runs any more and unlocks. */
void instance_free(struct instance *instance);

/* NOT_FOUND if none has run since the last one ended in order, SYSTEM if the file can't be read. */
enum result instance_read(struct instance_facts *out, const char *state, const char *name,
                          struct diag *diag);

#endif
