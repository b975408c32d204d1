/* A state directory has one running daemon of each kind. A second one is refused, or takes over.
 *
 * The daemon holds a lock on `<name>.lock` (an open file description lock, which works across PID
 * namespaces). Only the owner can open that file, so that a user with read access to the state
 * can't keep a daemon from starting. `<name>.instance` tells everybody which daemon runs; it is
 * empty when none does. A daemon may fork: the lock is held until its last child has ended. */
#ifndef ZONE_INSTANCE_H
#define ZONE_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/base/result.h"

enum {
    INSTANCE_BEAT_S = 1,  /* interval of heartbeats */
    INSTANCE_STALE_S = 10 /* after this time without heartbeat a daemon has ended or hangs */
};

struct instance;

struct instance_facts {
    /* It holds its lock. Without the right to see this: its last heartbeat is recent. */
    bool running;
    uint64_t pid; /* in its own PID namespace */
    uint64_t since, heartbeat;
    /* Since the heartbeat, by clock_steady; UINT64_MAX if the machine has started since. */
    uint64_t silent_s;
    unsigned sockets;      /* that it has on an address; 0 if it has none */
    uint64_t locations_at; /* the oldest location file that it uses; 0: none */
    char version[64];
};

/* Becomes the daemon `name` of the state directory. REFUSED if one runs; the diag says which.
 * SYSTEM if the files can't be made. The caller may go on after SYSTEM, but then nothing keeps a
 * second daemon from starting. */
enum result instance_claim(struct instance **out, const char *state, const char *name,
                           unsigned sockets, struct diag *diag);
/* The same, but if one runs, the caller becomes its successor. REFUSED if it has one already. */
enum result instance_succeed(struct instance **out, const char *state, const char *name,
                             unsigned sockets, struct diag *diag);
/* True for a successor whose predecessor has not ended. */
bool instance_waits(const struct instance *instance);
/* The successor answers queries now. Asks the predecessor to end. */
void instance_ready(struct instance *instance);
/* True once the successor has the lock of the running daemon. Does not wait. */
bool instance_inherit(struct instance *instance);
/* True if a successor answers queries already. */
bool instance_is_succeeded(const struct instance *instance);
/* For the next heartbeats. NULL is allowed. */
void instance_note_locations(struct instance *instance, uint64_t locations_at);
/* Writes a heartbeat; to be called every INSTANCE_BEAT_S. Does nothing for NULL, and for a
 * successor that waits. */
void instance_beat(struct instance *instance);
/* Empties the instance file and unlocks. */
void instance_free(struct instance *instance);

/* Makes the files of a daemon that may not have run yet, for a process that can read only what was
 * there when it confined itself. */
enum result instance_make(const char *state, const char *name, struct diag *diag);

/* NOT_FOUND if the file is empty or missing: `heartbeat` is when the last one ended in an orderly
 * way, 0 if there was none; or, with `running`, one runs that could not write, on a full disk.
 * SYSTEM if the file can't be read, or a daemon did not write it. The file may be another user's:
 * nothing in it is trusted. */
enum result instance_read(struct instance_facts *out, const char *state, const char *name,
                          struct diag *diag);

#endif
