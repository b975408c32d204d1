#include "dnssec/keys/key.h"

#include <stdlib.h>
#include <strings.h>

#include <sodium.h>

#include "dnssec/keys/p256.h"
#include "zone/base/sandbox.h"

enum {
    FLAG_ZONE = 256, /* RFC 4034 2.1.1 */
    FLAG_SEP = 1,
    PROTOCOL = 3,
    DIGEST_SHA256 = 2 /* RFC 4509 */
};

struct key {
    enum algorithm algorithm;
    enum key_role role;
    uint16_t tag;
    uint8_t public_len;
    uint8_t public_key[KEY_PUBLIC_MAX];
    /* In guarded memory, read-only. P-256: the scalar; Ed25519: seed and public key, the form that
     * libsodium signs with. NULL: public only. */
    uint8_t *secret;
};

struct key_context {
    const struct key *key;
    struct p256_signer *p256; /* NULL: Ed25519, which signs from the key's own memory */
};

size_t key_public_len(enum algorithm algorithm)
{
    switch (algorithm) {
    case ALGORITHM_ECDSAP256SHA256:
        return P256_POINT_LEN;
    case ALGORITHM_ED25519:
        return crypto_sign_PUBLICKEYBYTES;
    }
    return 0;
}

static size_t secret_len_of(enum algorithm algorithm)
{
    return algorithm == ALGORITHM_ED25519 ? crypto_sign_SECRETKEYBYTES : P256_SCALAR_LEN;
}

/* RFC 4034 appendix B. */
uint16_t key_tag_of(const uint8_t *dnskey, size_t len)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        sum += (i & 1) != 0 ? dnskey[i] : (uint32_t)dnskey[i] << 8;
    }
    return (uint16_t)(sum + (sum >> 16));
}

static void set_tag(struct key *key)
{
    uint8_t dnskey[KEY_DNSKEY_MAX];
    key->tag = key_tag_of(dnskey, key_dnskey(key, dnskey));
}

/* `public_key` may be NULL; else it must match the private key. */
static enum result key_new(struct key **out, const struct key_parts *parts, struct diag *diag)
{
    uint8_t *secret = sodium_malloc(secret_len_of(parts->algorithm));
    if (secret == NULL) {
        return diag_fail(diag, RESULT_NO_MEMORY,
                         "no guarded memory for a key: raise the limit of locked memory");
    }
    struct key *key = xcalloc(1, sizeof *key);
    key->algorithm = parts->algorithm;
    key->role = parts->role;
    key->public_len = (uint8_t)key_public_len(parts->algorithm);
    key->secret = secret;
    enum result result = RESULT_OK;
    if (parts->algorithm == ALGORITHM_ED25519) {
        (void)crypto_sign_seed_keypair(key->public_key, secret, parts->private_key);
    } else {
        memcpy(secret, parts->private_key, P256_SCALAR_LEN);
        result = p256_public(secret, key->public_key);
    }
    if (result == RESULT_OK && parts->public_key != NULL &&
        memcmp(key->public_key, parts->public_key, key->public_len) != 0) {
        result = RESULT_INVALID;
    }
    if (result == RESULT_OK && sodium_mprotect_readonly(secret) != 0) {
        result = RESULT_SYSTEM;
    }
    if (result != RESULT_OK) {
        key_free(key);
        return diag_fail(diag, result, "the public and the private %s key do not match: %s",
                         algorithm_text(parts->algorithm), result_text(result));
    }
    set_tag(key);
    *out = key;
    return RESULT_OK;
}

static struct key *key_new_public(const struct key_parts *parts)
{
    struct key *key = xcalloc(1, sizeof *key);
    key->algorithm = parts->algorithm;
    key->role = parts->role;
    key->public_len = (uint8_t)parts->public_len;
    memcpy(key->public_key, parts->public_key, parts->public_len);
    set_tag(key);
    return key;
}

void key_guard_memory(void)
{
    sandbox_hide_memory();
    p256_guard_memory();
}

static enum result check_kind(enum algorithm algorithm, enum key_role role, struct diag *diag)
{
    if (sodium_init() < 0) {
        return diag_fail(diag, RESULT_CRYPTO, "libsodium cannot start");
    }
    if (key_public_len(algorithm) == 0) {
        return diag_fail(diag, RESULT_INVALID,
                         "algorithm %d is not supported: use 13 (ecdsap256) or 15 (ed25519)",
                         (int)algorithm);
    }
    if (role != KEY_KSK && role != KEY_ZSK && role != KEY_CSK) {
        return diag_fail(diag, RESULT_INVALID, "a key cannot have the role %d", (int)role);
    }
    return RESULT_OK;
}

enum result key_generate(struct key **out, enum algorithm algorithm, enum key_role role,
                         struct diag *diag)
{
    TRY(check_kind(algorithm, role, diag));
    uint8_t private_key[KEY_PRIVATE_MAX];
    struct key_parts parts = { .algorithm = algorithm, .role = role, .private_key = private_key };
    enum result result = RESULT_OK;
    do {
        /* One string of 32 octets in 2^32 is not a scalar of P-256: draw again (FIPS 186-4
         * B.4.2). */
        randombytes_buf(private_key, sizeof private_key);
        result = key_new(out, &parts, diag);
    } while (result == RESULT_INVALID);
    sodium_memzero(private_key, sizeof private_key);
    return result;
}

enum result key_from_parts(struct key **out, const struct key_parts *parts, struct diag *diag)
{
    TRY(check_kind(parts->algorithm, parts->role, diag));
    size_t public_len = key_public_len(parts->algorithm);
    size_t private_len = parts->private_key != NULL ? KEY_PRIVATE_MAX : 0;
    if (parts->public_len != public_len || parts->private_len != private_len) {
        return diag_fail(diag, RESULT_INVALID,
                         "a %s key has %zu public and %zu private octets, not %zu and %zu",
                         algorithm_text(parts->algorithm), public_len, private_len,
                         parts->public_len, parts->private_len);
    }
    if (parts->private_key == NULL) {
        *out = key_new_public(parts);
        return RESULT_OK;
    }
    return key_new(out, parts, diag);
}

void key_free(struct key *key)
{
    if (key != NULL) {
        sodium_free(key->secret); /* wipes */
        free(key);
    }
}

bool key_has_private(const struct key *key)
{
    return key->secret != NULL;
}

enum algorithm key_algorithm(const struct key *key)
{
    return key->algorithm;
}

enum key_role key_role(const struct key *key)
{
    return key->role;
}

uint16_t key_tag(const struct key *key)
{
    return key->tag;
}

size_t key_dnskey_of(enum algorithm algorithm, enum key_role role, const uint8_t *public_key,
                     size_t public_len, uint8_t out[KEY_DNSKEY_MAX])
{
    ASSERT(public_len <= KEY_PUBLIC_MAX);
    wire_put_u16(out, (role & KEY_KSK) != 0 ? FLAG_ZONE | FLAG_SEP : FLAG_ZONE);
    out[2] = PROTOCOL;
    out[3] = (uint8_t)algorithm;
    memcpy(out + 4, public_key, public_len);
    return 4 + public_len;
}

void key_ds_of(const uint8_t *dnskey, size_t len, const struct dname *owner,
               uint8_t out[KEY_DS_LEN])
{
    struct dname lower = *owner;
    dname_lower(&lower);
    wire_put_u16(out, key_tag_of(dnskey, len));
    out[2] = dnskey[3];
    out[3] = DIGEST_SHA256;
    crypto_hash_sha256_state hash;
    (void)crypto_hash_sha256_init(&hash);
    (void)crypto_hash_sha256_update(&hash, lower.wire, lower.len);
    (void)crypto_hash_sha256_update(&hash, dnskey, len);
    (void)crypto_hash_sha256_final(&hash, out + 4);
}

size_t key_dnskey(const struct key *key, uint8_t out[KEY_DNSKEY_MAX])
{
    return key_dnskey_of(key->algorithm, key->role, key->public_key, key->public_len, out);
}

void key_ds(const struct key *key, const struct dname *owner, uint8_t out[KEY_DS_LEN])
{
    uint8_t dnskey[KEY_DNSKEY_MAX];
    key_ds_of(dnskey, key_dnskey(key, dnskey), owner, out);
}

void key_private(const struct key *key, uint8_t out[KEY_PRIVATE_MAX])
{
    ASSERT(key->secret != NULL);
    memcpy(out, key->secret, KEY_PRIVATE_MAX);
}

const uint8_t *key_public(const struct key *key, size_t *len)
{
    *len = key->public_len;
    return key->public_key;
}

enum result key_context_new(struct key_context **out, const struct key *key)
{
    struct p256_signer *p256 = NULL;
    ASSERT(key->secret != NULL);
    if (key->algorithm == ALGORITHM_ECDSAP256SHA256) {
        TRY(p256_signer_new(&p256, key->secret, key->public_key));
    }
    struct key_context *context = xcalloc(1, sizeof *context);
    context->key = key;
    context->p256 = p256;
    *out = context;
    return RESULT_OK;
}

void key_context_free(struct key_context *context)
{
    if (context != NULL) {
        p256_signer_free(context->p256);
        free(context);
    }
}

enum result key_sign(struct key_context *context, const uint8_t *data, size_t len,
                     uint8_t out[KEY_SIGNATURE_LEN])
{
    if (context->p256 != NULL) {
        return p256_sign(context->p256, data, len, out);
    }
    return crypto_sign_detached(out, NULL, data, len, context->key->secret) == 0 ? RESULT_OK
                                                                                 : RESULT_CRYPTO;
}

bool key_verify(const struct key *key, const uint8_t *data, size_t len,
                const uint8_t signature[KEY_SIGNATURE_LEN])
{
    if (key->algorithm == ALGORITHM_ED25519) {
        return crypto_sign_verify_detached(signature, data, len, key->public_key) == 0;
    }
    return p256_verify(key->public_key, data, len, signature);
}

const char *key_role_text(enum key_role role)
{
    return role == KEY_KSK ? "ksk" : role == KEY_ZSK ? "zsk" : "csk";
}

const char *algorithm_text(enum algorithm algorithm)
{
    switch (algorithm) {
    case ALGORITHM_ECDSAP256SHA256:
        return "ecdsap256";
    case ALGORITHM_ED25519:
        return "ed25519";
    }
    return "unknown";
}

enum result algorithm_parse(enum algorithm *out, const char *text)
{
    static const struct {
        const char *text;
        enum algorithm algorithm;
    } known[] = {
        { "ecdsap256", ALGORITHM_ECDSAP256SHA256 },
        { "ecdsap256sha256", ALGORITHM_ECDSAP256SHA256 },
        { "13", ALGORITHM_ECDSAP256SHA256 },
        { "ed25519", ALGORITHM_ED25519 },
        { "15", ALGORITHM_ED25519 },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcasecmp(text, known[i].text) == 0) {
            *out = known[i].algorithm;
            return RESULT_OK;
        }
    }
    return RESULT_INVALID;
}
