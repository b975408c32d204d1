#include "probe/quota.h"

#include <stdlib.h>

#include <sodium.h>

struct bucket {
    uint64_t at_ms;      /* when it was last looked at */
    uint32_t left_milli; /* tokens, in thousandths */
};

struct quota {
    uint8_t key[crypto_shorthash_KEYBYTES];
    struct bucket addresses[QUOTA_BUCKETS];
    struct bucket networks[QUOTA_BUCKETS];
};

struct quota *quota_new(void)
{
    struct quota *quota = xcalloc(1, sizeof(*quota));
    randombytes_buf(quota->key, sizeof(quota->key));
    return quota;
}

void quota_free(struct quota *quota)
{
    free(quota);
}

static struct bucket *bucket_of(const struct quota *quota, struct bucket *table,
                                const struct address *address, size_t octets)
{
    uint8_t hash[crypto_shorthash_BYTES];
    uint64_t number = 0;
    crypto_shorthash(hash, address->octets, octets, quota->key);
    memcpy(&number, hash, sizeof(number));
    return &table[number % QUOTA_BUCKETS];
}

/* Fills it up by the time that has passed. A bucket that was never used is full. */
static bool has_token(struct bucket *bucket, uint32_t rate, uint64_t now_ms)
{
    uint64_t most = (uint64_t)rate * QUOTA_BURST * 1000;
    uint64_t passed_ms = now_ms - bucket->at_ms;
    uint64_t left =
        bucket->at_ms == 0 || passed_ms > 60000 ? most : bucket->left_milli + passed_ms * rate;
    bucket->left_milli = (uint32_t)(left > most ? most : left);
    bucket->at_ms = now_ms;
    return bucket->left_milli >= 1000;
}

bool quota_take(struct quota *quota, const struct address *address, uint64_t now_ms)
{
    size_t network_octets = address_is_ipv4(address) ? 15 : 6;
    struct bucket *own = bucket_of(quota, quota->addresses, address, sizeof(address->octets));
    struct bucket *network = bucket_of(quota, quota->networks, address, network_octets);
    bool may = has_token(own, QUOTA_ADDRESS_RATE, now_ms);
    may = has_token(network, QUOTA_NETWORK_RATE, now_ms) && may;
    if (may) {
        own->left_milli -= 1000;
        network->left_milli -= 1000;
    }
    return may;
}
