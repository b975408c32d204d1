/* Any octets as a letter: what is read is sealed as it was but for its signature, and does not open
 * with a key that has not signed it. What it says is read as a hello and as an ack. */
#include <stdint.h>
#include <string.h>

#include <sodium.h>

#include "zone/fleet/ack.h"
#include "zone/fleet/hello.h"
#include "zone/fleet/letter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t out[LETTER_MAX];

static void decode_text(struct octets text)
{
    struct hello hello;
    struct ack ack;
    if (hello_decode(&hello, text) == RESULT_OK) {
        ASSERT(hello_encode(&hello, out) <= text.len);
    }
    if (ack_decode(&ack, text) == RESULT_OK) {
        ASSERT(ack_encode(&ack, out) <= text.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[crypto_sign_SEEDBYTES] = { 3 };
    uint8_t public[LETTER_KEY], secret[LETTER_SECRET];
    struct octets octets = { data, size };
    struct letter letter;
    ASSERT(sodium_init() >= 0 && crypto_sign_seed_keypair(public, secret, seed) == 0);
    if (letter_read(&letter, octets) == RESULT_OK) {
        ASSERT(letter_seal(&letter, "pool.example/0123", secret, out) == size);
        ASSERT(memcmp(out, data, size - LETTER_SIGNATURE) == 0);
        ASSERT(letter_open(&letter, (struct octets){ out, size }, "pool.example/0123", public) ==
               RESULT_OK);
        ASSERT(letter_open(&letter, octets, "pool.example/4567", public) != RESULT_OK);
        decode_text(letter.text);
    }
    return 0;
}
