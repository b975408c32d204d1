/* Each entry is a seqlock with a payload of atomic words. An odd sequence number means that a
 * writer is inside. The payload is stored with release and loaded with acquire order: a reader that
 * saw one word of a writer also sees that writer's odd number when it reads the number again
 * (Boehm, "Can seqlocks get along with programming language memory models?", 2012). On x86-64 these
 * are plain moves. A writer that meets another writer gives up: a cache may lose an entry. */
#include "dnssec/signing/sigcache.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <sodium.h>

#include "zone/base/pages.h"

enum {
    WAYS = 4,
    LINE = 64,
    SIGNATURE_WORDS = KEY_SIGNATURE_LEN / 8
};

typedef _Atomic uint64_t word;

struct entry {
    _Alignas(LINE) word sequence; /* 0: never written */
    word key[2];
    word times; /* inception << 32 | expiration */
    word signature[SIGNATURE_WORDS];
};
_Static_assert(sizeof(struct entry) == (size_t)2 * LINE,
               "an entry is two cache lines, as the header says");

struct sigcache {
    uint8_t hash_key[crypto_shorthash_siphashx24_KEYBYTES];
    uint64_t bucket_mask;
    struct entry *entries;
};

struct sigcache *sigcache_new(size_t entries)
{
    CHECK(sodium_init() >= 0);
    ASSERT(entries <= SIZE_MAX / 4 / sizeof(struct entry));
    size_t count = WAYS;
    while (count < entries) {
        count *= 2;
    }
    struct sigcache *cache = xcalloc(1, sizeof *cache);
    randombytes_buf(cache->hash_key, sizeof cache->hash_key);
    cache->bucket_mask = count / WAYS - 1;
    cache->entries = pages_new(count * sizeof(struct entry), false);
    return cache;
}

void sigcache_free(struct sigcache *cache)
{
    if (cache != NULL) {
        sodium_memzero(cache->hash_key, sizeof cache->hash_key);
        pages_free(cache->entries, (cache->bucket_mask + 1) * WAYS * sizeof(struct entry));
        free(cache);
    }
}

struct sigcache_key sigcache_hash(const struct sigcache *cache, const uint8_t *data, size_t len)
{
    struct sigcache_key key;
    (void)crypto_shorthash_siphashx24((unsigned char *)key.word, data, len, cache->hash_key);
    return key;
}

/* The i-th entry to look at for a key. Each key has its own first way, so most are found at the
 * first look. */
static struct entry *entry_at(const struct sigcache *cache, struct sigcache_key key, unsigned i)
{
    size_t bucket = (size_t)(key.word[0] & cache->bucket_mask);
    return &cache->entries[bucket * WAYS + ((key.word[1] + i) % WAYS)];
}

static bool entry_is(struct entry *entry, struct sigcache_key key)
{
    return atomic_load_explicit(&entry->key[0], memory_order_acquire) == key.word[0] &&
           atomic_load_explicit(&entry->key[1], memory_order_acquire) == key.word[1];
}

bool sigcache_get(const struct sigcache *cache, struct sigcache_key key,
                  struct cached_signature *out)
{
    for (unsigned i = 0; i < WAYS; i++) {
        struct entry *entry = entry_at(cache, key, i);
        uint64_t before = atomic_load_explicit(&entry->sequence, memory_order_acquire);
        if (before == 0 || (before & 1) != 0 || !entry_is(entry, key)) {
            continue;
        }
        uint64_t times = atomic_load_explicit(&entry->times, memory_order_acquire);
        uint64_t words[SIGNATURE_WORDS];
        for (size_t w = 0; w < SIGNATURE_WORDS; w++) {
            words[w] = atomic_load_explicit(&entry->signature[w], memory_order_acquire);
        }
        if (atomic_load_explicit(&entry->sequence, memory_order_relaxed) != before) {
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
static bool expires_before(struct entry *a, struct entry *b)
{
    uint32_t at_a = (uint32_t)atomic_load_explicit(&a->times, memory_order_relaxed);
    uint32_t at_b = (uint32_t)atomic_load_explicit(&b->times, memory_order_relaxed);
    return (int32_t)(at_a - at_b) < 0;
}

/* Concurrent writers can make this a worse choice, but not a wrong one. */
static struct entry *choose(const struct sigcache *cache, struct sigcache_key key)
{
    struct entry *empty = NULL;
    struct entry *first = NULL;
    for (unsigned i = 0; i < WAYS; i++) {
        struct entry *entry = entry_at(cache, key, i);
        if (atomic_load_explicit(&entry->sequence, memory_order_relaxed) == 0) {
            empty = empty == NULL ? entry : empty;
        } else if (entry_is(entry, key)) {
            return entry;
        } else if (first == NULL || expires_before(entry, first)) {
            first = entry;
        }
    }
    return empty != NULL ? empty : first;
}

void sigcache_put(struct sigcache *cache, struct sigcache_key key,
                  const struct cached_signature *signature)
{
    struct entry *entry = choose(cache, key);
    uint64_t before = atomic_load_explicit(&entry->sequence, memory_order_relaxed);
    if ((before & 1) != 0 ||
        !atomic_compare_exchange_strong_explicit(&entry->sequence, &before, before + 1,
                                                 memory_order_acquire, memory_order_relaxed)) {
        return;
    }
    uint64_t words[SIGNATURE_WORDS];
    memcpy(words, signature->signature, sizeof words);
    atomic_store_explicit(&entry->key[0], key.word[0], memory_order_release);
    atomic_store_explicit(&entry->key[1], key.word[1], memory_order_release);
    atomic_store_explicit(&entry->times,
                          (uint64_t)signature->inception << 32 | signature->expiration,
                          memory_order_release);
    for (size_t w = 0; w < SIGNATURE_WORDS; w++) {
        atomic_store_explicit(&entry->signature[w], words[w], memory_order_release);
    }
    atomic_store_explicit(&entry->sequence, before + 2, memory_order_release);
}
