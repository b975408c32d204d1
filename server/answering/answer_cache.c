/* A set-associative table: the hash of name and type chooses a set of ANSWER_CACHE_WAYS entries.
 * The tags, 32 bits of that hash, are in an array of their own. So a search reads one cache line of
 * tags, and of the entries only the one that is very likely right. Only records of the registry are
 * put in: queries for random names evict nothing. */
#include "server/answering/answer_cache.h"

#include <stdlib.h>
#include <sys/mman.h>

enum {
    HUGE_PAGE = 2 << 20
};

_Static_assert(sizeof(struct cached_answer) <= ANSWER_CACHE_ENTRY,
               "ANSWER_CACHE_OCTETS is too large");

struct line {
    uint32_t tags[ANSWER_CACHE_WAYS]; /* 0: free */
};

struct cache_slot {
    _Alignas(64) struct cached_answer cached;
};

struct answer_cache {
    size_t sets;
    struct line *lines;
    struct cache_slot *slots; /* ANSWER_CACHE_WAYS of each line */
    const struct zone_state *zone;
    uint64_t now, tick;
};

/* Zeroed memory, in huge pages, since searches touch pages at random. The kernel clears each page
 * when it is first touched, so a start does not wait for all of them. */
static void *zeroed(size_t len)
{
    void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT(p != MAP_FAILED);
    (void)madvise(p, len, MADV_HUGEPAGE);
    return p;
}

/* Room for A, AAAA and NSEC of each member, and to spare, since sets fill unevenly. */
static size_t sets_for(size_t members)
{
    size_t sets = ANSWER_CACHE_SETS_MIN;
    while (sets < ANSWER_CACHE_SETS_MAX && sets < members) {
        sets *= 2;
    }
    return sets;
}

static size_t slots_len(size_t sets)
{
    size_t len = sets * ANSWER_CACHE_WAYS * sizeof(struct cache_slot);
    return (len + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

struct answer_cache *answer_cache_new(size_t members)
{
    struct answer_cache *table = xcalloc(1, sizeof(*table));
    table->sets = sets_for(members);
    table->lines = xcalloc(table->sets, sizeof(*table->lines));
    table->slots = zeroed(slots_len(table->sets));
    return table;
}

bool answer_cache_fits(const struct answer_cache *table, size_t members)
{
    return sets_for(members) <= table->sets;
}

void answer_cache_free(struct answer_cache *table)
{
    if (table != NULL) {
        free(table->lines);
        (void)munmap(table->slots, slots_len(table->sets));
        free(table);
    }
}

/* Where an entry may be. */
struct spot {
    struct line *line;
    struct cache_slot *slots;
    uint32_t tag;
};

static struct spot spot_of(const struct answer_cache *table, uint64_t name_hash, uint16_t type)
{
    uint64_t h = (name_hash ^ type) * UINT64_C(0xd6e8feb86659fd93);
    h ^= h >> 32;
    size_t set = h & (table->sets - 1); /* a power of two */
    return (struct spot){ &table->lines[set], &table->slots[set * ANSWER_CACHE_WAYS],
                          (uint32_t)(h >> 32) | 1 };
}

void answer_cache_drop_all(struct answer_cache *table)
{
    memset(table->lines, 0, table->sets * sizeof(*table->lines));
}

/* May drop another name with the same tag. It is cached again when it is asked for. */
void answer_cache_drop(struct answer_cache *table, uint64_t name_hash)
{
    static const uint16_t types[] = { RR_A, RR_AAAA, RR_CAA, RR_NSEC, RR_NXNAME };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct spot spot = spot_of(table, name_hash, types[i]);
        for (unsigned way = 0; way < ANSWER_CACHE_WAYS; way++) {
            if (spot.line->tags[way] == spot.tag) {
                spot.line->tags[way] = 0;
            }
        }
    }
}

void answer_cache_use(struct answer_cache *table, const struct zone_state *zone, uint64_t now)
{
    table->zone = zone;
    table->now = now;
}

void answer_cache_begin(struct answer_cache *table)
{
    table->tick++;
}

/* True if the entry is valid; notes that it is for this zone state. */
static bool holds(const struct answer_cache *table, struct cached_answer *cached)
{
    const struct zone_state *zone = table->zone;
    /* If the clock was set back, the difference is a large number. */
    if ((uint32_t)table->now - cached->made_at >= cached->lifetime_s) {
        return false;
    }
    if (cached->zone_state_number != zone->number) {
        if (cached->style != zone->style ||
            (cached->member_id != 0 &&
             cached->left_out != candidates_left_out(&zone->deal->candidates, cached->member_id))) {
            return false;
        }
        cached->zone_state_number = zone->number;
    }
    return true;
}

bool answer_cache_fetch(const struct answer_cache *table, const struct answer_cache_key *key)
{
    enum {
        CACHE_LINE = 64,
        LINES = 4 /* an entry of an address and its signature ends there */
    };
    struct spot spot = spot_of(table, dname_key_hash(key->name), key->type);
    bool found = false;
    for (unsigned way = 0; way < ANSWER_CACHE_WAYS; way++) {
        if (spot.line->tags[way] == spot.tag) {
            found = true;
            const uint8_t *slot = (const uint8_t *)&spot.slots[way];
            for (unsigned i = 0; i < LINES; i++) {
                __builtin_prefetch(slot + (size_t)i * CACHE_LINE);
            }
        }
    }
    return found;
}

const struct cached_answer *answer_cache_find(struct answer_cache *table,
                                              const struct answer_cache_key *key)
{
    struct spot spot = spot_of(table, dname_key_hash(key->name), key->type);
    for (unsigned way = 0; way < ANSWER_CACHE_WAYS; way++) {
        struct cached_answer *cached = &spot.slots[way].cached;
        if (spot.line->tags[way] == spot.tag && cached->type == key->type &&
            cached->key_len == key->name->len &&
            memcmp(cached->octets, key->name->octets, cached->key_len) == 0) {
            if (!holds(table, cached)) {
                return NULL;
            }
            cached->tick = table->tick;
            return cached;
        }
    }
    return NULL;
}

/* The way for a new entry: that of the same tag, else a free one, else the least recently used.
 * ANSWER_CACHE_WAYS if the present answer uses them all. */
static unsigned way_for(const struct answer_cache *table, const struct spot *spot)
{
    unsigned best = 0;
    for (unsigned way = 0; way < ANSWER_CACHE_WAYS; way++) {
        if (spot->line->tags[way] == spot->tag || spot->line->tags[way] == 0) {
            return way;
        }
        if (spot->slots[way].cached.tick < spot->slots[best].cached.tick) {
            best = way;
        }
    }
    return spot->slots[best].cached.tick == table->tick ? ANSWER_CACHE_WAYS : best;
}

/* Writes the keys and the block. */
static bool fill(struct cached_answer *cached, const struct answer_cache_key *key,
                 const struct cached_answer_parts *parts, const struct dname *apex)
{
    size_t next_len = parts->next == NULL ? 0 : parts->next->len;
    size_t used = key->name->len + next_len;
    if (used > sizeof(cached->octets)) {
        return false;
    }
    cached->key_len = key->name->len;
    cached->next_len = (uint16_t)next_len;
    memcpy(cached->octets, key->name->octets, cached->key_len);
    if (next_len > 0) {
        memcpy(cached->octets + cached->key_len, parts->next->octets, next_len);
    }
    return block_make(&cached->block, cached->octets + used, sizeof(cached->octets) - used, apex,
                      &parts->block);
}

const struct cached_answer *answer_cache_put(struct answer_cache *table,
                                             const struct answer_cache_key *key,
                                             const struct cached_answer_parts *parts)
{
    const struct zone_state *zone = table->zone;
    struct spot spot = spot_of(table, dname_key_hash(key->name), key->type);
    unsigned way = way_for(table, &spot);
    if (way == ANSWER_CACHE_WAYS) {
        return NULL;
    }
    struct cached_answer *cached = &spot.slots[way].cached;
    spot.line->tags[way] = 0;
    if (!fill(cached, key, parts, &zone->settings.apex)) {
        return NULL;
    }
    cached->type = key->type;
    cached->member_id = parts->member_id;
    cached->left_out = cached->member_id == 0
                           ? 0
                           : candidates_left_out(&zone->deal->candidates, cached->member_id);
    cached->zone_state_number = zone->number;
    cached->style = zone->style;
    cached->made_at = (uint32_t)table->now;
    cached->lifetime_s = zone_state_lifetime_s(dname_key_hash(key->name));
    cached->tick = table->tick;
    spot.line->tags[way] = spot.tag;
    return cached;
}
