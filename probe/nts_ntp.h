/* NTPv4 packets with NTS extension fields (RFC 5905 7.3, RFC 7822, RFC 8915 5). Pure: the caller
 * gives random octets, and no clock is read.
 *
 * The request reveals as little as it can. The header is zero but for version, mode and a random
 * transmit timestamp, so only a host that has seen the request can answer it. The caller keeps
 * the true send time. */
#ifndef PROBE_NTS_NTP_H
#define PROBE_NTS_NTP_H

#include "probe/aead.h"
#include "probe/nts_ke.h"

enum {
    NTS_UID_LEN = 32,
    NTS_PLACEHOLDERS_MAX = NTS_COOKIES - 1,
    NTS_NTP_MAX = 48 + 4 + NTS_UID_LEN + NTS_COOKIES * (4 + NTS_COOKIE_MAX) + 8 + AEAD_NONCE_MAX +
                  AEAD_TAG_LEN
};

struct nts_keys {
    struct aead_key c2s, s2c;
};

/* The random parts of one request, which must be fresh, and its placeholders. */
struct nts_query {
    uint8_t transmit[8];
    uint8_t uid[NTS_UID_LEN];
    uint8_t nonce[AEAD_NONCE_MAX]; /* aead_nonce_len of them are used */
    unsigned placeholders;         /* further cookies asked for, up to NTS_PLACEHOLDERS_MAX */
};

struct ntp_header {
    uint8_t leap, version, mode, stratum;
    uint32_t root_delay, root_dispersion; /* 16.16 seconds */
    uint8_t refid[4];
    uint8_t origin[8];
    uint64_t receive, transmit; /* 32.32 seconds since 1900 */
};

struct nts_reply {
    struct ntp_header header;
    unsigned cookies_seen;
    unsigned cookie_count;
    struct nts_cookie cookies[NTS_COOKIES];
};

/* The first 48 octets of a packet (RFC 5905 7.3). */
void ntp_header_read(struct reader *r, struct ntp_header *out);

/* Writes the request. False if it does not fit, or if OpenSSL fails. */
bool nts_ntp_request(struct writer *w, const struct nts_query *query,
                     const struct nts_cookie *cookie, const struct aead_key *c2s);

/* Judges a datagram received for `query`, whose request had `request_len` octets. NONE, or the
 * class, with the reason in `detail` (NTS_DETAIL_ROOM). The time is not judged here
 * (probe/ntp_sample.h).
 *
 * A kiss code counts only with our Unique Identifier. So every class but NTP_NAK, NTP_RATE and
 * NTP_DENY may come from a forgery, and the caller keeps listening. */
enum failure nts_ntp_parse(struct nts_reply *out, struct octets datagram,
                           const struct nts_query *query, size_t request_len,
                           const struct aead_key *s2c, char *detail);

#endif
