#include "zone/registry/node.h"

#include "zone/base/u64.h"

/* Layout: u8 kind. Then for a member its id, addresses and accounturi; for apex and static names
 * their RRsets as [type u16][count u16][ttl u32][length u32][packed rdata]; for a region's service
 * u32 number of its members; for the pool's service and NODE_WHOAMI nothing. */

static void encode_rrsets(struct writer *w, const struct node *node)
{
    write_u16(w, node->rrset_count);
    for (unsigned i = 0; i < node->rrset_count; i++) {
        const struct rrset *set = &node->rrsets[i];
        write_u16(w, set->type);
        write_u16(w, set->count);
        write_u32(w, set->ttl);
        write_u32(w, (uint32_t)set->rdata_len);
        write_octets(w, set->rdata, set->rdata_len);
    }
}

void node_encode(struct writer *w, const struct node *node)
{
    write_u8(w, (uint8_t)node->kind);
    switch (node->kind) {
    case NODE_MEMBER:
        write_u64(w, node->member_id);
        write_u8(w, node->address_count);
        for (unsigned i = 0; i < node->address_count; i++) {
            write_octets(w, node->addresses[i].octets, sizeof(node->addresses[i].octets));
        }
        write_text(w, node->accounturi);
        break;
    case NODE_APEX:
    case NODE_STATIC:
        encode_rrsets(w, node);
        break;
    case NODE_SERVICE:
        if (node->members > 0) {
            write_u32(w, node->members);
        }
        break;
    case NODE_WHOAMI:
        break;
    }
}

static void decode_member(struct reader *r, struct node *node)
{
    node->member_id = read_u64(r);
    node->address_count = read_u8(r);
    if (node->address_count > MEMBER_ADDRESSES_MAX) {
        r->failed = true;
        return;
    }
    for (unsigned i = 0; i < node->address_count; i++) {
        read_into(r, node->addresses[i].octets, sizeof(node->addresses[i].octets));
    }
    read_text(r, node->accounturi, sizeof(node->accounturi));
}

static void decode_rrsets(struct reader *r, struct node *node)
{
    node->rrset_count = read_u16(r);
    r->failed = r->failed || node->rrset_count > NODE_RRSETS_MAX;
    for (unsigned i = 0; !r->failed && i < node->rrset_count; i++) {
        struct rrset *set = &node->rrsets[i];
        set->type = read_u16(r);
        set->count = read_u16(r);
        set->ttl = read_u32(r);
        set->rdata_len = read_u32(r);
        set->rdata = read_octets(r, set->rdata_len);
        bool ordered = i == 0 || set->type > set[-1].type;
        r->failed = r->failed || !ordered || set->count == 0 || !rrset_check(set);
    }
}

enum result node_decode(struct node *out, const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    /* Not initialized beyond its counts: clearing the arrays would cost more than the rest. */
    struct node node;
    node.kind = (enum node_kind)read_u8(&r);
    node.members = 0;
    node.member_id = 0;
    node.address_count = 0;
    node.accounturi[0] = '\0';
    node.rrset_count = 0;
    switch (node.kind) {
    case NODE_MEMBER:
        decode_member(&r, &node);
        break;
    case NODE_APEX:
    case NODE_STATIC:
        decode_rrsets(&r, &node);
        break;
    case NODE_SERVICE:
        if (reader_left(&r) > 0) {
            node.members = read_u32(&r);
            r.failed = r.failed || node.members == 0;
        }
        break;
    case NODE_WHOAMI:
        break;
    default:
        return node.kind > NODE_WHOAMI ? RESULT_NEWER : RESULT_DAMAGED;
    }
    if (!reader_done(&r)) {
        return RESULT_DAMAGED;
    }
    *out = node;
    return RESULT_OK;
}

/* A mask that leaves out all addresses is older than the row (the member's addresses have changed
 * since) and is ignored. */
static uint8_t effective_mask(const struct node *node, uint8_t left_out)
{
    unsigned all = (1U << node->address_count) - 1;
    return (left_out & all) == all ? 0 : left_out;
}

static bool shows(const struct node *node, uint8_t mask, uint16_t type, unsigned i)
{
    return (mask & 1U << i) == 0 && address_is_ipv4(&node->addresses[i]) == (type == RR_A);
}

static bool address_set(const struct node *node, struct rrset_builder *b, uint8_t left_out,
                        struct rrset *out)
{
    uint8_t mask = effective_mask(node, left_out);
    for (unsigned i = 0; i < node->address_count; i++) {
        if (shows(node, mask, b->type, i)) {
            unsigned skip = b->type == RR_A ? 12 : 0; /* the IPv4-mapped form's prefix */
            rrset_add(b, node->addresses[i].octets + skip, 16 - skip);
        }
    }
    return rrset_end(b, out);
}

/* A CAA record: flags, tag, value (RFC 8659 4.1). */
static void add_caa(struct rrset_builder *b, const char *tag, const char *value)
{
    uint8_t rdata[2 + 16 + SETTINGS_CA_ROOM + MEMBER_ACCOUNTURI_ROOM + 80];
    struct writer w = writer_of(rdata, sizeof(rdata));
    write_u8(&w, 0);
    write_u8(&w, (uint8_t)strlen(tag));
    write_octets(&w, tag, strlen(tag));
    write_octets(&w, value, strlen(value));
    b->failed = b->failed || w.failed;
    rrset_add(b, rdata, w.at);
}

static void append(struct writer *w, const char *text)
{
    write_octets(w, text, strlen(text));
}

/* CAs may issue for exactly the member's name. Wildcards are forbidden (RFC 8659 4.3). A CA may use
 * only the methods that prove control of the member's server (RFC 8657 4), and only for the
 * member's account if it has named one (RFC 8657 3). */
static bool caa_set(const struct node *node, const struct settings *settings,
                    struct rrset_builder *b, struct rrset *out)
{
    uint32_t count = node->kind == NODE_MEMBER ? settings->ca_count : 0;
    for (uint32_t i = 0; i < count; i++) {
        char value[SETTINGS_CA_ROOM + MEMBER_ACCOUNTURI_ROOM + 80];
        struct writer w = writer_of(value, sizeof(value));
        append(&w, settings->ca[i]);
        append(&w, "; validationmethods=http-01,tls-alpn-01");
        if (node->accounturi[0] != '\0') {
            append(&w, "; accounturi=");
            append(&w, node->accounturi);
        }
        write_u8(&w, 0);
        ASSERT(!w.failed);
        add_caa(b, "issue", value);
    }
    if (count == 0) {
        add_caa(b, "issue", ";"); /* no CA may issue (RFC 8659 4.2) */
    }
    add_caa(b, "issuewild", ";");
    return rrset_end(b, out);
}

static bool soa_set(const struct settings *settings, struct rrset_builder *b, struct rrset *out)
{
    uint8_t rdata[2 * DNAME_MAX + 20];
    struct writer w = writer_of(rdata, sizeof(rdata));
    struct dname primary = settings->primary, mailbox = settings->mailbox;
    dname_lower(&primary);
    dname_lower(&mailbox);
    dname_write(&w, &primary);
    dname_write(&w, &mailbox);
    write_u32(&w, settings->serial);
    write_u32(&w, settings->refresh_s);
    write_u32(&w, settings->retry_s);
    write_u32(&w, settings->expire_s);
    write_u32(&w, settings->negative_ttl_s);
    rrset_add(b, rdata, w.at);
    return rrset_end(b, out);
}

uint32_t node_ttl(const struct rrset *stored, const struct settings *settings)
{
    bool address = stored->type == RR_A || stored->type == RR_AAAA;
    uint32_t longest = settings->signature_validity_s / NODE_TTL_SHARE;
    uint32_t ttl = stored->ttl;
    if (ttl == 0) {
        ttl = address ? settings->address_ttl_s : settings->ttl_s;
    } else if (ttl == (uint32_t)NODE_TTL_ZERO) {
        ttl = 0;
    }
    return ttl < longest ? ttl : longest;
}

static bool stored_set(const struct node *node, const struct settings *settings, uint16_t type,
                       struct rrset *out)
{
    for (unsigned i = 0; i < node->rrset_count; i++) {
        if (node->rrsets[i].type == type) {
            *out = node->rrsets[i];
            out->ttl = node_ttl(out, settings);
            return true;
        }
    }
    return false;
}

bool node_rrset(const struct node *node, const struct settings *settings, uint16_t type,
                uint8_t left_out, uint8_t *scratch, struct rrset *out)
{
    struct rrset_builder b;
    uint32_t ttl = settings->address_ttl_s;
    /* RFC 2308 3: in a negative answer the SOA's TTL is at most MINIMUM. An RRset has the same TTL
     * in all answers. */
    if (type == RR_SOA) {
        ttl = (uint32_t)u64_min(settings->ttl_s, settings->negative_ttl_s);
    }
    bool apex = node->kind == NODE_APEX, member = node->kind == NODE_MEMBER;
    rrset_begin(&b, type, ttl, scratch, NODE_SCRATCH);
    if (member && (type == RR_A || type == RR_AAAA)) {
        return address_set(node, &b, left_out, out);
    }
    if ((member || apex) && type == RR_CAA) {
        return caa_set(node, settings, &b, out);
    }
    if (apex && type == RR_SOA) {
        return soa_set(settings, &b, out);
    }
    if (node->kind == NODE_WHOAMI && type == RR_TXT) {
        static const char text[] = "\14details=none";
        rrset_begin(&b, type, 0, scratch, NODE_SCRATCH);
        rrset_add(&b, text, strlen(text));
        return rrset_end(&b, out);
    }
    return stored_set(node, settings, type, out);
}

static size_t insert_type(uint16_t *types, size_t count, uint16_t type)
{
    size_t at = count;
    while (at > 0 && types[at - 1] > type) {
        types[at] = types[at - 1];
        at--;
    }
    types[at] = type;
    return count + 1;
}

static bool has_address(const struct node *node, uint8_t left_out, uint16_t type)
{
    uint8_t mask = effective_mask(node, left_out);
    for (unsigned i = 0; i < node->address_count; i++) {
        if (shows(node, mask, type, i)) {
            return true;
        }
    }
    return false;
}

size_t node_types(const struct node *node, const struct settings *, uint8_t left_out,
                  uint16_t out[NODE_TYPES_MAX])
{
    size_t count = 0;
    for (unsigned i = 0; i < node->rrset_count; i++) {
        out[count++] = node->rrsets[i].type;
    }
    switch (node->kind) {
    case NODE_APEX:
        count = insert_type(out, count, RR_SOA);
        return insert_type(out, count, RR_CAA);
    case NODE_MEMBER:
        if (has_address(node, left_out, RR_A)) {
            out[count++] = RR_A;
        }
        if (has_address(node, left_out, RR_AAAA)) {
            out[count++] = RR_AAAA;
        }
        out[count++] = RR_CAA;
        return count;
    case NODE_SERVICE:
        out[count++] = RR_SRV;
        return count;
    case NODE_WHOAMI:
        out[count++] = RR_TXT;
        return count;
    case NODE_STATIC:
        return count;
    }
    return count;
}
