/* A table from prefixes to numbers, made once and then only read, without a lock.
 *
 * It is made of the parts of the address space in order; neighbours with one number become one,
 * again and again, in a binary trie. That is packed into a multibit trie: each node is an array of
 * 2^stride entries, with the largest stride at which a quarter of them would differ (Nilsson and
 * Karlsson 1999, level compression). An entry is a leaf, with its number and the length of its
 * prefix in the binary trie, or tells where the next node stands. So a lookup reads two to four
 * entries, and what it finds is the longest prefix's number together with the shortest prefix
 * around the address that has this number alone. */
#ifndef ZONE_PREFIXES_H
#define ZONE_PREFIXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PREFIXES_NUMBER_MAX = (1 << 23) - 1,
    PREFIXES_DEPTH_MAX = 128,
    PREFIXES_ENTRIES_MAX = 1 << 24 /* 64 MiB; a city-level file makes some four million */
};

/* Of an entry. Leaf: 1, 8 bits of length, 23 bits of number. Node: 0, 5 bits of stride, 26 bits of
 * place in `entries`. */
#define PREFIXES_LEAF         0x80000000U
#define PREFIXES_NUMBER       0x007fffffU
#define PREFIXES_PLACE        0x03ffffffU
#define PREFIXES_LENGTH_SHIFT 23
#define PREFIXES_STRIDE_SHIFT 26

struct prefixes {
    uint32_t root;
    uint32_t *entries;
    size_t count;
};

/* A table being made. */
struct prefixes_maker {
    struct prefixes_pair {
        uint32_t child[2]; /* a pair, or PREFIXES_LEAF and a number */
    } * pairs;
    size_t count, room;
    uint32_t pending[PREFIXES_DEPTH_MAX + 1]; /* left siblings that wait for the right one */
    uint32_t root;
};

void prefixes_begin(struct prefixes_maker *maker);
/* The next part in order of addresses. The parts are whole prefixes and leave nothing out. */
void prefixes_add(struct prefixes_maker *maker, uint8_t depth, uint32_t number);
/* Gives each number a new one; different ones stay different. */
void prefixes_renumber(struct prefixes_maker *maker, const uint32_t *numbers);
/* Packs it; false if it would be larger than PREFIXES_ENTRIES_MAX. The maker is done in any
 * case. */
bool prefixes_end(struct prefixes_maker *maker, struct prefixes *out);
void prefixes_drop(struct prefixes_maker *maker);
void prefixes_done(struct prefixes *prefixes);

/* The leaf for an address, left-aligned in 128 bits. */
static inline uint32_t prefixes_find(const struct prefixes *prefixes, uint64_t high, uint64_t low)
{
    uint32_t entry = prefixes->root;
    while ((entry & PREFIXES_LEAF) == 0) {
        unsigned stride = entry >> PREFIXES_STRIDE_SHIFT; /* 1 to 16 */
        entry = prefixes->entries[(entry & PREFIXES_PLACE) + (high >> (64 - stride))];
        high = high << stride | low >> (64 - stride);
        low <<= stride;
    }
    return entry;
}

static inline uint32_t prefixes_number(uint32_t leaf)
{
    return leaf & PREFIXES_NUMBER;
}

static inline uint8_t prefixes_length(uint32_t leaf)
{
    return (uint8_t)(leaf >> PREFIXES_LENGTH_SHIFT);
}

#endif
