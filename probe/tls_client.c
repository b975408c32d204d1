#include "probe/tls_client.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "probe/certificate.h"
#include "probe/limits.h"
#include "zone/base/isotime.h"
#include "zone/verdicts/health.h"

struct tls_trust {
    SSL_CTX *context;
};

/* The faults that verification found, most basic first. */
struct faults {
    int chain; /* X509_V_ERR_..., 0: nothing */
    int chain_depth;
    bool expired, not_yet;
    bool name;
};

struct tls_client {
    SSL *ssl;
    char name[NTS_KE_NAME_ROOM];
    struct faults faults;
    const char *error; /* of the last read; NULL: none */
};

/* The index of our struct among the application data of an SSL; OpenSSL leaves 0 to applications.
 */
static const int own_data = 0;

/* Notes the fault and lets verification continue. */
static int note_fault(int valid, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_client *client = SSL_get_ex_data(ssl, own_data);
    if (valid == 1 || client == NULL) {
        return 1;
    }
    int error = X509_STORE_CTX_get_error(store);
    int depth = X509_STORE_CTX_get_error_depth(store);
    struct faults *faults = &client->faults;
    if (error == X509_V_ERR_CERT_HAS_EXPIRED && depth == 0) {
        faults->expired = true;
    } else if (error == X509_V_ERR_CERT_NOT_YET_VALID && depth == 0) {
        faults->not_yet = true;
    } else if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        faults->name = true;
    } else if (faults->chain == 0) {
        faults->chain = error;
        faults->chain_depth = depth;
    }
    return 1;
}

/* OpenSSL accepts an empty store. */
static bool system_has_cas(void)
{
    const char *file = getenv(X509_get_default_cert_file_env());
    const char *path = getenv(X509_get_default_cert_dir_env());
    if (access(file != NULL ? file : X509_get_default_cert_file(), R_OK) == 0) {
        return true;
    }
    DIR *directory = opendir(path != NULL ? path : X509_get_default_cert_dir());
    const struct dirent *entry = NULL;
    while (directory != NULL && (entry = readdir(directory)) != NULL && entry->d_name[0] == '.') {
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    return entry != NULL;
}

enum result tls_trust_new(struct tls_trust **out, const char *trust_file, struct diag *diag)
{
    static const unsigned char alpn[] = "\x07" NTS_KE_ALPN;
    if (trust_file == NULL && !system_has_cas()) {
        return diag_fail(diag, RESULT_INVALID,
                         "this machine has no store of CAs, so no certificate would be believed: "
                         "install ca-certificates, or name a PEM file by --trust");
    }
    if (trust_file != NULL && access(trust_file, R_OK) != 0) {
        return diag_fail(diag, RESULT_INVALID, "can't read %s: %s", trust_file, strerror(errno));
    }
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    /* RFC 8915 3: TLS 1.3 or later; RFC 8915 4: this ALPN and no other */
    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_alpn_protos(context, alpn, sizeof(alpn) - 1) != 0) {
        SSL_CTX_free(context);
        return diag_fail(diag, RESULT_CRYPTO, "OpenSSL has no TLS 1.3; install OpenSSL 3.0");
    }
    /* bounds the cost of a server's choice: no finite-field groups (a fifth of a second for the
     * largest), no endless chain */
    (void)SSL_CTX_set1_groups_list(context, "X25519:P-256:X448:P-521:P-384");
    SSL_CTX_set_verify_depth(context, LIMIT_CHAIN);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, note_fault);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    int loaded = trust_file != NULL ? SSL_CTX_load_verify_file(context, trust_file)
                                    : SSL_CTX_set_default_verify_paths(context);
    ERR_clear_error();
    if (loaded != 1) {
        SSL_CTX_free(context);
        return diag_fail(diag, RESULT_INVALID,
                         "%s holds no certificate that can be read; give a PEM file of CAs",
                         trust_file != NULL ? trust_file : "the system's trust store");
    }
    *out = xcalloc(1, sizeof(**out));
    (*out)->context = context;
    return RESULT_OK;
}

void tls_trust_free(struct tls_trust *trust)
{
    if (trust != NULL) {
        SSL_CTX_free(trust->context);
        free(trust);
    }
}

/* RFC 9525: only the subject alternative names count, not the common name. */
static bool expect_name(struct tls_client *client)
{
    SSL *ssl = client->ssl;
    char *name = client->name;
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                               X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    struct address address;
    if (address_parse(&address, name) == RESULT_OK) {
        return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
    }
    return X509_VERIFY_PARAM_set1_host(param, name, strlen(name)) == 1 &&
           SSL_set_tlsext_host_name(ssl, name) == 1;
}

struct tls_client *tls_client_new(struct tls_trust *trust, const char *name)
{
    struct tls_client *client = xcalloc(1, sizeof(*client));
    (void)snprintf(client->name, sizeof(client->name), "%s", name);
    client->ssl = SSL_new(trust->context);
    BIO *in = BIO_new(BIO_s_mem());
    BIO *out = BIO_new(BIO_s_mem());
    if (client->ssl == NULL || in == NULL || out == NULL || !expect_name(client) ||
        SSL_set_ex_data(client->ssl, own_data, client) != 1) {
        BIO_free(in);
        BIO_free(out);
        tls_client_free(client);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_tlsext_status_type(client->ssl, TLSEXT_STATUSTYPE_ocsp);
    /* empty input means that more will come, not the end */
    BIO_set_mem_eof_return(in, -1);
    SSL_set0_rbio(client->ssl, in);
    SSL_set0_wbio(client->ssl, out);
    SSL_set_connect_state(client->ssl);
    return client;
}

void tls_client_free(struct tls_client *client)
{
    if (client != NULL) {
        SSL_free(client->ssl);
        free(client);
    }
}

bool tls_client_put(struct tls_client *client, const uint8_t *data, size_t len)
{
    return len <= INT32_MAX && BIO_write(SSL_get_rbio(client->ssl), data, (int)len) == (int)len;
}

size_t tls_client_take(struct tls_client *client, uint8_t *out, size_t room)
{
    int len = BIO_read(SSL_get_wbio(client->ssl), out, room > INT32_MAX ? INT32_MAX : (int)room);
    return len > 0 ? (size_t)len : 0;
}

/* The class of a failed handshake, by OpenSSL's first error. */
static enum failure class_of(unsigned long error)
{
    if (ERR_GET_LIB(error) != ERR_LIB_SSL) {
        return FAILURE_TLS_HANDSHAKE;
    }
    switch (ERR_GET_REASON(error)) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_INAPPROPRIATE_FALLBACK:
        return FAILURE_TLS_VERSION;
    case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
    case SSL_R_BAD_EXTENSION:
        return FAILURE_TLS_ALPN;
    default:
        return FAILURE_TLS_HANDSHAKE;
    }
}

enum tls_progress tls_client_handshake(struct tls_client *client, enum failure *failure,
                                       char *detail)
{
    ERR_clear_error();
    int outcome = SSL_do_handshake(client->ssl);
    if (outcome != 1) {
        int reason = SSL_get_error(client->ssl, outcome);
        if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) {
            return TLS_WAITING;
        }
        unsigned long error = ERR_peek_error();
        const char *reason_text = ERR_reason_error_string(error);
        *failure = class_of(error);
        (void)snprintf(detail, NTS_DETAIL_ROOM, "%s",
                       reason_text != NULL ? reason_text : "the peer ended it");
        ERR_clear_error();
        return TLS_FAILED;
    }
    const unsigned char *alpn = NULL;
    unsigned alpn_len = 0;
    SSL_get0_alpn_selected(client->ssl, &alpn, &alpn_len);
    if (alpn_len != sizeof(NTS_KE_ALPN) - 1 || memcmp(alpn, NTS_KE_ALPN, alpn_len) != 0) {
        *failure = FAILURE_TLS_ALPN;
        (void)snprintf(detail, NTS_DETAIL_ROOM, "the server did not choose ALPN " NTS_KE_ALPN);
        return TLS_FAILED;
    }
    return TLS_DONE;
}

static uint64_t unix_of(const ASN1_TIME *when)
{
    struct tm tm = { 0 };
    if (when == NULL || ASN1_TIME_to_tm(when, &tm) != 1) {
        return 0;
    }
    time_t s = timegm(&tm);
    return s > 0 ? (uint64_t)s : 0;
}

/* The names that the certificate is for, with control characters replaced. */
static void subject_of(X509 *certificate, char *out, size_t room)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    size_t at = 0;
    out[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DNS) {
            continue;
        }
        const unsigned char *text = ASN1_STRING_get0_data(name->d.dNSName);
        int len = ASN1_STRING_length(name->d.dNSName);
        if (at > 0 && at + 1 < room) {
            out[at++] = ' ';
        }
        for (int k = 0; k < len && at + 1 < room; k++) {
            out[at++] = (char)(text[k] > ' ' && text[k] < 0x7f ? text[k] : '?');
        }
        out[at] = '\0';
    }
    GENERAL_NAMES_free(names);
}

/* Whether clients with other TLS libraries accept the certificate. */
static enum failure judge_for_clients(struct tls_client *client, struct tls_certificate *out,
                                      char *detail)
{
    struct certificate_opinion opinion;
    const unsigned char *response = NULL;
    bool stapled = SSL_get_tlsext_status_ocsp_resp(client->ssl, &response) > 0;
    certificate_judge(&opinion, client->ssl, stapled);
    bool both = opinion.chronyd[0] != '\0' && opinion.ntpd_rs[0] != '\0';
    if (opinion.failure != FAILURE_NONE) {
        (void)snprintf(detail, NTS_DETAIL_ROOM, "%s", opinion.why);
        return opinion.failure;
    }
    out->warnings |= opinion.chronyd[0] != '\0' ? WARNING_CHRONYD : 0;
    out->warnings |= opinion.ntpd_rs[0] != '\0' ? WARNING_NTPD_RS : 0;
    (void)snprintf(detail, NTS_DETAIL_ROOM, "%s%.58s%s%s%.58s",
                   opinion.chronyd[0] != '\0' ? "chronyd refuses it: " : "", opinion.chronyd,
                   both ? "; " : "", opinion.ntpd_rs[0] != '\0' ? "ntpd-rs refuses it: " : "",
                   opinion.ntpd_rs);
    return both ? FAILURE_CERT_CHAIN : FAILURE_NONE;
}

enum failure tls_client_judge(struct tls_client *client, struct tls_certificate *out, char *detail)
{
    const struct faults *faults = &client->faults;
    X509 *certificate = SSL_get0_peer_certificate(client->ssl);
    *out = (struct tls_certificate){ 0 };
    if (certificate == NULL) {
        (void)snprintf(detail, NTS_DETAIL_ROOM, "the server sent no certificate");
        return FAILURE_CERT_CHAIN;
    }
    out->not_before = unix_of(X509_get0_notBefore(certificate));
    out->not_after = unix_of(X509_get0_notAfter(certificate));
    out->for_name = faults->chain == 0 && !faults->name;
    subject_of(certificate, out->subject, sizeof(out->subject));
    char time[ISOTIME_ROOM];
    if (faults->chain != 0) {
        (void)snprintf(detail, NTS_DETAIL_ROOM, "%s (depth %d)",
                       X509_verify_cert_error_string(faults->chain), faults->chain_depth);
        return FAILURE_CERT_CHAIN;
    }
    if (faults->expired) {
        (void)snprintf(detail, NTS_DETAIL_ROOM, "expired at %s",
                       isotime_text(out->not_after, time));
        return FAILURE_CERT_EXPIRED;
    }
    if (faults->not_yet) {
        (void)snprintf(detail, NTS_DETAIL_ROOM, "valid from %s",
                       isotime_text(out->not_before, time));
        return FAILURE_CERT_NOT_YET;
    }
    if (faults->name) {
        (void)snprintf(detail, NTS_DETAIL_ROOM, "the certificate is for %s",
                       out->subject[0] != '\0' ? out->subject : "no name at all");
        return FAILURE_CERT_NAME;
    }
    return judge_for_clients(client, out, detail);
}

bool tls_client_write(struct tls_client *client, const uint8_t *data, size_t len)
{
    ERR_clear_error();
    return SSL_write(client->ssl, data, (int)len) == (int)len;
}

enum tls_progress tls_client_read(struct tls_client *client, uint8_t *out, size_t room, size_t *len)
{
    *len = 0;
    ERR_clear_error();
    int got = SSL_read(client->ssl, out, (int)room);
    if (got > 0) {
        *len = (size_t)got;
        return TLS_DONE;
    }
    int reason = SSL_get_error(client->ssl, got);
    client->error = ERR_reason_error_string(ERR_peek_error());
    ERR_clear_error();
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) {
        return TLS_WAITING;
    }
    return reason == SSL_ERROR_ZERO_RETURN ? TLS_CLOSED : TLS_FAILED;
}

const char *tls_client_error(const struct tls_client *client)
{
    return client->error;
}

void tls_client_finish(struct tls_client *client)
{
    ERR_clear_error();
    (void)SSL_shutdown(client->ssl);
    ERR_clear_error();
}

bool tls_client_keys(struct tls_client *client, uint16_t aead, struct nts_keys *out)
{
    struct aead_key *keys[2] = { &out->c2s, &out->s2c };
    size_t len = aead_key_len(aead);
    for (int i = 0; i < 2; i++) {
        uint8_t context[5];
        nts_ke_exporter_context(context, aead, i == 1);
        keys[i]->algorithm = aead;
        if (len == 0 || SSL_export_keying_material(
                            client->ssl, keys[i]->octets, len, NTS_KE_EXPORTER_LABEL,
                            sizeof(NTS_KE_EXPORTER_LABEL) - 1, context, sizeof(context), 1) != 1) {
            ERR_clear_error();
            return false;
        }
    }
    return true;
}

void tls_client_describe(struct tls_client *client, char *out)
{
    (void)snprintf(out, NTS_DETAIL_ROOM, "%s %s", SSL_get_version(client->ssl),
                   SSL_get_cipher_name(client->ssl));
}
