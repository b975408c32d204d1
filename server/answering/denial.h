/* Denials: what a query for something that is not there is answered. By the zone's chain, or
 * compact (RFC 9824), as the zone is set; a client that doesn't ask for DNSSEC sees no
 * difference. */
#ifndef SERVER_DENIAL_H
#define SERVER_DENIAL_H

#include "server/answering/answer.h"

/* NODATA at a node. */
enum result denial_of_type(struct answerer *answerer, const struct query *query,
                           const struct dname_key *key);
/* No node has this name. `before` (may be NULL) is a name that may well stand right before it. */
enum result denial_of_name(struct answerer *answerer, const struct query *query,
                           const struct dname_key *key, const struct dname_key *before);
/* Adds the NSEC of a node: all that was asked for, or a part of its denial. */
enum result denial_add_nsec(struct answerer *answerer, const struct dname_key *key);

#endif
