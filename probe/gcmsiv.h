/* AEAD_AES_128_GCM_SIV (RFC 8452). The sealed form is the ciphertext, then the tag. */
#ifndef PROBE_GCMSIV_H
#define PROBE_GCMSIV_H

#include <stdbool.h>

#include "zone/base/wire.h"

enum {
    GCMSIV_KEY_LEN = 16,
    GCMSIV_NONCE_LEN = 12,
    GCMSIV_TAG_LEN = 16
};

/* Writes GCMSIV_TAG_LEN + text.len octets to `out`. False if OpenSSL fails. */
bool gcmsiv_seal(uint8_t *out, const uint8_t key[GCMSIV_KEY_LEN],
                 const uint8_t nonce[GCMSIV_NONCE_LEN], struct octets data, struct octets text);
/* `sealed` has at least GCMSIV_TAG_LEN octets. False if it is not authentic; `out` is then
 * undefined. */
bool gcmsiv_open(uint8_t *out, const uint8_t key[GCMSIV_KEY_LEN],
                 const uint8_t nonce[GCMSIV_NONCE_LEN], struct octets data, struct octets sealed);

#endif
