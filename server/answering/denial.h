/* Denial of existence: what answers a query for a name or type that is not there. By the zone's
 * NSEC chain (RFC 4035 3.1.3) or compact (RFC 9824), as the setting `denial` says. A client that
 * does not ask for DNSSEC sees no difference. */
#ifndef SERVER_DENIAL_H
#define SERVER_DENIAL_H

#include "server/answering/answer.h"
#include "server/answering/nsec_chain.h"

/* NODATA at a node. */
enum result denial_of_type(struct answer *answer, struct nsec_chain *chain,
                           const struct query *query, const struct dname_key *key);
/* No node has this name. `before` (may be NULL) is a likely predecessor. Sets answer->over_budget
 * if the NSEC chain denies the name because a compact denial was over the budget. */
enum result denial_of_name(struct answer *answer, struct nsec_chain *chain,
                           const struct query *query, const struct dname_key *key,
                           const struct answer_cache_key *before);
/* Adds the NSEC of a node: the answer to a query for NSEC, or a part of a denial. */
enum result denial_add_nsec(struct answer *answer, struct nsec_chain *chain,
                            const struct dname_key *key);

#endif
