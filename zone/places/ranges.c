#include "zone/places/ranges.h"

#include <stdlib.h>

#include "zone/base/array.h"

enum {
    GROUPS_MAX = 9, /* of seven bits: half of the longest length */
    NUMBER_LEN = 3,
    RANGE_MAX = 1 + GROUPS_MAX + NUMBER_LEN, /* octets */
    POWER_BITS = 6,
    LONG_FORM = 3
};

void ranges_begin(struct ranges *ranges)
{
    *ranges = (struct ranges){ .octets = NULL };
}

static uint8_t *write_length(uint8_t *p, uint64_t length)
{
    unsigned power = length == 0 ? 0 : (unsigned)__builtin_ctzll(length);
    uint64_t half = length >> power >> 1;
    if (half < LONG_FORM) {
        *p++ = (uint8_t)(power | half << POWER_BITS);
        return p;
    }
    *p++ = (uint8_t)(power | LONG_FORM << POWER_BITS);
    for (; half > 0x7f; half >>= 7) {
        *p++ = (uint8_t)(half | 0x80);
    }
    *p++ = (uint8_t)half;
    return p;
}

static const uint8_t *read_length(const uint8_t *p, uint64_t *length)
{
    unsigned power = *p & ((1U << POWER_BITS) - 1);
    uint64_t half = *p++ >> POWER_BITS;
    if (half == LONG_FORM) {
        half = 0;
        for (unsigned shift = 0;; shift += 7) {
            half |= (uint64_t)(*p & 0x7f) << shift;
            if ((*p++ & 0x80) == 0) {
                break;
            }
        }
    }
    *length = (half << 1 | 1) << power;
    return p;
}

static uint32_t read_number(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

/* Writes the range that grew; it ends before `end`. */
static void write_range(struct ranges *ranges, uint64_t end)
{
    ARRAY_RESERVE(ranges->octets, ranges->room, ranges->len + RANGE_MAX);
    if (ranges->count % RANGES_A_BLOCK == 0) {
        size_t block = ranges->count / RANGES_A_BLOCK;
        ARRAY_RESERVE(ranges->blocks, ranges->block_room, block + 1);
        ranges->blocks[block] = (struct ranges_block){ ranges->start, ranges->len };
    }
    uint8_t *p = write_length(ranges->octets + ranges->len, end - ranges->start);
    *p++ = (uint8_t)ranges->number;
    *p++ = (uint8_t)(ranges->number >> 8);
    *p++ = (uint8_t)(ranges->number >> 16);
    ranges->len = (size_t)(p - ranges->octets);
    ranges->count++;
}

void ranges_add(struct ranges *ranges, uint64_t start, uint32_t number)
{
    if (ranges->begun && (start == ranges->part || number == ranges->number)) {
        ranges->part = start;
        return;
    }
    if (ranges->begun) {
        write_range(ranges, start);
    }
    ranges->begun = true;
    ranges->start = ranges->part = start;
    ranges->number = number;
}

void ranges_end(struct ranges *ranges)
{
    if (!ranges->begun) {
        return;
    }
    write_range(ranges, 0); /* the last range is open */
    size_t blocks = (ranges->count + RANGES_A_BLOCK - 1) / RANGES_A_BLOCK;
    ranges->octets = xrealloc(ranges->octets, ranges->len);
    ranges->blocks = xrealloc(ranges->blocks, blocks * sizeof(*ranges->blocks));
    ranges->room = ranges->len;
    ranges->block_room = blocks;
}

void ranges_done(struct ranges *ranges)
{
    free(ranges->octets);
    free(ranges->blocks);
    ranges_begin(ranges);
}

struct wanted {
    const struct ranges_block *blocks;
    uint64_t address;
};

static bool begins_by(const void *context, size_t i)
{
    const struct wanted *wanted = context;
    return wanted->blocks[i].start <= wanted->address;
}

uint32_t ranges_find(const struct ranges *ranges, uint64_t address)
{
    const struct wanted wanted = { ranges->blocks, address };
    size_t blocks = (ranges->count + RANGES_A_BLOCK - 1) / RANGES_A_BLOCK;
    size_t begun = array_count_before(blocks, begins_by, &wanted);
    if (begun == 0) {
        return 0;
    }
    const struct ranges_block *block = &ranges->blocks[begun - 1];
    const uint8_t *p = ranges->octets + block->at;
    uint64_t left = address - block->start, length = 0;
    for (size_t i = (begun - 1) * RANGES_A_BLOCK;; i++) {
        p = read_length(p, &length);
        if (left < length || i + 1 == ranges->count) {
            return read_number(p);
        }
        left -= length;
        p += NUMBER_LEN;
    }
}

/* The end of the length at `p`; NULL if it is too long. */
static const uint8_t *end_of_length(const uint8_t *p, const uint8_t *end)
{
    if (p == end || *p++ >> POWER_BITS != LONG_FORM) {
        return p == end ? NULL : p;
    }
    for (unsigned i = 0; i < GROUPS_MAX && p < end; i++) {
        if ((*p++ & 0x80) == 0) {
            return p;
        }
    }
    return NULL;
}

bool ranges_are_sound(const struct ranges *ranges, uint32_t end)
{
    const uint8_t *p = ranges->octets, *last = p + ranges->len;
    uint64_t start = ranges->count > 0 ? ranges->blocks[0].start : 0, length = 0;
    for (size_t i = 0; i < ranges->count; i++) {
        const struct ranges_block *block = &ranges->blocks[i / RANGES_A_BLOCK];
        const uint8_t *number = end_of_length(p, last);
        bool begins = i % RANGES_A_BLOCK == 0;
        if (number == NULL || last - number < NUMBER_LEN || read_number(number) >= end ||
            (begins && (block->start != start || block->at != (size_t)(p - ranges->octets)))) {
            return false;
        }
        (void)read_length(p, &length);
        start += length;
        p = number + NUMBER_LEN;
    }
    return p == last;
}
