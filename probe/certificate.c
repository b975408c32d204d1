#include "probe/certificate.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

enum {
    STATUS_REQUEST = 5, /* the TLS feature called must-staple (RFC 7633) */
    RUSTLS_CAS = 6,     /* between the server's certificate and the root */
    GNUTLS_SENT = 16,   /* certificates that the server may send */
    RUSTLS_RSA_MIN = 2048,
    RUSTLS_RSA_MAX = 8192
};

static void note(char out[CERTIFICATE_TEXT_ROOM], const char *text, const char *what)
{
    if (out[0] == '\0') {
        (void)snprintf(out, CERTIFICATE_TEXT_ROOM, "%s%s", text, what);
    }
}

static void fail(struct certificate_opinion *out, enum failure failure, const char *text)
{
    if (out->failure == FAILURE_NONE) {
        out->failure = failure;
        note(out->why, text, "");
    }
}

/* -- the extensions of the server's certificate and its CAs -- */

static bool must_staple(X509 *certificate)
{
    TLS_FEATURE *features = X509_get_ext_d2i(certificate, NID_tlsfeature, NULL, NULL);
    bool found = false;
    for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++) {
        found |= ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == STATUS_REQUEST;
    }
    TLS_FEATURE_free(features);
    return found;
}

/* RFC 7633 4.2.2: a certificate must have the TLS features of its CA. */
static void judge_features(struct certificate_opinion *out, STACK_OF(X509) * chain, bool stapled)
{
    if (must_staple(sk_X509_value(chain, 0)) && !stapled) {
        fail(out, FAILURE_CERT_STAPLE, "it asks for an OCSP response, and none came");
    }
    for (int i = 1; i + 1 < sk_X509_num(chain); i++) {
        if (must_staple(sk_X509_value(chain, i)) && !must_staple(sk_X509_value(chain, i - 1))) {
            note(out->chronyd, "a CA of its has must-staple, and it has not", "");
        }
    }
}

/* RFC 8446 4.4.2.2 */
static void judge_usage(struct certificate_opinion *out, X509 *certificate)
{
    if ((X509_get_key_usage(certificate) & KU_DIGITAL_SIGNATURE) == 0) {
        fail(out, FAILURE_CERT_USAGE, "its key usage has no digitalSignature");
    }
}

static bool rustls_knows(int extension)
{
    return extension == NID_basic_constraints || extension == NID_key_usage ||
           extension == NID_subject_alt_name || extension == NID_name_constraints ||
           extension == NID_ext_key_usage;
}

static void judge_extensions(struct certificate_opinion *out, X509 *certificate)
{
    for (int i = 0; i < X509_get_ext_count(certificate); i++) {
        X509_EXTENSION *extension = X509_get_ext(certificate, i);
        int number = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
        if (X509_EXTENSION_get_critical(extension) == 0 || rustls_knows(number)) {
            continue;
        }
        if (number == NID_policy_constraints) {
            fail(out, FAILURE_CERT_CHAIN,
                 "chronyd and ntpd-rs don't know the critical extension policyConstraints");
        }
        note(out->ntpd_rs, "it does not know the critical extension ", OBJ_nid2sn(number));
    }
}

/* -- keys and signatures -- */

static void judge_key(struct certificate_opinion *out, X509 *certificate)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    char group[64] = "";
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        if (EVP_PKEY_get_bits(key) < RUSTLS_RSA_MIN || EVP_PKEY_get_bits(key) > RUSTLS_RSA_MAX) {
            note(out->ntpd_rs, "it takes RSA keys of 2048 to 8192 bits only", "");
        }
        break;
    case EVP_PKEY_EC:
        (void)EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
        if (strcmp(group, SN_X9_62_prime256v1) != 0 && strcmp(group, SN_secp384r1) != 0) {
            note(out->ntpd_rs, "it does not know keys on ", group);
        }
        break;
    case EVP_PKEY_ED25519:
        break;
    default:
        note(out->ntpd_rs, "it does not know keys of the kind ",
             OBJ_nid2sn(EVP_PKEY_get_base_id(key)));
        break;
    }
}

/* RFC 4055 3.1 recommends that the salt of RSA-PSS is as long as the hash. */
static bool salt_fits(X509 *certificate, int digest)
{
    const X509_ALGOR *algorithm = NULL;
    const void *value = NULL;
    int type = V_ASN1_UNDEF;
    int64_t salt = 20; /* the default (RFC 4055 3.1) */
    X509_get0_signature(NULL, &algorithm, certificate);
    X509_ALGOR_get0(NULL, &type, &value, algorithm);
    RSA_PSS_PARAMS *parameters =
        type == V_ASN1_SEQUENCE ? ASN1_item_unpack(value, ASN1_ITEM_rptr(RSA_PSS_PARAMS)) : NULL;
    if (parameters != NULL && parameters->saltLength != NULL) {
        (void)ASN1_INTEGER_get_int64(&salt, parameters->saltLength);
    }
    RSA_PSS_PARAMS_free(parameters);
    const EVP_MD *hash = EVP_get_digestbynid(digest);
    return hash == NULL || salt == EVP_MD_get_size(hash);
}

static void judge_signature(struct certificate_opinion *out, X509 *certificate, X509 *issuer)
{
    int digest = NID_undef;
    (void)X509_get_signature_info(certificate, &digest, NULL, NULL, NULL);
    int number = X509_get_signature_nid(certificate);
    bool ecdsa = number == NID_ecdsa_with_SHA512;
    /* with a key for PSS alone chronyd accepts any salt, and ntpd-rs does not accept the key */
    bool plain = EVP_PKEY_get_base_id(X509_get0_pubkey(issuer)) == EVP_PKEY_RSA;
    if (number == NID_rsassaPss && plain && !salt_fits(certificate, digest)) {
        fail(out, FAILURE_CERT_CHAIN,
             "chronyd and ntpd-rs take RSA-PSS with a salt as long as the hash only");
    }
    if (ecdsa || (digest != NID_undef && digest != NID_sha256 && digest != NID_sha384 &&
                  digest != NID_sha512)) {
        note(out->ntpd_rs, "it does not know signatures of the kind ", OBJ_nid2sn(number));
    }
}

/* -- the chain -- */

static bool leads_to_root(X509_STORE *store, X509 *certificate)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    X509 *issuer = NULL;
    bool found = context != NULL && X509_STORE_CTX_init(context, store, certificate, NULL) == 1 &&
                 X509_STORE_CTX_get1_issuer(&issuer, context, certificate) == 1;
    X509_free(issuer);
    X509_STORE_CTX_free(context);
    return found;
}

static X509 *first_issuer(STACK_OF(X509) * sent, X509 *certificate)
{
    for (int i = 0; i < sk_X509_num(sent); i++) {
        X509 *each = sk_X509_value(sent, i);
        if (each != certificate && X509_check_issued(each, certificate) == X509_V_OK) {
            return each;
        }
    }
    return NULL;
}

/* GnuTLS uses the first certificate with the issuer's name. OpenSSL and rustls look for a valid
 * one. */
static void judge_twins(struct certificate_opinion *out, SSL *ssl, STACK_OF(X509) * sent)
{
    X509_STORE *store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
    X509 *at = sk_X509_value(sent, 0);
    for (int i = 0; i < sk_X509_num(sent) && at != NULL && !leads_to_root(store, at); i++) {
        at = first_issuer(sent, at);
        if (at != NULL && (X509_cmp_current_time(X509_get0_notAfter(at)) < 0 ||
                           X509_cmp_current_time(X509_get0_notBefore(at)) > 0)) {
            note(out->chronyd, "a CA is sent that is not valid now, before its valid twin", "");
        }
    }
}

void certificate_judge(struct certificate_opinion *out, SSL *ssl, bool stapled)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl), *sent = SSL_get_peer_cert_chain(ssl);
    *out = (struct certificate_opinion){ .failure = FAILURE_NONE };
    if (sk_X509_num(chain) < 1 || sk_X509_num(sent) < 1) {
        return;
    }
    X509 *own = sk_X509_value(chain, 0);
    judge_usage(out, own);
    judge_features(out, chain, stapled);
    for (int i = 0; i + 1 < sk_X509_num(chain); i++) {
        judge_extensions(out, sk_X509_value(chain, i));
        judge_signature(out, sk_X509_value(chain, i), sk_X509_value(chain, i + 1));
    }
    for (int i = 0; i < sk_X509_num(chain); i++) {
        judge_key(out, sk_X509_value(chain, i));
    }
    if (sk_X509_num(chain) - 2 > RUSTLS_CAS) {
        note(out->ntpd_rs, "it takes six CAs under the root, no more", "");
    }
    if (X509_check_ca(own) == 1) {
        note(out->ntpd_rs, "the certificate is that of a CA", "");
    }
    if (sk_X509_num(sent) > GNUTLS_SENT) {
        note(out->chronyd, "more than 16 certificates are sent", "");
    }
    judge_twins(out, ssl, sent);
    ERR_clear_error();
}
