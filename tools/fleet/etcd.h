/* The client of etcd: gRPC over libcurl's HTTP/2, TLS 1.3 with certificates on both sides.
 *
 * The nodes are asked in their order, starting with the one that answered last. Every call is
 * bounded in time; a node that can't be connected to, has no leader or is stuck costs a part of
 * it. While time is left, they are asked again: an election takes a second or two. A change is sent
 * to another node only if it is certain that it was not made. Else the call is UNCERTAIN, and the
 * caller finds out by reading. Nothing is sent twice behind its back.
 *
 * One loop drives all: etcd_turn moves calls and watches on, and waits for descriptors of the
 * caller's own. Nothing else blocks, but etcd_call_wait, which turns the loop until its call has
 * ended. A client belongs to one thread.
 *
 * Memory: a message above `message_max` ends its call or watch with words. A watch that is not
 * drained is held up at the socket.
 *
 * What a caller must know of etcd:
 * - A Range with a limit costs the node all rows behind it: ask for narrow ranges of keys, sized by
 *   `count_only`.
 * - The revision of a store that was restored from a backup falls, under the same cluster's id. It
 *   is no proof of a position.
 * - A watch goes on after its user was deleted, until the connection ends.
 * - Any user may compact the history: be ready to read all anew. */
#ifndef TOOLS_ETCD_H
#define TOOLS_ETCD_H

#include <poll.h>

#include "tools/fleet/etcdreply.h"
#include "tools/fleet/etcdrequest.h"
#include "zone/base/address.h"

enum {
    ETCD_PORT = 2379,
    ETCD_NODES_MAX = 9,
    ETCD_FDS_MAX = 8,
    ETCD_MESSAGE_MAX = 16 << 20, /* four times the largest request that nodes are told to accept */
    ETCD_CONNECT_MS = 1000,
    ETCD_WAIT_MS = 3000,
    ETCD_DEAD_MS = 10000, /* a connection whose other end acknowledges nothing for so long ends */
    ETCD_FILE_MAX = 64 << 10
};

/* 0 stands for the default. */
struct etcd_config {
    struct endpoint nodes[ETCD_NODES_MAX];
    unsigned node_count;
    const char *ca, *certificate, *key; /* paths of PEM files, read once */
    size_t message_max;
    unsigned connect_ms;
};

struct etcd;

/* Connects to nobody yet. INVALID: a file is empty or too long. MISSING, SYSTEM: it can't be
 * read. */
enum result etcd_new(struct etcd **out, const struct etcd_config *config, struct diag *diag);
/* Calls and watches must have been freed. */
void etcd_free(struct etcd *etcd);

/* Moves calls and watches on. Waits until something happens to them or to `fds` (poll(2)'s struct,
 * with its outcome), or `wait_ms` are over. */
enum result etcd_turn(struct etcd *etcd, struct pollfd *fds, unsigned count, unsigned wait_ms,
                      struct diag *diag);

enum etcd_method {
    ETCD_RANGE,
    ETCD_TXN,
    ETCD_COMPACT,
    ETCD_STATUS,
    ETCD_NODES,
    ETCD_DEFRAGMENT,
    ETCD_ALARMS,
    ETCD_DISARM,
    ETCD_USER_ADD,
    ETCD_USER_DELETE,
    ETCD_USER_GRANT,
    ETCD_ROLE_ADD,
    ETCD_ROLE_DELETE,
    ETCD_ROLE_GRANT,
    ETCD_AUTH_ENABLE,
    ETCD_METHODS
};

enum {
    ETCD_ANY_NODE = -1
};

struct etcd_plan {
    enum etcd_method method;
    const struct protobuf *request; /* by etcdrequest.h; copied */
    int node;         /* this one only, or ETCD_ANY_NODE; each node has a status of its own */
    unsigned wait_ms; /* for all of it; 0: ETCD_WAIT_MS */
    bool stale;       /* a serializable range: the node needs no leader for it */
};

struct etcd_call *etcd_call_start(struct etcd *etcd, const struct etcd_plan *plan);
bool etcd_call_has_ended(const struct etcd_call *call);
/* The outcome. UNREACHABLE, UNCERTAIN and the others are as at etcdreply_failure; UNREACHABLE also
 * if no node could be asked, REFUSED if one side refuses the other's certificate, TOO_LONG and
 * INVALID if the reply is so. */
enum result etcd_call_result(const struct etcd_call *call, struct diag *diag);
/* Turns the loop until it has ended. The loop's other calls and watches move on meanwhile. */
enum result etcd_call_wait(struct etcd_call *call, struct diag *diag);
/* The message of a call that ended well, for etcdreply.h. It lives as long as the call. */
struct octets etcd_call_reply(const struct etcd_call *call);
/* The node that was asked last, by its place in the configuration. */
unsigned etcd_call_node(const struct etcd_call *call);
/* At any time. A call that has not ended is given up: a change is then UNCERTAIN. */
void etcd_call_free(struct etcd_call *call);

/* A watch has a connection of its own, asks its node to tell when it has no leader, and never
 * starts anew by itself: where to resume is for the caller to know. */
struct etcd_watch *etcd_watch_start(struct etcd *etcd, const struct etcdrequest_watch *plan,
                                    int node);
/* The next message, which lives until the next call or turn. EXHAUSTED: none for now. Anything
 * else: the watch has ended, NOT_FOUND since its history is compacted (read all anew), otherwise as
 * at etcd_call_result. Call it until EXHAUSTED after each turn. */
enum result etcd_watch_next(struct etcd_watch *watch, struct etcdreply_events *out,
                            struct diag *diag);
unsigned etcd_watch_node(const struct etcd_watch *watch);
/* Milliseconds since the node last sent anything. A stopped node whose kernel still answers is
 * told by nothing else. */
uint64_t etcd_watch_silent_ms(const struct etcd_watch *watch);
void etcd_watch_free(struct etcd_watch *watch);

#endif
