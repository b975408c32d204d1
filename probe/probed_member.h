/* One member as the probe sees it: its addresses, when each is due, what is in flight, and what the
 * probes found. */
#ifndef PROBE_PROBED_MEMBER_H
#define PROBE_PROBED_MEMBER_H

#include "probe/consent_watch.h"
#include "probe/daily_checks.h"
#include "probe/resolved_addresses.h"
#include "probe/verdict.h"
#include "zone/base/log.h"

struct probed_member;
struct probed_address;

/* Shared by all members of a prober, and kept by it for as long as they live. The two functions are
 * called when a probe or a lookup has ended by itself. */
struct probe_context {
    uv_loop_t *loop;
    const struct settings *settings; /* those of the feed, as they change */
    unsigned in_flight;              /* probes and lookups */
    void (*probed)(struct probed_address *probed, const struct outcome *outcome, void *arg);
    void (*resolved)(struct probed_member *member, const struct lookup_answer *answer, void *arg);
    void *arg;
};

struct probed_address {
    struct probed_member *member;
    unsigned index; /* of its row in member->health */
    struct probe_plan plan;
    struct daily_checks daily;
    struct probe_run *run;           /* NULL: not in flight */
    struct association *association; /* NULL: none */
    uint64_t due_ms;
    /* since when its probes have failed, by the monotonic clock; 0: the last one was good */
    uint64_t failing_since_ms;
    unsigned backoff; /* factor of the interval; 1: none */
    bool no_history;  /* its samples are not reported: too many addresses were new today */
    unsigned repeats; /* of its probe with --once */
    /* a failure that counts once a check shows that it is not ours; NULL: none */
    struct outcome *unconfirmed;
    uint64_t unconfirmed_at_ms;
};

struct probed_member {
    struct probe_context *context;
    uint64_t id;
    uint64_t changed_at;
    char label[LABEL_ROOM];
    char name[NTS_KE_NAME_ROOM]; /* for TLS, no final dot */
    uint16_t port;
    bool has_own_name;     /* its addresses come from the resolver */
    struct lookup *lookup; /* NULL: none in flight */
    uint64_t resolve_due_ms;
    struct resolved_addresses resolved;
    char consent_name[NTS_KE_NAME_ROOM];
    struct consent_watch consent;
    uint64_t newcomer_day; /* since 1970 */
    unsigned newcomers;    /* addresses that were new on that day */
    bool dirty;            /* its health has to be reported */
    uint64_t told;         /* the outline of its verdict as last reported; 0: never */
    bool in_feed;          /* set during member_table_update */
    bool is_new;           /* added by the current member_table_update */
    struct log_limit stage_limit, address_limits[MEMBER_ADDRESSES_MAX]; /* of log lines */
    struct member_health health;
    unsigned address_count;
    struct address addresses[MEMBER_ADDRESSES_MAX];
    struct probed_address probed_addresses[MEMBER_ADDRESSES_MAX];
};

/* Starts a probe by `plan`; it must not be in flight. Afterwards nothing is due. */
void probed_address_start(struct probed_address *probed);
/* Keeps a failure until it is known whether it is ours. */
void probed_address_hold(struct probed_address *probed, const struct outcome *outcome,
                         uint64_t now_ms);
/* Enters a probe's end: a server that asks for fewer requests (kiss code RATE) gets fewer until a
 * probe is good, and the first failure starts the time of probed_address_dead_s. */
void probed_address_back_off(struct probed_address *probed, enum failure failure, uint64_t now_ms);
/* For how long all probes have failed. 0: the last one was good. */
uint64_t probed_address_dead_s(const struct probed_address *probed, uint64_t now_ms);
/* With --once, no later probe makes up for one that says nothing of the server, so the address
 * becomes due again soon. False after LIMIT_REPEATS times. */
bool probed_address_repeat(struct probed_address *probed, uint64_t now_ms);

struct probed_member *probed_member_new(struct probe_context *context, uint64_t id);
/* Cancels what is in flight. NULL is fine. */
void probed_member_free(struct probed_member *member);
/* Starts a lookup of the member's own name. False if no resolver can be asked. */
bool probed_member_resolve(struct probed_member *member);
/* Takes over the member's row of the feed, and the settings. True if anything has changed, so that
 * a probe is due at once. Cancels what is in flight to another name, port or address. */
bool probed_member_update(struct probed_member *member, const struct member *entry);
/* Probes these addresses from now on, at most MEMBER_ADDRESSES_MAX. New ones are due at once. */
void probed_member_set_addresses(struct probed_member *member, const struct address *addresses,
                                 unsigned count);
/* Probes no address until probed_member_set_addresses. The results for the present ones stay. */
void probed_member_clear_addresses(struct probed_member *member);
/* Cancels the probes in flight, which stay due, and forgets all keys. The next probe checks
 * everything again. */
void probed_member_restart(struct probed_member *member);

/* True if the change may alter the pool's answers, or if this is the first probe since somebody
 * added or changed the member. */
bool probed_member_is_urgent(const struct probed_member *member, const struct member_health *before,
                             unsigned index);

#endif
