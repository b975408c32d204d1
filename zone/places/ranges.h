/* A list of address ranges and their numbers, made once in order of addresses, for seldom look-ups:
 * a range takes some four octets.
 *
 * Each is written as its length and its number (below 2^24); lengths are mostly a small odd number
 * times a power of two, which fits one octet: six bits for the power, two for (odd number - 1) / 2,
 * where 3 says that this half follows in groups of seven bits. An index knows where every 64th
 * range starts. Addresses are 64 bits: IPv4 left-aligned, the upper half of IPv6. */
#ifndef ZONE_RANGES_H
#define ZONE_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RANGES_A_BLOCK = 64
};

struct ranges {
    uint8_t *octets;
    size_t len, room;
    struct ranges_block {
        uint64_t start;
        size_t at;
    } * blocks;
    size_t count, block_room; /* ranges written */
    /* while it is made: the range that grows, and the last part of it */
    uint64_t start, part;
    uint32_t number;
    bool begun;
};

void ranges_begin(struct ranges *ranges);
/* The next part in order. Of several with one start, the first counts. */
void ranges_add(struct ranges *ranges, uint64_t start, uint32_t number);
void ranges_end(struct ranges *ranges);
void ranges_done(struct ranges *ranges);
/* 0 below the first range. */
uint32_t ranges_find(const struct ranges *ranges, uint64_t address);

#endif
