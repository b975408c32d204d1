/* Tells the parent zone that CDS has changed: NOTIFY(CDS) to where the parent's DSYNC records want
 * it (RFC 9859), so that it looks at once instead of at its next scan. Parents without such records
 * are the rule. */
#ifndef SERVER_DSYNC_H
#define SERVER_DSYNC_H

#include "server/keys/stub.h"

/* Finds the parent's DSYNC record for CDS by the resolver, and its target's address. NOT_FOUND: the
 * parent has none; SYSTEM with what can't be asked, INVALID with what the record lacks. Only
 * validated answers count, the target's address apart. `target` gets the name, for people. */
enum result dsync_find(struct endpoint *out, struct dname *target, const struct endpoint *resolver,
                       const struct dname *zone, struct diag *diag);
/* Sends the NOTIFY and waits for its receipt. SYSTEM without one, REFUSED if it says that it was
 * not taken. */
enum result dsync_notify(const struct endpoint *to, const struct dname *zone, struct diag *diag);

/* The name to be asked for, after what came of the one before it (`lookup`; of no length: none
 * yet): RFC 9859 4.1. `parent` is the owner of the SOA in that negative answer. False: there is no
 * further one. */
bool dsync_next_name(struct dname *lookup, const struct dname *zone, const struct dname *parent);
/* The target and port of the first record of an answer that is for NOTIFY(CDS). False: none is. */
bool dsync_record(const struct stub_response *response, const struct stub_question *question,
                  struct dname *target, uint16_t *port);

#endif
