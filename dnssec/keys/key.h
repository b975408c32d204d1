/* One DNSSEC key pair: ECDSA P-256 with SHA-256 (RFC 6605) by OpenSSL, Ed25519 (RFC 8080) by
 * libsodium.
 *
 * The private half lives in sodium's guarded memory and is wiped by key_free. A struct key is
 * immutable and may be shared by threads; what a signature needs beside it is per thread
 * (dnssec/signing/signer.h). */
#ifndef DNSSEC_KEY_H
#define DNSSEC_KEY_H

#include "zone/names/rrset.h"

enum algorithm {
    ALGORITHM_ECDSAP256SHA256 = 13,
    ALGORITHM_ED25519 = 15
};
enum key_role {
    KEY_KSK = 1,
    KEY_ZSK = 2,
    KEY_CSK = 3
}; /* bits: signs DNSKEY, signs the rest */
enum {
    KEY_SIGNATURE_LEN = 64, /* both algorithms */
    KEY_PUBLIC_MAX = 64,    /* P-256: x, y (RFC 6605 4); Ed25519: 32 */
    KEY_PRIVATE_MAX = 32,   /* P-256: the scalar; Ed25519: the seed */
    KEY_DNSKEY_MAX = 4 + KEY_PUBLIC_MAX,
    KEY_DS_LEN = 4 + 32 /* digest type 2, SHA-256 (RFC 4509) */
};

struct key;

/* From here on no core dump holds this process's memory, nor can others of the same user read it,
 * and private halves lie in memory that is locked as far as the process may. Before the first key
 * is made, and before there are threads; seal_open does it. */
void key_guard_memory(void);

enum result key_generate(struct key **out, enum algorithm algorithm, enum key_role role,
                         struct diag *diag);
/* From its two halves; INVALID if they don't belong together or are not of the algorithm's lengths.
 * With private_key NULL and private_len 0 it is a public half alone, whose other half is elsewhere:
 * it verifies and can't sign. */
struct key_parts {
    enum algorithm algorithm;
    enum key_role role;
    const uint8_t *public_key, *private_key;
    size_t public_len, private_len;
};
enum result key_from_parts(struct key **out, const struct key_parts *parts, struct diag *diag);
void key_free(struct key *key);

/* False for a public half alone. */
bool key_has_private(const struct key *key);
enum algorithm key_algorithm(const struct key *key);
enum key_role key_role(const struct key *key);
uint16_t key_tag(const struct key *key); /* RFC 4034 appendix B */
/* DNSKEY rdata (RFC 4034 2): flags 257 for KSK and CSK, 256 for ZSK. Returns the length, at most
 * KEY_DNSKEY_MAX. */
size_t key_dnskey(const struct key *key, uint8_t out[KEY_DNSKEY_MAX]);
/* DS rdata, digest type 2 over the owner in lower case and the DNSKEY (RFC 4034 5.1.4). */
void key_ds(const struct key *key, const struct dname *owner, uint8_t out[KEY_DS_LEN]);
/* The same two for whoever knows a public half only. `dnskey` is DNSKEY rdata of at least 4
 * octets. */
size_t key_dnskey_of(enum algorithm algorithm, enum key_role role, const uint8_t *public_key,
                     size_t public_len, uint8_t out[KEY_DNSKEY_MAX]);
uint16_t key_tag_of(const uint8_t *dnskey, size_t len);
void key_ds_of(const uint8_t *dnskey, size_t len, const struct dname *owner,
               uint8_t out[KEY_DS_LEN]);
/* Octets of a public half; 0 for an algorithm that is not supported. */
size_t key_public_len(enum algorithm algorithm);
/* The private half of a whole key, for sealing; the caller wipes it. */
void key_private(const struct key *key, uint8_t out[KEY_PRIVATE_MAX]);
const uint8_t *key_public(const struct key *key, size_t *len);

/* Signs with a per-thread context made from the whole key, which must outlive it. For P-256 the
 * context holds OpenSSL's own copy of the private half, cleared by key_context_free: beside it no
 * copy outside the guarded memory outlives a call. */
struct key_context;
enum result key_context_new(struct key_context **out, const struct key *key);
void key_context_free(struct key_context *context);
enum result key_sign(struct key_context *context, const uint8_t *data, size_t len,
                     uint8_t out[KEY_SIGNATURE_LEN]);
/* For tests and imported keys: true if the signature is right. */
bool key_verify(const struct key *key, const uint8_t *data, size_t len,
                const uint8_t signature[KEY_SIGNATURE_LEN]);

const char *algorithm_text(enum algorithm algorithm); /* "ecdsap256" */
/* The same, its name or number in the registry of DNSSEC algorithms, letters of either case;
 * INVALID. */
enum result algorithm_parse(enum algorithm *out, const char *text);

#endif
