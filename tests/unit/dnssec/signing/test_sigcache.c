#include <pthread.h>
#include <stdatomic.h>

#include "dnssec/signing/sigcache.h"
#include "tests/unit/unit.h"

/* A signature whose octets all derive from `mark`, so that a mix of two is detected. */
static struct cached_signature marked(uint32_t mark)
{
    struct cached_signature out = { .inception = mark, .expiration = mark ^ 0x5a5a5a5aU };
    for (size_t i = 0; i < KEY_SIGNATURE_LEN / 4; i++) {
        wire_put_u32(out.signature + 4 * i, mark + (uint32_t)i);
    }
    return out;
}

static bool is_marked(const struct cached_signature *signature)
{
    struct cached_signature want = marked(signature->inception);
    return signature->expiration == want.expiration &&
           memcmp(signature->signature, want.signature, KEY_SIGNATURE_LEN) == 0;
}

/* Keys that share a bucket in a cache of any size. */
static struct sigcache_key key_of(uint64_t number)
{
    return (struct sigcache_key){ { number << 32, number } };
}

static void only_cached_signatures_are_found(void **)
{
    struct sigcache *cache = sigcache_new(64);
    struct cached_signature put = marked(77), got = marked(1);
    assert_false(sigcache_get(cache, key_of(0), &got));
    assert_false(sigcache_get(cache, key_of(1), &got));
    sigcache_put(cache, key_of(1), &put);
    assert_true(sigcache_get(cache, key_of(1), &got));
    assert_memory_equal(&got, &put, sizeof put);
    struct sigcache_key half = key_of(1);
    half.word[1] ^= 4;
    got = marked(1);
    assert_false(sigcache_get(cache, half, &got));
    assert_int_equal(got.inception, 1);
    half = key_of(1);
    half.word[0] ^= 1ULL << 63;
    assert_false(sigcache_get(cache, half, &got));
    sigcache_free(cache);
}

static void the_same_key_takes_the_same_slot(void **)
{
    struct sigcache *cache = sigcache_new(4);
    for (uint32_t k = 0; k < 4; k++) {
        struct cached_signature put = marked(k);
        sigcache_put(cache, key_of(k), &put);
    }
    for (uint32_t i = 0; i < 10; i++) {
        struct cached_signature put = marked(1000 + i), got;
        sigcache_put(cache, key_of(2), &put);
        assert_true(sigcache_get(cache, key_of(2), &got));
        assert_int_equal(got.inception, 1000 + i);
    }
    for (uint32_t k = 0; k < 4; k++) {
        struct cached_signature got;
        assert_true(sigcache_get(cache, key_of(k), &got));
    }
    sigcache_free(cache);
}

static void a_full_bucket_gives_up_the_one_that_expires_first(void **)
{
    struct sigcache *cache = sigcache_new(1); /* one bucket of four */
    /* RFC 4034 3.1.5: 5 is after 0xfffffff0. */
    const uint32_t expirations[] = { 5, 0xfffffff0U, 9, 7 };
    for (uint32_t k = 0; k < 4; k++) {
        struct cached_signature put = { .expiration = expirations[k] };
        sigcache_put(cache, key_of(k), &put);
    }
    struct cached_signature put = { .expiration = 100 }, got;
    sigcache_put(cache, key_of(9), &put);
    assert_true(sigcache_get(cache, key_of(9), &got));
    assert_int_equal(got.expiration, 100);
    assert_false(sigcache_get(cache, key_of(1), &got));
    assert_true(sigcache_get(cache, key_of(0), &got));
    assert_true(sigcache_get(cache, key_of(2), &got));
    assert_true(sigcache_get(cache, key_of(3), &got));
    sigcache_free(cache);
}

static void the_hash_is_keyed_and_sees_every_bit(void **)
{
    struct sigcache *cache = sigcache_new(4), *other = sigcache_new(4);
    uint8_t data[40] = { 0 };
    struct sigcache_key hash = sigcache_hash(cache, data, sizeof data);
    struct sigcache_key again = sigcache_hash(cache, data, sizeof data);
    struct sigcache_key elsewhere = sigcache_hash(other, data, sizeof data);
    assert_memory_equal(&hash, &again, sizeof hash);
    assert_memory_not_equal(&hash, &elsewhere, sizeof hash);
    for (size_t bit = 0; bit < sizeof data * 8; bit++) {
        data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        again = sigcache_hash(cache, data, sizeof data);
        assert_true(hash.word[0] != again.word[0] && hash.word[1] != again.word[1]);
        data[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    again = sigcache_hash(cache, data, sizeof data - 1);
    assert_memory_not_equal(&hash, &again, sizeof hash);
    sigcache_free(other);
    sigcache_free(cache);
}

enum {
    THREADS = 4,
    ROUNDS = 100000,
    KEYS = 12
};

struct worker {
    struct sigcache *cache;
    uint64_t random;
    _Atomic uint64_t found, torn;
};

/* Reads and writes a dozen keys that compete for two buckets. */
static void *work(void *arg)
{
    struct worker *worker = arg;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        worker->random = worker->random * 6364136223846793005U + 1442695040888963407U;
        uint64_t number = (worker->random >> 40) % KEYS;
        struct sigcache_key key = { { number % 2 | number << 32, number } };
        struct cached_signature signature;
        if (sigcache_get(worker->cache, key, &signature)) {
            worker->found++;
            /* The inception identifies the entry; the rest must match it. */
            if (!is_marked(&signature) || signature.inception % KEYS != number) {
                worker->torn++;
            }
        }
        if (i % 3 == 0) {
            signature = marked((i % 1000) * KEYS + (uint32_t)number);
            sigcache_put(worker->cache, key, &signature);
        }
    }
    return NULL;
}

static void threads_never_see_a_torn_signature(void **)
{
    struct sigcache *cache = sigcache_new(8);
    struct worker workers[THREADS] = { 0 };
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        workers[i].cache = cache;
        workers[i].random = i;
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].torn, 0);
        assert_true(workers[i].found > ROUNDS / 10);
    }
    sigcache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_cached_signatures_are_found),
        cmocka_unit_test(the_same_key_takes_the_same_slot),
        cmocka_unit_test(a_full_bucket_gives_up_the_one_that_expires_first),
        cmocka_unit_test(the_hash_is_keyed_and_sees_every_bit),
        cmocka_unit_test(threads_never_see_a_torn_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
