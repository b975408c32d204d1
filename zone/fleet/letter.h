/* A letter: what one machine of a fleet tells the others, signed with its key. The engine carries
 * letters and can neither forge nor change them. It can hold them back, and hand out an old one: so
 * letters are numbered, and a reader keeps the number of the last and refuses any that is not
 * higher.
 *
 * A letter has one key in the engine, by kind, machine and subject; one that lies elsewhere is
 * refused by its reader, who compares. zone/fleet/letters.h does all that with a store. */
#ifndef ZONE_LETTER_H
#define ZONE_LETTER_H

#include "zone/base/result.h"
#include "zone/base/wire.h"

enum letter_kind {
    LETTER_HELLO = 'h',   /* who I am and how far I am */
    LETTER_DEMAND = 'd',  /* queries by cell */
    LETTER_ANSWERS = 'a', /* answers by member; the subject is the slice */
    LETTER_ACK = 'k',     /* the position that I have applied */
    LETTER_PACKAGE = 'p'  /* keys for one machine, which is the subject */
};

enum {
    LETTER_NAME_ROOM = 64, /* of a machine, of a subject */
    LETTER_KEY = 32,       /* an Ed25519 public key */
    LETTER_SECRET = 64,    /* as libsodium has it: seed and public key */
    LETTER_SIGNATURE = 64,
    LETTER_TEXT_MAX = 60000, /* with the rest of it, less than a store's value may have */
    LETTER_MAX =
        1 + 1 + 2 * (2 + LETTER_NAME_ROOM - 1) + 8 + 8 + 4 + LETTER_TEXT_MAX + LETTER_SIGNATURE,
    LETTER_PLACE_ROOM = 2 * LETTER_NAME_ROOM + 4,
    LETTER_KEY_ROOM = 2 * LETTER_NAME_ROOM + 16
};

struct letter {
    enum letter_kind kind;
    char machine[LETTER_NAME_ROOM]; /* who signed it */
    char subject[LETTER_NAME_ROOM]; /* "" if the machine has but one letter of the kind */
    uint64_t number;                /* of letters of one place; rises; by letter_number */
    uint64_t made_at;               /* Unix seconds by the machine's clock: orders nothing */
    struct octets text;             /* what it says, by kind; owned by somebody else */
};

/* The number of the next letter, after `last` (0: none yet): milliseconds by the clock, so that a
 * machine that has lost its store goes on with a higher one, but more than `last` in any case. */
uint64_t letter_number(uint64_t last);
/* Signs. `ledger` names pool and ledger, as for ledgerhead_sign. `out` has LETTER_MAX octets;
 * returns the length. Names are such that letter_read takes them, the text is within its bound. */
size_t letter_seal(const struct letter *letter, const char *ledger,
                   const uint8_t secret[LETTER_SECRET], uint8_t *out);
/* Reads a letter without asking who signed it, to find out whose it claims to be. `out->text` lies
 * within `octets`. INVALID; NEWER for a layout or a kind that this program does not know. */
enum result letter_read(struct letter *out, struct octets octets);
/* The same, and REFUSED unless the key has signed it for that ledger. */
enum result letter_open(struct letter *out, struct octets octets, const char *ledger,
                        const uint8_t key[LETTER_KEY]);
/* "KIND/MACHINE" or "KIND/MACHINE/SUBJECT": where a store keeps it. Returns `out`. */
char *letter_place(const struct letter *letter, char out[LETTER_PLACE_ROOM]);
/* Its key in the engine, without the fleet's prefix: "e/MACHINE/hello", "e/MACHINE/demand",
 * "e/MACHINE/answers/SUBJECT", "a/MACHINE", "k/SUBJECT" of a package. Returns `out`. */
char *letter_key(const struct letter *letter, char out[LETTER_KEY_ROOM]);

#endif
