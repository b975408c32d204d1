/* The TXT of NODE_WHOAMI tells the client that asks how the server maps it. Strings KEY=VALUE:
 *
 *     source   the address that the query came from
 *     subnet   the client subnet, if the query has one (RFC 7871); it counts instead of the source
 *     scope    all addresses with the same leading bits, this many, are in the same cell
 *     cell     where the location file sees the client: country, subdivision, or the world
 *     area     whose answers it gets: those of the cell, its country, its continent, the world
 *     server   the server's NSID, if it has one
 *
 * All of this the client knows, can see from the server's answers, or can ask for by other means.
 * The text is another for each client, and so is its signature: it comes from the limited signer.
 */
#ifndef SERVER_WHOAMI_H
#define SERVER_WHOAMI_H

#include "server/answering/answer.h"
#include "server/answering/snapshot.h"

enum {
    WHOAMI_RDATA = 512,
    WHOAMI_WIRE = DNAME_MAX + 10 + WHOAMI_RDATA + SIGNER_SCRATCH + KEYRING_MAX * 12
};

/* One worker's, for the answer being made. */
struct whoami {
    const struct snapshot *snapshot; /* set by the owner */
    const char *server;              /* set by the owner; NULL: it has no NSID */
    struct block block;
    uint8_t rdata[WHOAMI_RDATA], wire[WHOAMI_WIRE];
};

/* Adds the TXT for this client. EXHAUSTED, with nothing added, if the query asks for DNSSEC and the
 * signature is over the budget. */
enum result whoami_add(struct answer *answer, struct whoami *whoami, const struct query *query,
                       const struct address *source, const struct dname *owner);

#endif
