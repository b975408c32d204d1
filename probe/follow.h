/* The registry as the probe follows it: what it says now, also when a newer copy is renamed into its place, as on the host of a
 * remote vantage point. While no good one is there, the last snapshot's members stay under watch. */
#ifndef PROBE_FOLLOW_H
#define PROBE_FOLLOW_H

#include "zone/store.h"

struct follow {
    const char *state_dir;
    struct store **store;       /* its owner's; NULL in it while none can be opened */
    struct store_txn *snapshot; /* to read from between follow_look and follow_rest; NULL: none */
    uint64_t version;           /* that was taken over; 0: none */
    uint64_t retry_ms;          /* when another one is tried after one that was no good */
};

/* The first look. `*store` is open; it stays its owner's to close after follow_done. */
enum result follow_begin(struct follow *follow, const char *state_dir, struct store **store,
                         struct diag *diag);
/* `*changed`: the snapshot is newer than what was taken over. */
enum result follow_look(struct follow *follow, bool *changed, struct diag *diag);
/* The snapshot's members are under watch. */
void follow_taken(struct follow *follow);
/* Gives the snapshot up until the next look. */
void follow_rest(struct follow *follow);
void follow_done(struct follow *follow);

#endif
