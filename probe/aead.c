/* SIV is built here from OpenSSL's CMAC and AES-CTR. OpenSSL's own AES-128-SIV can't seal or open
 * an empty text, which is what a request's authenticator holds: it skips the step that makes the
 * tag (3.0.22). It has had other faults with empty parts (CVE-2023-2975). */
#include "probe/aead.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "probe/gcmsiv.h"

enum {
    BLOCK = 16
};

struct cmac_block {
    uint8_t octets[BLOCK];
};

/* RFC 5297 2.3: doubling in GF(2^128) */
static void block_double(struct cmac_block *block)
{
    unsigned carry = 0;
    for (unsigned i = BLOCK; i-- > 0;) {
        unsigned shifted = (unsigned)block->octets[i] << 1 | carry;
        block->octets[i] = (uint8_t)(shifted & 0xff);
        carry = shifted >> 8;
    }
    block->octets[BLOCK - 1] ^= carry != 0 ? 0x87 : 0;
}

static void block_xor(struct cmac_block *block, const struct cmac_block *other)
{
    for (unsigned i = 0; i < BLOCK; i++) {
        block->octets[i] ^= other->octets[i];
    }
}

static bool cmac(struct cmac_block *out, EVP_MAC_CTX *mac, struct octets head, struct octets tail)
{
    size_t len = 0;
    /* without a key: the context keeps its own */
    return EVP_MAC_init(mac, NULL, 0, NULL) == 1 &&
           (head.len == 0 || EVP_MAC_update(mac, head.data, head.len) == 1) &&
           (tail.len == 0 || EVP_MAC_update(mac, tail.data, tail.len) == 1) &&
           EVP_MAC_final(mac, out->octets, &len, BLOCK) == 1 && len == BLOCK;
}

/* RFC 5297 2.4, with up to two pieces of associated data and the text. */
static bool s2v(struct cmac_block *out, EVP_MAC_CTX *mac, const struct octets data[2],
                struct octets text)
{
    static const struct cmac_block zero;
    struct cmac_block sum;
    struct cmac_block part;
    if (!cmac(&sum, mac, (struct octets){ zero.octets, BLOCK }, (struct octets){ NULL, 0 })) {
        return false;
    }
    for (unsigned i = 0; i < 2 && data[i].len > 0; i++) {
        if (!cmac(&part, mac, data[i], (struct octets){ NULL, 0 })) {
            return false;
        }
        block_double(&sum);
        block_xor(&sum, &part);
    }
    struct cmac_block last = zero;
    size_t head_len = 0;
    if (text.len >= BLOCK) {
        head_len = text.len - BLOCK;
        memcpy(last.octets, text.data + head_len, BLOCK);
    } else {
        for (size_t i = 0; i < text.len; i++) {
            last.octets[i] = text.data[i];
        }
        last.octets[text.len] = 0x80;
        block_double(&sum);
    }
    block_xor(&last, &sum);
    return cmac(out, mac, (struct octets){ text.data, head_len },
                (struct octets){ last.octets, BLOCK });
}

/* The first half of a key is for CMAC, the second for CTR (RFC 5297 2.2). */
static size_t key_half(const struct aead_key *key)
{
    return aead_key_len(key->algorithm) / 2;
}

/* The tag of the text and the associated data. */
static bool tag_of(struct cmac_block *out, const struct aead_key *key, const struct octets data[2],
                   struct octets text)
{
    char small[] = "AES-128-CBC";
    char large[] = "AES-256-CBC";
    char *cipher = key->algorithm == AEAD_SIV_CMAC_512 ? large : small;
    const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher,
                                                                   0),
                                  OSSL_PARAM_construct_end() };
    EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "CMAC", NULL);
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(algorithm);
    bool done = mac != NULL && EVP_MAC_init(mac, key->octets, key_half(key), params) == 1 &&
                s2v(out, mac, data, text);
    EVP_MAC_CTX_free(mac);
    EVP_MAC_free(algorithm);
    return done;
}

/* Encrypts or decrypts; both are the same operation. */
static bool apply_ctr(uint8_t *out, const struct aead_key *key, const struct cmac_block *tag,
                      struct octets in)
{
    if (in.len == 0) {
        return true;
    }
    struct cmac_block counter = *tag;
    counter.octets[8] &= 0x7f;
    counter.octets[12] &= 0x7f;
    int len = 0;
    const EVP_CIPHER *cipher =
        key->algorithm == AEAD_SIV_CMAC_512 ? EVP_aes_256_ctr() : EVP_aes_128_ctr();
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool done = context != NULL &&
                EVP_EncryptInit_ex2(context, cipher, key->octets + key_half(key), counter.octets,
                                    NULL) == 1 &&
                EVP_EncryptUpdate(context, out, &len, in.data, (int)in.len) == 1;
    EVP_CIPHER_CTX_free(context);
    return done;
}

static bool siv_seal(uint8_t *out, const struct aead_key *key, const struct octets data[2],
                     struct octets text)
{
    struct cmac_block tag;
    if (!tag_of(&tag, key, data, text)) {
        return false;
    }
    memcpy(out, tag.octets, BLOCK);
    return apply_ctr(out + AEAD_TAG_LEN, key, &tag, text);
}

static bool siv_open(uint8_t *out, const struct aead_key *key, const struct octets data[2],
                     struct octets sealed)
{
    struct cmac_block claimed;
    struct cmac_block tag;
    memcpy(claimed.octets, sealed.data, BLOCK);
    struct octets text = { sealed.data + AEAD_TAG_LEN, sealed.len - AEAD_TAG_LEN };
    return apply_ctr(out, key, &claimed, text) &&
           tag_of(&tag, key, data, (struct octets){ out, text.len }) &&
           CRYPTO_memcmp(tag.octets, claimed.octets, BLOCK) == 0;
}

/* -- all algorithms -- */

static const struct algorithm {
    uint16_t number;
    uint8_t key_len, nonce_len;
    const char *text;
} algorithms[] = {
    { AEAD_SIV_CMAC_256, 32, 16, "AES-SIV-CMAC-256" },
    { AEAD_SIV_CMAC_512, 64, 16, "AES-SIV-CMAC-512" },
    { AEAD_GCM_SIV_128, GCMSIV_KEY_LEN, GCMSIV_NONCE_LEN, "AES-128-GCM-SIV" },
};

static const struct algorithm *find(uint16_t number)
{
    static const struct algorithm none = { .text = "unknown" };
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        if (algorithms[i].number == number) {
            return &algorithms[i];
        }
    }
    return &none;
}

size_t aead_key_len(uint16_t algorithm)
{
    return find(algorithm)->key_len;
}

size_t aead_nonce_len(uint16_t algorithm)
{
    return find(algorithm)->nonce_len;
}

const char *aead_text(uint16_t algorithm)
{
    return find(algorithm)->text;
}

bool aead_seal(uint8_t *out, const struct aead_key *key, struct octets packet, struct octets nonce,
               struct octets text)
{
    const struct octets data[2] = { packet, nonce };
    if (text.len > AEAD_TEXT_MAX || aead_key_len(key->algorithm) == 0) {
        return false;
    }
    if (key->algorithm == AEAD_GCM_SIV_128) {
        return nonce.len == GCMSIV_NONCE_LEN &&
               gcmsiv_seal(out, key->octets, nonce.data, packet, text);
    }
    return siv_seal(out, key, data, text);
}

bool aead_open(uint8_t *out, const struct aead_key *key, struct octets packet, struct octets nonce,
               struct octets sealed)
{
    const struct octets data[2] = { packet, nonce };
    if (sealed.len < AEAD_TAG_LEN || sealed.len > AEAD_TEXT_MAX ||
        aead_key_len(key->algorithm) == 0) {
        return false;
    }
    if (key->algorithm == AEAD_GCM_SIV_128) {
        return nonce.len == GCMSIV_NONCE_LEN &&
               gcmsiv_open(out, key->octets, nonce.data, packet, sealed);
    }
    return siv_open(out, key, data, sealed);
}
