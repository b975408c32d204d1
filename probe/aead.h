/* The AEAD algorithms of NTS, by their numbers in IANA's registry: AES-SIV (RFC 5297) with the keys
 * of 256 bits that every NTS implementation has, with those of 512 bits, and AES-128-GCM-SIV (RFC
 * 8452).
 *
 * The sealed form is what NTS carries (RFC 8915 5.6): of AES-SIV the tag, then the ciphertext, of
 * AES-GCM-SIV the other way round. `packet` is the packet up to the authenticator. An empty nonce
 * is none to AES-SIV; AES-GCM-SIV takes one of 12 octets only. */
#ifndef PROBE_AEAD_H
#define PROBE_AEAD_H

#include <stdbool.h>

#include "probe/octets.h"

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

/* 0 for an algorithm that we don't have. */
size_t aead_key_len(uint16_t algorithm);
/* Of the nonces that we make. */
size_t aead_nonce_len(uint16_t algorithm);
/* "AES-SIV-CMAC-256"; "unknown" for one that we don't have. */
const char *aead_text(uint16_t algorithm);

/* Writes AEAD_TAG_LEN + text.len octets to `out`. False if the library fails or the algorithm does
 * not take such a nonce. */
bool aead_seal(uint8_t *out, const struct aead_key *key, struct octets packet, struct octets nonce,
               struct octets text);
/* Writes sealed.len - AEAD_TAG_LEN octets to `out`, which has room for as many. False if it is too
 * short or not authentic; `out` then holds nothing of use. */
bool aead_open(uint8_t *out, const struct aead_key *key, struct octets packet, struct octets nonce,
               struct octets sealed);

#endif
