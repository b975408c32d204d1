/* The machines of a fleet as they speak of themselves at the engine: in hellos and acks, which
 * count only if signed. Start from `{ 0 }`. */
#ifndef TOOLS_FLEETMACHINES_H
#define TOOLS_FLEETMACHINES_H

#include "tools/fleet/membership.h"
#include "zone/fleet/ack.h"
#include "zone/fleet/hello.h"
#include "zone/registry/machine.h"

struct fleetmachine {
    struct machine machine;
    bool greeted; /* `hello` is its last */
    struct hello hello;
    uint64_t heard_at; /* Unix seconds by its clock, of its newest letter; 0: none */
    struct ack has;    /* what it has of the ledger, as it said last; seq 0: it never said */
};

struct fleetmachines {
    unsigned count;
    struct fleetmachine list[MACHINES_KNOWN_MAX]; /* in order of name */
};

/* Lists the machines that the registry knows. */
enum result fleetmachines_list(struct fleetmachines *out, struct store_txn *registry);
/* Others have no right to them: they know of a machine what its last hello said. */
bool fleetmachines_may_read_acks(const struct membership *membership);
/* Asks the engine for the hellos, and perhaps acks, of those that are listed. As at
 * etcdreply_failure. */
enum result fleetmachines_ask(struct fleetmachines *machines, struct etcd *etcd,
                              const struct membership *membership, struct diag *diag);
/* The acks alone, once more. */
enum result fleetmachines_ask_acks(struct fleetmachines *machines, struct etcd *etcd,
                                   const struct membership *membership, struct diag *diag);
/* True if the machine has not been heard of for long. */
bool fleetmachines_is_silent(const struct fleetmachine *machine, uint64_t now);

#endif
