/* The AEAD algorithms of NTS, by their IANA numbers: AES-SIV (RFC 5297) with keys of 256 bits,
 * which every NTS implementation supports, and of 512 bits, and AES-128-GCM-SIV (RFC 8452).
 *
 * The sealed form is the one that NTS carries (RFC 8915 5.6): for AES-SIV the tag, then the
 * ciphertext, for AES-GCM-SIV the other way round. `packet` is the packet up to the authenticator.
 * AES-SIV takes an empty nonce as none. AES-GCM-SIV takes nonces of 12 octets only. */
#ifndef PROBE_AEAD_H
#define PROBE_AEAD_H

#include <stdbool.h>

#include "zone/base/wire.h"

enum {
    AEAD_SIV_CMAC_256 = 15,
    AEAD_SIV_CMAC_512 = 17,
    AEAD_GCM_SIV_128 = 30,
    AEAD_KEY_MAX = 64,
    AEAD_NONCE_MAX = 16,
    AEAD_TAG_LEN = 16,
    AEAD_TEXT_MAX = 65535
};

struct aead_key {
    uint16_t algorithm;
    uint8_t octets[AEAD_KEY_MAX]; /* aead_key_len of them */
};

/* 0 for an algorithm that we don't support. */
size_t aead_key_len(uint16_t algorithm);
/* The length of the nonces that we make. */
size_t aead_nonce_len(uint16_t algorithm);
/* "AES-SIV-CMAC-256"; "unknown" for an algorithm that we don't support. */
const char *aead_text(uint16_t algorithm);

/* Writes AEAD_TAG_LEN + text.len octets to `out`. False if OpenSSL fails, or if the algorithm does
 * not take such a nonce. */
bool aead_seal(uint8_t *out, const struct aead_key *key, struct octets packet, struct octets nonce,
               struct octets text);
/* Writes sealed.len - AEAD_TAG_LEN octets to `out`, which has room for them. False if `sealed` is
 * too short or not authentic; `out` is then undefined. */
bool aead_open(uint8_t *out, const struct aead_key *key, struct octets packet, struct octets nonce,
               struct octets sealed);

#endif
