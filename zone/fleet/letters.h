/* Letters of other machines, as this machine keeps them (TABLE_PEERS of STORE_FLEET). */
#ifndef ZONE_LETTERS_H
#define ZONE_LETTERS_H

#include "zone/fleet/letter.h"
#include "zone/store/store.h"

/* What other machines can make this one keep: a hello, the demand, and the answers in slices. */
enum {
    LETTERS_SLICES = 60,            /* of answers: their subjects are "0" to "59" */
    LETTERS_ANSWERS_MAX = 32 << 10, /* octets of one: 1,667 members of 100,000 */
    LETTERS_TEXT_MAX = 8 << 10,     /* ... of others; packages have LETTER_TEXT_MAX */
};

/* Takes a letter in that the engine has under that key (letter_key), if a machine of the fleet that
 * may say such a thing has signed it, and if its number is higher than that of the one before.
 * `change` is of STORE_FLEET, `registry` reads the registry.
 *
 *   EXISTS   it is the one before, or an older one: nothing changes
 *   REFUSED  the machine is unknown or evicted, the signature or the key is wrong, or the role
 *   INVALID, NEWER  it can't be read, or is beyond the bounds above */
enum result letters_take(struct store_txn *change, struct store_txn *registry, const char *ledger,
                         struct octets key, struct octets octets, struct diag *diag);
/* The last one of that kind, machine and subject. `octets` has LETTER_MAX and holds its text.
 * NOT_FOUND. */
enum result letters_get(struct store_txn *txn, enum letter_kind kind, const char *machine,
                        const char *subject, uint8_t *octets, struct letter *out);
/* Visits all letters of a kind, in order of machine and subject. What a letter says lives during
 * the call. */
typedef enum result letters_visit(const struct letter *letter, void *arg);
enum result letters_each(struct store_txn *txn, enum letter_kind kind, letters_visit *visit,
                         void *arg);
/* Forgets all letters of machines that `is_known` does not know (any more). */
enum result letters_purge(struct store_txn *change,
                          bool (*is_known)(const char *machine, void *arg), void *arg);

#endif
