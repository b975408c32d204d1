/* A table from prefixes to numbers, built once and then read without a lock.
 *
 * The input is the parts of the address space in order. A binary trie merges neighbours of one
 * number, again and again. It is then packed into a multibit trie with level compression (Nilsson
 * and Karlsson 1999): a node is an array of 2^stride entries, with the largest stride that leaves
 * at least half of the entries different. An entry is a leaf, with its number and the length of its
 * prefix in the binary trie, or the offset of the next node. So a lookup reads two to four entries.
 * It finds the number of the longest matching prefix, and the shortest prefix around the address
 * that has this number only. */
#ifndef ZONE_PREFIXES_H
#define ZONE_PREFIXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PREFIXES_NUMBER_MAX = (1 << 23) - 1,
    PREFIXES_DEPTH_MAX = 128,
    PREFIXES_ENTRIES_MAX = 1 << 24 /* 64 MiB; a city-level file needs about four million */
};

/* Layout of an entry. Leaf: 1, 8 bits of length, 23 bits of number. Node: 0, 5 bits of stride, 26
 * bits of offset in `entries`. */
#define PREFIXES_LEAF         0x80000000U
#define PREFIXES_NUMBER       0x007fffffU
#define PREFIXES_OFFSET       0x03ffffffU
#define PREFIXES_LENGTH_SHIFT 23
#define PREFIXES_STRIDE_SHIFT 26

struct prefixes {
    uint32_t root;
    uint32_t *entries;
    size_t count;
};

/* A table being built. */
struct prefixes_maker {
    struct prefixes_pair {
        uint32_t child[2]; /* a pair's index, or PREFIXES_LEAF and a number */
    } * pairs;
    size_t count, room;
    /* by depth: left siblings that wait for the right one */
    uint32_t pending[PREFIXES_DEPTH_MAX + 1];
    uint32_t root;
};

void prefixes_begin(struct prefixes_maker *maker);
/* Adds the next part in order of addresses. The parts are whole prefixes without gaps. */
void prefixes_add(struct prefixes_maker *maker, uint8_t depth, uint32_t number);
/* Replaces each number. Different numbers must stay different. */
void prefixes_renumber(struct prefixes_maker *maker, const uint32_t *numbers);
/* Packs the table; false if it needs more than PREFIXES_ENTRIES_MAX entries. The maker is done in
 * any case. */
bool prefixes_end(struct prefixes_maker *maker, struct prefixes *out);
void prefixes_drop(struct prefixes_maker *maker);
void prefixes_done(struct prefixes *prefixes);
/* True if lookups in a table from elsewhere end, stay inside it, and find numbers below `end` and
 * lengths up to `bits`. */
bool prefixes_are_sound(const struct prefixes *prefixes, uint32_t end, unsigned bits);

/* The lookup of an address, left-aligned in 128 bits: `entry` starts as the root, and is the result
 * once it is a leaf. */
struct prefixes_lookup {
    const uint32_t *entries;
    uint64_t high, low;
    uint32_t entry;
};

static inline struct prefixes_lookup prefixes_lookup(const struct prefixes *prefixes, uint64_t high,
                                                     uint64_t low)
{
    return (struct prefixes_lookup){ prefixes->entries, high, low, prefixes->root };
}

/* Goes one node down. False: the entry is a leaf. */
static inline bool prefixes_step(struct prefixes_lookup *at)
{
    if ((at->entry & PREFIXES_LEAF) != 0) {
        return false;
    }
    unsigned stride = at->entry >> PREFIXES_STRIDE_SHIFT; /* 1 to 16 */
    at->entry = at->entries[(at->entry & PREFIXES_OFFSET) + (at->high >> (64 - stride))];
    at->high = at->high << stride | at->low >> (64 - stride);
    at->low <<= stride;
    return true;
}

/* The leaf of an address. */
static inline uint32_t prefixes_find(const struct prefixes *prefixes, uint64_t high, uint64_t low)
{
    struct prefixes_lookup at = prefixes_lookup(prefixes, high, low);
    while (prefixes_step(&at)) {
    }
    return at.entry;
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
