/* RRsets in wire form, and blocks: the same, written once and copied into many responses.
 *
 * Owners are names of the zone, so each ends in the apex, which is the tail of the question's name
 * and always at the same place of a message: owners, and the names in the rdata of SOA, NS and
 * CNAME, are compressed to a pointer there (RFC 1035 4.1.4). Within a block those pointers, and
 * those of its RRSIGs to its own first owner, are the only octets that differ from response to
 * response. */
#ifndef SERVER_RECORDS_H
#define SERVER_RECORDS_H

#include "zone/names/rrset.h"

enum {
    BLOCK_PATCHES = 12
};

/* An RRset with its RRSIGs, as copied into responses. */
struct block {
    const uint8_t *wire;
    uint16_t len[2];   /* octets without [0] and with [1] the RRSIGs */
    uint16_t count[2]; /* records */
    uint8_t patch_count[2];
    /* where in `wire` pointers are, to the apex or to the first owner */
    uint16_t patches[BLOCK_PATCHES];
};

/* Where records are written: into the answer to `qname`, a name in the zone of `apex`. */
struct records_frame {
    const struct dname *qname, *apex;
};

/* Writes the records of a set, beginning with number `first` and following around the end. An owner
 * that is the frame's own qname (the same struct) becomes a pointer to it. Returns how many; the
 * writer has failed if they did not fit. */
uint16_t records_write(struct writer *w, const struct records_frame *frame,
                       const struct dname *owner, const struct rrset *set, uint16_t first);

/* What a block is made of. */
struct block_parts {
    const struct dname *owner; /* NULL: the name asked for, whichever that is */
    const struct rrset *set, *signatures;
    uint16_t first;
};

/* Makes a block in `room`; false if it does not fit. */
bool block_make(struct block *out, uint8_t *room, size_t room_len, const struct dname *apex,
                const struct block_parts *parts);
/* Writes it with its RRSIGs or without. Returns how many records. */
uint16_t block_write(struct writer *w, const struct records_frame *frame, const struct block *block,
                     bool with_rrsigs);

#endif
