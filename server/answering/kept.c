/* Entries lie in sets of KEPT_WAYS by the hash of name and type. The tags, 32 bits of that hash, stand in an array of their own, so that a search reads
 * one cache line of tags, and of the entries only the one that is very likely right. What is looked up is what clients ask for, what is put is what the
 * registry holds: asking for random names pushes nothing out. */
#include "server/answering/kept.h"

#include <stdlib.h>
#include <sys/mman.h>

enum {
    HUGE_PAGE = 2 << 20
};

_Static_assert(sizeof(struct kept) <= KEPT_ENTRY, "KEPT_OCTETS is too large");

struct line {
    uint32_t tags[KEPT_WAYS]; /* 0: nothing is here */
};

struct place {
    _Alignas(64) struct kept kept;
};

struct kept_table {
    size_t sets;
    struct line *lines;
    struct place *places; /* KEPT_WAYS for each line */
    const struct view *view;
    uint64_t registry_version;
    uint64_t now, turn;
};

/* Large pages, since each search touches others of the table's pages. */
static void *zeroed(size_t len)
{
    len = (len + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *p = aligned_alloc(HUGE_PAGE, len);
    ASSERT(p != NULL);
    (void)madvise(p, len, MADV_HUGEPAGE);
    return memset(p, 0, len);
}

/* A, AAAA and NSEC of each member, and room to spare, since sets fill unevenly. */
static size_t sets_for(size_t members)
{
    size_t sets = KEPT_SETS_MIN;
    while (sets < KEPT_SETS_MAX && sets < members) {
        sets *= 2;
    }
    return sets;
}

struct kept_table *kept_new(size_t members)
{
    struct kept_table *table = xcalloc(1, sizeof(*table));
    table->sets = sets_for(members);
    table->lines = xcalloc(table->sets, sizeof(*table->lines));
    table->places = zeroed(table->sets * KEPT_WAYS * sizeof(*table->places));
    return table;
}

bool kept_fits(const struct kept_table *table, size_t members)
{
    return sets_for(members) <= table->sets;
}

void kept_free(struct kept_table *table)
{
    if (table != NULL) {
        free(table->lines);
        free(table->places);
        free(table);
    }
}

/* Where an entry may be. */
struct spot {
    struct line *line;
    struct place *places;
    uint32_t tag;
};

static struct spot spot_of(const struct kept_table *table, uint64_t name_hash, uint16_t type)
{
    uint64_t h = (name_hash ^ type) * UINT64_C(0xd6e8feb86659fd93);
    h ^= h >> 32;
    size_t set = h & (table->sets - 1); /* a power of two */
    return (struct spot){ &table->lines[set], &table->places[set * KEPT_WAYS],
                          (uint32_t)(h >> 32) | 1 };
}

static void forget_all(struct kept_table *table)
{
    memset(table->lines, 0, table->sets * sizeof(*table->lines));
}

/* Drops what was made of a name; another of the same tag is made anew when it is asked for. */
static void forget(struct kept_table *table, uint64_t name_hash)
{
    static const uint16_t types[] = { RR_A, RR_AAAA, RR_CAA, RR_NSEC, RR_NXNAME };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct spot spot = spot_of(table, name_hash, types[i]);
        for (unsigned way = 0; way < KEPT_WAYS; way++) {
            if (spot.line->tags[way] == spot.tag) {
                spot.line->tags[way] = 0;
            }
        }
    }
}

void kept_follow(struct kept_table *table, const struct view *view, struct store_txn *registry,
                 uint64_t now)
{
    uint64_t version = store_version(registry);
    table->view = view;
    table->now = now;
    if (version == table->registry_version) {
        return;
    }
    uint64_t changed[REGISTRY_CHANGES_MAX];
    size_t count = 0;
    if (registry_changes(registry, table->registry_version, changed, &count) != RESULT_OK) {
        forget_all(table);
    }
    for (size_t i = 0; i < count; i++) {
        forget(table, changed[i]);
    }
    table->registry_version = version;
}

void kept_begin(struct kept_table *table)
{
    table->turn++;
}

/* True if the entry may still be used; notes that it holds for this view. */
static bool holds(const struct kept_table *table, struct kept *kept)
{
    const struct view *view = table->view;
    if (kept->made_at > table->now || table->now - kept->made_at >= VIEW_AGE_MAX_S) {
        return false;
    }
    if (kept->view_number != view->number) {
        if (kept->style != view->style ||
            (kept->member_id != 0 &&
             kept->left_out != roster_left_out(&view->deal->roster, kept->member_id))) {
            return false;
        }
        kept->view_number = view->number;
    }
    return true;
}

bool kept_fetch(const struct kept_table *table, const struct kept_key *key)
{
    enum {
        CACHE_LINE = 64,
        LINES = 4 /* an address and its signature end there */
    };
    struct spot spot = spot_of(table, dname_key_hash(key->name), key->type);
    bool found = false;
    for (unsigned way = 0; way < KEPT_WAYS; way++) {
        if (spot.line->tags[way] == spot.tag) {
            found = true;
            const uint8_t *place = (const uint8_t *)&spot.places[way];
            for (unsigned i = 0; i < LINES; i++) {
                __builtin_prefetch(place + (size_t)i * CACHE_LINE);
            }
        }
    }
    return found;
}

const struct kept *kept_find(struct kept_table *table, const struct kept_key *key)
{
    struct spot spot = spot_of(table, dname_key_hash(key->name), key->type);
    for (unsigned way = 0; way < KEPT_WAYS; way++) {
        struct kept *kept = &spot.places[way].kept;
        if (spot.line->tags[way] == spot.tag && kept->type == key->type &&
            kept->key_len == key->name->len &&
            memcmp(kept->octets, key->name->octets, kept->key_len) == 0) {
            if (!holds(table, kept)) {
                return NULL;
            }
            kept->turn = table->turn;
            return kept;
        }
    }
    return NULL;
}

/* The way for a new entry: its like's, else a free one, else the one unused for longest. KEPT_WAYS if this answer uses them all. */
static unsigned way_for(const struct kept_table *table, const struct spot *spot)
{
    unsigned best = 0;
    for (unsigned way = 0; way < KEPT_WAYS; way++) {
        if (spot->line->tags[way] == spot->tag || spot->line->tags[way] == 0) {
            return way;
        }
        if (spot->places[way].kept.turn < spot->places[best].kept.turn) {
            best = way;
        }
    }
    return spot->places[best].kept.turn == table->turn ? KEPT_WAYS : best;
}

/* Writes the name's key, an NSEC's next one, and behind them the block. */
static bool fill(struct kept *kept, const struct kept_key *key, const struct kept_parts *parts,
                 const struct dname *apex)
{
    size_t next_len = parts->next == NULL ? 0 : parts->next->len;
    size_t used = key->name->len + next_len;
    if (used > sizeof(kept->octets)) {
        return false;
    }
    kept->key_len = key->name->len;
    kept->next_len = (uint16_t)next_len;
    memcpy(kept->octets, key->name->octets, kept->key_len);
    if (next_len > 0) {
        memcpy(kept->octets + kept->key_len, parts->next->octets, next_len);
    }
    return block_make(&kept->block, kept->octets + used, sizeof(kept->octets) - used, apex,
                      &parts->block);
}

const struct kept *kept_put(struct kept_table *table, const struct kept_key *key,
                            const struct kept_parts *parts)
{
    const struct view *view = table->view;
    struct spot spot = spot_of(table, dname_key_hash(key->name), key->type);
    unsigned way = way_for(table, &spot);
    if (way == KEPT_WAYS) {
        return NULL;
    }
    struct kept *kept = &spot.places[way].kept;
    spot.line->tags[way] = 0;
    if (!fill(kept, key, parts, &view->settings.apex)) {
        return NULL;
    }
    kept->type = key->type;
    kept->member_id = parts->member_id;
    kept->left_out =
        kept->member_id == 0 ? 0 : roster_left_out(&view->deal->roster, kept->member_id);
    kept->view_number = view->number;
    kept->style = view->style;
    kept->made_at = table->now;
    kept->turn = table->turn;
    spot.line->tags[way] = spot.tag;
    return kept;
}
