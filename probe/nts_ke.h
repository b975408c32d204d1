/* NTS key establishment: the records inside TLS (RFC 8915 4). Pure.
 *
 * The whole response is collected first, at most NTS_KE_ANSWER_MAX octets, then judged. */
#ifndef PROBE_NTS_KE_H
#define PROBE_NTS_KE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/base/wire.h"
#include "zone/verdicts/failure.h"

enum {
    NTS_KE_ANSWER_MAX = 4096,
    NTS_KE_NAME_ROOM = 256,
    NTS_COOKIE_MAX = 512, /* a longer cookie would have the NTP packet fragmented */
    NTS_COOKIES = 8,      /* a client's full set (RFC 8915 4) */
    NTS_COOKIE_USUAL = 192,
    NTS_DETAIL_ROOM = 160 /* also zone/verdicts/health.h */
};

#define NTS_KE_ALPN           "ntske/1"
#define NTS_KE_EXPORTER_LABEL "EXPORTER-network-time-security"

struct nts_cookie {
    uint16_t len;
    uint8_t octets[NTS_COOKIE_MAX];
};

/* The AEAD algorithms that we offer. */
enum nts_ke_offer {
    NTS_KE_REQUIRED, /* the mandatory one, AEAD_AES_SIV_CMAC_256 */
    NTS_KE_ALL       /* all that we support, the mandatory one last */
};

struct nts_ke_answer {
    uint16_t aead;
    /* both sides export the keys of AES-128-GCM-SIV as RFC 8915 5.1 says */
    bool export_agreed;
    unsigned cookies_seen;
    unsigned cookie_count; /* of those stored */
    struct nts_cookie cookies[NTS_COOKIES];
    bool cookies_odd; /* unequal lengths, not a multiple of 4, or over NTS_COOKIE_USUAL octets */
    char server[NTS_KE_NAME_ROOM]; /* name or address of the NTP server; "": the same address */
    uint16_t port;                 /* for NTP; 123 if not negotiated */
};

/* Writes the request: NTPv4, the algorithms, End of Message. */
void nts_ke_request(struct writer *w, enum nts_ke_offer offer);
/* True if `data` holds complete records up to an End of Message. */
bool nts_ke_ended(const uint8_t *data, size_t len);
/* Judges a whole response. NONE, or the class, with the reason in `detail` (NTS_DETAIL_ROOM). In
 * either case `out` has the values that could be read. */
enum failure nts_ke_parse(struct nts_ke_answer *out, const uint8_t *data, size_t len,
                          enum nts_ke_offer offer, char *detail);
/* The records' names in order, with "!" after critical ones: "Next Protocol! AEAD! 8 Cookie End of
 * Message!". Truncated to fit `room`. */
void nts_ke_describe(const uint8_t *data, size_t len, char *out, size_t room);
/* The exporter's context for the keys of NTPv4 (RFC 8915 5.1). */
void nts_ke_exporter_context(uint8_t out[5], uint16_t aead, bool server_to_client);

#endif
