/* What current clients make of a certificate that the library takes: the three that members are
 * handed out to differ (chronyd by GnuTLS, ntpd-rs by rustls, NTPsec by OpenSSL, as we do).
 * tests/system/test_certificates.py tries each rule on each of them.
 *
 * What a standard forbids, or two of them refuse, is a failure; what one refuses is a warning that
 * names it. */
#ifndef PROBE_CERTIFICATE_H
#define PROBE_CERTIFICATE_H

#include <openssl/ssl.h>

#include "zone/verdicts/failure.h"

enum {
    CERTIFICATE_WORDS = 100
};

struct certificate_word {
    enum failure failure; /* NONE: it may be handed out */
    /* why it fails, and why each client refuses it; "": it does not */
    char why[CERTIFICATE_WORDS];
    char chronyd[CERTIFICATE_WORDS];
    char ntpd_rs[CERTIFICATE_WORDS];
};

/* After a handshake whose certificate the library takes. `stapled`: an OCSP response came with
 * it. */
void certificate_judge(struct certificate_word *out, SSL *ssl, bool stapled);

#endif
