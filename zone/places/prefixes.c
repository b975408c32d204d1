#include "zone/places/prefixes.h"

#include <stdlib.h>
#include <string.h>

#include "zone/base/array.h"

enum {
    STRIDE_MAX = 16,
    SPARSENESS = 2,       /* at least one entry in so many must be needed, */
    LARGE_TABLE = 1 << 16 /* but the root of a table with more pairs than this has STRIDE_MAX */
};

#define NOT_PENDING UINT32_MAX

void prefixes_begin(struct prefixes_maker *maker)
{
    *maker = (struct prefixes_maker){ .root = PREFIXES_LEAF };
    for (size_t i = 0; i <= PREFIXES_DEPTH_MAX; i++) {
        maker->pending[i] = NOT_PENDING;
    }
}

static uint32_t join(struct prefixes_maker *maker, uint32_t left, uint32_t right)
{
    if (left == right && (left & PREFIXES_LEAF) != 0) {
        return left;
    }
    ARRAY_PUSH(maker->pairs, maker->count, maker->room, (struct prefixes_pair){ { left, right } });
    return (uint32_t)maker->count - 1;
}

void prefixes_add(struct prefixes_maker *maker, uint8_t depth, uint32_t number)
{
    uint32_t part = PREFIXES_LEAF | number;
    while (depth > 0 && maker->pending[depth] != NOT_PENDING) {
        part = join(maker, maker->pending[depth], part);
        maker->pending[depth] = NOT_PENDING;
        depth--;
    }
    if (depth == 0) {
        maker->root = part;
    } else {
        maker->pending[depth] = part;
    }
}

void prefixes_renumber(struct prefixes_maker *maker, const uint32_t *numbers)
{
    for (size_t i = 0; i < maker->count; i++) {
        for (size_t side = 0; side < 2; side++) {
            uint32_t *child = &maker->pairs[i].child[side];
            if ((*child & PREFIXES_LEAF) != 0) {
                *child = PREFIXES_LEAF | numbers[prefixes_number(*child)];
            }
        }
    }
    if ((maker->root & PREFIXES_LEAF) != 0) {
        maker->root = PREFIXES_LEAF | numbers[prefixes_number(maker->root)];
    }
}

/* A node of the binary trie that is to be packed, and the entry that will hold its offset. */
struct job {
    uint32_t pair, entry;
    uint8_t depth;
};

#define ENTRY_OF_ROOT UINT32_MAX

struct packer {
    const struct prefixes_maker *maker;
    struct prefixes out;
    size_t room;
    struct job *jobs;
    size_t job_count, job_room;
    uint32_t *level[2]; /* scratch: pairs at one depth and at the next */
};

static void add_job(struct packer *packer, struct job job)
{
    ARRAY_PUSH(packer->jobs, packer->job_count, packer->job_room, job);
}

/* The largest stride that is not too sparse. Goes down level by level; a leaf counts once. */
static unsigned choose_stride(struct packer *packer, uint32_t pair)
{
    if (packer->out.count == 0 && packer->maker->count > LARGE_TABLE) {
        return STRIDE_MAX;
    }
    size_t wide = 1, ended = 0;
    unsigned stride = 0;
    packer->level[0][0] = pair;
    while (stride < STRIDE_MAX && wide > 0) {
        const uint32_t *from = packer->level[stride % 2];
        uint32_t *to = packer->level[(stride + 1) % 2];
        size_t wider = 0;
        for (size_t i = 0; i < 2 * wide; i++) {
            uint32_t child = packer->maker->pairs[from[i / 2]].child[i % 2];
            if ((child & PREFIXES_LEAF) != 0) {
                ended++;
            } else {
                to[wider++] = child;
            }
        }
        if ((ended + wider) * SPARSENESS < (size_t)1 << (stride + 1)) {
            break;
        }
        wide = wider;
        stride++;
    }
    return stride;
}

static void fill_leaf(uint32_t *entries, size_t count, uint32_t leaf, unsigned length)
{
    for (size_t i = 0; i < count; i++) {
        entries[i] = leaf | (uint32_t)length << PREFIXES_LENGTH_SHIFT;
    }
}

/* Fills a node's entries with the leaves above its stride. Each subtree below becomes a job. */
static void fill(struct packer *packer, const struct job *job, unsigned stride, uint32_t offset)
{
    struct {
        uint32_t part, at;
        unsigned depth;
    } stack[STRIDE_MAX + 1] = { { job->pair, 0, 0 } };
    for (unsigned count = 1; count > 0;) {
        count--;
        uint32_t part = stack[count].part, at = stack[count].at;
        unsigned depth = stack[count].depth;
        if ((part & PREFIXES_LEAF) != 0) {
            fill_leaf(packer->out.entries + offset + at, (size_t)1 << (stride - depth), part,
                      job->depth + depth);
        } else if (depth == stride) {
            add_job(packer, (struct job){ part, offset + at, (uint8_t)(job->depth + depth) });
        } else {
            const uint32_t *child = packer->maker->pairs[part].child;
            uint32_t half = 1U << (stride - depth - 1);
            stack[count].part = child[1];
            stack[count].at = at + half;
            stack[count++].depth = depth + 1;
            stack[count].part = child[0];
            stack[count].at = at;
            stack[count++].depth = depth + 1;
        }
    }
}

static bool make_node(struct packer *packer, const struct job *job)
{
    struct prefixes *out = &packer->out;
    unsigned stride = choose_stride(packer, job->pair);
    size_t count = (size_t)1 << stride;
    if (out->count + count > PREFIXES_ENTRIES_MAX) {
        return false;
    }
    ARRAY_RESERVE(out->entries, packer->room, out->count + count);
    uint32_t offset = (uint32_t)out->count;
    uint32_t entry = (uint32_t)stride << PREFIXES_STRIDE_SHIFT | offset;
    out->count += count;
    if (job->entry == ENTRY_OF_ROOT) {
        out->root = entry;
    } else {
        out->entries[job->entry] = entry;
    }
    fill(packer, job, stride, offset);
    return true;
}

bool prefixes_end(struct prefixes_maker *maker, struct prefixes *out)
{
    struct packer packer = { .maker = maker, .out = { .root = maker->root } };
    bool fits = true;
    for (size_t i = 0; i < 2; i++) {
        packer.level[i] = xmalloc(sizeof(uint32_t) << STRIDE_MAX);
    }
    if ((maker->root & PREFIXES_LEAF) == 0) {
        add_job(&packer, (struct job){ maker->root, ENTRY_OF_ROOT, 0 });
    }
    while (packer.job_count > 0 && fits) {
        struct job job = packer.jobs[--packer.job_count];
        fits = make_node(&packer, &job);
    }
    free(packer.level[0]);
    free(packer.level[1]);
    free(packer.jobs);
    prefixes_drop(maker);
    if (!fits) {
        free(packer.out.entries);
        return false;
    }
    if (packer.out.count > 0) {
        size_t len = packer.out.count * sizeof(*packer.out.entries);
        uint32_t *entries = memcpy(xmalloc_huge(len), packer.out.entries, len);
        free(packer.out.entries);
        packer.out.entries = entries;
    }
    *out = packer.out;
    return true;
}

void prefixes_drop(struct prefixes_maker *maker)
{
    free(maker->pairs);
    maker->pairs = NULL;
}

void prefixes_done(struct prefixes *prefixes)
{
    free(prefixes->entries);
    prefixes->entries = NULL;
}

/* A node lies behind the entry that leads to it: so no lookup goes in a circle. */
static bool is_sound(uint32_t entry, size_t behind, size_t count, uint32_t end, unsigned bits)
{
    if ((entry & PREFIXES_LEAF) != 0) {
        return prefixes_number(entry) < end && prefixes_length(entry) <= bits;
    }
    unsigned stride = entry >> PREFIXES_STRIDE_SHIFT;
    size_t offset = entry & PREFIXES_OFFSET;
    return stride >= 1 && stride <= STRIDE_MAX && offset >= behind &&
           offset + ((size_t)1 << stride) <= count;
}

bool prefixes_are_sound(const struct prefixes *prefixes, uint32_t end, unsigned bits)
{
    bool sound = is_sound(prefixes->root, 0, prefixes->count, end, bits);
    for (size_t i = 0; i < prefixes->count; i++) {
        sound = sound && is_sound(prefixes->entries[i], i + 1, prefixes->count, end, bits);
    }
    return sound;
}
