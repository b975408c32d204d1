/* The head of a fleet's ledger: one for each change, signed by the machine that made it and chained
 * to the one before. The engine orders heads, but is not trusted with what they say: it can hold
 * back and replay, and can't forge. Its revision is no proof of a position, since it falls when a
 * node is restored from a backup. The chain is. */
#ifndef ZONE_LEDGERHEAD_H
#define ZONE_LEDGERHEAD_H

#include "zone/ledger/ledgerrow.h"

enum {
    LEDGERHEAD_ID = 16,
    LEDGERHEAD_WRITER_ROOM = 64,
    LEDGERHEAD_KEY = 32,    /* an Ed25519 public key */
    LEDGERHEAD_SECRET = 64, /* as libsodium has it: seed and public key */
    LEDGERHEAD_SIGNATURE = 64,
    LEDGERHEAD_MAX = 1 + 4 + 8 + 8 + 2 * LEDGERROW_DIGEST + LEDGERHEAD_ID + 2 +
                     LEDGERHEAD_WRITER_ROOM - 1 + LEDGERHEAD_SIGNATURE,
    LEDGERHEAD_POSITION_MAX = 1 + 8 + 8 + LEDGERHEAD_MAX
};

struct ledgerhead {
    uint32_t epoch;                   /* a ledger that was made anew from a copy has the next one */
    uint64_t seq;                     /* of the change, from 1 */
    uint64_t at;                      /* Unix seconds, for people: orders nothing */
    struct ledgerrow_digest previous; /* of the head before; zeros for the first */
    struct ledgerrow_digest root;     /* of all rows after the change */
    uint8_t
        change[LEDGERHEAD_ID]; /* random: by it a command finds out whether its change was made */
    char writer[LEDGERHEAD_WRITER_ROOM]; /* the machine whose key signed it */
    uint8_t signature[LEDGERHEAD_SIGNATURE];
};

/* What another head is to mine. */
enum ledgerhead_relation {
    LEDGERHEAD_SAME,
    LEDGERHEAD_NEXT,     /* apply its change */
    LEDGERHEAD_AHEAD,    /* changes are missing between the two: read all anew */
    LEDGERHEAD_BEHIND,   /* the engine has lost what I have: keep what I have */
    LEDGERHEAD_FORKED,   /* it has the place of mine, or of my next, with another past */
    LEDGERHEAD_NEW_EPOCH /* the operator made the ledger anew */
};

/* `out` has LEDGERHEAD_MAX octets; returns the length. */
size_t ledgerhead_encode(const struct ledgerhead *head, uint8_t *out);
/* INVALID; NEWER for a layout that this program does not know. */
enum result ledgerhead_decode(struct ledgerhead *out, struct octets octets);

/* `ledger` names pool and ledger ("pool.example/registry"): a head of another one does not verify.
 * The head is complete but for the signature. */
void ledgerhead_sign(struct ledgerhead *head, const char *ledger,
                     const uint8_t secret[LEDGERHEAD_SECRET]);
/* With the key of head->writer. */
bool ledgerhead_verify(const struct ledgerhead *head, const char *ledger,
                       const uint8_t key[LEDGERHEAD_KEY]);
/* Of the whole head, for `previous` of the next. */
void ledgerhead_digest(const struct ledgerhead *head, struct ledgerrow_digest *out);
/* `mine` of seq 0: no head yet. */
enum ledgerhead_relation ledgerhead_relate(const struct ledgerhead *mine,
                                           const struct ledgerhead *other);

/* Where a machine's copy stands, in the store that it is about and in the same transaction as its
 * rows. */
struct ledgerhead_position {
    uint64_t cluster;
    uint64_t revision; /* of the last event that was applied: where a watch resumes, less 1 */
    struct ledgerhead head;
};

/* `out` has LEDGERHEAD_POSITION_MAX octets; returns the length. */
size_t ledgerhead_encode_position(const struct ledgerhead_position *position, uint8_t *out);
/* As ledgerhead_decode. */
enum result ledgerhead_decode_position(struct ledgerhead_position *out, struct octets octets);

#endif
