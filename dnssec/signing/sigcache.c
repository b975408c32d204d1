/* Each slot is a seqlock whose payload is made of atomic words: an odd sequence number means that a
 * writer is inside. The payload is stored with release and loaded with acquire order, so a reader
 * that saw one word of a writer also sees that writer's odd number when it looks again (Boehm, "Can
 * seqlocks get along with programming language memory models?", 2012). On x86-64 these are plain
 * moves. A writer that finds another one inside gives up: it is only a cache. */
#include "dnssec/signing/sigcache.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <sodium.h>

enum {
    WAYS = 4,
    LINE = 64,
    SIGNATURE_WORDS = KEY_SIGNATURE_LEN / 8
};

typedef _Atomic uint64_t word;

struct slot {
    _Alignas(LINE) word sequence; /* 0: never written */
    word key[2];
    word times; /* inception << 32 | expiration */
    word signature[SIGNATURE_WORDS];
};
_Static_assert(sizeof(struct slot) == (size_t)2 * LINE,
               "a slot is two cache lines, as the header says");

struct sigcache {
    uint8_t hash_key[crypto_shorthash_siphashx24_KEYBYTES];
    uint64_t bucket_mask;
    struct slot *slots;
};

struct sigcache *sigcache_new(size_t entries)
{
    ASSERT(sodium_init() >= 0);
    ASSERT(entries <= SIZE_MAX / 4 / sizeof(struct slot));
    size_t count = WAYS;
    while (count < entries) {
        count *= 2;
    }
    struct sigcache *cache = xcalloc(1, sizeof *cache);
    randombytes_buf(cache->hash_key, sizeof cache->hash_key);
    cache->bucket_mask = count / WAYS - 1;
    cache->slots = aligned_alloc(LINE, count * sizeof(struct slot));
    ASSERT(cache->slots != NULL);
    memset(cache->slots, 0, count * sizeof(struct slot));
    return cache;
}

void sigcache_free(struct sigcache *cache)
{
    if (cache != NULL) {
        sodium_memzero(cache->hash_key, sizeof cache->hash_key);
        free(cache->slots);
        free(cache);
    }
}

struct sigcache_key sigcache_hash(const struct sigcache *cache, const uint8_t *data, size_t len)
{
    struct sigcache_key key;
    (void)crypto_shorthash_siphashx24((unsigned char *)key.word, data, len, cache->hash_key);
    return key;
}

/* The i-th slot to look at for a key: each key has its own first way, so that most are found at
 * once. */
static struct slot *slot_at(const struct sigcache *cache, struct sigcache_key key, unsigned i)
{
    size_t bucket = (size_t)(key.word[0] & cache->bucket_mask);
    return &cache->slots[bucket * WAYS + ((key.word[1] + i) % WAYS)];
}

static bool slot_is(struct slot *slot, struct sigcache_key key)
{
    return atomic_load_explicit(&slot->key[0], memory_order_acquire) == key.word[0] &&
           atomic_load_explicit(&slot->key[1], memory_order_acquire) == key.word[1];
}

bool sigcache_get(const struct sigcache *cache, struct sigcache_key key,
                  struct cached_signature *out)
{
    for (unsigned i = 0; i < WAYS; i++) {
        struct slot *slot = slot_at(cache, key, i);
        uint64_t before = atomic_load_explicit(&slot->sequence, memory_order_acquire);
        if (before == 0 || (before & 1) != 0 || !slot_is(slot, key)) {
            continue;
        }
        uint64_t times = atomic_load_explicit(&slot->times, memory_order_acquire);
        uint64_t words[SIGNATURE_WORDS];
        for (size_t w = 0; w < SIGNATURE_WORDS; w++) {
            words[w] = atomic_load_explicit(&slot->signature[w], memory_order_acquire);
        }
        if (atomic_load_explicit(&slot->sequence, memory_order_relaxed) != before) {
            return false;
        }
        out->inception = (uint32_t)(times >> 32);
        out->expiration = (uint32_t)times;
        memcpy(out->signature, words, sizeof words);
        return true;
    }
    return false;
}

/* RFC 4034 3.1.5: serial number arithmetic. */
static bool expires_before(struct slot *a, struct slot *b)
{
    uint32_t at_a = (uint32_t)atomic_load_explicit(&a->times, memory_order_relaxed);
    uint32_t at_b = (uint32_t)atomic_load_explicit(&b->times, memory_order_relaxed);
    return (int32_t)(at_a - at_b) < 0;
}

/* What others write meanwhile can make this a worse choice, never a wrong one. */
static struct slot *choose(const struct sigcache *cache, struct sigcache_key key)
{
    struct slot *empty = NULL;
    struct slot *first = NULL;
    for (unsigned i = 0; i < WAYS; i++) {
        struct slot *slot = slot_at(cache, key, i);
        if (atomic_load_explicit(&slot->sequence, memory_order_relaxed) == 0) {
            empty = empty == NULL ? slot : empty;
        } else if (slot_is(slot, key)) {
            return slot;
        } else if (first == NULL || expires_before(slot, first)) {
            first = slot;
        }
    }
    return empty != NULL ? empty : first;
}

void sigcache_put(struct sigcache *cache, struct sigcache_key key,
                  const struct cached_signature *signature)
{
    struct slot *slot = choose(cache, key);
    uint64_t before = atomic_load_explicit(&slot->sequence, memory_order_relaxed);
    if ((before & 1) != 0 ||
        !atomic_compare_exchange_strong_explicit(&slot->sequence, &before, before + 1,
                                                 memory_order_acquire, memory_order_relaxed)) {
        return;
    }
    uint64_t words[SIGNATURE_WORDS];
    memcpy(words, signature->signature, sizeof words);
    atomic_store_explicit(&slot->key[0], key.word[0], memory_order_release);
    atomic_store_explicit(&slot->key[1], key.word[1], memory_order_release);
    atomic_store_explicit(&slot->times,
                          (uint64_t)signature->inception << 32 | signature->expiration,
                          memory_order_release);
    for (size_t w = 0; w < SIGNATURE_WORDS; w++) {
        atomic_store_explicit(&slot->signature[w], words[w], memory_order_release);
    }
    atomic_store_explicit(&slot->sequence, before + 2, memory_order_release);
}
