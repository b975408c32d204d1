#include "probe/nts_ntp.h"

#include <stdio.h>

/* RFC 8915 7.5 */
enum field {
    FIELD_UID = 0x0104,
    FIELD_COOKIE = 0x0204,
    FIELD_PLACEHOLDER = 0x0304,
    FIELD_AUTHENTICATOR = 0x0404
};

enum {
    NTP_HEADER_LEN = 48,
    NTP_VERSION = 4,
    NTP_MODE_CLIENT = 3,
    NTP_MODE_SERVER = 4,
    FIELD_MIN = 16, /* RFC 7822 3 */
    OPENED_MAX = NTS_NTP_MAX
};

static size_t padded(size_t len)
{
    return (len + 3) & ~(size_t)3;
}

static void write_zeros(struct writer *w, size_t count)
{
    uint8_t *p = write_room(w, count);
    if (p != NULL && count > 0) {
        memset(p, 0, count);
    }
}

/* A field, padded with zeros to a multiple of four octets and to the least length (RFC 7822 3). */
static void write_field(struct writer *w, enum field type, const uint8_t *value, size_t len)
{
    size_t whole = padded(len) + 4 < FIELD_MIN ? FIELD_MIN : padded(len) + 4;
    write_u16(w, (uint16_t)type);
    write_u16(w, (uint16_t)whole);
    if (value != NULL) {
        write_octets(w, value, len);
    } else {
        write_zeros(w, len);
    }
    write_zeros(w, whole - 4 - len);
}

bool nts_ntp_request(struct writer *w, const struct nts_query *query,
                     const struct nts_cookie *cookie, const struct aead_key *c2s)
{
    size_t start = wire_mark(w);
    write_u8(w, NTP_VERSION << 3 | NTP_MODE_CLIENT);
    write_zeros(w, NTP_HEADER_LEN - 1 - sizeof(query->transmit));
    write_octets(w, query->transmit, sizeof(query->transmit));
    write_field(w, FIELD_UID, query->uid, NTS_UID_LEN);
    write_field(w, FIELD_COOKIE, cookie->octets, cookie->len);
    for (unsigned i = 0; i < query->placeholders && i < NTS_PLACEHOLDERS_MAX; i++) {
        write_field(w, FIELD_PLACEHOLDER, NULL, cookie->len);
    }
    if (w->failed) {
        return false;
    }
    /* RFC 8915 5.6: the nonce has the required length, so no additional padding is needed; nothing
     * is encrypted */
    uint8_t sealed[AEAD_TAG_LEN];
    struct octets packet = { w->data + start, w->at - start };
    struct octets nonce = { query->nonce, aead_nonce_len(c2s->algorithm) };
    if (!aead_seal(sealed, c2s, packet, nonce, (struct octets){ NULL, 0 })) {
        return false;
    }
    write_u16(w, FIELD_AUTHENTICATOR);
    write_u16(w, (uint16_t)(4 + 4 + nonce.len + AEAD_TAG_LEN));
    write_u16(w, (uint16_t)nonce.len);
    write_u16(w, AEAD_TAG_LEN);
    write_octets(w, nonce.data, nonce.len);
    write_octets(w, sealed, AEAD_TAG_LEN);
    return !w->failed;
}

void ntp_header_read(struct reader *r, struct ntp_header *out)
{
    uint8_t first = read_u8(r);
    out->leap = first >> 6;
    out->version = first >> 3 & 7;
    out->mode = first & 7;
    out->stratum = read_u8(r);
    read_octets(r, 2); /* poll, precision */
    out->root_delay = read_u32(r);
    out->root_dispersion = read_u32(r);
    read_into(r, out->refid, sizeof(out->refid));
    read_octets(r, 8); /* reference timestamp */
    read_into(r, out->origin, sizeof(out->origin));
    out->receive = read_u64(r);
    out->transmit = read_u64(r);
}

/* The next field's type and value. False if there is none, or if it is out of bounds (then
 * r->failed). */
static bool field_read(struct reader *r, size_t least, uint16_t *type, struct reader *value)
{
    if (reader_left(r) == 0) {
        return false;
    }
    *type = read_u16(r);
    uint16_t len = read_u16(r);
    if (len < least || len % 4 != 0) {
        r->failed = true;
    }
    const uint8_t *octets = r->failed ? NULL : read_octets(r, len - 4U);
    if (octets == NULL) {
        return false;
    }
    *value = reader_of(octets, len - 4U);
    return true;
}

/* The unencrypted fields of a reply. */
struct fields {
    bool uid_matches;
    bool authenticator;
    unsigned clear_cookies;
    size_t authenticated; /* octets before the authenticator */
    struct octets nonce, sealed;
};

/* RFC 8915 5.6: two lengths, nonce and ciphertext, each padded to four octets; more padding may
 * follow. */
static bool authenticator_read(struct fields *fields, struct reader *value)
{
    uint16_t nonce_len = read_u16(value);
    uint16_t sealed_len = read_u16(value);
    fields->nonce.data = read_octets(value, padded(nonce_len));
    fields->nonce.len = nonce_len;
    fields->sealed.data = read_octets(value, padded(sealed_len));
    fields->sealed.len = sealed_len;
    fields->authenticator = true;
    return !value->failed && nonce_len > 0;
}

static const char *fields_read(struct fields *fields, struct reader *r,
                               const struct nts_query *query)
{
    uint16_t type = 0;
    struct reader value;
    unsigned uids = 0;
    for (size_t at = r->at; field_read(r, FIELD_MIN, &type, &value); at = r->at) {
        if (fields->authenticator) {
            return "a field after the authenticator";
        }
        if (type == FIELD_UID) {
            uids++;
            fields->uid_matches = uids == 1 && value.len == NTS_UID_LEN &&
                                  memcmp(value.data, query->uid, NTS_UID_LEN) == 0;
        } else if (type == FIELD_COOKIE) {
            fields->clear_cookies++;
        } else if (type == FIELD_AUTHENTICATOR) {
            fields->authenticated = at;
            if (!authenticator_read(fields, &value)) {
                return "the authenticator's lengths are out of bounds";
            }
        }
    }
    return r->failed ? "an extension field is out of bounds" : NULL;
}

/* Only encrypted cookies count (RFC 8915 5.7). */
static bool cookies_read(struct nts_reply *out, const uint8_t *text, size_t len)
{
    struct reader r = reader_of(text, len);
    uint16_t type = 0;
    struct reader value;
    while (field_read(&r, 4, &type, &value)) {
        if (type != FIELD_COOKIE) {
            continue;
        }
        out->cookies_seen++;
        if (value.len > 0 && value.len <= NTS_COOKIE_MAX && out->cookie_count < NTS_COOKIES) {
            struct nts_cookie *cookie = &out->cookies[out->cookie_count++];
            cookie->len = (uint16_t)value.len;
            memcpy(cookie->octets, value.data, value.len);
        }
    }
    return !r.failed;
}

static enum failure fail(char *detail, enum failure failure, const char *text)
{
    (void)snprintf(detail, NTS_DETAIL_ROOM, "%s", text);
    return failure;
}

/* The kiss codes that are obeyed without authentication (RFC 5905 7.4, RFC 8915 5.7). NONE for
 * others. */
static enum failure kiss_of(const struct ntp_header *header, char *detail)
{
    static const struct {
        char code[5];
        enum failure failure;
    } kisses[] = {
        { "NTSN", FAILURE_NTP_NAK },
        { "RATE", FAILURE_NTP_RATE },
        { "DENY", FAILURE_NTP_DENY },
        { "RSTR", FAILURE_NTP_DENY },
    };
    for (size_t i = 0; header->stratum == 0 && i < sizeof(kisses) / sizeof(kisses[0]); i++) {
        if (memcmp(header->refid, kisses[i].code, sizeof(header->refid)) == 0) {
            (void)snprintf(detail, NTS_DETAIL_ROOM, "kiss code %s", kisses[i].code);
            return kisses[i].failure;
        }
    }
    return FAILURE_NONE;
}

static enum failure open_reply(struct nts_reply *out, const struct fields *fields,
                               struct octets datagram, const struct aead_key *s2c, char *detail)
{
    uint8_t text[OPENED_MAX];
    if (!fields->authenticator) {
        return fail(detail, FAILURE_NTP_AUTH, "no authenticator");
    }
    if (fields->sealed.len > sizeof(text)) {
        return fail(detail, FAILURE_NTP_TOO_LONG, "the encrypted part is too long");
    }
    struct octets packet = { datagram.data, fields->authenticated };
    if (!aead_open(text, s2c, packet, fields->nonce, fields->sealed)) {
        return fail(detail, FAILURE_NTP_AUTH, "the authenticator is not valid");
    }
    if (!cookies_read(out, text, fields->sealed.len - AEAD_TAG_LEN)) {
        return fail(detail, FAILURE_NTP_MALFORMED, "an encrypted field is out of bounds");
    }
    return FAILURE_NONE;
}

enum failure nts_ntp_parse(struct nts_reply *out, struct octets datagram,
                           const struct nts_query *query, size_t request_len,
                           const struct aead_key *s2c, char *detail)
{
    *out = (struct nts_reply){ 0 };
    struct reader r = reader_of(datagram.data, datagram.len);
    ntp_header_read(&r, &out->header);
    if (r.failed) {
        return fail(detail, FAILURE_NTP_MALFORMED, "shorter than an NTP header");
    }
    if (out->header.version != NTP_VERSION || out->header.mode != NTP_MODE_SERVER) {
        (void)snprintf(detail, NTS_DETAIL_ROOM, "version %u, mode %u instead of 4 and 4",
                       out->header.version, out->header.mode);
        return FAILURE_NTP_MALFORMED;
    }
    if (memcmp(out->header.origin, query->transmit, sizeof(query->transmit)) != 0) {
        return fail(detail, FAILURE_NTP_ORIGIN, "the origin is not our transmit timestamp");
    }
    struct fields fields = { 0 };
    const char *broken = fields_read(&fields, &r, query);
    if (broken != NULL) {
        return fail(detail, FAILURE_NTP_MALFORMED, broken);
    }
    enum failure failure = kiss_of(&out->header, detail);
    if (!fields.uid_matches) {
        /* RFC 8915 5.7: a kiss code without the Unique Identifier may be forged */
        size_t at = failure != FAILURE_NONE ? strlen(detail) : 0;
        (void)snprintf(detail + at, NTS_DETAIL_ROOM - at, "%sour Unique Identifier is not echoed",
                       at > 0 ? ", but " : "");
        return FAILURE_NTP_UID;
    }
    if (failure != FAILURE_NONE) {
        return failure;
    }
    failure = open_reply(out, &fields, datagram, s2c, detail);
    if (failure != FAILURE_NONE) {
        return failure;
    }
    if (datagram.len > request_len) {
        (void)snprintf(detail, NTS_DETAIL_ROOM, "%zu octets for a request of %zu", datagram.len,
                       request_len);
        return FAILURE_NTP_TOO_LONG;
    }
    /* RFC 8915 5.7: a reply replaces the cookie that was used */
    if (out->cookie_count == 0) {
        return fail(detail, FAILURE_NTP_COOKIES,
                    fields.clear_cookies > 0 ? "the new cookies are not encrypted"
                                             : "no cookie in the encrypted part");
    }
    return FAILURE_NONE;
}
