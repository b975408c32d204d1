/* The certificates of a fleet (X.509 with Ed25519 keys), which serve TLS with the engine alone.
 *
 * They have no end: a certificate says which machine talks, not what it may do. Rights are those of
 * the engine's user of that name, and end when the machine is evicted. So a name is used once. A
 * machine gets a new key as a new machine; a fleet gets a new CA by `ntspool fleet create
 * --from-state`.
 *
 * Nodes of the engine talk to each other under a second CA, whose key follows from the first one's.
 * Otherwise any machine could speak as a node. */
#ifndef TOOLS_CERTIFY_H
#define TOOLS_CERTIFY_H

#include "tools/fleet/membership.h"

enum certify_kind {
    CERTIFY_MACHINES, /* the CA of machines, and of nodes as servers */
    CERTIFY_PEERS     /* of nodes among themselves */
};

struct certify_ca {
    enum certify_kind kind;
    const char *fleet;     /* tells it from others for people */
    const uint8_t *secret; /* LEDGERHEAD_SECRET octets, for both kinds */
};

struct certify_subject {
    const char *name, *unit; /* CN, OU */
    /* Of a node, which is a server too. 0: a client only. */
    const struct address *addresses;
    unsigned address_count;
};

/* The CA's own certificate, always the same for a key. */
enum result certify_ca(const struct certify_ca *ca, char out[MEMBERSHIP_PEM_ROOM],
                       struct diag *diag);
/* A certificate for the public half of `secret`. */
enum result certify_issue(const struct certify_ca *ca, const uint8_t secret[LEDGERHEAD_SECRET],
                          const struct certify_subject *subject, char out[MEMBERSHIP_PEM_ROOM],
                          struct diag *diag);
/* INVALID if the certificate is not the CA's, of that name, for that key. */
enum result certify_check(const char *certificate, const char *ca, const char *name,
                          const uint8_t secret[LEDGERHEAD_SECRET], struct diag *diag);

#endif
