/* Static records: records of the operator's, beside the pool's own names. */
#include "zone/names/rdata.h"
#include "zone/registry/registry_private.h"
#include "zone/registry/service.h"

/* The reason why static records can't have the type, or NULL. */
static const char *refused_type(uint16_t type)
{
    switch (type) {
    case RR_SOA:
        return "the SOA is made from the zone's settings";
    case RR_NS:
        return "name servers are set by `ntspool zone ns`, and the zone delegates nothing";
    case RR_DS:
        return "the zone delegates nothing";
    case RR_DNAME:
        return "DNAME is not supported";
    case 24: /* SIG, RFC 2535 */
    case 30: /* NXT, RFC 2535 */
    case RR_RRSIG:
    case RR_NSEC:
    case RR_DNSKEY:
    case RR_NSEC3:
    case RR_NSEC3PARAM:
    case RR_CDS:
    case RR_CDNSKEY:
        return "DNSSEC's records are made by the server";
    case 63: /* ZONEMD, RFC 8976: a digest of the whole zone, which changes with each member */
        return "the zone changes too often for a digest";
    default:
        /* OPT, and meta-types and query types (RFC 6895 3.1) */
        return type == 0 || type == RR_OPT || (type >= 128 && type <= 255)
                   ? "the type can't stand in a zone"
                   : NULL;
    }
}

static const char *refused_at_apex(uint16_t type)
{
    switch (type) {
    case RR_A:
    case RR_AAAA:
        return "the apex has no addresses: a client that falls back to them would meet a server "
               "whose certificate is for another name";
    case RR_CAA:
        return "the apex forbids issuance, and members' CAA follow from the setting ca";
    case RR_CNAME:
        return "an alias can't stand beside other records (RFC 1034 3.6.2)";
    default:
        return NULL;
    }
}

static bool has_wildcard(const struct dname *name)
{
    for (size_t at = 0; name->wire[at] != 0; at += name->wire[at] + 1u) {
        if (name->wire[at] == 1 && name->wire[at + 1] == '*') {
            return true;
        }
    }
    return false;
}

/* Refuses names of the service, and names at and under a member's label. */
static enum result check_owner(struct store_txn *txn, const struct dname *name, uint16_t type,
                               const struct dname *apex, struct diag *diag)
{
    unsigned depth = dname_labels(name) - dname_labels(apex);
    struct dname top = dname_parent(name, depth - 1);
    struct dname_key key, service = service_key(NULL);
    dname_key_of(&key, name, apex);
    if (dname_key_under(&key, &service)) {
        return diag_fail(diag, RESULT_REFUSED, "the names at and under _ntske._tcp are the pool's");
    }
    if (registry_is_regional(&key)) {
        return diag_fail(diag, RESULT_REFUSED,
                         "the names at and under _ntske._tcp of a country or continent are the "
                         "pool's");
    }
    if (registry_is_whoami(txn, &key)) {
        return diag_fail(diag, RESULT_REFUSED,
                         "the name " NODE_WHOAMI_LABEL " is the pool's: `ntspool zone set whoami "
                         "off` takes it away");
    }
    /* RFC 9156 2.3: resolvers that minimise names ask for _tcp first and would follow an alias. */
    if (type == RR_CNAME && dname_key_under(&service, &key)) {
        return diag_fail(diag, RESULT_REFUSED, "an alias at _tcp would hide _ntske._tcp");
    }
    enum result result = store_get(txn, TABLE_MEMBERS, top.wire + 1, top.wire[0], NULL);
    if (result == RESULT_OK) {
        return diag_fail(diag, RESULT_REFUSED, "the name belongs to the member %.*s", top.wire[0],
                         (const char *)top.wire + 1);
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : registry_unreadable(diag, result, "a member");
}

/* `owner` is lower case. */
static enum result check(struct store_txn *txn, const struct dname *apex, const struct dname *owner,
                         uint16_t type, struct diag *diag)
{
    if (!dname_under(owner, apex)) {
        return diag_fail(diag, RESULT_REFUSED, "the name is outside the zone");
    }
    bool at_apex = dname_equal(owner, apex);
    const char *reason = refused_type(type);
    if (reason == NULL && at_apex) {
        reason = refused_at_apex(type);
    }
    if (reason == NULL && has_wildcard(owner)) {
        reason = "wildcards are not supported";
    }
    if (reason != NULL) {
        return diag_fail(diag, RESULT_REFUSED, "%s", reason);
    }
    return at_apex ? RESULT_OK : check_owner(txn, owner, type, apex, diag);
}

enum result registry_record_check(struct store_txn *txn, const struct dname *name, uint16_t type,
                                  struct diag *diag)
{
    struct dname apex, owner = *name;
    dname_lower(&owner);
    TRY(registry_apex(txn, &apex, diag));
    return check(txn, &apex, &owner, type, diag);
}

/* The index of the type's RRset, or where it would be inserted. RRsets are in order of type. */
static unsigned index_of(const struct node *node, uint16_t type)
{
    unsigned i = 0;
    while (i < node->rrset_count && node->rrsets[i].type < type) {
        i++;
    }
    return i;
}

static bool has_type(const struct node *node, uint16_t type)
{
    unsigned i = index_of(node, type);
    return i < node->rrset_count && node->rrsets[i].type == type;
}

static enum result drop_set(struct node *node, uint16_t type, struct diag *diag)
{
    unsigned i = index_of(node, type);
    if (!has_type(node, type)) {
        return diag_fail(diag, RESULT_NOT_FOUND, "there is no such record");
    }
    node->rrset_count--;
    memmove(&node->rrsets[i], &node->rrsets[i + 1],
            (node->rrset_count - i) * sizeof(node->rrsets[0]));
    return RESULT_OK;
}

static enum result put_set(struct node *node, const struct rrset *set, struct diag *diag)
{
    unsigned i = index_of(node, set->type);
    if (!has_type(node, set->type)) {
        if (node->rrset_count == NODE_RRSETS_MAX) {
            return diag_fail(diag, RESULT_REFUSED, "one name can have at most %d types",
                             NODE_RRSETS_MAX);
        }
        memmove(&node->rrsets[i + 1], &node->rrsets[i],
                (node->rrset_count - i) * sizeof(node->rrsets[0]));
        node->rrset_count++;
    }
    node->rrsets[i] = *set;
    /* RFC 1034 3.6.2: an alias has no other data beside it. RFC 2181 10.1: it is one record. */
    if (has_type(node, RR_CNAME) && (node->rrset_count > 1 || node->rrsets[0].count > 1)) {
        return diag_fail(diag, RESULT_REFUSED,
                         "an alias (CNAME) can't stand beside other records (RFC 1034 3.6.2)");
    }
    if (set->count > 1 && rdata_is_single(set->type)) {
        return diag_fail(diag, RESULT_REFUSED, "a name can have one record of this type");
    }
    return RESULT_OK;
}

/* True if `name` is in the NS of the apex. */
static bool is_name_server(const struct node *apex_node, const struct dname *name)
{
    unsigned i = index_of(apex_node, RR_NS);
    size_t at = 0;
    const uint8_t *rdata;
    uint16_t len;
    while (has_type(apex_node, RR_NS) && rrset_next(&apex_node->rrsets[i], &at, &rdata, &len)) {
        if (len == name->len && memcmp(rdata, name->wire, len) == 0) {
            return true;
        }
    }
    return false;
}

/* A name server in the zone must keep an address, or the zone can't be reached. */
static enum result check_name_server(struct store_txn *txn, const struct dname *name,
                                     const struct node *node, uint8_t *buffer, struct diag *diag)
{
    struct dname_key apex_key = { .len = 0 };
    struct node apex_node;
    if (has_type(node, RR_A) || has_type(node, RR_AAAA)) {
        return RESULT_OK;
    }
    if (registry_node(txn, &apex_key, buffer, &apex_node) != RESULT_OK) {
        return registry_damaged(diag, "the apex");
    }
    if (is_name_server(&apex_node, name)) {
        return diag_fail(diag, RESULT_REFUSED,
                         "the name is a name server's and must keep an address");
    }
    return RESULT_OK;
}

enum result registry_record_set(struct registry_change *change, const struct dname *name,
                                const struct rrset *set)
{
    const struct dname *apex;
    struct dname owner = *name;
    struct dname_key key;
    struct node node = { .kind = NODE_STATIC };
    uint8_t buffer[NODE_ENCODED_MAX], apex_buffer[NODE_ENCODED_MAX];
    dname_lower(&owner);
    TRY(registry_zone(change, &apex));
    TRY(check(change->txn, apex, &owner, set->type, change->diag));
    if (set->count > 0 && (!rrset_check(set) || !rdata_check_set(set))) {
        return diag_fail(change->diag, RESULT_INVALID, "the records are malformed");
    }
    dname_key_of(&key, &owner, apex);
    enum result result = registry_node(change->txn, &key, buffer, &node);
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        return registry_unreadable(change->diag, result, "the name");
    }
    TRY(set->count == 0 ? drop_set(&node, set->type, change->diag)
                        : put_set(&node, set, change->diag));
    if (node.kind == NODE_STATIC) {
        TRY(check_name_server(change->txn, &owner, &node, apex_buffer, change->diag));
    }
    if (node.kind == NODE_STATIC && node.rrset_count == 0) {
        return registry_written(change->diag, registry_delete_node(change, &key));
    }
    return registry_put_node(change, &key, &node);
}
