/* A bucket is one number, the "theoretical arrival time" of the generic cell rate algorithm: the
 * time until which the responses so far have used up the rate. It needs no timer and no count. 24
 * bits of a bucket identify network and kind, 40 are the time in microseconds, compared modulo
 * 2^40. */
#include "server/answering/rrl.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <sodium.h>

enum {
    WAYS = 8,
    SECOND_US = 1000000,
    TIME_BITS = 40
};

#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)

struct line {
    _Alignas(64) _Atomic(uint64_t) buckets[WAYS];
};

struct rrl {
    struct line lines[RRL_LINES];
    uint64_t seed; /* so that an attacker can't choose networks that share buckets */
};

struct rrl *rrl_new(void)
{
    struct rrl *rrl = aligned_alloc(_Alignof(struct rrl), sizeof(*rrl));
    ASSERT(rrl != NULL);
    memset(rrl, 0, sizeof(*rrl));
    randombytes_buf(&rrl->seed, sizeof(rrl->seed));
    return rrl;
}

void rrl_free(struct rrl *rrl)
{
    free(rrl);
}

/* A hash of the client's network and the kind. */
static uint64_t mix(const struct rrl *rrl, const struct address *source, unsigned kind)
{
    bool v4 = address_is_ipv4(source);
    uint8_t network[8] = { 0 }; /* the last octet stays 0: /24 of IPv4, /56 of IPv6 */
    uint64_t h = 0;
    memcpy(network, source->octets + (v4 ? 8 : 0), sizeof(network) - 1);
    memcpy(&h, network, sizeof(h));
    h = (h ^ rrl->seed) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 32;
    h = (h + ((uint64_t)kind << 1 | v4) + rrl->seed) * UINT64_C(0xd6e8feb86659fd93);
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    return h ^ h >> 32;
}

/* How far the time of the bucket is ahead of now, 0 if it has passed. A time further ahead than a
 * second has passed long ago. */
static uint64_t ahead(uint64_t bucket, uint64_t now_us)
{
    uint64_t distance = (bucket - now_us) & TIME_MASK;
    return distance / 2 > SECOND_US ? 0 : distance;
}

bool rrl_take(struct rrl *rrl, const struct address *source, unsigned kind, uint32_t rate,
              uint64_t now_us)
{
    uint64_t h = mix(rrl, source, kind);
    _Atomic(uint64_t) *buckets = rrl->lines[h % RRL_LINES].buckets;
    uint64_t owner = h >> TIME_BITS << TIME_BITS, used = 0, least = UINT64_MAX;
    unsigned at = 0;
    for (unsigned i = 0; i < WAYS; i++) {
        uint64_t bucket = atomic_load_explicit(&buckets[i], memory_order_relaxed);
        uint64_t distance = ahead(bucket, now_us);
        if ((bucket ^ owner) >> TIME_BITS == 0) {
            at = i;
            used = distance;
            break;
        }
        if (distance < least) {
            least = distance;
            at = i;
        }
    }
    uint64_t next = used + SECOND_US / rate;
    if (next > SECOND_US) {
        return false;
    }
    atomic_store_explicit(&buckets[at], owner | ((now_us + next) & TIME_MASK),
                          memory_order_relaxed);
    return true;
}
