#include "zone/stub/dnsmessage.h"

#include <stdio.h>

#include "zone/names/rdata.h"

enum {
    HEADER_LEN = 12,
    POINTER = 0xc0,
    POINTER_HIGH = 0x3f,
    LABEL_LEN_MAX = 63,
    RCODE_MASK = 0xf,
    EDNS_DO = 0x8000,
    EDNS_CO = 0x4000, /* RFC 9824 5.1 */
    OPTION_NSID = 3,
    OPTION_SUBNET = 8,
    OPTION_COOKIE = 10,
    OPTION_ERROR = 15,
    FAMILY_IPV4 = 1,
    FAMILY_IPV6 = 2,
    IPV4_AT = 12 /* octets in front of an IPv4 address in a struct address */
};

static void write_subnet(struct writer *w, const struct dns_subnet *subnet)
{
    bool ipv4 = address_is_ipv4(&subnet->address);
    const uint8_t *octets = subnet->address.octets + (ipv4 ? IPV4_AT : 0);
    size_t len = (subnet->source_bits + 7u) / 8;
    write_u16(w, OPTION_SUBNET);
    write_u16(w, (uint16_t)(4 + len));
    write_u16(w, ipv4 ? FAMILY_IPV4 : FAMILY_IPV6);
    write_u8(w, subnet->source_bits);
    write_u8(w, 0);
    for (size_t i = 0; i < len; i++) {
        unsigned spare = i + 1 == len ? (unsigned)(len * 8 - subnet->source_bits) : 0;
        write_u8(w, (uint8_t)(octets[i] & 0xffU << spare));
    }
}

static void write_opt(struct writer *w, const struct dns_query *query)
{
    write_u8(w, 0);
    write_u16(w, RR_OPT);
    write_u16(w, query->size != 0 ? query->size : DNSMESSAGE_SIZE);
    write_u8(w, 0);
    write_u8(w, query->version);
    write_u16(w, (uint16_t)((query->dnssec ? EDNS_DO : 0) | (query->compact ? EDNS_CO : 0)));
    size_t mark = w->at;
    write_u16(w, 0);
    if (query->nsid) {
        write_u16(w, OPTION_NSID);
        write_u16(w, 0);
    }
    if (query->unknown_option != 0) {
        write_u16(w, query->unknown_option);
        write_u16(w, 0);
    }
    if (query->cookie.len > 0) {
        write_u16(w, OPTION_COOKIE);
        write_u16(w, query->cookie.len);
        write_octets(w, query->cookie.octets, query->cookie.len);
    }
    if (query->subnet.present) {
        write_subnet(w, &query->subnet);
    }
    wire_put_u16(w->data + mark, (uint16_t)(w->at - mark - 2));
}

size_t dnsmessage_write(uint8_t out[DNSMESSAGE_QUERY_ROOM], uint16_t id,
                        const struct dns_query *query)
{
    struct writer w = writer_of(out, DNSMESSAGE_QUERY_ROOM);
    write_u16(&w, id);
    write_u16(&w, query->flags);
    write_u16(&w, 1);
    write_u32(&w, 0);
    write_u16(&w, query->plain ? 0 : 1);
    dname_write(&w, &query->name);
    write_u16(&w, query->type);
    write_u16(&w, RR_CLASS_IN);
    if (!query->plain) {
        write_opt(&w, query);
    }
    ASSERT(!w.failed);
    return w.at;
}

/* Each pointer must lead to before the target of the last one, so the loop ends. */
void dnsmessage_read_name(struct reader *r, struct dname *out)
{
    struct reader at = *r;
    size_t before = r->at;
    bool jumped = false;
    out->len = 0;
    for (uint8_t len = 1; len != 0 && !at.failed;) {
        len = read_u8(&at);
        if (len >= POINTER) {
            size_t target = (size_t)(len & POINTER_HIGH) << 8 | read_u8(&at);
            r->at = jumped ? r->at : at.at;
            jumped = true;
            at.failed = at.failed || target >= before;
            at.at = before = target;
            continue;
        }
        const uint8_t *label = read_octets(&at, len);
        if (label == NULL || len > LABEL_LEN_MAX || out->len + 1 + len > DNAME_MAX) {
            at.failed = true;
            break;
        }
        out->wire[out->len++] = len;
        memcpy(out->wire + out->len, label, len);
        out->len = (uint8_t)(out->len + len);
    }
    r->at = jumped ? r->at : at.at;
    r->failed = at.failed;
}

/* The types whose rdata may have compressed names (RFC 3597 4; SRV by servers that do so in spite
 * of RFC 2782): octets in front of the names, and how many names there are. */
static const struct compressed {
    uint16_t type;
    uint8_t before, names;
} compressed[] = {
    { RR_NS, 0, 1 }, { RR_CNAME, 0, 1 }, { RR_SOA, 0, 2 },   { 12 /* PTR */, 0, 1 },
    { RR_MX, 2, 1 }, { RR_SRV, 6, 1 },   { RR_DNAME, 0, 1 },
};

/* Copies rdata with its names expanded, and checks it. */
static void read_rdata(struct reader *r, struct writer *w, struct dns_record *record)
{
    size_t len = read_u16(r);
    size_t begin = r->at, mark = w->at;
    const struct compressed *layout = NULL;
    for (size_t i = 0; i < sizeof(compressed) / sizeof(compressed[0]); i++) {
        layout = compressed[i].type == record->type ? &compressed[i] : layout;
    }
    if (reader_left(r) < len) {
        r->failed = true;
        return;
    }
    /* Names may point before the rdata, but must not run over its end. */
    struct reader rdata = { .data = r->data, .len = begin + len, .at = begin };
    if (layout != NULL) {
        const uint8_t *head = read_octets(&rdata, layout->before);
        write_octets(w, head, rdata.failed ? 0 : layout->before);
        for (unsigned i = 0; i < layout->names && !rdata.failed; i++) {
            struct dname name;
            dnsmessage_read_name(&rdata, &name);
            write_octets(w, name.wire, rdata.failed ? 0 : name.len);
        }
    }
    size_t rest = reader_left(&rdata);
    const uint8_t *tail = read_octets(&rdata, rest);
    if (rdata.failed) {
        r->failed = true;
        return;
    }
    write_octets(w, tail, rest);
    r->at = begin + len;
    record->rdata = w->data + mark;
    record->len = (uint16_t)(w->at - mark);
}

static void read_subnet(struct dns_subnet *out, struct reader *r)
{
    uint16_t family = read_u16(r);
    out->source_bits = read_u8(r);
    out->scope_bits = read_u8(r);
    size_t most = family == FAMILY_IPV4 ? 4 : family == FAMILY_IPV6 ? 16 : 0;
    size_t len = reader_left(r);
    out->present = !r->failed && len <= most && out->source_bits <= most * 8;
    if (family == FAMILY_IPV4) {
        out->address = address_from_ipv4((const uint8_t[4]){ 0 });
    }
    if (out->present) {
        read_into(r, out->address.octets + 16 - most, len);
    }
}

static void read_option(struct dns_edns *out, uint16_t code, struct reader *r)
{
    size_t len = reader_left(r);
    if (code == OPTION_COOKIE && len <= sizeof(out->cookie.octets)) {
        out->cookie.len = (uint8_t)len;
        read_into(r, out->cookie.octets, len);
    } else if (code == OPTION_NSID) {
        out->has_nsid = true;
        out->nsid_len = (uint8_t)(len < DNSMESSAGE_NSID_MAX ? len : DNSMESSAGE_NSID_MAX);
        read_into(r, out->nsid, out->nsid_len);
    } else if (code == OPTION_SUBNET) {
        read_subnet(&out->subnet, r);
    } else if (code == OPTION_ERROR && len >= 2) {
        uint16_t error = read_u16(r);
        out->error = out->has_error ? out->error : error;
        out->has_error = true;
    } else {
        out->unknown_option = code;
    }
}

/* False if the options are malformed. */
static bool read_opt(struct dnsmessage *out, uint16_t size, uint32_t ttl,
                     const struct dns_record *record)
{
    struct reader r = reader_of(record->rdata, record->len);
    out->edns.present = true;
    out->edns.size = size;
    out->edns.version = (uint8_t)(ttl >> 16);
    out->edns.dnssec = (ttl & EDNS_DO) != 0;
    out->rcode = (uint16_t)(out->rcode | ttl >> 24 << 4);
    while (reader_left(&r) > 0) {
        uint16_t code = read_u16(&r);
        size_t len = read_u16(&r);
        const uint8_t *data = read_octets(&r, len);
        if (data == NULL) {
            break;
        }
        struct reader option = reader_of(data, len);
        read_option(&out->edns, code, &option);
    }
    return !r.failed;
}

static enum result read_record(struct dnsmessage *out, struct reader *r, struct writer *w,
                               enum dns_section section, struct diag *why)
{
    if (out->count == DNSMESSAGE_RECORDS_MAX) {
        return diag_fail(why, RESULT_INVALID, "more than %d records", DNSMESSAGE_RECORDS_MAX);
    }
    struct dns_record *record = &out->records[out->count];
    record->section = section;
    dnsmessage_read_name(r, &record->owner);
    uint16_t type = record->type = read_u16(r);
    uint16_t class = read_u16(r);
    record->ttl = read_u32(r);
    read_rdata(r, w, record);
    if (r->failed || w->failed) {
        return diag_fail(why, RESULT_INVALID, "a record is cut off or malformed");
    }
    if (type == RR_OPT) {
        bool good = section == DNS_ADDITIONAL && !out->edns.present && record->owner.len == 1 &&
                    read_opt(out, class, record->ttl, record);
        return good ? RESULT_OK : diag_fail(why, RESULT_INVALID, "a malformed OPT record");
    }
    char text[RDATA_TYPE_ROOM];
    if (class == RR_CLASS_IN && !rdata_check(type, record->rdata, record->len)) {
        return diag_fail(why, RESULT_INVALID, "a malformed %s record", rdata_type_text(type, text));
    }
    record->type = class == RR_CLASS_IN ? type : 0;
    /* RFC 2181 8: a TTL with the highest bit set is zero. */
    record->ttl = record->ttl > RDATA_TTL_MAX ? 0 : record->ttl;
    out->count++;
    return RESULT_OK;
}

enum result dnsmessage_read(struct dnsmessage *out, const uint8_t *data, size_t len,
                            struct diag *why)
{
    struct reader r = reader_of(data, len);
    struct writer w = writer_of(out->rdata, sizeof(out->rdata));
    out->id = read_u16(&r);
    out->flags = read_u16(&r);
    out->rcode = out->flags & RCODE_MASK;
    out->edns = (struct dns_edns){ 0 };
    out->size = len;
    out->count = 0;
    unsigned questions = read_u16(&r);
    unsigned counts[DNS_ADDITIONAL + 1];
    for (enum dns_section section = DNS_ANSWER; section <= DNS_ADDITIONAL; section++) {
        counts[section] = read_u16(&r);
    }
    for (unsigned i = 0; i < questions && !r.failed; i++) {
        struct dname name;
        dnsmessage_read_name(&r, &name);
        (void)read_u32(&r);
    }
    if (r.failed || questions > 1) {
        return diag_fail(why, RESULT_INVALID, "a malformed header or question");
    }
    for (enum dns_section section = DNS_ANSWER; section <= DNS_ADDITIONAL; section++) {
        for (unsigned i = 0; i < counts[section]; i++) {
            TRY(read_record(out, &r, &w, section, why));
        }
    }
    return reader_done(&r) ? RESULT_OK
                           : diag_fail(why, RESULT_INVALID, "octets behind the last record");
}

bool dnsmessage_answers(const uint8_t *data, size_t len, const uint8_t *query, size_t query_len)
{
    struct reader r = reader_of(data, len), asked = reader_of(query, query_len);
    struct dname name, want;
    bool same_id = read_u16(&r) == read_u16(&asked);
    unsigned flags = read_u16(&r), rcode = flags & RCODE_MASK;
    unsigned questions = read_u16(&r);
    (void)read_octets(&r, HEADER_LEN - 6);
    (void)read_octets(&asked, HEADER_LEN - 2);
    if (r.failed || !same_id || (flags & DNSMESSAGE_QR) == 0) {
        return false;
    }
    if (questions == 0) {
        return rcode == DNS_FORMERR || rcode == DNS_NOTIMP || rcode == DNS_REFUSED;
    }
    dnsmessage_read_name(&r, &name);
    dname_read(&asked, &want);
    return questions == 1 && read_u32(&r) == read_u32(&asked) && !r.failed && !asked.failed &&
           dname_equal(&name, &want);
}

bool dnsmessage_rrset(const struct dnsmessage *message, enum dns_section section,
                      const struct dname *owner, uint16_t type, struct dns_rrset *out)
{
    struct rrset_builder builder;
    uint32_t ttl = UINT32_MAX;
    rrset_begin(&builder, type, 0, out->data, sizeof(out->data));
    for (unsigned i = 0; i < message->count; i++) {
        const struct dns_record *record = &message->records[i];
        if (record->section != section || record->type != type ||
            !dname_equal(&record->owner, owner)) {
            continue;
        }
        size_t at = builder.used;
        rrset_add(&builder, record->rdata, record->len);
        if (!builder.failed) {
            rdata_lower(type, out->data + at + 2, record->len);
        }
        ttl = record->ttl < ttl ? record->ttl : ttl;
    }
    builder.ttl = ttl;
    return rrset_end(&builder, &out->set);
}

const struct dns_record *dnsmessage_find(const struct dnsmessage *message, unsigned from,
                                         enum dns_section section, uint16_t type)
{
    for (unsigned i = from; i < message->count; i++) {
        if (message->records[i].section == section && message->records[i].type == type) {
            return &message->records[i];
        }
    }
    return NULL;
}

char *dns_rcode_text(unsigned rcode, char *out)
{
    static const struct {
        unsigned rcode;
        const char *text;
    } rows[] = {
        { DNS_NOERROR, "NOERROR" },
        { DNS_FORMERR, "FORMERR" },
        { DNS_SERVFAIL, "SERVFAIL" },
        { DNS_NXDOMAIN, "NXDOMAIN" },
        { DNS_NOTIMP, "NOTIMP" },
        { DNS_REFUSED, "REFUSED" },
        { 9, "NOTAUTH" },
        { DNS_BADVERS, "BADVERS" },
        { DNS_BADCOOKIE, "BADCOOKIE" },
    };
    (void)snprintf(out, 16, "rcode %u", rcode & 0xffff);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].rcode == rcode) {
            (void)snprintf(out, 16, "%s", rows[i].text);
        }
    }
    return out;
}
