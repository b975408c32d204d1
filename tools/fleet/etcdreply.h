/* Replies of etcd, as messages of its API v3. The engine is not trusted: every decoder reads the
 * whole message before it says OK, and is INVALID otherwise. Lists are then walked by the `next`
 * functions, which can't fail any more. What they hand out lies within the message. */
#ifndef TOOLS_ETCDREPLY_H
#define TOOLS_ETCDREPLY_H

#include "tools/fleet/grpc.h"

enum {
    ETCDREPLY_TEXT_ROOM = 64
};

struct etcdreply_header {
    uint64_t cluster, node;
    uint64_t revision; /* of the store when the node replied */
    uint64_t term;
};

struct etcdreply_row {
    struct octets key, value;
    uint64_t created, modified; /* revisions */
    uint64_t version;           /* changes since it was created */
};

struct etcdreply_range {
    struct etcdreply_header header;
    uint64_t count; /* of all that the range covers */
    bool more;
    struct reader rest;
};

struct etcdreply_txn {
    struct etcdreply_header header;
    bool held; /* the conditions */
    struct reader rest;
};

enum etcdreply_kind {
    ETCDREPLY_GOT,
    ETCDREPLY_PUT,
    ETCDREPLY_DELETED
};

/* The outcome of an operation, in the order of the request. */
struct etcdreply_part {
    enum etcdreply_kind kind;
    struct etcdreply_range got; /* of ETCDREPLY_GOT */
    uint64_t deleted;           /* keys, of ETCDREPLY_DELETED */
};

struct etcdreply_events {
    struct etcdreply_header header; /* runs ahead of the events while the watch catches up: a
                                     * position is the `modified` of the last event */
    bool created;                   /* the watch begins */
    bool cancelled;                 /* it ended: */
    struct octets reason;           /* ... why */
    uint64_t compacted;             /* ... history before this revision is gone; 0: not for that */
    bool more;                      /* a fragment: events of the same revision may follow */
    size_t count;                   /* of events; a message without any is a sign of life */
    struct reader rest;
};

struct etcdreply_event {
    bool deleted; /* then `row` has only the key and `modified` */
    struct etcdreply_row row;
};

struct etcdreply_status {
    struct etcdreply_header header;
    char version[ETCDREPLY_TEXT_ROOM];
    uint64_t size, used; /* of the store on the disk, octets */
    uint64_t leader;     /* 0: the node knows of none */
    uint64_t index, applied;
    bool learner;
    bool trouble;                    /* it reports errors: */
    char error[ETCDREPLY_TEXT_ROOM]; /* ... the first */
};

struct etcdreply_nodes {
    struct etcdreply_header header;
    struct reader rest;
};

struct etcdreply_node {
    uint64_t id;
    char name[ETCDREPLY_TEXT_ROOM]; /* empty until it has started */
    char url[ETCDREPLY_TEXT_ROOM];  /* the first for clients */
    bool learner;
};

enum etcdreply_alarm_kind {
    ETCDREPLY_NO_SPACE = 1,
    ETCDREPLY_CORRUPT = 2
};

struct etcdreply_alarms {
    struct etcdreply_header header;
    struct reader rest;
};

struct etcdreply_alarm {
    uint64_t node, kind; /* enum etcdreply_alarm_kind, or one that is newer */
};

enum result etcdreply_range(struct etcdreply_range *out, struct octets message, struct diag *diag);
bool etcdreply_next_row(struct etcdreply_range *range, struct etcdreply_row *out);
enum result etcdreply_txn(struct etcdreply_txn *out, struct octets message, struct diag *diag);
bool etcdreply_next_part(struct etcdreply_txn *txn, struct etcdreply_part *out);
enum result etcdreply_events(struct etcdreply_events *out, struct octets message,
                             struct diag *diag);
bool etcdreply_next_event(struct etcdreply_events *events, struct etcdreply_event *out);
enum result etcdreply_status(struct etcdreply_status *out, struct octets message,
                             struct diag *diag);
enum result etcdreply_nodes(struct etcdreply_nodes *out, struct octets message, struct diag *diag);
bool etcdreply_next_node(struct etcdreply_nodes *nodes, struct etcdreply_node *out);
enum result etcdreply_alarms(struct etcdreply_alarms *out, struct octets message,
                             struct diag *diag);
bool etcdreply_next_alarm(struct etcdreply_alarms *alarms, struct etcdreply_alarm *out);

/* A call that ended without a reply, in words. `changes`: the request would change something.
 *
 *   UNREACHABLE  it was not done: the node has no leader or is too busy; another may do it
 *   UNCERTAIN    only if it `changes`: it may have been done, or may still be
 *   REFUSED      no right, or no certificate that the engine knows
 *   NOT_FOUND    the revision is compacted; no such user or role
 *   EXISTS       the user or role exists
 *   FULL         the store has reached its quota
 *   TOO_LONG     the request is too large, or has too many operations
 *   DAMAGED      the node says that its copy is damaged
 *   INVALID      anything else */
enum result etcdreply_failure(const struct grpc_outcome *outcome, bool changes, struct diag *diag);
/* The same for a watch that the node cancelled. */
enum result etcdreply_cancelled(const struct etcdreply_events *events, struct diag *diag);

#endif
