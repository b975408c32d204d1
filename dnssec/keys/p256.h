/* ECDSA on P-256 with SHA-256 by OpenSSL, in the encodings of RFC 6605 4: point x | y, signature
 * r | s, each number 32 octets. */
#ifndef DNSSEC_P256_H
#define DNSSEC_P256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/result.h"

enum {
    P256_SCALAR_LEN = 32,
    P256_POINT_LEN = 64,
    P256_SIGNATURE_LEN = 64
};

/* Makes OpenSSL keep private keys in memory that is not dumped and, as far as the process may lock
 * it, not swapped. Call it before the first key is made and before the first thread starts. */
void p256_guard_memory(void);
/* The public point of a private scalar. INVALID if the scalar is not in [1, order). */
enum result p256_public(const uint8_t scalar[P256_SCALAR_LEN], uint8_t out[P256_POINT_LEN]);

/* One thread's context for signing with one key. It holds OpenSSL's copy of the scalar, which
 * p256_signer_free clears. */
struct p256_signer;
enum result p256_signer_new(struct p256_signer **out, const uint8_t scalar[P256_SCALAR_LEN],
                            const uint8_t point[P256_POINT_LEN]);
void p256_signer_free(struct p256_signer *signer);
/* CRYPTO if OpenSSL fails: no random numbers, no memory. */
enum result p256_sign(struct p256_signer *signer, const uint8_t *data, size_t len,
                      uint8_t out[P256_SIGNATURE_LEN]);

bool p256_verify(const uint8_t point[P256_POINT_LEN], const uint8_t *data, size_t len,
                 const uint8_t signature[P256_SIGNATURE_LEN]);

#endif
