/* A query before it is answered: what its name is, where its client is. Several are looked at
 * together, and what their answers are made of is prefetched: so that one waits for memory while
 * others are worked on. */
#ifndef SERVER_ASKING_H
#define SERVER_ASKING_H

#include "server/answering/query.h"
#include "server/answering/snapshot.h"

/* The facts about a qname before its query is answered. */
struct qname_info {
    bool in_zone; /* class IN, at or under the apex */
    bool service; /* SRV of the service's name; `key` is not set then */
    bool missing; /* no node has this name; `before` is the last name before it */
    struct dname_key key, before;
    struct answer_cache_key asked;    /* what is asked for; of a name in the zone */
    struct answer_cache_key covering; /* the NSEC of `before` */
    struct location location;         /* of the client, if `service` */
};
/* A query that query_parse accepted, and the client's address. */
struct asking {
    const struct query *query;
    const struct address *source;
    struct qname_info *qname;
};
/* Looks at the qname, and prefetches where a cached answer would be noted. */
void asking_look(const struct snapshot *snapshot, const struct query *query,
                 struct qname_info *out);
/* Then, of a name in the zone that is not the service: looks whether there is one, and prefetches
 * the cached answer. */
void asking_look_up(const struct snapshot *snapshot, struct qname_info *qname);
/* Locates the clients of several queries for the service (at most LOCATIONS_AT_ONCE), and
 * prefetches the sets that they will get. */
void asking_locate_services(const struct snapshot *snapshot, const struct asking *list,
                            size_t count);
/* The location of the client: of its subnet, else of its address (RFC 7871 7.2.1). */
struct location asking_locate(const struct snapshot *snapshot, const struct query *query,
                              const struct address *source);

#endif
