/* `ntspool check`: looks at a pool from outside, as its clients do. It needs no state; with one, it
 * also compares with what should be.
 *
 * check_delegation finds the pool's servers; then each group (check_groups) runs its checks and
 * reports findings. All that servers send is hostile: it is read within bounds, and escaped when it
 * is printed. No store is open while anybody is asked. */
#ifndef TOOLS_CHECK_H
#define TOOLS_CHECK_H

#include "tools/check/check_list.h"
#include "tools/cli.h"
#include "zone/registry/registry.h"
#include "zone/stub/dnsclient.h"

enum {
    CHECK_SERVERS_MAX = 24,   /* addresses of name servers */
    CHECK_ADDRESSES_MAX = 24, /* of servers of the parent; resolvers; root servers */
    CHECK_FINDINGS_MAX = 400,
    CHECK_ALIKE_MAX = 3, /* findings of one check and level about one subject */
    CHECK_SUBJECT_ROOM = 96,
    CHECK_TEXT_ROOM = 240,
    CHECK_SUBNETS_MAX = 32,
    CHECK_DIGEST = 32,
    /* Seconds. */
    CHECK_WAIT_S = 5,      /* for an answer */
    CHECK_TIMEOUT_S = 600, /* for all */
    CHECK_WAIT_MAX_S = 60,
    CHECK_TIMEOUT_MAX_S = 86400
};

/* In order of seriousness. */
enum check_level {
    CHECK_OK,
    CHECK_INFO,
    CHECK_WARNING,
    CHECK_ERROR,
    CHECK_LEVELS
};
#define CHECK_ENUM(name, id, level, what, advice, source) CHECK_##name,
enum check_id {
    CHECK_LIST(CHECK_ENUM) CHECK_COUNT
};
#undef CHECK_ENUM

struct check_row {
    const char *id; /* group/name */
    enum check_level worst;
    const char *what, *advice, *source;
};
extern const struct check_row check_rows[CHECK_COUNT];

struct finding {
    enum check_id id;
    enum check_level level;
    char subject[CHECK_SUBJECT_ROOM]; /* such as "ns1.pool.example. 192.0.2.53"; "": the pool */
    char text[CHECK_TEXT_ROOM];
};
struct findings {
    size_t count;
    size_t lost; /* there was no room for them */
    struct finding list[CHECK_FINDINGS_MAX];
};

struct endpoints {
    unsigned count;
    struct endpoint list[CHECK_ADDRESSES_MAX];
};

/* The options of the command line. */
struct check_options {
    unsigned groups;          /* bits, in the order of check_groups */
    struct endpoints parents; /* --parent; none: they are found from the root */
    struct endpoints roots;   /* --root-hints, else the root servers of the internet */
    const char *root_hints;   /* the file's path, or NULL */
    struct endpoints resolvers;
    unsigned subnet_count;
    struct dns_subnet subnets[CHECK_SUBNETS_MAX];
    uint32_t members; /* how many to probe; UINT32_MAX: all */
    uint32_t wait_s, timeout_s;
    const char *anchor; /* file with the root's trust anchor, or NULL */
    const char *trust;  /* PEM file with the CAs of members, or NULL */
    bool allow_private, nagios;
    const char *metrics; /* file to write, or NULL */
};

/* One address of a name server of the pool. */
struct check_server {
    struct dname name;
    struct endpoint endpoint;
    bool delegated;           /* its name is in the parent's NS set, or it was named by --server */
    bool answers;             /* with authority, so that it can be asked more */
    struct dns_cookie cookie; /* to be sent along: then the rate limit does not count */
};

struct check {
    struct cli *cli;
    struct check_options options;
    struct dname pool, service; /* service: `_ntske._tcp.<pool>` */
    uint64_t now;
    uint64_t end_ms; /* of all questions, by clock_steady_ms */
    bool late;       /* they did not end by then: what is noted after that is not kept */
    bool has_state;  /* the state is of this pool: settings and registered hold */
    struct settings settings;
    struct name_servers registered;
    uint64_t ds_asked_at; /* since when the parent is asked for a DS that it is not known to have;
                             or 0 */

    struct endpoints parents; /* servers of the parent zone */
    struct dname parent_zone;
    unsigned server_count;
    struct check_server servers[CHECK_SERVERS_MAX];
    struct dns_rrset dnskey;    /* the pool's keys; count 0: not known */
    struct dnsmessage *message; /* scratch of check_read */
    struct findings findings;
    struct check_expected *expected; /* NULL: has_state is false */
    struct srv_view *srv;            /* check_srv */
    struct tls_trust *trust;         /* CAs of the members */
    char *anchor;                    /* the root's trust anchors; NULL: the internet's */
    /* For the footer, by the group members: "as a client in NL would: 4 of 4 members give time". */
    char summary[CHECK_TEXT_ROOM];
};

/* Notes what was seen. `subject` NULL or "": the pool itself. */
void check_report(struct check *check, enum check_id id, enum check_level level,
                  const char *subject, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* The same at the check's own level. */
void check_fail(struct check *check, enum check_id id, const char *subject, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Ends a check: notes OK with this text if nothing else of it was noted. */
void check_done(struct check *check, enum check_id id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum check_level check_worst(const struct check *check);
/* The level of the check's worst finding; -1: it was not made. */
int check_level_of(const struct findings *findings, enum check_id id);
/* How many checks ended at each level. */
void check_tally(const struct findings *findings, unsigned out[CHECK_LEVELS]);

struct check_group {
    const char *name;
    void (*run)(struct check *check);
};
extern const struct check_group check_groups[];
extern const unsigned check_group_count;
/* The groups. */
void check_parent(struct check *check);
void check_servers(struct check *check);
void check_steering(struct check *check);
void check_members(struct check *check);
void check_resolvers(struct check *check);

/* "ns1.pool.example. 192.0.2.53". `out` has CHECK_SUBJECT_ROOM. Returns `out`. */
char *check_server_text(const struct check_server *server, char *out);
/* A question to a server, with DO, its cookie and 1232 octets; for the caller to change and to
 * give to check_ask. */
struct dns_exchange check_question(const struct check_server *server, const struct dname *name,
                                   uint16_t type);
/* Runs the exchanges within the limits of --wait and --timeout. */
void check_ask(struct check *check, struct dns_exchange *list, size_t count);
/* How long questions may still take; 0: check->late, no more is asked. */
uint32_t check_time_left_ms(struct check *check);
/* "no IPv6 route from here" */
const char *check_no_route(const struct address *address);
/* The addresses of a host outside the pool: by the first of --resolver, else as the system looks
 * them up. Adds to `out`. */
void check_resolve(struct check *check, const struct dname *host, struct endpoints *out);
/* Reads the answer into check->message, which is good until the next call. NULL if there is none
 * or it is malformed; `why` says so. */
const struct dnsmessage *check_read(struct check *check, const struct dns_exchange *exchange,
                                    struct diag *why);

/* The same into a message of the caller's. SYSTEM or INVALID. */
enum result check_read_into(struct dnsmessage *out, const struct dns_exchange *exchange,
                            struct diag *why);

/* A digest of the records, by which RRsets are compared. */
void check_digest(const struct rrset *set, uint8_t out[CHECK_DIGEST]);

/* Output. */
void check_print(const struct check *check);
/* One check, or all of a group. False if there is none of that name. */
bool check_explain(const char *id, bool json);
/* Returns the exit status. */
int check_print_nagios(const struct check *check);
void check_print_json(const struct check *check);
enum result check_write_metrics(const struct check *check, struct diag *diag);

#endif
