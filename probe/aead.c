#include "probe/aead.h"

#include <openssl/evp.h>

/* A context that holds the key and has taken the associated data, or NULL. */
static EVP_CIPHER_CTX *context_new(const uint8_t *key, bool sealing, struct octets packet,
                                   struct octets nonce)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-128-SIV", NULL);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int len = 0;
    bool ready = cipher != NULL && context != NULL && packet.len <= AEAD_TEXT_MAX &&
                 nonce.len <= AEAD_TEXT_MAX &&
                 EVP_CipherInit_ex2(context, cipher, key, NULL, sealing, NULL) == 1 &&
                 EVP_CipherUpdate(context, NULL, &len, packet.data, (int)packet.len) == 1 &&
                 EVP_CipherUpdate(context, NULL, &len, nonce.data, (int)nonce.len) == 1;
    EVP_CIPHER_free(cipher);
    if (!ready) {
        EVP_CIPHER_CTX_free(context);
        return NULL;
    }
    return context;
}

bool aead_seal(uint8_t *out, const uint8_t key[AEAD_KEY_LEN], struct octets packet,
               struct octets nonce, struct octets text)
{
    EVP_CIPHER_CTX *context =
        text.len > AEAD_TEXT_MAX ? NULL : context_new(key, true, packet, nonce);
    if (context == NULL) {
        return false;
    }
    int len = 0;
    static const uint8_t none[1];
    const uint8_t *from = text.len > 0 ? text.data : none;
    bool done = EVP_CipherUpdate(context, out + AEAD_TAG_LEN, &len, from, (int)text.len) == 1 &&
                EVP_CipherFinal_ex(context, out + AEAD_TAG_LEN, &len) == 1 &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_LEN, out) == 1;
    EVP_CIPHER_CTX_free(context);
    return done;
}

bool aead_open(uint8_t *out, const uint8_t key[AEAD_KEY_LEN], struct octets packet,
               struct octets nonce, struct octets sealed)
{
    if (sealed.len < AEAD_TAG_LEN || sealed.len > AEAD_TEXT_MAX) {
        return false;
    }
    EVP_CIPHER_CTX *context = context_new(key, false, packet, nonce);
    if (context == NULL) {
        return false;
    }
    uint8_t tag[AEAD_TAG_LEN];
    for (size_t i = 0; i < AEAD_TAG_LEN; i++) {
        tag[i] = sealed.data[i];
    }
    int len = 0;
    uint8_t none[1];
    size_t text_len = sealed.len - AEAD_TAG_LEN;
    bool done = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_LEN, tag) == 1 &&
                EVP_CipherUpdate(context, text_len > 0 ? out : none, &len,
                                 sealed.data + AEAD_TAG_LEN, (int)text_len) == 1 &&
                EVP_CipherFinal_ex(context, none, &len) == 1;
    EVP_CIPHER_CTX_free(context);
    return done;
}
