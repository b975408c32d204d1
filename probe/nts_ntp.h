/* NTPv4 packets with NTS extension fields (RFC 5905 7.3, RFC 7822, RFC 8915 5). Pure: random octets
 * are given by the caller, clocks are not looked at.
 *
 * The request tells as little as it can: all of the header but version and mode is zero, and the
 * transmit timestamp is random, so only who saw the request can answer; the true send time stays
 * with the caller. */
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

/* What one request is made of; all but the cookie must be fresh random octets. */
struct nts_query {
    uint8_t transmit[8];
    uint8_t uid[NTS_UID_LEN];
    uint8_t nonce[AEAD_NONCE_MAX]; /* as many of them as the algorithm takes are used */
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

/* Writes the request; false if it does not fit or the library fails. */
bool nts_ntp_request(struct writer *w, const struct nts_query *query,
                     const struct nts_cookie *cookie, const struct aead_key *c2s);

/* Judges a datagram that came back for `query`, which was `request_len` octets long: NONE, or the
 * class with words in `detail` (NTS_DETAIL_ROOM). The time itself is not judged here
 * (probe/ntp_sample.h). A kiss code counts only with our Unique Identifier, so a class of this
 * function other than NTP_NAK, NTP_RATE and NTP_DENY may be a forgery: keep listening. */
enum failure nts_ntp_parse(struct nts_reply *out, struct octets datagram,
                           const struct nts_query *query, size_t request_len,
                           const struct aead_key *s2c, char *detail);

#endif
