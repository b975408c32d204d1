/* The TSIG record (RFC 8945) of a query. We share a key with nobody, so every key is unknown: all
 * there is to do is to see that the record is one, and to say so in the response. */
#ifndef SERVER_TSIG_H
#define SERVER_TSIG_H

#include "zone/names/dname.h"

/* Points into the query, which outlives it. */
struct tsig {
    bool present;
    struct reader name; /* stands before the key's, which may be compressed */
    const uint8_t *algorithm;
    size_t algorithm_len;
    const uint8_t *time; /* signed at, 6 octets, and fudge, 2 */
    uint16_t original_id;
};

/* Reads what follows the type of the record whose owner begins at `owner_at` of the message. False
 * if it is malformed; the reader has failed or stands behind the record. */
bool tsig_read(struct tsig *out, size_t owner_at, struct reader *r);
/* Writes the record that says BADKEY, without a MAC (5.3.2). False, with nothing written, if there
 * is no room. */
bool tsig_write_badkey(struct writer *w, const struct tsig *tsig);

#endif
