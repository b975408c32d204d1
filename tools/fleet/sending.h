/* Rows on their way to the engine. The latest value of a key counts, and an older one that was not
 * sent yet is dropped. What fails is tried again, later after each failure, until it is done: also
 * if the engine is away for days.
 *
 * A value that a stuck node lets go late may come after a newer one. Readers see that by the
 * letter's number, and the next value cures it. */
#ifndef TOOLS_SENDING_H
#define TOOLS_SENDING_H

#include "tools/fleet/feeder.h"

enum {
    SENDING_BATCH_KEYS = 64,          /* of one request */
    SENDING_BATCH_OCTETS = 256 << 10, /* ... unless one row alone is longer */
    SENDING_OCTETS_MAX = 4 << 20      /* that wait */
};

struct sending;

struct sending *sending_new(struct feeder *feeder, size_t keys_max);
void sending_free(struct sending *sending);
/* As the turn of a channel. */
unsigned sending_turn(struct sending *sending);

/* Keys are without the fleet's prefix. A key that waits already keeps its place in the order. FULL:
 * there are `keys_max`, or octets of SENDING_OCTETS_MAX; nothing is taken then. */
enum result sending_put(struct sending *sending, const char *key, struct octets value);
enum result sending_delete(struct sending *sending, const char *key);
/* Deletes all keys from `from` up to `to`, which is not one of them, when all that was given before
 * is done. None of them may be put again later. */
enum result sending_delete_range(struct sending *sending, const char *from, const char *to);

/* Keys that are not done yet. */
size_t sending_waiting(const struct sending *sending);
bool sending_is_waiting(const struct sending *sending, const char *key);

#endif
