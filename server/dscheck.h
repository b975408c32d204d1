/* Asks a validating resolver for the DS records that the parent zone has, to see whether they are those that CDS asks for. The resolver is
 * believed when it says that it has validated (AD, RFC 4035 3.2.3), so it and the way to it must be trusted. */
#ifndef SERVER_DSCHECK_H
#define SERVER_DSCHECK_H

#include "dnssec/rollover.h"
#include "zone/address.h"

enum {
    DSCHECK_ROOM = 1232,
    DSCHECK_TIMEOUT_MS = 2000
};

/* A response, or none: len 0. */
struct ds_response {
    uint16_t id; /* of the query */
    size_t len;
    uint8_t data[DSCHECK_ROOM];
};

/* Sends the query over UDP and waits, at most DSCHECK_TIMEOUT_MS. SYSTEM with the resolver and why there is no response. */
enum result dscheck_ask(struct ds_response *out, const struct endpoint *resolver,
                        const struct dname *zone, struct diag *diag);
/* True if the response says, validated, that the parent has a SHA-256 DS of each key that is asked for and none of any other; with
 * no such key, that there is no DS. Any octets may come in. */
bool dscheck_is_as_asked(const struct ds_response *response, const struct dname *zone,
                         const struct key_set *keys);

#endif
