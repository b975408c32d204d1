#include "dnssec/keys/pem.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>

bool pem_is_there(const char *text)
{
    return strstr(text, "PRIVATE KEY-----") != NULL;
}

static bool scalar_of(const EVP_PKEY *pkey, uint8_t out[KEY_PRIVATE_MAX])
{
    BIGNUM *scalar = NULL;
    bool good = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &scalar) == 1 &&
                BN_bn2binpad(scalar, out, KEY_PRIVATE_MAX) == KEY_PRIVATE_MAX;
    BN_clear_free(scalar);
    return good;
}

static bool seed_of(const EVP_PKEY *pkey, uint8_t out[KEY_PRIVATE_MAX])
{
    size_t len = KEY_PRIVATE_MAX;
    return EVP_PKEY_get_raw_private_key(pkey, out, &len) == 1 && len == KEY_PRIVATE_MAX;
}

bool pem_private(const char *text, uint8_t out[KEY_PRIVATE_MAX])
{
    BIO *bio = BIO_new_mem_buf(text, -1);
    char passphrase[] = ""; /* keeps OpenSSL from asking for one */
    EVP_PKEY *pkey = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, passphrase) : NULL;
    bool good = false;
    if (pkey != NULL && EVP_PKEY_is_a(pkey, "EC")) {
        good = scalar_of(pkey, out);
    } else if (pkey != NULL && EVP_PKEY_is_a(pkey, "ED25519")) {
        good = seed_of(pkey, out);
    }
    EVP_PKEY_free(pkey);
    BIO_free(bio);
    return good;
}
