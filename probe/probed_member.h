/* One member as the probe looks after it: what to probe, when, and what was seen. */
#ifndef PROBE_PROBED_MEMBER_H
#define PROBE_PROBED_MEMBER_H

#include "probe/resolved_addresses.h"
#include "probe/verdict.h"

struct prober;
struct probed_member;

/* One address of it. */
struct probed_address {
    struct probed_member *member;
    unsigned index; /* its row in ward->health */
    struct probe_plan plan;
    struct daily_checks daily;
    struct probe_run *run;           /* NULL: not in flight */
    struct association *association; /* NULL: none */
    uint64_t due_ms;
    /* since when its probes fail, by the clock that nobody sets; 0: they don't */
    uint64_t failing_since_ms;
    unsigned backoff; /* 1: none */
    bool unnoted;     /* it has no history: too many came today */
    unsigned repeats; /* of a probe with --once */
    struct outcome
        *doubted; /* a failure that waits until we know that it is not ours; NULL: none */
    uint64_t doubted_at;
};

struct probed_member {
    struct prober *prober;
    uint64_t id;
    uint64_t changed_at;
    char label[LABEL_ROOM];
    char name[NTS_KE_NAME_ROOM]; /* for TLS, no final dot */
    uint16_t port;
    bool brings_name;      /* addresses come from the resolver */
    struct lookup *lookup; /* under way */
    uint64_t resolve_due_ms;
    struct resolved_addresses resolved; /* what the resolver said so far */
    uint64_t newcomer_day;              /* since 1970 */
    unsigned newcomers;                 /* addresses that were new on that day */
    bool dirty;                         /* health has to be written */
    bool wanted;                        /* mark of a sweep over the feed */
    bool fresh;                         /* it was not under watch before this sweep */
    struct member_health health;
    unsigned address_count;
    struct address addresses[MEMBER_ADDRESSES_MAX];
    struct probed_address probed_addresses[MEMBER_ADDRESSES_MAX];
};

/* Keeps a failure until it is known whether it is ours. */
void probed_address_doubt(struct probed_address *probed, const struct outcome *outcome,
                          uint64_t now_ms);
/* Who asks for less is probed less often, until a probe goes well; who fails counts as dead from
 * then on. */
void probed_address_back_off(struct probed_address *probed, enum failure failure, uint64_t now_ms);
/* For how long all probes have failed, 0: the last one was good. */
uint64_t probed_address_dead_s(const struct probed_address *probed, uint64_t now_ms);
/* With --once there is no next probe that makes up for one that says nothing of the server: it is
 * made again soon. False if that was done LIMIT_REPEATS times. */
bool probed_address_repeats(struct probed_address *probed, uint64_t now_ms);

struct probed_member *probed_member_new(struct prober *prober, uint64_t id);
/* Ends what is in flight; NULL is fine. */
void probed_member_free(struct probed_member *member);
/* Takes over what the registry says. True if anything changed since, so that a probe is due at
 * once. What is in flight for another name, port or address is ended. */
bool probed_member_update(struct probed_member *member, const struct member *entry,
                          const struct dname *apex);
/* Watches these addresses (at most MEMBER_ADDRESSES_MAX); new ones are due at once. */
void probed_member_set_addresses(struct probed_member *member, const struct address *addresses,
                                 unsigned count);
/* Watches no address until probed_member_set_addresses, and keeps what is known of them. */
void probed_member_clear_addresses(struct probed_member *member);
/* Ends the probes in flight, which stay due, and forgets all keys: the next probe looks at
 * everything again. */
void probed_member_restart(struct probed_member *member);

/* True if the pool's answers may be others after the change, or if whoever added or changed the
 * member waits for it. */
bool probed_member_is_urgent(const struct probed_member *member, const struct member_health *before,
                             unsigned index);

#endif
