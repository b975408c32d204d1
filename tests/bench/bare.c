/* Measures what a signature costs by itself: signs for half a second on one core, and prints the
 * microseconds of one signature.
 *
 * use: bare ecdsap256|ed25519 */
#include <stdio.h>

#include "dnssec/keys/key.h"
#include "zone/base/clock.h"

enum {
    SIGNED_LEN = 96, /* an RRSIG's prefix, and one address record with its name */
    BATCH = 100,
    TAKE_NS = 500000000
};

int main(int argc, char **argv)
{
    struct key *key = NULL;
    struct key_context *context = NULL;
    enum algorithm algorithm;
    uint8_t data[SIGNED_LEN] = { 0 }, signature[KEY_SIGNATURE_LEN];
    CHECK(argc == 2 && algorithm_parse(&algorithm, argv[1]) == RESULT_OK);
    key_guard_memory();
    CHECK(key_generate(&key, algorithm, KEY_ZSK, NULL) == RESULT_OK);
    CHECK(key_context_new(&context, key) == RESULT_OK);
    uint64_t began = clock_monotonic_ns(), now = began;
    unsigned made = 0;
    for (; now - began < TAKE_NS; now = clock_monotonic_ns()) {
        for (int i = 0; i < BATCH; i++) {
            wire_put_u32(data, made++);
            CHECK(key_sign(context, data, sizeof(data), signature) == RESULT_OK);
        }
    }
    (void)printf("%.3f\n", (double)(now - began) / 1000 / made);
    key_context_free(context);
    key_free(key);
    return 0;
}
