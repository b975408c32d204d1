/* A binary search over the first eight octets of the keys, which stand as numbers in one array; most names differ there. */
#include "server/state/order.h"

#include <stdatomic.h>
#include <stdlib.h>

struct order {
    atomic_uint refs;
    size_t count, room;
    uint64_t
        *fronts; /* the first eight octets of each key, most significant first, 00 behind its end */
    uint32_t *ends; /* of each key in `octets` */
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

static enum result add(const struct dname_key *key, const struct node *node, void *arg)
{
    struct order *order = arg;
    (void)node;
    if (order->count == order->room) {
        order->room = order->room * 2 + 64;
        order->fronts = xrealloc(order->fronts, order->room * sizeof(*order->fronts));
        order->ends = xrealloc(order->ends, order->room * sizeof(*order->ends));
    }
    if (order->octets_room - order->used < DNAME_KEY_MAX) {
        order->octets_room = order->octets_room * 2 + DNAME_KEY_MAX;
        order->octets = xrealloc(order->octets, order->octets_room);
    }
    if (order->used + key->len > UINT32_MAX) {
        return RESULT_TOO_LONG;
    }
    memcpy(order->octets + order->used, key->octets, key->len);
    order->used += key->len;
    order->fronts[order->count] = front_of(key->octets, key->len);
    order->ends[order->count++] = (uint32_t)order->used;
    return RESULT_OK;
}

enum result order_new(struct order **out, struct store_txn *registry)
{
    struct order *order = xcalloc(1, sizeof(*order));
    atomic_init(&order->refs, 1);
    enum result result = registry_nodes(registry, add, order);
    if (result != RESULT_OK) {
        order_unref(order);
        return result;
    }
    *out = order;
    return RESULT_OK;
}

struct order *order_ref(struct order *order)
{
    atomic_fetch_add(&order->refs, 1);
    return order;
}

void order_unref(struct order *order)
{
    if (order == NULL || atomic_fetch_sub(&order->refs, 1) != 1) {
        return;
    }
    free(order->fronts);
    free(order->ends);
    free(order->octets);
    free(order);
}

static const uint8_t *key_at(const struct order *order, size_t at, size_t *len)
{
    uint32_t begin = at == 0 ? 0 : order->ends[at - 1];
    *len = order->ends[at] - begin;
    return order->octets + begin;
}

/* Whether name number `at` stands before the key. */
static bool is_before(const struct order *order, size_t at, uint64_t front,
                      const struct dname_key *key)
{
    if (order->fronts[at] != front) {
        return order->fronts[at] < front;
    }
    size_t len = 0;
    const uint8_t *octets = key_at(order, at, &len);
    int difference = memcmp(octets, key->octets, len < key->len ? len : key->len);
    return difference < 0 || (difference == 0 && len < key->len);
}

/* The number of names before the key. */
static size_t count_before(const struct order *order, const struct dname_key *key)
{
    uint64_t front = front_of(key->octets, key->len);
    size_t low = 0, high = order->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is_before(order, middle, front, key)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool order_find(const struct order *order, const struct dname_key *key, struct dname_key *before)
{
    size_t at = count_before(order, key), len = 0;
    const uint8_t *octets = at < order->count ? key_at(order, at, &len) : NULL;
    if (octets != NULL && len == key->len && memcmp(octets, key->octets, len) == 0) {
        return true;
    }
    before->len = 0;
    if (at > 0) {
        octets = key_at(order, at - 1, &len);
        memcpy(before->octets, octets, len);
        before->len = (uint16_t)len;
    }
    return false;
}
