#include "server/answering/respond.h"

enum {
    OPT_LEN = 11,
    EDE_LEN = 4 + 2
};

size_t respond_udp_limit(const struct query *query)
{
    return query->udp_size < DNS_UDP_MAX ? query->udp_size : DNS_UDP_MAX;
}

static size_t subnet_octets(const struct query *query)
{
    return (query->subnet.source + 7u) / 8u;
}

static size_t subnet_len(const struct query *query)
{
    return query->subnet.present ? 4 + 4 + subnet_octets(query) : 0;
}

/* Extended errors, RFC 8914 4 and RFC 9824 3.5. */
enum ede {
    EDE_NONE = -1,
    EDE_NOT_AUTHORITATIVE = 20,
    EDE_NOT_SUPPORTED = 21,
    EDE_INVALID_DATA = 24,
    EDE_INVALID_QUERY_TYPE = 30
};

static enum ede extended_error(const struct query *query, enum rcode rcode)
{
    switch (rcode) {
    case RCODE_REFUSED:
        return query->qtype == RR_AXFR || query->qtype == RR_IXFR ? EDE_NOT_SUPPORTED
                                                                  : EDE_NOT_AUTHORITATIVE;
    case RCODE_SERVFAIL:
        return EDE_INVALID_DATA;
    case RCODE_FORMERR:
        return query->has_question && (query->qtype == RR_NXNAME || query->qtype == RR_OPT)
                   ? EDE_INVALID_QUERY_TYPE
                   : EDE_NONE;
    default:
        return EDE_NONE;
    }
}

static size_t opt_len(const struct response *response)
{
    const struct query *query = response->query;
    return query->edns ? OPT_LEN + subnet_len(query) + response->options_len : 0;
}

size_t respond_options_room(const struct query *query)
{
    return DNS_UDP_PLAIN - DNS_HEADER_LEN - (query->has_question ? query->qname.len + 4u : 0) -
           OPT_LEN - subnet_len(query) - EDE_LEN;
}

/* Echoes the subnet with the scope of the answer (RFC 7871 7.2.1). */
static void write_subnet(struct writer *w, const struct query *query, uint8_t scope)
{
    size_t octets = subnet_octets(query);
    uint8_t *option = write_room(w, 4 + 4 + octets);
    if (option == NULL) {
        return;
    }
    wire_put_u16(option, EDNS_OPTION_ECS);
    wire_put_u16(option + 2, (uint16_t)(4 + octets));
    wire_put_u16(option + 4, query->subnet.family);
    option[6] = query->subnet.source;
    option[7] = scope;
    bool v4 = query->subnet.family == 1;
    memcpy(option + 8, query->subnet.address.octets + (v4 ? 12 : 0), octets);
}

/* RFC 6891 6.1.2 */
static void write_opt(struct writer *w, const struct response *response, enum rcode rcode,
                      uint8_t scope)
{
    const struct query *query = response->query;
    if (!query->edns) {
        return;
    }
    enum ede ede = extended_error(query, rcode);
    size_t ede_len = ede == EDE_NONE ? 0 : EDE_LEN;
    uint8_t *fixed = write_room(w, OPT_LEN);
    if (fixed == NULL) {
        return;
    }
    fixed[0] = 0; /* root */
    wire_put_u16(fixed + 1, RR_OPT);
    wire_put_u16(fixed + 3, DNS_UDP_MAX);
    fixed[5] = (uint8_t)(rcode >> 4);
    fixed[6] = 0; /* version */
    /* DO is copied: RFC 3225 3. */
    wire_put_u16(fixed + 7, (uint16_t)((query->dnssec_ok ? EDNS_DO : 0) |
                                       (response->compact_ok ? EDNS_CO : 0)));
    wire_put_u16(fixed + 9, (uint16_t)(subnet_len(query) + response->options_len + ede_len));
    if (query->subnet.present) {
        write_subnet(w, query, scope);
    }
    write_octets(w, response->options, response->options_len);
    if (ede != EDE_NONE) { /* RFC 8914 2 */
        write_u16(w, EDNS_OPTION_EDE);
        write_u16(w, 2);
        write_u16(w, (uint16_t)ede);
    }
}

/* Header with empty sections, and the question. AD and CD are clear in an authoritative answer (RFC
 * 4035 3.1.6), RA too. */
static void write_head(struct writer *w, const struct query *query, enum rcode rcode,
                       uint16_t flags)
{
    uint16_t opcode = query->flags & DNS_OPCODE_MASK << DNS_OPCODE_SHIFT;
    /* RD has a meaning only in a query (opcode 0). */
    uint16_t copied = opcode == 0 ? query->flags & DNS_FLAG_RD : opcode;
    uint8_t *head = write_room(w, DNS_HEADER_LEN);
    ASSERT(head != NULL); /* limits are 512 or more */
    wire_put_u16(head, query->id);
    wire_put_u16(head + 2, (uint16_t)(DNS_FLAG_QR | copied | flags | (rcode & 0xf)));
    wire_put_u32(head + 4, query->has_question ? 1u << 16 : 0); /* QDCOUNT, ANCOUNT */
    wire_put_u32(head + 8, query->edns ? 1 : 0);                /* NSCOUNT, ARCOUNT */
    if (query->has_question) {
        dname_write(w, &query->qname);
        write_u16(w, query->qtype);
        write_u16(w, query->qclass);
    }
}

static void put_count(struct writer *w, size_t section, uint16_t count)
{
    wire_put_u16(w->data + 4 + 2 * section, count);
}

/* The context for writing RRsets. */
struct content {
    const struct query *query;
    const struct answer *answer;
    struct signer *signer;
    uint64_t now;
};

/* The RRsets of one section, each followed by its RRSIGs. False if a signature can't be had. */
static bool write_section(struct writer *w, const struct content *content, unsigned section)
{
    const struct answer *answer = content->answer;
    bool dnssec_ok = content->query->dnssec_ok;
    const struct records_frame frame = { &content->query->qname, answer->apex };
    bool is_answer = section == 1;
    bool only_signatures = is_answer && answer->signatures_only;
    unsigned end = is_answer ? answer->answer_count : answer->total;
    uint16_t count = 0;
    for (unsigned i = is_answer ? 0 : answer->answer_count; i < end && !w->failed; i++) {
        const struct answer_rrset *entry = &answer->sets[i];
        if (entry->block != NULL && !only_signatures) {
            count = (uint16_t)(count + block_write(w, &frame, entry->block, dnssec_ok));
            continue;
        }
        if (!only_signatures) {
            count = (uint16_t)(count + records_write(w, &frame, entry->owner, &entry->set, 0));
        }
        if (dnssec_ok || only_signatures) {
            uint8_t scratch[SIGNER_SCRATCH];
            struct rrset signatures;
            if (signer_sign(content->signer, entry->owner, &entry->set, content->now, scratch,
                            &signatures) != RESULT_OK) {
                return false;
            }
            count = (uint16_t)(count + records_write(w, &frame, entry->owner, &signatures, 0));
        }
    }
    put_count(w, section, count);
    return true;
}

static struct written written(const struct writer *w, enum rcode rcode, bool whole)
{
    ASSERT(!w->failed); /* header, question and OPT are under 512 octets */
    return (struct written){ w->at, rcode, whole };
}

struct written respond_answer(const struct response *response, const struct answer *answer,
                              struct signer *signer, uint64_t now)
{
    const struct query *query = response->query;
    if (answer->rcode != RCODE_NOERROR && answer->rcode != RCODE_NXDOMAIN) {
        return respond_reject(response, answer->rcode);
    }
    const struct content content = { query, answer, signer, now };
    struct writer w = writer_of(response->out, response->limit - opt_len(response));
    write_head(&w, query, answer->rcode, DNS_FLAG_AA);
    size_t body = wire_mark(&w);
    if (!write_section(&w, &content, 1) || !write_section(&w, &content, 2)) {
        return respond_reject(response, RCODE_SERVFAIL);
    }
    bool fits = !w.failed;
    if (!fits) {
        wire_rollback(&w, body);
        response->out[2] |= DNS_FLAG_TC >> 8;
        put_count(&w, 1, 0);
        put_count(&w, 2, 0);
    }
    w.len = response->limit;
    write_opt(&w, response, answer->rcode, answer->scope);
    return written(&w, answer->rcode, fits && answer->rcode == RCODE_NOERROR);
}

struct written respond_reject(const struct response *response, enum rcode rcode)
{
    const struct query *query = response->query;
    struct writer w = writer_of(response->out, response->limit);
    write_head(&w, query, rcode, 0);
    write_opt(&w, response, rcode, 0);
    ASSERT(!w.failed); /* tsig_write_badkey undoes its own failure */
    if (rcode == RCODE_NOTAUTH && tsig_write_badkey(&w, &query->tsig)) {
        wire_put_u16(response->out + 10, query->edns ? 2 : 1); /* ARCOUNT */
    }
    return written(&w, rcode, false);
}

struct written respond_truncated(const struct response *response)
{
    struct writer w = writer_of(response->out, response->limit);
    write_head(&w, response->query, RCODE_NOERROR, DNS_FLAG_TC);
    write_opt(&w, response, RCODE_NOERROR, 0);
    return written(&w, RCODE_NOERROR, false);
}

struct written respond_chaos(const struct response *response, const char *text)
{
    struct writer w = writer_of(response->out, response->limit - opt_len(response));
    size_t len = strlen(text);
    write_head(&w, response->query, RCODE_NOERROR, DNS_FLAG_AA);
    put_count(&w, 1, 1);
    dname_write(&w, &response->query->qname);
    write_u16(&w, RR_TXT);
    write_u16(&w, RR_CLASS_CH);
    write_u32(&w, 0);
    write_u16(&w, (uint16_t)(len + 1));
    write_u8(&w, (uint8_t)len);
    write_octets(&w, text, len);
    if (w.failed) {
        return respond_truncated(response);
    }
    w.len = response->limit;
    write_opt(&w, response, RCODE_NOERROR, 0);
    return written(&w, RCODE_NOERROR, true);
}
