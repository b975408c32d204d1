/* Whether the DS records that the parent zone has, as a validating resolver knows them, are those
 * that CDS asks for. */
#ifndef SERVER_DSCHECK_H
#define SERVER_DSCHECK_H

#include "dnssec/rollover/rollover.h"
#include "server/keys/stub.h"

enum {
    DSCHECK_TTL_MAX = 7 * 86400 /* RFC 8767 4: no cache keeps anything for longer */
};

/* What the resolver is to be asked. */
struct stub_question dscheck_question(const struct dname *zone);
/* True if the response says, validated, that the parent has a DS of each key that is asked for, by
 * SHA-256 or SHA-384, and none of any other; with no such key, that there is no DS. Any octets may
 * come in. */
bool dscheck_is_as_asked(const struct stub_response *response, const struct dname *zone,
                         const struct key_set *keys);
/* True if only this is missing: that the resolver has validated it. */
bool dscheck_lacks_validation(const struct stub_response *response, const struct dname *zone,
                              const struct key_set *keys);
/* The longest TTL of its DS records, at most DSCHECK_TTL_MAX; 0: it has none, or was not validated.
 * A lower bound of the parent's, since a cache counts down. */
uint32_t dscheck_ttl(const struct stub_response *response, const struct dname *zone);

#endif
