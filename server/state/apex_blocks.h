/* Blocks of the RRsets that resolvers ask the apex for: SOA, NS and DNSKEY. Part of a zone state,
 * and served as long as all of its blocks (zone_state_blocks_hold). */
#ifndef SERVER_APEX_BLOCKS_H
#define SERVER_APEX_BLOCKS_H

#include "dnssec/signing/signer.h"
#include "server/state/records.h"
#include "zone/registry/registry.h"

enum {
    APEX_BLOCKS = 3,
    APEX_BLOCK_ROOM = 1024
};

struct apex_blocks {
    /* That of the SOA fits every response, the others those to the apex. */
    struct block list[APEX_BLOCKS]; /* without octets: there is none */
    uint8_t wire[APEX_BLOCKS][APEX_BLOCK_ROOM];
};

struct apex_blocks_parts {
    struct store_txn *registry;
    const struct settings *settings;
    const struct keyring *keyring;
    struct signer *signer;
    uint64_t now;
    uint64_t until; /* no block may hold a signature that is over before */
};

/* Makes the blocks. There is none of an RRset that is too long, or whose signatures don't last or
 * can't be had, as may be those of an offline key: it is signed on the spot. Fails with the
 * registry. */
enum result apex_blocks_make(struct apex_blocks *out, const struct apex_blocks_parts *parts);
/* NULL: there is none of this type. */
const struct block *apex_blocks_of(const struct apex_blocks *blocks, uint16_t type);

#endif
