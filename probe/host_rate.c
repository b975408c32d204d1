#include "probe/host_rate.h"

#include <stdlib.h>

#include <sodium.h>

struct bucket {
    uint64_t at_ms;      /* of the last update; 0: never used */
    uint32_t left_milli; /* tokens, in thousandths */
};

struct host_rate {
    uint8_t key[crypto_shorthash_KEYBYTES];
    struct bucket addresses[HOST_RATE_BUCKETS];
    struct bucket networks[HOST_RATE_BUCKETS];
};

struct host_rate *host_rate_new(void)
{
    struct host_rate *host_rate = xcalloc(1, sizeof(*host_rate));
    randombytes_buf(host_rate->key, sizeof(host_rate->key));
    return host_rate;
}

void host_rate_free(struct host_rate *host_rate)
{
    free(host_rate);
}

static struct bucket *bucket_of(const struct host_rate *host_rate, struct bucket *table,
                                const struct address *address)
{
    uint8_t hash[crypto_shorthash_BYTES];
    uint64_t number = 0;
    crypto_shorthash(hash, address->octets, sizeof(address->octets), host_rate->key);
    memcpy(&number, hash, sizeof(number));
    return &table[number % HOST_RATE_BUCKETS];
}

/* Adds the tokens of the time since the last update. A bucket that was never used is full. */
static bool has_token(struct bucket *bucket, uint32_t rate, uint64_t now_ms)
{
    uint64_t most = (uint64_t)rate * HOST_RATE_BURST * 1000;
    uint64_t passed_ms = now_ms - bucket->at_ms;
    uint64_t left =
        bucket->at_ms == 0 || passed_ms > 60000 ? most : bucket->left_milli + passed_ms * rate;
    bucket->left_milli = (uint32_t)(left > most ? most : left);
    bucket->at_ms = now_ms;
    return bucket->left_milli >= 1000;
}

bool host_rate_take(struct host_rate *host_rate, const struct address *address, uint64_t now_ms)
{
    const struct address prefix = address_network(address, 48);
    struct bucket *own = bucket_of(host_rate, host_rate->addresses, address);
    struct bucket *network = bucket_of(host_rate, host_rate->networks, &prefix);
    bool may = has_token(own, HOST_RATE_ADDRESS_RATE, now_ms);
    may = has_token(network, HOST_RATE_NETWORK_RATE, now_ms) && may;
    if (may) {
        own->left_milli -= 1000;
        network->left_milli -= 1000;
    }
    return may;
}
