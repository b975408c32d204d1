/* A content-addressed cache of signatures of fixed size, shared by all threads without a lock.
 *
 * The key is a keyed 128-bit hash of what is signed without the two times. A changed RRset has
 * another key, so nothing is ever invalidated. The cache is set-associative. A reader that meets a
 * writer counts as a miss. */
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
/* Hashes with this cache's random key. */
struct sigcache_key sigcache_hash(const struct sigcache *cache, const uint8_t *data, size_t len);
bool sigcache_get(const struct sigcache *cache, struct sigcache_key key,
                  struct cached_signature *out);
/* Replaces the entry of this key, else an empty one, else the one that expires first. */
void sigcache_put(struct sigcache *cache, struct sigcache_key key,
                  const struct cached_signature *signature);

#endif
