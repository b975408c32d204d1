/* A row of a fleet's ledger: its key in the engine, and its part of the root, by which a machine
 * sees that it has all rows and no others.
 *
 * Keys are `r/BUCKET/KIND/NAME`: two hexadecimal digits, a letter, and a text (of a node: its key
 * in hexadecimal digits). The bucket comes first, so that whoever reads all rows asks for one
 * narrow range of keys after the other, each with rows of all kinds, and checks each by itself. */
#ifndef ZONE_LEDGERROW_H
#define ZONE_LEDGERROW_H

#include "zone/base/result.h"
#include "zone/base/wire.h"

enum {
    LEDGERROW_BUCKETS = 256,
    LEDGERROW_DIGEST = 32,
    LEDGERROW_NAME_MAX = 511, /* of a node: DNAME_KEY_MAX */
    LEDGERROW_KEY_ROOM = 2 * LEDGERROW_NAME_MAX + 16
};

enum ledgerrow_kind {
    LEDGERROW_SETTING = 's',
    LEDGERROW_MEMBER = 'm',
    LEDGERROW_TOMBSTONE = 't',
    LEDGERROW_NODE = 'n',
    LEDGERROW_VANTAGE = 'v',
    LEDGERROW_MACHINE = 'h' /* of the fleet */
};

struct ledgerrow_name {
    enum ledgerrow_kind kind;
    size_t len;            /* 1 to LEDGERROW_NAME_MAX */
    const uint8_t *octets; /* owned by somebody else */
};

/* `out` points to `octets`. INVALID if the name is no name of that kind: 1 to 511 octets; of all
 * but nodes, printable ASCII without a slash. */
enum result ledgerrow_name(struct ledgerrow_name *out, enum ledgerrow_kind kind, const void *octets,
                           size_t len);
/* Digests, and where a row stands among them: a hash of its name, whose first octet is the bucket.
 */
struct ledgerrow_digest {
    uint8_t octets[LEDGERROW_DIGEST];
};
void ledgerrow_place(struct ledgerrow_digest *out, const struct ledgerrow_name *name);
uint8_t ledgerrow_bucket(const struct ledgerrow_name *name);
/* Without the fleet's prefix. Returns `out`. */
char *ledgerrow_key(const struct ledgerrow_name *name, char out[LEDGERROW_KEY_ROOM]);
/* The opposite. `out` points into `key`, or into `room`, which has LEDGERROW_NAME_MAX. INVALID for
 * any text that ledgerrow_key does not write, also if the bucket is another one: a row has one key.
 * NEWER if the letter is that of a kind to come. */
enum result ledgerrow_parse(struct ledgerrow_name *out, struct octets key, uint8_t *room);
/* The keys of a bucket begin with it and end before the next: `r/07/` and `r/070`. */
enum {
    LEDGERROW_RANGE_ROOM = 8
};
void ledgerrow_range(uint8_t bucket, char from[LEDGERROW_RANGE_ROOM],
                     char to[LEDGERROW_RANGE_ROOM]);
/* As memcmp(3): by kind, then by name. It is the order of keys within a bucket. */
int ledgerrow_order(const struct ledgerrow_name *a, const struct ledgerrow_name *b);

void ledgerrow_digest(struct ledgerrow_digest *out, const struct ledgerrow_name *name,
                      struct octets value);
/* The digest of a bucket, from those of its rows in the order of their places. */
void ledgerrow_bucket_digest(struct ledgerrow_digest *out, const struct ledgerrow_digest *rows,
                             size_t count);
void ledgerrow_root(struct ledgerrow_digest *out,
                    const struct ledgerrow_digest buckets[LEDGERROW_BUCKETS]);

#endif
