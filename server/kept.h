/* Members' A, AAAA and CAA in wire form with their signatures, kept from answer to answer.
 *
 * The store stays the truth: an entry is used only when the member's row, just read, is octet for octet the one it was made from, and
 * the settings that matter, the keys and the addresses left out are the same. So nothing is ever invalidated. One table a worker. */
#ifndef SERVER_KEPT_H
#define SERVER_KEPT_H

#include "server/view.h"

enum {
    KEPT_ENTRIES = 16384,
    KEPT_ROW_MAX = 128,
    KEPT_RDATA_MAX = 192,
    KEPT_WIRE_MAX = 512
};

struct kept {
    uint64_t style, made_at; /* view.style; 0: nothing is here */
    uint16_t type;
    uint8_t left_out, row_len;
    uint8_t row[KEPT_ROW_MAX];
    struct rrset set;
    struct block block;
    uint8_t rdata[KEPT_RDATA_MAX], wire[KEPT_WIRE_MAX];
};

/* What an entry must have been made from. */
struct kept_key {
    const struct view *view;
    uint64_t now;
    const uint8_t *row; /* a node's, as stored */
    size_t row_len;
    uint16_t type;
};

/* The place for it, among KEPT_ENTRIES. NULL if its like is not kept: not a member's row, another type, too long. */
struct kept *kept_place(struct kept *table, const struct kept_key *key);
/* True if the entry may be used for it. */
bool kept_holds(const struct kept *kept, const struct kept_key *key);
/* Makes the entry from the RRset, signed, at `owner`. False if it does not fit or can't be signed; the entry is then empty. */
bool kept_fill(struct kept *kept, const struct kept_key *key, const struct dname *owner,
               const struct rrset *set, struct signer *signer);

#endif
