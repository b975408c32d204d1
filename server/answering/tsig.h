/* The TSIG record (RFC 8945) of a query. The server has no keys, so every key is unknown: it checks
 * that the record is well-formed and responds BADKEY. */
#ifndef SERVER_TSIG_H
#define SERVER_TSIG_H

#include "zone/names/dname.h"

/* Points into the message, which outlives it. */
struct tsig {
    bool present;
    struct reader name; /* at the name of the key, which may be compressed */
    const uint8_t *algorithm;
    size_t algorithm_len;
    const uint8_t *time; /* signed at, 6 octets, and fudge, 2 */
    uint16_t original_id;
};

/* Reads the record from behind its type; its owner begins at `owner_at` of the message. False if it
 * is malformed. The reader has failed or is behind the record. */
bool tsig_read(struct tsig *out, size_t owner_at, struct reader *r);
/* Writes a record with BADKEY and without a MAC (5.3.2). False, with nothing written, if there is
 * no room. */
bool tsig_write_badkey(struct writer *w, const struct tsig *tsig);

#endif
