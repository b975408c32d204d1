/* TLS 1.3 for an NTS-KE client, without a socket: the caller puts in octets from the network and
 * takes out octets for it.
 *
 * The certificate is judged after the handshake. Verification does not stop at the first fault, so
 * the result is the most basic one (chain, then dates, then name), and notAfter is known even of a
 * certificate that fails. */
#ifndef PROBE_TLS_CLIENT_H
#define PROBE_TLS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/nts_ntp.h"
#include "zone/base/result.h"

struct tls_trust; /* the trusted CAs; shared by connections, which keep them alive */
struct tls_client;

struct tls_certificate {
    uint64_t not_before, not_after; /* Unix seconds; 0: no certificate seen */
    bool for_name;                  /* chain and name are valid, whatever the dates say */
    uint16_t warnings;              /* bits, enum warning: WARNING_CHRONYD, WARNING_NTPD_RS */
    char subject[128];              /* the subject alternative names, cut if long */
};

/* `trust_file` is a PEM file of CAs. NULL stands for the system's store. INVALID: `diag` names the
 * file, or says that the system has no CAs. */
enum result tls_trust_new(struct tls_trust **out, const char *trust_file, struct diag *diag);
void tls_trust_free(struct tls_trust *trust);

/* A connection to `name` (no final dot). NULL if OpenSSL fails. */
struct tls_client *tls_client_new(struct tls_trust *trust, const char *name);
void tls_client_free(struct tls_client *client);

/* Puts in octets from the network. False if OpenSSL can't store them. */
bool tls_client_put(struct tls_client *client, const uint8_t *data, size_t len);
/* Takes out up to `room` octets for the network. Returns how many. */
size_t tls_client_take(struct tls_client *client, uint8_t *out, size_t room);

enum tls_progress {
    TLS_WAITING,
    TLS_DONE,
    TLS_CLOSED, /* the peer's close_notify */
    TLS_FAILED
};

/* Continues the handshake. On TLS_FAILED, `*failure` and `detail` (NTS_DETAIL_ROOM) say why. On
 * TLS_DONE, version and ALPN are right; the certificate is yet to be judged. */
enum tls_progress tls_client_handshake(struct tls_client *client, enum failure *failure,
                                       char *detail);
/* NONE, or the class. `out` is filled in either case. `detail` says what is wrong, or which client
 * refuses the certificate nevertheless; "" if none does. */
enum failure tls_client_judge(struct tls_client *client, struct tls_certificate *out, char *detail);

/* Queues octets for the peer. */
bool tls_client_write(struct tls_client *client, const uint8_t *data, size_t len);
/* Reads up to `room` octets. TLS_WAITING, with *len 0, if no more have arrived. */
enum tls_progress tls_client_read(struct tls_client *client, uint8_t *out, size_t room,
                                  size_t *len);
/* OpenSSL's reason for the last TLS_FAILED of tls_client_read. NULL if it has none. */
const char *tls_client_error(const struct tls_client *client);
/* Queues our close_notify. */
void tls_client_finish(struct tls_client *client);
/* Exports the keys of this connection (RFC 8915 5.1). False for an algorithm that we don't support.
 */
bool tls_client_keys(struct tls_client *client, uint16_t aead, struct nts_keys *out);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384"; `out` has room for NTS_DETAIL_ROOM. */
void tls_client_describe(struct tls_client *client, char *out);

#endif
