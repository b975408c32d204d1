/* One DNSSEC key pair: ECDSA P-256 with SHA-256 (RFC 6605) by OpenSSL, Ed25519 (RFC 8080) by
 * libsodium.
 *
 * The private key lies in libsodium's guarded memory; key_free wipes it. A struct key is immutable
 * and may be shared by threads. Each thread signs with its own struct key_context. */
#ifndef DNSSEC_KEY_H
#define DNSSEC_KEY_H

#include "zone/names/rrset.h"

enum algorithm {
    ALGORITHM_ECDSAP256SHA256 = 13,
    ALGORITHM_ED25519 = 15
};
/* Bits: signs the DNSKEY RRset (1), signs all other RRsets (2). */
enum key_role {
    KEY_KSK = 1,
    KEY_ZSK = 2,
    KEY_CSK = 3
};
enum {
    KEY_SIGNATURE_LEN = 64, /* both algorithms */
    KEY_PUBLIC_MAX = 64,    /* P-256: x, y (RFC 6605 4); Ed25519: 32 */
    KEY_PRIVATE_MAX = 32,   /* P-256: the scalar; Ed25519: the seed */
    KEY_DNSKEY_MAX = 4 + KEY_PUBLIC_MAX,
    KEY_DS_LEN = 4 + 32 /* digest type 2, SHA-256 (RFC 4509) */
};

struct key;

/* Keeps this process's memory out of core dumps and from other processes of the same user, and puts
 * private keys into memory that is locked as far as the process's limits allow. Call it before the
 * first key is made and before the first thread starts; seal_open calls it. */
void key_guard_memory(void);

enum result key_generate(struct key **out, enum algorithm algorithm, enum key_role role,
                         struct diag *diag);
/* With private_key NULL and private_len 0 the key is public only: it verifies and cannot sign. */
struct key_parts {
    enum algorithm algorithm;
    enum key_role role;
    const uint8_t *public_key, *private_key;
    size_t public_len, private_len;
};
/* INVALID if the two do not match or have the wrong length for the algorithm. */
enum result key_from_parts(struct key **out, const struct key_parts *parts, struct diag *diag);
void key_free(struct key *key);

bool key_has_private(const struct key *key);
enum algorithm key_algorithm(const struct key *key);
enum key_role key_role(const struct key *key);
uint16_t key_tag(const struct key *key); /* RFC 4034 appendix B */
/* DNSKEY rdata (RFC 4034 2): flags 257 for KSK and CSK, 256 for ZSK. Returns the length, at most
 * KEY_DNSKEY_MAX. */
size_t key_dnskey(const struct key *key, uint8_t out[KEY_DNSKEY_MAX]);
/* DS rdata, digest type 2 over the owner in lower case and the DNSKEY (RFC 4034 5.1.4). */
void key_ds(const struct key *key, const struct dname *owner, uint8_t out[KEY_DS_LEN]);
/* The same without a struct key. `dnskey` is DNSKEY rdata of at least 4 octets. */
size_t key_dnskey_of(enum algorithm algorithm, enum key_role role, const uint8_t *public_key,
                     size_t public_len, uint8_t out[KEY_DNSKEY_MAX]);
uint16_t key_tag_of(const uint8_t *dnskey, size_t len);
void key_ds_of(const uint8_t *dnskey, size_t len, const struct dname *owner,
               uint8_t out[KEY_DS_LEN]);
/* Octets of a public key; 0 if the algorithm is not supported. */
size_t key_public_len(enum algorithm algorithm);
/* Copies the private key for sealing. The key must have one; the caller wipes the copy. */
void key_private(const struct key *key, uint8_t out[KEY_PRIVATE_MAX]);
const uint8_t *key_public(const struct key *key, size_t *len);

/* One thread's context for signing with a key. The key must have a private key and outlive the
 * context. For P-256 the context holds OpenSSL's copy of the private key, which key_context_free
 * clears. No other copy outside the guarded memory outlives a call. */
struct key_context;
enum result key_context_new(struct key_context **out, const struct key *key);
void key_context_free(struct key_context *context);
enum result key_sign(struct key_context *context, const uint8_t *data, size_t len,
                     uint8_t out[KEY_SIGNATURE_LEN]);
bool key_verify(const struct key *key, const uint8_t *data, size_t len,
                const uint8_t signature[KEY_SIGNATURE_LEN]);

const char *algorithm_text(enum algorithm algorithm); /* "ecdsap256" */
const char *key_role_text(enum key_role role);        /* "ksk" */
/* Takes this text, the mnemonic or the number of IANA's registry, in any case. INVALID. */
enum result algorithm_parse(enum algorithm *out, const char *text);

#endif
