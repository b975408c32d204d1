/* AEAD_AES_SIV_CMAC_256 (RFC 5297; number 15 in IANA's AEAD registry), the one algorithm that every NTS implementation has.
 *
 * The sealed form is the tag, then the ciphertext (RFC 5297 2.6), as NTS carries it. Associated data is the packet up to
 * the authenticator, then the nonce (RFC 8915 5.6, RFC 5297 3); an empty nonce is none. */
#ifndef PROBE_AEAD_H
#define PROBE_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    AEAD_SIV_CMAC_256 = 15,
    AEAD_KEY_LEN = 32,
    AEAD_TAG_LEN = 16,
    AEAD_TEXT_MAX = 65535
};

struct octets {
    const uint8_t *data;
    size_t len;
};

/* Writes AEAD_TAG_LEN + text.len octets to `out`. False if the library fails. */
bool aead_seal(uint8_t *out, const uint8_t key[AEAD_KEY_LEN], struct octets packet,
               struct octets nonce, struct octets text);
/* Writes sealed.len - AEAD_TAG_LEN octets to `out`, which has room for as many. False if it is too short or not authentic; `out` then
 * holds nothing of use. */
bool aead_open(uint8_t *out, const uint8_t key[AEAD_KEY_LEN], struct octets packet,
               struct octets nonce, struct octets sealed);

#endif
