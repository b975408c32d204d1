/* Judges the signatures and the denials of answers. */
#ifndef TOOLS_CHECK_DNSSEC_H
#define TOOLS_CHECK_DNSSEC_H

#include "tools/check/check.h"

/* Verifies every RRset of the answer and authority sections by check->dnskey: reports to
 * CHECK_SIGNATURES, and the times of the signatures to CHECK_VALIDITY. */
void check_signatures(struct check *check, const char *subject, const struct dnsmessage *message);

/* How much of a signature's time is left at `now`. */
enum check_level check_time_left(uint32_t inception, uint32_t expiration, uint64_t now);

enum denial_seen {
    DENIAL_SEEN_NONE,  /* cannot be told */
    DENIAL_SEEN_CHAIN, /* NSEC records of the zone */
    DENIAL_SEEN_COMPACT
};
/* What is wrong with the proof that the name or type does not exist (RFC 4035 5.4, RFC 9824), or
 * NULL. Signatures are not looked at. */
const char *check_denial_fault(const struct dnsmessage *message, const struct dname *zone,
                               const struct dname *name, uint16_t type, enum denial_seen *seen);

#endif
