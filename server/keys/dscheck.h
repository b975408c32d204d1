/* Compares the DS records of the parent zone, as a validating resolver returns them, with those
 * that CDS asks for. */
#ifndef SERVER_DSCHECK_H
#define SERVER_DSCHECK_H

#include "dnssec/rollover/rollover.h"
#include "zone/stub/stub.h"

enum {
    DSCHECK_TTL_MAX = 7 * 86400 /* RFC 8767 4: caches keep nothing for longer */
};

/* The question for the resolver. */
struct stub_question dscheck_question(const struct dname *zone);
/* True if the response is validated and has a DS, by SHA-256 or SHA-384, of each key that CDS asks
 * for and of no other key; if CDS asks for none, no DS at all. Takes any octets. */
bool dscheck_is_as_asked(const struct stub_response *response, const struct dname *zone,
                         const struct key_set *keys);
/* True if the response has these DS records but is not validated. */
bool dscheck_lacks_validation(const struct stub_response *response, const struct dname *zone,
                              const struct key_set *keys);
/* The longest TTL of its DS records, at most DSCHECK_TTL_MAX; 0 if it has none or is not validated.
 * A lower bound of the TTL at the parent, since a cache counts down. */
uint32_t dscheck_ttl(const struct stub_response *response, const struct dname *zone);

#endif
