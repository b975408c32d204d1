/* The SRV answers of all servers for all client subnets, and what the servers say of the targets:
 * addresses and CAA. Asked once, by the first group that needs them. */
#ifndef TOOLS_CHECK_SRV_H
#define TOOLS_CHECK_SRV_H

#include "tools/check/check_expected.h"
#include "tools/check/check_subnets.h"

enum {
    SRV_TARGETS_MAX = 8, /* in one answer: what is over is counted, not kept */
    SRV_ROUNDS = 20,     /* queries for one subnet, at least */
    SRV_SERVERS_EACH = 2 /* queries for one subnet to one server, at least */
};

/* The answer of one server for one subnet. */
struct srv_answer {
    uint8_t server; /* index in check->servers */
    bool came;      /* it could be read */
    uint16_t rcode;
    struct dns_subnet subnet; /* as the server sent it back */
    uint32_t ttl;
    uint8_t count; /* targets, without a root */
    bool none;     /* the target is the root: there is no service (RFC 2782) */
    uint16_t targets[SRV_TARGETS_MAX];
};

/* What CAA records say (RFC 8659). */
struct caa_seen {
    bool there;
    bool open;    /* some CA may issue */
    bool usable;  /* by a method that a member can use: it can't change the zone (RFC 8657 4) */
    bool account; /* an ACME account is named (RFC 8657 3) */
    uint8_t digest[CHECK_DIGEST];
};

struct srv_target {
    struct dname name;
    uint16_t port;
    bool inside; /* under the pool's name, so that its servers know it */
    bool handed_out;
    bool looked_up;
    bool alias;     /* the name is a CNAME */
    bool scoped;    /* its answers had an ECS scope over 0 */
    uint16_t rcode; /* the worst one */
    uint8_t count;
    struct address addresses[MEMBER_ADDRESSES_MAX];
    struct caa_seen caa;
};

struct silent_server {
    uint8_t server;
    struct diag why;
};

struct srv_view {
    unsigned server_count, rounds, subnet_count;
    uint8_t servers[CHECK_SERVERS_MAX]; /* those that answer */
    unsigned silent_count;
    struct silent_server silent[CHECK_SERVERS_MAX];     /* those that gave no answer to read */
    unsigned away_count;                                /* those to which there is no route */
    struct srv_answer *answers;                         /* [subnet * rounds + round] */
    struct srv_answer everybody[2 * CHECK_SERVERS_MAX]; /* for 0.0.0.0/0, then for ::/0 */
    bool at_apex[CHECK_SERVERS_MAX]; /* SRV records stand at the pool's own name */
    size_t target_count, target_room;
    struct srv_target *targets;
};

/* Never NULL; without a server that answers, all is empty. */
const struct srv_view *check_srv(struct check *check);
void check_srv_free(struct srv_view *view);
/* The target's index; it is added if there is none of this name and port. */
size_t check_srv_target(struct check *check, struct srv_view *view, const struct dname *name,
                        uint16_t port);
/* Asks the pool's servers for addresses and CAA of the targets inside the pool that were not
 * looked up yet. */
void check_srv_lookup(struct check *check, struct srv_view *view);

#endif
