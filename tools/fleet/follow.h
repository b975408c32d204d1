/* Follows the ledger: takes each change as it comes into this machine's registry. After a loss it
 * resumes where it is; when the engine no longer has the changes in between, it reads all rows
 * anew.
 *
 * Nothing blocks but the commit of a taken change. A machine that is cut off keeps what it has. */
#ifndef TOOLS_FOLLOW_H
#define TOOLS_FOLLOW_H

#include "tools/fleet/taking.h"
#include "zone/base/log.h"

enum {
    FOLLOW_PULSE_MS = 5000, /* between two looks at the head, past the watch */
    FOLLOW_CUT_OFF_MS = 15000
};

struct follow_facts {
    bool placed; /* `position` is valid: this machine has taken something of the ledger */
    struct ledgerhead_position position;
    uint64_t engine_seq; /* of the newest head that was seen; 0: none yet */
    uint32_t engine_epoch;
    bool level;               /* all that was seen is taken, and changes come in */
    bool cut_off;             /* nobody of the engine has answered for FOLLOW_CUT_OFF_MS */
    uint64_t behind_since_ms; /* of the steady clock; 0: it is not behind */
    uint64_t heard_ms;        /* when the engine last answered; 0: never */
    unsigned resyncs;         /* how often all rows were read anew */
    /* Why it does not go on: OK, or UNREACHABLE, REFUSED, DAMAGED, NEWER as at taking_next. */
    enum result trouble;
    struct diag why;
};

struct follow;

/* `registry` is open for writing. */
struct follow *follow_new(struct etcd *etcd, const struct membership *membership,
                          struct store *registry, log_sink *log);
void follow_free(struct follow *follow);
/* Moves on; call it after each etcd_turn. `now_ms` is of the steady clock. Returns after how many
 * milliseconds it wants to be called again at the latest. */
unsigned follow_turn(struct follow *follow, uint64_t now_ms);
const struct follow_facts *follow_facts(const struct follow *follow);

/* Takes all that is newer, for commands: until level, or `wait_ms` are over (UNREACHABLE), or it
 * can't go on (as in `trouble`). */
enum result follow_catch_up(struct etcd *etcd, const struct membership *membership,
                            struct store *registry, unsigned wait_ms, struct diag *diag);

#endif
