/* RRsets in wire form, and blocks: RRsets that are written once and copied into many responses.
 *
 * All owners are names of the zone, and so is the qname: they end in the apex. Owners, and names in
 * the rdata of SOA, NS and CNAME, are compressed to a pointer to the apex in the question (RFC 1035
 * 4.1.4). These pointers, and those of RRSIGs to the block's first owner, are the only octets of a
 * block that differ from response to response. */
#ifndef SERVER_RECORDS_H
#define SERVER_RECORDS_H

#include "zone/names/rrset.h"

enum {
    BLOCK_PATCHES = 12
};

/* An RRset with its RRSIGs, ready to be copied. */
struct block {
    const uint8_t *wire;
    /* Each without [0] and with [1] the RRSIGs. */
    uint16_t len[2];   /* octets */
    uint16_t count[2]; /* records */
    uint8_t patch_count[2];
    /* Offsets in `wire` of the pointers, to the apex or to the first owner. */
    uint16_t patches[BLOCK_PATCHES];
};

/* Where records are written: into the response to `qname`, a name in the zone `apex`. */
struct records_frame {
    const struct dname *qname, *apex;
};

/* Writes the records of an RRset from number `first` on, then those before it. An owner that is the
 * qname itself (the same struct) becomes a pointer to it. Returns their number; the writer has
 * failed if they did not fit. */
uint16_t records_write(struct writer *w, const struct records_frame *frame,
                       const struct dname *owner, const struct rrset *set, uint16_t first);

/* The parts of a block. */
struct block_parts {
    const struct dname *owner; /* NULL: the qname of each query */
    const struct rrset *set, *signatures;
    uint16_t first;
};

/* Makes a block in `room`. False if it does not fit. */
bool block_make(struct block *out, uint8_t *room, size_t room_len, const struct dname *apex,
                const struct block_parts *parts);
/* Writes the block with or without its RRSIGs. Returns the number of records. */
uint16_t block_write(struct writer *w, const struct records_frame *frame, const struct block *block,
                     bool with_rrsigs);

#endif
