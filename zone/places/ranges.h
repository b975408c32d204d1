/* A compact list of address ranges and their numbers: about four octets a range. It is built once
 * in order of addresses; lookups are rare.
 *
 * A range is stored as its length and its number (below 2^24). Most lengths are a small odd number
 * times a power of two. Such a length takes one octet: six bits for the power, two for (odd number
 * - 1) / 2. If these two bits are 3, that half follows in groups of seven bits. An index holds the
 * start of every 64th range. Addresses have 64 bits: IPv4 left-aligned, or the upper half of
 * IPv6. */
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
    size_t count, block_room; /* ranges written so far */
    /* during the build: start of the range that grows, and of its last part */
    uint64_t start, part;
    uint32_t number;
    bool begun;
};

void ranges_begin(struct ranges *ranges);
/* Adds the next part in order. Of several parts with one start, the first counts. */
void ranges_add(struct ranges *ranges, uint64_t start, uint32_t number);
void ranges_end(struct ranges *ranges);
void ranges_done(struct ranges *ranges);
/* True if lookups in a list from elsewhere stay inside it and find numbers below `end`. */
bool ranges_are_sound(const struct ranges *ranges, uint32_t end);
/* The number of the address's range; 0 below the first range. */
uint32_t ranges_find(const struct ranges *ranges, uint64_t address);

#endif
