/* Decides when each probe and lookup is due, and starts those that are.
 *
 * What has waited longest starts first, so neither the rate per host (probe/host_rate.h) nor the
 * bound on what is in flight starves a member. */
#ifndef PROBE_DISPATCHER_H
#define PROBE_DISPATCHER_H

#include "probe/due.h"
#include "probe/host_rate.h"
#include "probe/member_table.h"

struct dispatcher {
    /* For the owner to set. */
    struct member_table *table;
    const struct stall *stall;
    struct tls_trust *trust;
    uint32_t interval_ms;
    bool allow_private;
    bool once; /* each address is probed once */
    /* The dispatcher's own. */
    unsigned in_flight_max;
    struct host_rate *host_rate;
    struct due_list names, addresses; /* what is due in this tick */
};

/* Raises the process's limit of open files as far as it may go, since each probe holds up to
 * LIMIT_FILES_EACH of them. */
void dispatcher_init(struct dispatcher *dispatcher);
void dispatcher_done(struct dispatcher *dispatcher);
/* Starts what is due, at most LIMIT_STARTS. */
void dispatcher_start_due(struct dispatcher *dispatcher, uint64_t now_ms);
/* A new or changed member is due at once. After a start of the program, the addresses that an
 * earlier run probed are spread over the interval. */
void dispatcher_member_changed(const struct dispatcher *dispatcher, struct probed_member *member,
                               bool is_new);
/* After a probe, and after its verdict. */
void dispatcher_probed(const struct dispatcher *dispatcher, struct probed_address *probed);
/* After a lookup. */
void dispatcher_resolved(const struct dispatcher *dispatcher, struct probed_member *member,
                         const struct lookup_answer *answer, uint64_t now_ms);
/* With `once`: nothing is in flight, and nothing will be due any more. */
bool dispatcher_is_idle(const struct dispatcher *dispatcher);

#endif
