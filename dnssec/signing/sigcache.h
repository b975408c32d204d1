/* A bounded, content-addressed cache of signatures, shared by all threads without a lock.
 *
 * Key: a keyed 128-bit hash of exactly what is signed but for the two times. So a changed RRset is
 * a different key and nothing is ever invalidated. Set-associative, fixed in size; each entry is
 * guarded by a sequence number: a reader that met a writer takes it as a miss. */
#ifndef DNSSEC_SIGCACHE_H
#define DNSSEC_SIGCACHE_H

#include "dnssec/keys/key.h"

struct sigcache;

struct sigcache_key {
    uint64_t word[2];
};

struct cached_signature {
    uint32_t inception, expiration; /* RFC 4034 3.1.5, seconds */
    uint8_t signature[KEY_SIGNATURE_LEN];
};

/* `entries` is rounded up to a power of two; 128 octets each. */
struct sigcache *sigcache_new(size_t entries);
void sigcache_free(struct sigcache *cache);
/* The hash, keyed with a random key of this cache. */
struct sigcache_key sigcache_hash(const struct sigcache *cache, const uint8_t *data, size_t len);
bool sigcache_get(const struct sigcache *cache, struct sigcache_key key,
                  struct cached_signature *out);
/* Replaces the same key, an empty slot, or the one that expires first. */
void sigcache_put(struct sigcache *cache, struct sigcache_key key,
                  const struct cached_signature *signature);

#endif
