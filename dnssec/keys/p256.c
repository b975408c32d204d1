/* A signature takes about 20 µs of arithmetic, so the work around it matters. Algorithms are
 * fetched and contexts built once per thread and key, in p256_signer_new; signing reuses a digest
 * context and an initialised EVP_PKEY_CTX. */
#include "dnssec/keys/p256.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>

#include "zone/base/wire.h"

enum {
    NUMBER_LEN = 32,
    DIGEST_LEN = 32,
    DER_MAX = 2 + 2 * (2 + 1 + NUMBER_LEN),
    POINT_OCTETS = 1 + P256_POINT_LEN,
    DER_SEQUENCE = 0x30,
    GUARDED_LEN = 1 << 20, /* a signer takes about 100 octets */
    GUARDED_LEAST = 32,
    DER_INTEGER = 0x02
};

struct p256_signer {
    EVP_MD *md;
    EVP_MD_CTX *digest;
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *sign;
};

void p256_guard_memory(void)
{
    (void)CRYPTO_secure_malloc_init(GUARDED_LEN, GUARDED_LEAST); /* also fine: 2, not locked */
}

/* Writes the point of `scalar`, uncompressed, with the octet of the form first. */
static bool multiply(const EC_GROUP *group, const BIGNUM *scalar, uint8_t octets[POINT_OCTETS])
{
    EC_POINT *point = EC_POINT_new(group);
    bool good = point != NULL && EC_POINT_mul(group, point, scalar, NULL, NULL, NULL) == 1 &&
                EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, octets,
                                   POINT_OCTETS, NULL) == POINT_OCTETS;
    EC_POINT_free(point);
    return good;
}

static BIGNUM *scalar_of(const uint8_t scalar[P256_SCALAR_LEN])
{
    BIGNUM *number = BN_secure_new();
    if (number != NULL && BN_bin2bn(scalar, P256_SCALAR_LEN, number) == NULL) {
        BN_clear_free(number);
        return NULL;
    }
    if (number != NULL) {
        BN_set_flags(number, BN_FLG_CONSTTIME);
    }
    return number;
}

enum result p256_public(const uint8_t scalar[P256_SCALAR_LEN], uint8_t out[P256_POINT_LEN])
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    BIGNUM *number = scalar_of(scalar);
    uint8_t octets[POINT_OCTETS];
    enum result result = RESULT_CRYPTO;
    if (group != NULL && number != NULL) {
        if (BN_is_zero(number) || BN_cmp(number, EC_GROUP_get0_order(group)) >= 0) {
            result = RESULT_INVALID;
        } else if (multiply(group, number, octets)) {
            memcpy(out, octets + 1, P256_POINT_LEN);
            result = RESULT_OK;
        }
    }
    BN_clear_free(number);
    EC_GROUP_free(group);
    return result;
}

/* `scalar` NULL makes a public key. NULL on failure. */
static EVP_PKEY *pkey_of(const uint8_t point[P256_POINT_LEN], const uint8_t *scalar)
{
    uint8_t octets[POINT_OCTETS] = { POINT_CONVERSION_UNCOMPRESSED };
    memcpy(octets + 1, point, P256_POINT_LEN);
    BIGNUM *number = scalar == NULL ? NULL : scalar_of(scalar);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    if (build != NULL && (scalar == NULL || number != NULL) &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, octets, sizeof octets) ==
            1 &&
        (number == NULL || OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1)) {
        params = OSSL_PARAM_BLD_to_param(build);
    }
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (params == NULL || context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &pkey, scalar == NULL ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR,
                          params) != 1) {
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_clear_free(number);
    return pkey;
}

enum result p256_signer_new(struct p256_signer **out, const uint8_t scalar[P256_SCALAR_LEN],
                            const uint8_t point[P256_POINT_LEN])
{
    struct p256_signer *signer = xcalloc(1, sizeof *signer);
    signer->md = EVP_MD_fetch(NULL, "SHA256", NULL);
    signer->digest = EVP_MD_CTX_new();
    signer->pkey = pkey_of(point, scalar);
    if (signer->pkey != NULL) {
        signer->sign = EVP_PKEY_CTX_new_from_pkey(NULL, signer->pkey, NULL);
    }
    if (signer->md == NULL || signer->digest == NULL || signer->sign == NULL ||
        EVP_PKEY_sign_init(signer->sign) != 1) {
        p256_signer_free(signer);
        return RESULT_CRYPTO;
    }
    *out = signer;
    return RESULT_OK;
}

void p256_signer_free(struct p256_signer *signer)
{
    if (signer == NULL) {
        return;
    }
    EVP_PKEY_CTX_free(signer->sign);
    EVP_PKEY_free(signer->pkey);
    EVP_MD_CTX_free(signer->digest);
    EVP_MD_free(signer->md);
    free(signer);
}

/* Reads one DER INTEGER of a signature into 32 octets. DER has one leading zero octet if the high
 * bit is set, and none otherwise. */
static void read_number(struct reader *r, uint8_t out[NUMBER_LEN])
{
    if (read_u8(r) != DER_INTEGER) {
        r->failed = true;
    }
    size_t len = read_u8(r);
    if (len == NUMBER_LEN + 1 && read_u8(r) == 0) {
        len = NUMBER_LEN;
    }
    if (len > NUMBER_LEN) {
        r->failed = true;
        return;
    }
    memset(out, 0, NUMBER_LEN - len);
    read_into(r, out + NUMBER_LEN - len, len);
}

/* Converts an ECDSA-Sig-Value (RFC 3279 2.2.3) to r | s (RFC 6605 4). */
static bool plain_of_der(const uint8_t *der, size_t len, uint8_t out[P256_SIGNATURE_LEN])
{
    struct reader r = reader_of(der, len);
    if (read_u8(&r) != DER_SEQUENCE || read_u8(&r) != reader_left(&r)) {
        return false;
    }
    read_number(&r, out);
    read_number(&r, out + NUMBER_LEN);
    return reader_done(&r);
}

enum result p256_sign(struct p256_signer *signer, const uint8_t *data, size_t len,
                      uint8_t out[P256_SIGNATURE_LEN])
{
    uint8_t digest[DIGEST_LEN];
    uint8_t der[DER_MAX];
    size_t der_len = sizeof der;
    if (EVP_DigestInit_ex2(signer->digest, signer->md, NULL) != 1 ||
        EVP_DigestUpdate(signer->digest, data, len) != 1 ||
        EVP_DigestFinal_ex(signer->digest, digest, NULL) != 1 ||
        EVP_PKEY_sign(signer->sign, der, &der_len, digest, sizeof digest) != 1) {
        return RESULT_CRYPTO;
    }
    uint8_t plain[P256_SIGNATURE_LEN];
    if (!plain_of_der(der, der_len, plain)) {
        return RESULT_CRYPTO;
    }
    memcpy(out, plain, sizeof plain);
    return RESULT_OK;
}

/* Converts r | s to DER by OpenSSL's encoder, which checks the decoder above. 0 on failure. */
static size_t der_of_plain(const uint8_t plain[P256_SIGNATURE_LEN], uint8_t out[DER_MAX])
{
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(plain, NUMBER_LEN, NULL);
    BIGNUM *s = BN_bin2bn(plain + NUMBER_LEN, NUMBER_LEN, NULL);
    int len = 0;
    if (signature == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(signature, r, s) != 1) {
        BN_free(r);
        BN_free(s);
    } else {
        len = i2d_ECDSA_SIG(signature, &out);
    }
    ECDSA_SIG_free(signature);
    return len < 0 ? 0 : (size_t)len;
}

bool p256_verify(const uint8_t point[P256_POINT_LEN], const uint8_t *data, size_t len,
                 const uint8_t signature[P256_SIGNATURE_LEN])
{
    uint8_t der[DER_MAX];
    size_t der_len = der_of_plain(signature, der);
    EVP_PKEY *pkey = pkey_of(point, NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = der_len > 0 && pkey != NULL && context != NULL &&
                EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, pkey, NULL) == 1 &&
                EVP_DigestVerify(context, der, der_len, data, len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pkey);
    return good;
}
