/* Built from OpenSSL's AES, since OpenSSL has AES-128-GCM-SIV only from 3.2 on. POLYVAL is computed
 * bit by bit, in constant time. That is fast enough: an NTP packet has some twenty blocks. */
#include "probe/gcmsiv.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

enum {
    BLOCK = 16
};

/* The keys of one message (RFC 8452 4). */
struct keys {
    uint8_t polyval[BLOCK];
    EVP_CIPHER_CTX *aes;
};

/* An element of POLYVAL's field: bit i of `low` is the coefficient of x^i, of `high` that of x^(64
 * + i). */
struct element {
    uint64_t low, high;
};

static uint64_t load(const uint8_t *octets)
{
    uint64_t value = 0;
    for (unsigned i = 8; i-- > 0;) {
        value = value << 8 | octets[i];
    }
    return value;
}

static void store(uint8_t *octets, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        octets[i] = (uint8_t)(value >> 8 * i);
    }
}

static struct element element_of(const uint8_t *block)
{
    return (struct element){ load(block), load(block + 8) };
}

/* RFC 8452 3: a * b * x^-128 modulo x^128 + x^127 + x^126 + x^121 + 1. Each of 128 steps adds `b`
 * if the next coefficient of `a` is set, and divides the sum by x. */
static struct element dot(struct element a, struct element b)
{
    struct element sum = { 0, 0 };
    for (unsigned i = 0; i < 128; i++) {
        uint64_t taken = 0 - ((i < 64 ? a.low >> i : a.high >> (i - 64)) & 1);
        sum.low ^= b.low & taken;
        sum.high ^= b.high & taken;
        uint64_t odd = 0 - (sum.low & 1);
        sum.low = sum.low >> 1 | sum.high << 63;
        sum.high = sum.high >> 1 ^ (UINT64_C(0xe100000000000000) & odd);
    }
    return sum;
}

static struct element add_block(struct element sum, struct element key, struct element block)
{
    return dot((struct element){ sum.low ^ block.low, sum.high ^ block.high }, key);
}

/* Adds octets, with the last block padded with zeros. */
static struct element add_octets(struct element sum, struct element key, struct octets octets)
{
    for (size_t at = 0; at < octets.len; at += BLOCK) {
        uint8_t block[BLOCK] = { 0 };
        size_t left = octets.len - at;
        memcpy(block, octets.data + at, left < BLOCK ? left : BLOCK);
        sum = add_block(sum, key, element_of(block));
    }
    return sum;
}

static bool encrypt(EVP_CIPHER_CTX *aes, uint8_t out[BLOCK], const uint8_t in[BLOCK])
{
    int len = 0;
    return EVP_EncryptUpdate(aes, out, &len, in, BLOCK) == 1 && len == BLOCK;
}

static EVP_CIPHER_CTX *aes_of(const uint8_t *key)
{
    EVP_CIPHER_CTX *aes = EVP_CIPHER_CTX_new();
    if (aes == NULL || EVP_EncryptInit_ex2(aes, EVP_aes_128_ecb(), key, NULL, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(aes, 0) != 1) {
        EVP_CIPHER_CTX_free(aes);
        return NULL;
    }
    return aes;
}

/* RFC 8452 4: each encryption of a counter and the nonce gives eight octets of key. */
static bool keys_open(struct keys *keys, const uint8_t *key, const uint8_t *nonce)
{
    uint8_t halves[4][8];
    uint8_t in[BLOCK] = { 0 };
    uint8_t out[BLOCK];
    EVP_CIPHER_CTX *aes = aes_of(key);
    bool done = aes != NULL;
    memcpy(in + 4, nonce, GCMSIV_NONCE_LEN);
    for (uint8_t i = 0; i < 4 && done; i++) {
        in[0] = i;
        done = encrypt(aes, out, in);
        memcpy(halves[i], out, sizeof(halves[i]));
    }
    EVP_CIPHER_CTX_free(aes);
    if (done) {
        memcpy(keys->polyval, halves[0], BLOCK);
        keys->aes = aes_of(halves[2]);
    }
    OPENSSL_cleanse(halves, sizeof(halves));
    OPENSSL_cleanse(out, sizeof(out));
    return done && keys->aes != NULL;
}

static void keys_close(struct keys *keys)
{
    EVP_CIPHER_CTX_free(keys->aes);
    OPENSSL_cleanse(keys, sizeof(*keys));
}

static bool tag_of(uint8_t tag[BLOCK], const struct keys *keys, const uint8_t *nonce,
                   struct octets data, struct octets text)
{
    struct element key = element_of(keys->polyval);
    struct element sum = { 0, 0 };
    sum = add_octets(sum, key, data);
    sum = add_octets(sum, key, text);
    sum = add_block(sum, key, (struct element){ data.len * UINT64_C(8), text.len * UINT64_C(8) });
    uint8_t block[BLOCK];
    store(block, sum.low);
    store(block + 8, sum.high);
    for (unsigned i = 0; i < GCMSIV_NONCE_LEN; i++) {
        block[i] ^= nonce[i];
    }
    block[BLOCK - 1] &= 0x7f;
    return encrypt(keys->aes, tag, block);
}

/* Encrypts or decrypts; both are the same operation. The counter is the first four octets. */
static bool apply_ctr(uint8_t *out, const struct keys *keys, const uint8_t tag[BLOCK],
                      struct octets in)
{
    uint8_t counter[BLOCK];
    uint8_t stream[BLOCK];
    memcpy(counter, tag, BLOCK);
    counter[BLOCK - 1] |= 0x80;
    for (size_t at = 0; at < in.len; at += BLOCK) {
        if (!encrypt(keys->aes, stream, counter)) {
            return false;
        }
        for (size_t i = 0; i < BLOCK && at + i < in.len; i++) {
            out[at + i] = in.data[at + i] ^ stream[i];
        }
        for (unsigned i = 0; i < 4 && ++counter[i] == 0; i++) {
        }
    }
    return true;
}

bool gcmsiv_seal(uint8_t *out, const uint8_t key[GCMSIV_KEY_LEN],
                 const uint8_t nonce[GCMSIV_NONCE_LEN], struct octets data, struct octets text)
{
    struct keys keys = { 0 };
    uint8_t tag[BLOCK];
    bool done = keys_open(&keys, key, nonce) && tag_of(tag, &keys, nonce, data, text) &&
                apply_ctr(out, &keys, tag, text);
    if (done) {
        memcpy(out + text.len, tag, BLOCK);
    }
    keys_close(&keys);
    return done;
}

bool gcmsiv_open(uint8_t *out, const uint8_t key[GCMSIV_KEY_LEN],
                 const uint8_t nonce[GCMSIV_NONCE_LEN], struct octets data, struct octets sealed)
{
    struct keys keys = { 0 };
    uint8_t tag[BLOCK];
    struct octets text = { sealed.data, sealed.len - GCMSIV_TAG_LEN };
    const uint8_t *claimed = sealed.data + text.len;
    bool done = keys_open(&keys, key, nonce) && apply_ctr(out, &keys, claimed, text) &&
                tag_of(tag, &keys, nonce, data, (struct octets){ out, text.len }) &&
                CRYPTO_memcmp(tag, claimed, BLOCK) == 0;
    keys_close(&keys);
    return done;
}
