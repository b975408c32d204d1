/* A binary search over the first eight octets of the keys, kept as numbers in one array. Most names
 * differ there. */
#include "server/state/name_index.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "zone/base/array.h"

struct name_index {
    atomic_uint refs;
    size_t count, fronts_room, ends_room;
    uint64_t *fronts; /* the first eight octets of each key, padded with zeros, big-endian */
    uint32_t *ends;   /* where each key ends in `octets` */
    uint8_t *octets;
    size_t used, octets_room;
};

static uint64_t front_of(const uint8_t *octets, size_t len)
{
    uint8_t front[8] = { 0 };
    memcpy(front, octets, len < sizeof(front) ? len : sizeof(front));
    struct reader r = reader_of(front, sizeof(front));
    return read_u64(&r);
}

static enum result add(const struct dname_key *key, const struct node *, void *arg)
{
    struct name_index *names = arg;
    if (names->used + key->len > UINT32_MAX) {
        return RESULT_TOO_LONG;
    }
    ARRAY_RESERVE(names->fronts, names->fronts_room, names->count + 1);
    ARRAY_RESERVE(names->ends, names->ends_room, names->count + 1);
    ARRAY_RESERVE(names->octets, names->octets_room, names->used + key->len);
    memcpy(names->octets + names->used, key->octets, key->len);
    names->used += key->len;
    names->fronts[names->count] = front_of(key->octets, key->len);
    names->ends[names->count++] = (uint32_t)names->used;
    return RESULT_OK;
}

enum result name_index_new(struct name_index **out, struct store_txn *registry)
{
    enum {
        KEY_USUAL = 16
    };
    struct name_index *names = xcalloc(1, sizeof(*names));
    atomic_init(&names->refs, 1);
    size_t count = store_count(registry, TABLE_NAMES);
    ARRAY_RESERVE(names->fronts, names->fronts_room, count);
    ARRAY_RESERVE(names->ends, names->ends_room, count);
    ARRAY_RESERVE(names->octets, names->octets_room, count * KEY_USUAL);
    enum result result = registry_nodes(registry, add, names);
    if (result != RESULT_OK) {
        name_index_unref(names);
        return result;
    }
    *out = names;
    return RESULT_OK;
}

struct name_index *name_index_ref(struct name_index *names)
{
    atomic_fetch_add(&names->refs, 1);
    return names;
}

void name_index_unref(struct name_index *names)
{
    if (names == NULL || atomic_fetch_sub(&names->refs, 1) != 1) {
        return;
    }
    free(names->fronts);
    free(names->ends);
    free(names->octets);
    free(names);
}

static const uint8_t *key_at(const struct name_index *names, size_t at, size_t *len)
{
    uint32_t begin = at == 0 ? 0 : names->ends[at - 1];
    *len = names->ends[at] - begin;
    return names->octets + begin;
}

/* True if name number `at` is before the key. */
static bool is_before(const struct name_index *names, size_t at, uint64_t front,
                      const struct dname_key *key)
{
    if (names->fronts[at] != front) {
        return names->fronts[at] < front;
    }
    size_t len = 0;
    const uint8_t *octets = key_at(names, at, &len);
    int difference = memcmp(octets, key->octets, len < key->len ? len : key->len);
    return difference < 0 || (difference == 0 && len < key->len);
}

/* The number of names before the key. */
static size_t count_before(const struct name_index *names, const struct dname_key *key)
{
    uint64_t front = front_of(key->octets, key->len);
    size_t low = 0, high = names->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is_before(names, middle, front, key)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool name_index_find(const struct name_index *names, const struct dname_key *key,
                     struct dname_key *before)
{
    size_t at = count_before(names, key), len = 0;
    const uint8_t *octets = at < names->count ? key_at(names, at, &len) : NULL;
    if (octets != NULL && len == key->len && memcmp(octets, key->octets, len) == 0) {
        return true;
    }
    before->len = 0;
    if (at > 0) {
        octets = key_at(names, at - 1, &len);
        memcpy(before->octets, octets, len);
        before->len = (uint16_t)len;
    }
    return false;
}
