/* Tells the parent zone that CDS has changed, by a NOTIFY(CDS) to the target of its DSYNC record
 * (RFC 9859). The parent looks at once then, not at its next scan. Most parents have no DSYNC
 * record. */
#ifndef SERVER_DSYNC_H
#define SERVER_DSYNC_H

#include "zone/stub/stub.h"

/* Looks up the parent's DSYNC record for CDS and an address of its target. Only validated responses
 * count, except for the address. `target` gets the name, for messages. NOT_FOUND: the parent has no
 * such record. SYSTEM: the resolver does not answer. INVALID: the target has no address. */
enum result dsync_find(struct endpoint *out, struct dname *target, const struct endpoint *resolver,
                       const struct dname *zone, struct diag *diag);
/* Sends the NOTIFY and waits for the response. SYSTEM without one, REFUSED if its RCODE is an
 * error. */
enum result dsync_notify(const struct endpoint *to, const struct dname *zone, struct diag *diag);

/* The next name to look up (RFC 9859 4.1). `lookup` is the one before, empty at first, and `parent`
 * the owner of the SOA in its negative answer. False: there is no further name. */
bool dsync_next_name(struct dname *lookup, const struct dname *zone, const struct dname *parent);
/* Target and port of the first record for NOTIFY(CDS) in a response. False: there is none. */
bool dsync_record(const struct stub_response *response, const struct stub_question *question,
                  struct dname *target, uint16_t *port);

#endif
