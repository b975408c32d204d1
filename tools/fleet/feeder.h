/* What the parts of ntspool-feedd share: the client of the engine, who this machine is, its stores,
 * and the loop that moves all of them.
 *
 * A part is a channel: a thing that this machine tells the others, or takes from them. Channels use
 * following.h and sending.h. The loop calls each after whatever happened, and never blocks: neither
 * does a channel. */
#ifndef TOOLS_FEEDER_H
#define TOOLS_FEEDER_H

#include "tools/fleet/etcd.h"
#include "zone/base/log.h"
#include "zone/fleet/hello.h"
#include "zone/store/store.h"

#define SERVER_NAME "ntspoold" /* its instance in the state directory */

enum {
    FEEDER_IDLE_MS = 1000 /* the longest that the loop sleeps */
};

struct membership;

struct feeder {
    struct etcd *etcd;
    const struct membership *membership; /* tools/fleet/membership.h */
    /* Of the membership: */
    const char *machine;   /* our name */
    const char *prefix;    /* of all keys of the fleet, with a slash at its end */
    const char *ledger;    /* for signatures */
    const uint8_t *secret; /* our key: LETTER_SECRET octets */
    const char *state_dir;
    struct store *registry, *fleet;
    struct store *health, *traffic; /* NULL: this machine has none */
    log_sink *log;
    uint64_t now_ms; /* of the steady clock, when the turn began */
    bool stirred;    /* a channel has done something that others may wait for: go round once more */
    uint64_t number; /* of the last letter, of any kind */
    /* What this machine says of itself: */
    uint64_t started_at;
    uint32_t epoch; /* its position in the ledger, as the loop has it from follow_facts */
    uint64_t seq;   /* ... 0: none yet */
    bool has_identity;
    uint8_t identity[HELLO_IDENTITY]; /* set by the channel of keys, as is the next */
    uint64_t package;                 /* of keys, that it has; 0: none */
};

struct feeder_channel {
    const char *name;
    /* NULL: this machine, by its role or stores, has no such channel. */
    void *(*begin)(struct feeder *feeder);
    /* Moves on. Returns after how many milliseconds it wants to be called again at the latest. */
    unsigned (*turn)(void *channel);
    void (*end)(void *channel);
};

#endif
