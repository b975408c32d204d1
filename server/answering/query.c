#include "server/answering/query.h"

#include "zone/names/rrset.h"

enum {
    OPT_HEAD = 8,    /* UDP size, extended RCODE, version, flags, RDLENGTH */
    OPTION_HEAD = 4, /* code, length */
    SUBNET_HEAD = 4  /* family, source prefix, scope */
};

/* RFC 7871 6 and 7.1.1: exactly the octets that the source prefix needs, zero bits behind the
 * prefix, scope 0 in a query. */
static bool read_subnet(struct client_subnet *out, const uint8_t *data, size_t len)
{
    static const uint8_t bits[] = { 0, 32, 128 };
    if (len < SUBNET_HEAD) {
        return false;
    }
    uint16_t family = wire_get_u16(data);
    uint8_t source = data[2], scope = data[3];
    size_t octets = (source + 7u) / 8u;
    if (family > 2 || scope != 0 || source > bits[family] || len != SUBNET_HEAD + octets) {
        return false;
    }
    uint8_t address[16] = { 0 };
    memcpy(address, data + SUBNET_HEAD, octets);
    if (source % 8 != 0 && (uint8_t)(address[octets - 1] << source % 8) != 0) {
        return false;
    }
    *out = (struct client_subnet){ .present = true, .family = family, .source = source };
    if (family == 2) {
        memcpy(out->address.octets, address, sizeof(address));
    } else {
        out->address = address_from_ipv4(address);
    }
    return true;
}

/* RFC 7873 5.2.2: a client cookie, with or without a server cookie of 8 to 32 octets. A server
 * cookie of another length than ours counts as none. */
static bool read_cookie(struct query *out, const uint8_t *data, size_t len)
{
    if (len != COOKIE_CLIENT_LEN && (len < COOKIE_CLIENT_LEN + 8 || len > COOKIE_LONGEST)) {
        return false;
    }
    out->options |= QUERY_COOKIE;
    memcpy(out->cookie, data, COOKIE_CLIENT_LEN);
    if (len == COOKIE_LEN) {
        out->options |= QUERY_SERVER_COOKIE;
        memcpy(out->cookie, data, COOKIE_LEN);
    }
    return true;
}

/* The first of several equal options counts (RFC 7873 5.2). Unknown options are ignored (RFC 6891
 * 6.1.2). */
static bool read_option(struct query *out, uint16_t code, const uint8_t *data, size_t len)
{
    switch (code) {
    case EDNS_OPTION_ECS:
        return out->subnet.present || read_subnet(&out->subnet, data, len);
    case EDNS_OPTION_COOKIE:
        return (out->options & QUERY_COOKIE) != 0 || read_cookie(out, data, len);
    case EDNS_OPTION_NSID: /* RFC 5001 2.1: empty in a query; content does not matter */
        out->options |= QUERY_NSID;
        return true;
    case EDNS_OPTION_KEEPALIVE: /* RFC 7828 3.2.1: empty in a query too */
        out->options |= QUERY_KEEPALIVE;
        return true;
    default:
        return true;
    }
}

static bool read_options(struct query *out, const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    while (reader_left(&r) > 0) {
        const uint8_t *head = read_octets(&r, OPTION_HEAD);
        if (head == NULL) {
            return false;
        }
        size_t option_len = wire_get_u16(head + 2);
        const uint8_t *option = read_octets(&r, option_len);
        if (option == NULL || !read_option(out, wire_get_u16(head), option, option_len)) {
            return false;
        }
    }
    return true;
}

/* Skips an owner name, which a compression pointer ends (RFC 1035 4.1.4). True if it is the
 * root. */
static bool skip_owner(struct reader *r)
{
    uint8_t first = read_u8(r);
    uint8_t len = first;
    while (!r->failed && len > 0 && len < 64) {
        (void)read_octets(r, len);
        len = read_u8(r);
    }
    if (len >= 64) {
        r->failed = r->failed || len < 192;
        (void)read_u8(r);
    }
    return first == 0;
}

/* OPT, RFC 6891 6.1.2 and 6.1.3. */
static enum rcode read_opt(struct query *out, bool owner_is_root, struct reader *r)
{
    const uint8_t *head = read_octets(r, OPT_HEAD);
    size_t len = head == NULL ? 0 : wire_get_u16(head + 6);
    const uint8_t *options = read_octets(r, len);
    if (options == NULL || !owner_is_root || out->edns) { /* 6.1.1: more than one OPT */
        return RCODE_FORMERR;
    }
    uint16_t size = wire_get_u16(head), flags = wire_get_u16(head + 4);
    uint8_t version = head[3];
    out->edns = true;
    out->udp_size = size > DNS_UDP_PLAIN ? size : DNS_UDP_PLAIN; /* 6.2.3 */
    out->dnssec_ok = (flags & EDNS_DO) != 0;
    out->options = (flags & EDNS_CO) != 0 ? QUERY_COMPACT_OK : 0;
    if (version > 0) {
        return RCODE_BADVERS;
    }
    return read_options(out, options, len) ? RCODE_NOERROR : RCODE_FORMERR;
}

static void skip_records(uint32_t count, struct reader *r)
{
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        (void)skip_owner(r);
        (void)read_octets(r, 8); /* type, class and TTL */
        (void)read_octets(r, read_u16(r));
    }
}

/* The additional section: reads OPT and TSIG, skips all else. */
static enum rcode read_additional(struct query *out, uint16_t count, struct reader *r)
{
    enum rcode rcode = RCODE_NOERROR;
    for (uint16_t i = 0; i < count && !r->failed; i++) {
        size_t start = r->at;
        bool root = skip_owner(r);
        uint16_t type = read_u16(r);
        if (type == RR_OPT) {
            enum rcode opt = read_opt(out, root, r);
            rcode = opt == RCODE_NOERROR || rcode == RCODE_FORMERR ? rcode : opt;
        } else if (type == RR_TSIG) {
            /* RFC 8945 5.1: TSIG is the last record, so there is only one. 5.2.1: we know no
             * key. */
            bool ok = tsig_read(&out->tsig, start, r) && i + 1 == count;
            rcode = !ok ? RCODE_FORMERR : rcode == RCODE_NOERROR ? RCODE_NOTAUTH : rcode;
        } else {
            (void)read_octets(r, 6); /* class and TTL */
            (void)read_octets(r, read_u16(r));
        }
    }
    return reader_done(r) ? rcode : RCODE_FORMERR;
}

static enum query_verdict reject(enum rcode *rcode, enum rcode with)
{
    *rcode = with;
    return QUERY_REJECT;
}

/* One question is the rule (RFC 9619). Without any, a client may ask for a cookie (RFC 7873
 * 5.4). */
static enum query_verdict no_question(struct query *out, enum rcode *rcode, struct reader *r,
                                      uint16_t additionals)
{
    enum rcode additional = additionals > 0 ? read_additional(out, additionals, r) : RCODE_FORMERR;
    bool cookie = (out->options & QUERY_COOKIE) != 0;
    return reject(rcode, additional == RCODE_NOERROR && !cookie ? RCODE_FORMERR : additional);
}

/* A query that is rejected whatever its records are. They are skipped, since its OPT is to be
 * answered (RFC 6891 6.1.1) and the OPT version and TSIG judged (6.1.3). */
static enum query_verdict reject_early(struct query *out, enum rcode *rcode, struct reader *r,
                                       uint32_t records, uint16_t additionals)
{
    skip_records(records, r);
    enum rcode additional = read_additional(out, additionals, r);
    if (additional == RCODE_BADVERS || additional == RCODE_NOTAUTH) {
        *rcode = additional;
    }
    return QUERY_REJECT;
}

static void read_question(struct query *out, struct reader *r)
{
    dname_read(r, &out->qname);
    const uint8_t *rest = read_octets(r, 4);
    if (rest != NULL) {
        out->qtype = wire_get_u16(rest);
        out->qclass = wire_get_u16(rest + 2);
        out->has_question = true;
    }
}

enum query_verdict query_parse(struct query *out, enum rcode *rcode, const uint8_t *message,
                               size_t len)
{
    struct reader r = reader_of(message, len);
    out->has_question = out->edns = out->dnssec_ok = out->subnet.present = false;
    out->tsig.present = false;
    out->options = 0;
    out->udp_size = DNS_UDP_PLAIN;
    const uint8_t *head = read_octets(&r, DNS_HEADER_LEN);
    if (head == NULL) {
        return QUERY_DROP;
    }
    out->id = wire_get_u16(head);
    out->flags = wire_get_u16(head + 2);
    uint16_t questions = wire_get_u16(head + 4), answers = wire_get_u16(head + 6);
    uint16_t authorities = wire_get_u16(head + 8), additionals = wire_get_u16(head + 10);
    if ((out->flags & DNS_FLAG_QR) != 0) {
        return QUERY_DROP;
    }
    if ((out->flags >> DNS_OPCODE_SHIFT & DNS_OPCODE_MASK) != 0) {
        *rcode = RCODE_NOTIMP;
        /* NOTIFY and UPDATE have the layout of a query (RFC 1996 3.7, RFC 2136 2). */
        if (questions == 1) {
            read_question(out, &r);
            (void)reject_early(out, rcode, &r, (uint32_t)answers + authorities, additionals);
        }
        return QUERY_REJECT;
    }
    if (questions != 1) {
        return no_question(out, rcode, &r,
                           questions == 0 && answers == 0 && authorities == 0 ? additionals : 0);
    }
    read_question(out, &r);
    if (r.failed) {
        return reject(rcode, RCODE_FORMERR);
    }
    /* An IXFR query has a SOA in its authority section (RFC 1995 3). Zone transfers are refused. */
    if (out->qtype == RR_AXFR || out->qtype == RR_IXFR) {
        *rcode = RCODE_REFUSED;
        return reject_early(out, rcode, &r, (uint32_t)answers + authorities, additionals);
    }
    if (answers != 0 || authorities != 0) {
        return reject(rcode, RCODE_FORMERR);
    }
    enum rcode additional = read_additional(out, additionals, &r);
    return additional == RCODE_NOERROR ? QUERY_ANSWER : reject(rcode, additional);
}

const struct client_subnet *query_subnet(const struct query *query)
{
    const struct client_subnet *subnet = &query->subnet;
    return subnet->present && subnet->source > 0 ? subnet : NULL;
}
