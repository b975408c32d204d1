/* The peer of a tls_client in the same process, without a socket: a TLS 1.3 server for
 * alice.example.net with a self-signed certificate. For unit tests and the fuzz target. */
#ifndef TESTS_TLS_PEER_H
#define TESTS_TLS_PEER_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "probe/tls_client.h"

#define TLS_PEER_NAME "alice.example.net"

struct tls_peer {
    SSL_CTX *context;
    SSL *ssl;
    const char *alpn; /* that it chooses, with its length in front; NULL: none in common */
    char trust_file[64];
};

static inline int tls_peer_choose(SSL *, const unsigned char **out, unsigned char *out_len,
                                  const unsigned char *, unsigned, void *arg)
{
    const struct tls_peer *peer = arg;
    if (peer->alpn == NULL) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = (const unsigned char *)peer->alpn + 1;
    *out_len = (unsigned char)peer->alpn[0];
    return SSL_TLSEXT_ERR_OK;
}

/* Valid from `first_s` to `last_s` seconds from now. */
static inline X509 *tls_peer_certificate(EVP_PKEY *key, long first_s, long last_s)
{
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_EXTENSION *names =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:" TLS_PEER_NAME);
    ASSERT(X509_set_version(certificate, X509_VERSION_3) == 1);
    ASSERT(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1);
    ASSERT(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1,
                                      -1, 0) == 1);
    ASSERT(X509_set_issuer_name(certificate, name) == 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), first_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate), last_s);
    ASSERT(X509_set_pubkey(certificate, key) == 1 && X509_add_ext(certificate, names, -1) == 1);
    ASSERT(X509_sign(certificate, key, EVP_sha256()) > 0);
    X509_EXTENSION_free(names);
    return certificate;
}

static inline void tls_peer_init(struct tls_peer *peer, long first_s, long last_s)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = tls_peer_certificate(key, first_s, last_s);
    *peer = (struct tls_peer){ .alpn = "\x07" NTS_KE_ALPN, .trust_file = "ntspool-peer-XXXXXX" };
    int fd = mkstemp(peer->trust_file);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    ASSERT(file != NULL && PEM_write_X509(file, certificate) == 1 && fclose(file) == 0);
    peer->context = SSL_CTX_new(TLS_server_method());
    ASSERT(peer->context != NULL && SSL_CTX_use_certificate(peer->context, certificate) == 1 &&
           SSL_CTX_use_PrivateKey(peer->context, key) == 1);
    SSL_CTX_set_alpn_select_cb(peer->context, tls_peer_choose, peer);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static inline void tls_peer_done(struct tls_peer *peer)
{
    SSL_free(peer->ssl);
    SSL_CTX_free(peer->context);
    (void)unlink(peer->trust_file);
}

/* A new connection in place of the old one. */
static inline void tls_peer_accept(struct tls_peer *peer)
{
    SSL_free(peer->ssl);
    peer->ssl = SSL_new(peer->context);
    BIO *in = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(peer->ssl, in, BIO_new(BIO_s_mem()));
    SSL_set_accept_state(peer->ssl);
}

/* Passes the client's output to the server. */
static inline void tls_peer_hear(struct tls_peer *peer, struct tls_client *client)
{
    uint8_t octets[4096];
    for (size_t len = 1; len > 0;) {
        len = tls_client_take(client, octets, sizeof(octets));
        if (len > 0) {
            ASSERT(BIO_write(SSL_get_rbio(peer->ssl), octets, (int)len) == (int)len);
        }
    }
}

/* Takes the server's output; returns its length. */
static inline size_t tls_peer_say(struct tls_peer *peer, uint8_t *out, size_t room)
{
    int len = BIO_read(SSL_get_wbio(peer->ssl), out, (int)room);
    return len > 0 ? (size_t)len : 0;
}

/* Runs the handshake of both ends. Returns the client's result. */
static inline enum tls_progress tls_peer_handshake(struct tls_peer *peer, struct tls_client *client,
                                                   enum failure *failure, char *detail)
{
    enum tls_progress progress = TLS_WAITING;
    for (unsigned turn = 0; turn < 8 && progress == TLS_WAITING; turn++) {
        uint8_t octets[16384];
        progress = tls_client_handshake(client, failure, detail);
        tls_peer_hear(peer, client);
        (void)SSL_do_handshake(peer->ssl);
        ASSERT(tls_client_put(client, octets, tls_peer_say(peer, octets, sizeof(octets))));
    }
    return progress;
}

#endif
