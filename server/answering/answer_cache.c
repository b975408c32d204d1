/* A set-associative table: the hash of name and type chooses a set, one cache line, with the tags
 * and places of ANSWER_CACHE_WAYS entries. A search compares four tags at a time, and of the
 * entries reads the one that is very likely right. The entry itself tells whether it is. Only
 * records of the registry are put in: queries for random names evict nothing. */
#include "server/answering/answer_cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "zone/base/pages.h"

enum {
    TAGS_A_WORD = 4,
    TAG_BITS = 16
};

/* Length of the entry in cache lines, and number of its first line; 0: free. */
typedef _Atomic uint32_t place;

struct set {
    _Alignas(
        ANSWER_HEAP_LINE) _Atomic uint64_t changed; /* the latest version that changed a name */
    _Atomic uint64_t tags[ANSWER_CACHE_WAYS / TAGS_A_WORD]; /* written after the place */
    place places[ANSWER_CACHE_WAYS];
};

struct answer_table {
    atomic_uint refs;
    size_t sets;
    struct set *list;
    struct answer_heap heap;
    _Atomic uint64_t known;   /* all changes up to this version were told */
    _Atomic uint64_t changed; /* all names may have changed up to this version */
};

struct answer_cache {
    pthread_mutex_t mutex; /* of `table` */
    struct answer_table *table;
    size_t workers;
};

static size_t sets_for(size_t members)
{
    size_t sets = ANSWER_CACHE_SETS_MIN;
    while (sets < ANSWER_CACHE_SETS_MAX && sets < members) {
        sets *= 2;
    }
    return sets;
}

static struct answer_table *table_new(size_t members, size_t workers)
{
    struct answer_table *table = xcalloc(1, sizeof(*table));
    atomic_init(&table->refs, 1);
    table->sets = sets_for(members);
    table->list = pages_new(table->sets * sizeof(struct set), true);
    answer_heap_init(&table->heap, table->sets * ANSWER_CACHE_LINES_A_SET, workers);
    return table;
}

static void table_unref(struct answer_table *table)
{
    if (atomic_fetch_sub(&table->refs, 1) == 1) {
        pages_free(table->list, table->sets * sizeof(struct set));
        answer_heap_done(&table->heap);
        free(table);
    }
}

struct answer_cache *answer_cache_new(size_t members, size_t workers)
{
    struct answer_cache *cache = xcalloc(1, sizeof(*cache));
    (void)pthread_mutex_init(&cache->mutex, NULL);
    cache->workers = workers;
    cache->table = table_new(members, workers);
    return cache;
}

void answer_cache_free(struct answer_cache *cache)
{
    if (cache != NULL) {
        table_unref(cache->table);
        (void)pthread_mutex_destroy(&cache->mutex);
        free(cache);
    }
}

struct answer_cache_memory answer_cache_memory(struct answer_cache *cache)
{
    (void)pthread_mutex_lock(&cache->mutex);
    const struct answer_table *table = cache->table;
    size_t index = table->sets * sizeof(struct set);
    struct answer_cache_memory memory = { index + answer_heap_taken(&table->heap),
                                          index + answer_heap_octets(&table->heap) };
    (void)pthread_mutex_unlock(&cache->mutex);
    return memory;
}

/* The cache's table, after it has been made large enough. */
static struct answer_table *table_for(struct answer_cache *cache, size_t members)
{
    (void)pthread_mutex_lock(&cache->mutex);
    if (cache->table->sets < sets_for(members)) {
        table_unref(cache->table);
        cache->table = table_new(members, cache->workers);
    }
    struct answer_table *table = cache->table;
    atomic_fetch_add(&table->refs, 1);
    (void)pthread_mutex_unlock(&cache->mutex);
    return table;
}

static void join(struct answer_reader *reader, struct answer_table *table)
{
    reader->table = table;
    answer_heap_join(&reader->share, &table->heap);
}

void answer_cache_join(struct answer_reader *reader, struct answer_cache *cache)
{
    *reader = (struct answer_reader){ .cache = cache };
    join(reader, table_for(cache, 0));
}

void answer_cache_leave(struct answer_reader *reader)
{
    if (reader->cache != NULL) {
        answer_heap_leave(&reader->share);
        table_unref(reader->table);
    }
}

void answer_cache_grow(struct answer_reader *reader, size_t members)
{
    if (reader->table->sets < sets_for(members)) {
        table_unref(reader->table);
        join(reader, table_for(reader->cache, members));
    }
}

void answer_cache_begin(struct answer_reader *reader, const struct zone_state *zone,
                        uint64_t version, uint64_t now)
{
    reader->zone = zone;
    reader->version = version;
    reader->now = now;
    answer_heap_enter(&reader->share);
}

void answer_cache_end(struct answer_reader *reader)
{
    answer_heap_leave(&reader->share);
}

static struct set *set_of(const struct answer_table *table, uint64_t hash)
{
    return &table->list[hash & (table->sets - 1)]; /* a power of two */
}

static uint64_t tag_of(uint64_t hash)
{
    return hash >> (64 - TAG_BITS);
}

/* Marks, by the highest bit of each, the tags of a word that are this one. A mark above another may
 * be wrong. */
static uint64_t marks_of(uint64_t word, uint64_t tag)
{
    const uint64_t ones = UINT64_C(0x0001000100010001);
    uint64_t difference = word ^ tag * ones;
    return (difference - ones) & ~difference & ones << (TAG_BITS - 1);
}

static unsigned way_of(unsigned word, uint64_t marks)
{
    return word * TAGS_A_WORD + (unsigned)__builtin_ctzll(marks) / TAG_BITS;
}

static void set_tag(struct set *set, unsigned way, uint64_t tag)
{
    _Atomic uint64_t *word = &set->tags[way / TAGS_A_WORD];
    unsigned shift = way % TAGS_A_WORD * TAG_BITS;
    uint64_t is = atomic_load_explicit(word, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(
        word, &is, (is & ~(UINT64_C(0xffff) << shift)) | tag << shift, memory_order_relaxed,
        memory_order_relaxed)) {
    }
}

static uint32_t line_of(uint32_t value)
{
    return value & ((1U << ANSWER_HEAP_BITS) - 1);
}

static unsigned lines_of(uint32_t value)
{
    return value >> ANSWER_HEAP_BITS;
}

static struct answer_entry *entry_of(const struct answer_table *table, uint32_t value)
{
    return answer_heap_at(&table->heap, line_of(value));
}

static void raise_to(_Atomic uint64_t *version, uint64_t to)
{
    uint64_t is = atomic_load_explicit(version, memory_order_relaxed);
    while (is < to && !atomic_compare_exchange_weak(version, &is, to)) {
    }
}

uint64_t answer_cache_known(const struct answer_reader *reader)
{
    return atomic_load_explicit(&reader->table->known, memory_order_acquire);
}

void answer_cache_changed(struct answer_reader *reader, uint64_t name_hash)
{
    static const uint16_t types[] = { RR_A, RR_AAAA, RR_CAA, RR_NSEC, RR_NXNAME };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        const struct answer_cache_key key = answer_cache_key_of(NULL, name_hash, types[i]);
        raise_to(&set_of(reader->table, key.hash)->changed, reader->version);
    }
}

void answer_cache_all_changed(struct answer_reader *reader)
{
    raise_to(&reader->table->changed, reader->version);
}

void answer_cache_told(struct answer_reader *reader)
{
    raise_to(&reader->table->known, reader->version);
}

/* The rule of the header. An entry is looked at before `changed`: so the changes that its maker
 * knew of are seen. */
static bool is_same(const struct answer_table *table, const struct set *set, uint64_t a, uint64_t b)
{
    uint64_t earlier = a < b ? a : b;
    return atomic_load_explicit(&set->changed, memory_order_acquire) <= earlier &&
           atomic_load_explicit(&table->changed, memory_order_acquire) <= earlier;
}

static bool is_valid(const struct answer_reader *reader, const struct set *set,
                     struct answer_entry *entry)
{
    /* If the clock was set back, the difference is a large number. */
    uint32_t age = (uint32_t)reader->now - entry->made_at;
    return age / ANSWER_ENTRY_LIFETIME_UNIT < entry->lifetime &&
           is_same(reader->table, set, entry->version, reader->version) &&
           answer_entry_suits(entry, reader->zone);
}

static void note_use(struct answer_entry *entry, uint64_t now)
{
    uint32_t at = answer_entry_time(now);
    if (atomic_load_explicit(&entry->used_at, memory_order_relaxed) != at) {
        atomic_store_explicit(&entry->used_at, at, memory_order_relaxed);
    }
}

void answer_cache_prefetch(const struct answer_reader *reader, const struct answer_cache_key *key)
{
    __builtin_prefetch(set_of(reader->table, key->hash));
}

bool answer_cache_fetch(const struct answer_reader *reader, const struct answer_cache_key *key)
{
    struct set *set = set_of(reader->table, key->hash);
    for (unsigned word = 0; word < ANSWER_CACHE_WAYS / TAGS_A_WORD; word++) {
        uint64_t marks = marks_of(atomic_load_explicit(&set->tags[word], memory_order_relaxed),
                                  tag_of(key->hash));
        if (marks != 0) {
            uint32_t value =
                atomic_load_explicit(&set->places[way_of(word, marks)], memory_order_relaxed);
            const uint8_t *octets = (const uint8_t *)entry_of(reader->table, value);
            for (unsigned i = 0; i < lines_of(value); i++) {
                __builtin_prefetch(octets + (size_t)i * ANSWER_HEAP_LINE);
            }
            return value != 0;
        }
    }
    return false;
}

/* A place and what was there when it was looked at. */
struct found {
    place *place; /* NULL: there is none */
    uint32_t value;
    unsigned way;
};

/* Where the entry is; whether it is valid or not. */
static struct found look_for(const struct answer_table *table, struct set *set,
                             const struct answer_cache_key *key)
{
    for (unsigned word = 0; word < ANSWER_CACHE_WAYS / TAGS_A_WORD; word++) {
        uint64_t marks = marks_of(atomic_load_explicit(&set->tags[word], memory_order_relaxed),
                                  tag_of(key->hash));
        for (; marks != 0; marks &= marks - 1) {
            unsigned way = way_of(word, marks);
            uint32_t value = atomic_load(&set->places[way]);
            const struct answer_entry *entry = entry_of(table, value);
            if (value != 0 && answer_entry_is(entry, key)) {
                return (struct found){ &set->places[way], value, way };
            }
        }
    }
    return (struct found){ NULL, 0, 0 };
}

bool answer_cache_find(struct answer_reader *reader, const struct answer_cache_key *key,
                       struct cached_answer *out)
{
    struct set *set = set_of(reader->table, key->hash);
    struct found found = look_for(reader->table, set, key);
    if (found.place == NULL) {
        return false;
    }
    struct answer_entry *entry = entry_of(reader->table, found.value);
    if (!is_valid(reader, set, entry)) {
        return false;
    }
    note_use(entry, reader->now);
    answer_entry_show(entry, out);
    return true;
}

/* A free place, else that of the least recently used entry of so many lines or more. */
static struct found least_used(const struct answer_table *table, struct set *set, unsigned lines,
                               bool free_too)
{
    struct found best = { NULL, 0, 0 };
    uint32_t best_used = 0;
    for (unsigned way = 0; way < ANSWER_CACHE_WAYS; way++) {
        uint32_t value = atomic_load(&set->places[way]);
        if (value == 0 && free_too) {
            return (struct found){ &set->places[way], 0, way };
        }
        if (value == 0 || lines_of(value) < lines) {
            continue;
        }
        uint32_t used =
            atomic_load_explicit(&entry_of(table, value)->used_at, memory_order_relaxed);
        if (best.place == NULL || (int32_t)(used - best_used) < 0) {
            best = (struct found){ &set->places[way], value, way };
            best_used = used;
        }
    }
    return best;
}

/* False if another worker was faster. */
static bool replace(struct answer_reader *reader, const struct found *old, uint32_t value)
{
    uint32_t is = old->value;
    if (!atomic_compare_exchange_strong(old->place, &is, value)) {
        return false;
    }
    if (is != 0) {
        answer_heap_retire(&reader->share, line_of(is), lines_of(is));
    }
    return true;
}

/* Memory of at least so many lines, and how many; 0: there is none. Then an entry of this set makes
 * room, for one that is put in later. */
static uint32_t take_memory(struct answer_reader *reader, struct set *set, unsigned *lines)
{
    for (unsigned longer = *lines; longer <= ANSWER_HEAP_LINES; longer++) {
        uint32_t line = answer_heap_take(&reader->share, longer);
        if (line != 0) {
            *lines = longer;
            return line;
        }
    }
    struct found victim = least_used(reader->table, set, *lines, false);
    if (victim.place != NULL) {
        (void)replace(reader, &victim, 0);
    }
    return 0;
}

bool answer_cache_put(struct answer_reader *reader, const struct answer_cache_key *key,
                      const struct cached_answer_parts *parts, struct cached_answer *out)
{
    struct answer_table *table = reader->table;
    struct set *set = set_of(table, key->hash);
    struct answer_draft draft;
    if (!is_same(table, set, reader->version, reader->version) ||
        !answer_entry_draft(&draft, key, parts, &reader->zone->settings.apex)) {
        return false;
    }
    struct found old = look_for(table, set, key);
    if (old.place != NULL &&
        (int32_t)(entry_of(table, old.value)->style - (uint32_t)reader->zone->style) > 0) {
        return false;
    }
    uint32_t line = take_memory(reader, set, &draft.lines);
    if (line == 0) {
        return false;
    }
    if (old.place == NULL) {
        old = least_used(table, set, 0, true);
    }
    struct answer_entry *entry = answer_heap_at(&table->heap, line);
    const struct answer_times times = { reader->zone, reader->version, reader->now };
    answer_entry_fill(entry, &draft, &times);
    if (!replace(reader, &old, line | draft.lines << ANSWER_HEAP_BITS)) {
        answer_heap_return(&reader->share, line, draft.lines);
        return false;
    }
    set_tag(set, old.way, tag_of(key->hash));
    answer_entry_show(entry, out);
    return true;
}
