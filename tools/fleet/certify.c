#include "tools/fleet/certify.h"

#include <stdio.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sodium.h>

enum {
    SERIAL = 16,
    ALT_ROOM = ETCD_NODES_MAX * (ADDRESS_TEXT_MAX + 4),
    X509_VERSION = 2 /* v3 */
};

/* RFC 5280 4.1.2.5: no end that is known. The clocks of machines don't matter. */
static const char begins[] = "20200101000000Z", never_ends[] = "99991231235959Z";
static const char *const ca_names[] = { "ntspool fleet", "ntspool engine nodes" };

static enum result fail(struct diag *diag)
{
    unsigned long error = ERR_get_error();
    ERR_clear_error();
    return diag_fail(diag, RESULT_CRYPTO, "can't make a certificate: %s",
                     error != 0 ? ERR_reason_error_string(error) : "OpenSSL refuses");
}

/* -- the parts of a certificate -- */

/* The CA's key. NULL if OpenSSL refuses. */
static EVP_PKEY *ca_pkey(const struct certify_ca *ca)
{
    static const char context[] = "ntspool engine nodes";
    uint8_t seed[crypto_sign_SEEDBYTES];
    memcpy(seed, ca->secret, sizeof seed);
    if (ca->kind == CERTIFY_PEERS) {
        CHECK(crypto_generichash(seed, sizeof seed, (const uint8_t *)context, sizeof context,
                                 ca->secret, sizeof seed) == 0);
    }
    EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof seed);
    sodium_memzero(seed, sizeof seed);
    return pkey;
}

static EVP_PKEY *public_pkey(const uint8_t secret[LEDGERHEAD_SECRET])
{
    return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, secret + crypto_sign_SEEDBYTES,
                                       LEDGERHEAD_KEY);
}

static bool add_name(X509_NAME *name, int field, const char *text)
{
    return X509_NAME_add_entry_by_NID(name, field, MBSTRING_UTF8, (const uint8_t *)text, -1, -1,
                                      0) == 1;
}

static X509_NAME *make_name(const char *common, const char *unit)
{
    X509_NAME *name = X509_NAME_new();
    if (name != NULL && add_name(name, NID_organizationalUnitName, unit) &&
        add_name(name, NID_commonName, common)) {
        return name;
    }
    X509_NAME_free(name);
    return NULL;
}

static bool add_extension(X509 *certificate, X509 *issuer, int which, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, which, value);
    bool done = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return done;
}

/* All of a certificate but its extensions and its signature. NULL if OpenSSL refuses. */
static X509 *begin(const uint8_t serial[SERIAL], X509_NAME *issuer, X509_NAME *subject,
                   EVP_PKEY *pkey)
{
    X509 *made = X509_new();
    BIGNUM *number = BN_bin2bn(serial, SERIAL, NULL);
    bool done = made != NULL && number != NULL && issuer != NULL && subject != NULL &&
                pkey != NULL && X509_set_version(made, X509_VERSION) == 1 &&
                BN_to_ASN1_INTEGER(number, X509_get_serialNumber(made)) != NULL &&
                ASN1_TIME_set_string_X509(X509_getm_notBefore(made), begins) == 1 &&
                ASN1_TIME_set_string_X509(X509_getm_notAfter(made), never_ends) == 1 &&
                X509_set_issuer_name(made, issuer) == 1 &&
                X509_set_subject_name(made, subject) == 1 && X509_set_pubkey(made, pkey) == 1;
    BN_free(number);
    if (!done) {
        X509_free(made);
        return NULL;
    }
    return made;
}

/* -- to and from PEM -- */

static bool print(X509 *certificate, char out[MEMBERSHIP_PEM_ROOM])
{
    BIO *bio = BIO_new(BIO_s_mem());
    int len = 0;
    if (bio != NULL && PEM_write_bio_X509(bio, certificate) == 1) {
        len = BIO_read(bio, out, MEMBERSHIP_PEM_ROOM - 1);
    }
    bool whole = len > 0 && BIO_pending(bio) == 0;
    if (whole) {
        out[len] = '\0';
    }
    BIO_free(bio);
    return whole;
}

static X509 *parse(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return certificate;
}

/* -- the CA -- */

/* A serial that follows from the key, so that the certificate does. */
static X509 *make_ca(const struct certify_ca *ca, EVP_PKEY *pkey)
{
    uint8_t key[LEDGERHEAD_KEY], serial[SERIAL];
    size_t len = sizeof key;
    if (pkey == NULL || EVP_PKEY_get_raw_public_key(pkey, key, &len) != 1) {
        return NULL;
    }
    memcpy(serial, key, sizeof serial);
    serial[0] &= 0x7f; /* positive, with 16 octets */
    X509_NAME *name = make_name(ca_names[ca->kind], ca->fleet);
    X509 *made = begin(serial, name, name, pkey);
    if (made != NULL &&
        !(add_extension(made, made, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
          add_extension(made, made, NID_key_usage, "critical,keyCertSign") &&
          add_extension(made, made, NID_subject_key_identifier, "hash") &&
          X509_sign(made, pkey, NULL) > 0)) {
        X509_free(made);
        made = NULL;
    }
    X509_NAME_free(name);
    return made;
}

enum result certify_ca(const struct certify_ca *ca, char out[MEMBERSHIP_PEM_ROOM],
                       struct diag *diag)
{
    EVP_PKEY *pkey = ca_pkey(ca);
    X509 *made = make_ca(ca, pkey);
    bool done = made != NULL && print(made, out);
    X509_free(made);
    EVP_PKEY_free(pkey);
    return done ? RESULT_OK : fail(diag);
}

/* -- what it issues -- */

static bool extend(X509 *made, X509 *ca, const struct certify_subject *subject)
{
    bool server = subject->address_count > 0;
    char names[ALT_ROOM] = "", address[ADDRESS_TEXT_MAX];
    size_t len = 0;
    for (unsigned i = 0; i < subject->address_count && i < ETCD_NODES_MAX; i++) {
        len += (size_t)snprintf(names + len, sizeof names - len, "%sIP:%s", i > 0 ? "," : "",
                                address_text(&subject->addresses[i], address));
    }
    return add_extension(made, ca, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(made, ca, NID_key_usage, "critical,digitalSignature") &&
           add_extension(made, ca, NID_ext_key_usage,
                         server ? "serverAuth,clientAuth" : "clientAuth") &&
           add_extension(made, ca, NID_subject_key_identifier, "hash") &&
           add_extension(made, ca, NID_authority_key_identifier, "keyid:always") &&
           (!server || add_extension(made, ca, NID_subject_alt_name, names));
}

static X509 *issue(X509 *ca, EVP_PKEY *ca_key, EVP_PKEY *pkey,
                   const struct certify_subject *subject)
{
    uint8_t serial[SERIAL];
    if (ca == NULL) {
        return NULL;
    }
    randombytes_buf(serial, sizeof serial);
    serial[0] = (serial[0] & 0x7f) | 0x40;
    X509_NAME *name = make_name(subject->name, subject->unit);
    X509 *made = begin(serial, X509_get_subject_name(ca), name, pkey);
    if (made != NULL && !(extend(made, ca, subject) && X509_sign(made, ca_key, NULL) > 0)) {
        X509_free(made);
        made = NULL;
    }
    X509_NAME_free(name);
    return made;
}

enum result certify_issue(const struct certify_ca *ca, const uint8_t secret[LEDGERHEAD_SECRET],
                          const struct certify_subject *subject, char out[MEMBERSHIP_PEM_ROOM],
                          struct diag *diag)
{
    EVP_PKEY *ca_key = ca_pkey(ca), *pkey = public_pkey(secret);
    X509 *issuer = make_ca(ca, ca_key), *made = issue(issuer, ca_key, pkey, subject);
    bool done = made != NULL && print(made, out);
    X509_free(made);
    X509_free(issuer);
    EVP_PKEY_free(pkey);
    EVP_PKEY_free(ca_key);
    return done ? RESULT_OK : fail(diag);
}

/* -- checking -- */

static bool is_named(X509 *certificate, const char *name)
{
    char common[MACHINE_ROOM];
    return X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, common,
                                     sizeof common) > 0 &&
           strcmp(common, name) == 0;
}

enum result certify_check(const char *certificate, const char *ca, const char *name,
                          const uint8_t secret[LEDGERHEAD_SECRET], struct diag *diag)
{
    X509 *issued = parse(certificate), *issuer = parse(ca);
    EVP_PKEY *pkey = public_pkey(secret);
    const char *why = NULL;
    if (issued == NULL || issuer == NULL || pkey == NULL) {
        why = "a certificate can't be read";
    } else if (!is_named(issued, name)) {
        why = "the certificate is of another machine";
    } else if (EVP_PKEY_eq(X509_get0_pubkey(issued), pkey) != 1) {
        why = "the certificate is of another key";
    } else if (X509_check_issued(issuer, issued) != X509_V_OK ||
               X509_verify(issued, X509_get0_pubkey(issuer)) != 1) {
        why = "the certificate is of another CA";
    }
    ERR_clear_error();
    EVP_PKEY_free(pkey);
    X509_free(issuer);
    X509_free(issued);
    return why == NULL ? RESULT_OK : diag_fail(diag, RESULT_INVALID, "%s", why);
}
