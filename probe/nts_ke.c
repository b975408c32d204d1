#include "probe/nts_ke.h"

#include <stdio.h>

#include "probe/aead.h"

/* RFC 8915 4.1 and 7.6 */
enum record {
    RECORD_END = 0,
    RECORD_NEXT_PROTOCOL = 1,
    RECORD_ERROR = 2,
    RECORD_WARNING = 3,
    RECORD_AEAD = 4,
    RECORD_COOKIE = 5,
    RECORD_SERVER = 6,
    RECORD_PORT = 7,
    /* chrony's, from the experimental range. Its first versions with AES-128-GCM-SIV did not export
     * the keys as RFC 8915 5.1 says. An empty record says that the sender does. */
    RECORD_EXPORT = 1024
};

enum {
    CRITICAL = 0x8000,
    NEXT_PROTOCOL_NTPV4 = 0,
    NTP_PORT = 123
};

struct parser {
    struct nts_ke_answer *out;
    char *detail;
    enum nts_ke_offer offer;
    unsigned seen[RECORD_PORT + 1];
    bool ntpv4;
};

/* RFC 8915 4.1.5: in order of preference. */
static const uint16_t offered[] = { AEAD_GCM_SIV_128, AEAD_SIV_CMAC_512, AEAD_SIV_CMAC_256 };
static const unsigned offered_count = sizeof(offered) / sizeof(offered[0]);

static unsigned offer_start(enum nts_ke_offer offer)
{
    return offer == NTS_KE_ALL ? 0 : offered_count - 1;
}

static bool is_offered(enum nts_ke_offer offer, uint16_t aead)
{
    unsigned at = offer_start(offer);
    while (at < offered_count && offered[at] != aead) {
        at++;
    }
    return at < offered_count;
}

void nts_ke_request(struct writer *w, enum nts_ke_offer offer)
{
    unsigned start = offer_start(offer);
    write_u16(w, CRITICAL | RECORD_NEXT_PROTOCOL);
    write_u16(w, 2);
    write_u16(w, NEXT_PROTOCOL_NTPV4);
    write_u16(w, CRITICAL | RECORD_AEAD);
    write_u16(w, (uint16_t)(2 * (offered_count - start)));
    for (unsigned i = start; i < offered_count; i++) {
        write_u16(w, offered[i]);
    }
    if (is_offered(offer, AEAD_GCM_SIV_128)) {
        write_u16(w, RECORD_EXPORT);
        write_u16(w, 0);
    }
    write_u16(w, CRITICAL | RECORD_END);
    write_u16(w, 0);
}

bool nts_ke_ended(const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    while (reader_left(&r) > 0) {
        uint16_t type = read_u16(&r);
        read_octets(&r, read_u16(&r));
        if (!r.failed && (type & ~CRITICAL) == RECORD_END) {
            return true;
        }
    }
    return false;
}

static enum failure fail(struct parser *p, enum failure failure, const char *text, unsigned number)
{
    (void)snprintf(p->detail, NTS_DETAIL_ROOM, "%s: %u", text, number);
    return failure;
}

/* RFC 8915 4.1.2: exactly one, critical, and NTPv4, which alone we offered. An empty list means no
 * common protocol. */
static enum failure take_protocol(struct parser *p, bool critical, struct reader *body)
{
    if (p->seen[RECORD_NEXT_PROTOCOL] > 1) {
        return fail(p, FAILURE_KE_MALFORMED, "Next Protocol records", 2);
    }
    if (!critical) {
        return fail(p, FAILURE_KE_MALFORMED, "Next Protocol without the critical bit", 0);
    }
    if (body->len == 0) {
        return fail(p, FAILURE_KE_PROTOCOL, "protocols agreed on", 0);
    }
    uint16_t protocol = read_u16(body);
    if (!reader_done(body)) {
        return fail(p, FAILURE_KE_MALFORMED, "Next Protocol of length", (unsigned)body->len);
    }
    if (protocol != NEXT_PROTOCOL_NTPV4) {
        return fail(p, FAILURE_KE_PROTOCOL, "next protocol", protocol);
    }
    p->ntpv4 = true;
    return FAILURE_NONE;
}

/* RFC 8915 4.1.5: one algorithm of those offered. An empty list means none in common. */
static enum failure take_aead(struct parser *p, struct reader *body)
{
    if (p->seen[RECORD_AEAD] > 1) {
        return fail(p, FAILURE_KE_MALFORMED, "AEAD records", 2);
    }
    if (body->len == 0) {
        return fail(p, FAILURE_KE_AEAD, "algorithms agreed on", 0);
    }
    p->out->aead = read_u16(body);
    if (!reader_done(body)) {
        return fail(p, FAILURE_KE_MALFORMED, "AEAD record of length", (unsigned)body->len);
    }
    if (!is_offered(p->offer, p->out->aead)) {
        return fail(p, FAILURE_KE_AEAD, "AEAD algorithm", p->out->aead);
    }
    return FAILURE_NONE;
}

static void take_cookie(struct nts_ke_answer *out, const struct reader *body)
{
    size_t len = body->len;
    bool usable = len > 0 && len <= NTS_COOKIE_MAX;
    out->cookies_seen++;
    out->cookies_odd |= !usable || len % 4 != 0 || len > NTS_COOKIE_USUAL ||
                        (out->cookie_count > 0 && len != out->cookies[0].len);
    if (usable && out->cookie_count < NTS_COOKIES) {
        struct nts_cookie *cookie = &out->cookies[out->cookie_count++];
        cookie->len = (uint16_t)len;
        memcpy(cookie->octets, body->data, len);
    }
}

/* RFC 8915 4.1.7: an address or a name, in ASCII. Anything else is refused before a resolver sees
 * it. */
static enum failure take_server(struct parser *p, const struct reader *body)
{
    if (p->seen[RECORD_SERVER] > 1 || body->len == 0 || body->len >= NTS_KE_NAME_ROOM) {
        return fail(p, FAILURE_KE_MALFORMED, "Server record, length", (unsigned)body->len);
    }
    for (size_t i = 0; i < body->len; i++) {
        uint8_t c = body->data[i];
        bool fine = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    c == '-' || c == '.' || c == ':' || c == '_';
        if (!fine) {
            return fail(p, FAILURE_KE_MALFORMED, "Server record with octet", c);
        }
    }
    memcpy(p->out->server, body->data, body->len);
    p->out->server[body->len] = '\0';
    return FAILURE_NONE;
}

static enum failure take_port(struct parser *p, struct reader *body)
{
    uint16_t port = read_u16(body);
    if (p->seen[RECORD_PORT] > 1 || !reader_done(body)) {
        return fail(p, FAILURE_KE_MALFORMED, "Port record, length", (unsigned)body->len);
    }
    if (port == 0) {
        return fail(p, FAILURE_KE_PORT, "NTP port", 0);
    }
    p->out->port = port;
    return FAILURE_NONE;
}

/* RFC 8915 7.7 */
static const char *const error_names[] = { "Unrecognized Critical Record", "Bad Request",
                                           "Internal Server Error" };

/* RFC 8915 4.1.3, 4.1.4: Error and Warning each have a 16-bit code. */
static enum failure take_code(struct parser *p, enum failure failure, struct reader *body)
{
    uint16_t code = read_u16(body);
    if (!reader_done(body)) {
        return fail(p, FAILURE_KE_MALFORMED, "Error or Warning of length", (unsigned)body->len);
    }
    const char *name = "code";
    if (failure == FAILURE_KE_ERROR && code < sizeof(error_names) / sizeof(error_names[0])) {
        name = error_names[code];
    }
    return fail(p, failure, name, code);
}

static enum failure take_record(struct parser *p, uint16_t head, struct reader *body)
{
    bool critical = (head & CRITICAL) != 0;
    unsigned type = head & ~(unsigned)CRITICAL;
    if (type <= RECORD_PORT) {
        p->seen[type]++;
    }
    switch (type) {
    case RECORD_END:
        /* RFC 8915 4.1.1 */
        if (!critical || body->len != 0) {
            return fail(p, FAILURE_KE_MALFORMED, "End of Message not critical or not empty, length",
                        (unsigned)body->len);
        }
        return FAILURE_NONE;
    case RECORD_NEXT_PROTOCOL:
        return take_protocol(p, critical, body);
    case RECORD_ERROR:
        return take_code(p, FAILURE_KE_ERROR, body);
    case RECORD_WARNING:
        return take_code(p, FAILURE_KE_WARNING, body);
    case RECORD_AEAD:
        return take_aead(p, body);
    case RECORD_COOKIE:
        take_cookie(p->out, body);
        return FAILURE_NONE;
    case RECORD_SERVER:
        return take_server(p, body);
    case RECORD_PORT:
        return take_port(p, body);
    case RECORD_EXPORT:
        if (is_offered(p->offer, AEAD_GCM_SIV_128)) {
            p->out->export_agreed = true;
            return FAILURE_NONE;
        }
        [[fallthrough]];
    default:
        /* RFC 8915 4: the critical bit decides about unknown types */
        return critical ? fail(p, FAILURE_KE_CRITICAL, "record type", type) : FAILURE_NONE;
    }
}

static enum failure judge_whole(struct parser *p)
{
    if (!p->ntpv4) {
        return fail(p, FAILURE_KE_PROTOCOL, "Next Protocol records", 0);
    }
    if (p->seen[RECORD_AEAD] == 0) {
        return fail(p, FAILURE_KE_AEAD, "AEAD records", 0);
    }
    if (p->out->cookie_count == 0) {
        return fail(p, FAILURE_KE_COOKIES, "cookies that can be used", 0);
    }
    return FAILURE_NONE;
}

enum failure nts_ke_parse(struct nts_ke_answer *out, const uint8_t *data, size_t len,
                          enum nts_ke_offer offer, char *detail)
{
    *out = (struct nts_ke_answer){ .port = NTP_PORT };
    struct parser p = { .out = out, .offer = offer };
    p.detail = detail;
    if (len > NTS_KE_ANSWER_MAX) {
        return fail(&p, FAILURE_KE_TOO_LONG, "octets", (unsigned)len);
    }
    struct reader r = reader_of(data, len);
    while (p.seen[RECORD_END] == 0) {
        uint16_t head = read_u16(&r);
        uint16_t body_len = read_u16(&r);
        const uint8_t *octets = read_octets(&r, body_len);
        if (octets == NULL) {
            return len == 0 ? fail(&p, FAILURE_KE_CLOSED, "no answer at all, octets", 0)
                            : fail(&p, FAILURE_KE_CLOSED, "answer ends in a record, octets",
                                   (unsigned)len);
        }
        struct reader body = reader_of(octets, body_len);
        enum failure failure = take_record(&p, head, &body);
        if (failure != FAILURE_NONE) {
            return failure;
        }
    }
    if (!reader_done(&r)) {
        return fail(&p, FAILURE_KE_MALFORMED, "octets after End of Message",
                    (unsigned)reader_left(&r));
    }
    return judge_whole(&p);
}

static void describe_records(char *out, size_t room, uint16_t head, unsigned count)
{
    static const char *const names[] = { "End of Message", "Next Protocol", "Error",  "Warning",
                                         "AEAD",           "Cookie",        "Server", "Port" };
    unsigned type = head & ~(unsigned)CRITICAL;
    const char *mark = (head & CRITICAL) != 0 ? "!" : "";
    size_t at = strlen(out);
    char times[16] = "";
    if (count > 1) {
        (void)snprintf(times, sizeof(times), "%u ", count);
    }
    const char *space = at > 0 ? " " : "";
    if (type <= RECORD_PORT) {
        (void)snprintf(out + at, room - at, "%s%s%s%s", space, times, names[type], mark);
    } else {
        (void)snprintf(out + at, room - at, "%s%stype %u%s", space, times, type, mark);
    }
}

void nts_ke_describe(const uint8_t *data, size_t len, char *out, size_t room)
{
    struct reader r = reader_of(data, len);
    uint16_t before = 0;
    unsigned count = 0; /* equal records in a row */
    out[0] = '\0';
    while (reader_left(&r) > 0) {
        uint16_t head = read_u16(&r);
        read_octets(&r, read_u16(&r));
        if (r.failed) {
            break;
        }
        if (count > 0 && head != before) {
            describe_records(out, room, before, count);
            count = 0;
        }
        before = head;
        count++;
    }
    if (count > 0) {
        describe_records(out, room, before, count);
    }
}

void nts_ke_exporter_context(uint8_t out[5], uint16_t aead, bool server_to_client)
{
    wire_put_u16(out, NEXT_PROTOCOL_NTPV4);
    wire_put_u16(out + 2, aead);
    out[4] = server_to_client;
}
