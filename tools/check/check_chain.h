/* The chain of trust from the root, by a validating resolver of our own (libunbound). */
#ifndef TOOLS_CHECK_CHAIN_H
#define TOOLS_CHECK_CHAIN_H

#include "tools/check/check.h"

enum chain {
    CHAIN_SECURE,
    CHAIN_INSECURE, /* no DS on the way: nothing protects the answers */
    CHAIN_BOGUS,
    CHAIN_FAILED /* no answer within CHAIN_S */
};
enum {
    CHAIN_S = 20
};

/* Reads the trust anchors of --anchor: DS or DNSKEY records of the root, one a line. `*out` is for
 * free(); NULL without --anchor. */
enum result check_chain_anchor(char **out, const char *path, struct diag *diag);
/* Validates the SRV records of the pool. `why` has CHECK_TEXT_ROOM. */
enum chain check_chain(struct check *check, char *why);

#endif
