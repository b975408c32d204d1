/* What current clients make of a certificate that OpenSSL accepts. The three that members are
 * handed out to differ: chronyd uses GnuTLS, ntpd-rs uses rustls, NTPsec uses OpenSSL, as we do.
 * tests/system/test_certificates.py tries each rule on each of them.
 *
 * What a standard forbids, or two clients refuse, is a failure. What one client refuses is a
 * warning that names it. */
#ifndef PROBE_CERTIFICATE_H
#define PROBE_CERTIFICATE_H

#include <openssl/ssl.h>

#include "zone/verdicts/failure.h"

enum {
    CERTIFICATE_TEXT_ROOM = 100
};

struct certificate_opinion {
    enum failure failure; /* NONE: the member may be handed out */
    /* why it fails, and why each client refuses it; "": it does not */
    char why[CERTIFICATE_TEXT_ROOM];
    char chronyd[CERTIFICATE_TEXT_ROOM];
    char ntpd_rs[CERTIFICATE_TEXT_ROOM];
};

/* After a handshake with a certificate that OpenSSL accepts. `stapled` says that an OCSP response
 * came with it. */
void certificate_judge(struct certificate_opinion *out, SSL *ssl, bool stapled);

#endif
