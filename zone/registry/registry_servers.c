/* The zone's name servers: the NS of the apex, and the addresses of those inside the zone.
 *
 * The parent zone has a copy of both, which the pool can't change. The row ".delegation" says what
 * the parent has, as far as the operator told, so that a difference can be shown. */
#include "zone/registry/registry_private.h"

enum {
    DELEGATION_MAX = REGISTRY_NS_MAX * (DNAME_MAX + 1 + MEMBER_ADDRESSES_MAX * 16)
};

enum result registry_check_server(const struct name_server *ns, const struct dname *apex,
                                  struct diag *diag)
{
    char text[DNAME_TEXT_MAX];
    struct dname_key key, service = registry_key_of("_tcp", "_ntske");
    (void)dname_text(&ns->name, text);
    bool inside = dname_under(&ns->name, apex);
    if (dname_equal(&ns->name, apex)) {
        return diag_fail(diag, RESULT_REFUSED,
                         "the name server can't be the zone's own name %.200s, which has no "
                         "addresses: give it a name of its own",
                         text);
    }
    if (!inside && ns->address_count > 0) {
        return diag_fail(diag, RESULT_REFUSED,
                         "the name server %.200s is outside the zone, so its addresses are not "
                         "served here: name it without addresses",
                         text);
    }
    if (!inside) {
        return RESULT_OK;
    }
    if (ns->address_count == 0 || ns->address_count > MEMBER_ADDRESSES_MAX) {
        return diag_fail(diag, RESULT_REFUSED,
                         "the name server %.200s is in the zone: give it 1 to %d addresses", text,
                         MEMBER_ADDRESSES_MAX);
    }
    dname_key_of(&key, &ns->name, apex);
    if (dname_key_under(&key, &service) || memchr(ns->name.wire, '*', ns->name.len) != NULL) {
        return diag_fail(diag, RESULT_REFUSED, "%.200s can't be a name server's name", text);
    }
    return RESULT_OK;
}

/* The apex with its NS replaced by these. */
static enum result put_names(struct store_txn *txn, const struct name_server *list, size_t count,
                             struct diag *diag)
{
    uint8_t data[REGISTRY_NS_MAX * (DNAME_MAX + 2)], buffer[NODE_ENCODED_MAX];
    struct rrset_builder b;
    struct node apex = { .kind = NODE_APEX };
    const struct dname_key key = { .len = 0 };
    enum result result = registry_node(txn, &key, buffer, &apex);
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        return registry_unreadable(diag, result, "the apex");
    }
    unsigned at = 0;
    while (at < apex.rrset_count && apex.rrsets[at].type != RR_NS) {
        at++;
    }
    if (at == apex.rrset_count) { /* a new zone */
        apex.rrset_count = 1;
        at = 0;
    }
    rrset_begin(&b, RR_NS, apex.rrsets[at].ttl, data, sizeof(data));
    for (size_t i = 0; i < count; i++) {
        rrset_add(&b, list[i].name.wire, list[i].name.len);
    }
    ASSERT(rrset_end(&b, &apex.rrsets[at]));
    return registry_put_node(txn, &key, &apex, diag);
}

/* Sets the addresses of one family, or takes them away: those of `ns` at its name. */
static enum result put_family(struct store_txn *txn, const struct name_server *ns, bool ipv4,
                              struct diag *diag)
{
    uint8_t data[MEMBER_ADDRESSES_MAX * 18];
    struct rrset_builder b;
    struct rrset set = { .type = ipv4 ? RR_A : RR_AAAA };
    rrset_begin(&b, set.type, 0, data, sizeof(data));
    for (unsigned i = 0; i < ns->address_count; i++) {
        if (address_is_ipv4(&ns->addresses[i]) == ipv4) {
            rrset_add(&b, ns->addresses[i].octets + (ipv4 ? 12 : 0), ipv4 ? 4 : 16);
        }
    }
    if (rrset_end(&b, &set)) {
        return registry_record_set(txn, &ns->name, &set, diag);
    }
    enum result result = registry_record_set(txn, &ns->name, &set, diag);
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

static bool has_family(const struct name_server *ns, bool ipv4)
{
    for (unsigned i = 0; i < ns->address_count; i++) {
        if (address_is_ipv4(&ns->addresses[i]) == ipv4) {
            return true;
        }
    }
    return false;
}

/* The family that is there comes first: a name server is never without an address. */
static enum result put_addresses(struct store_txn *txn, const struct name_server *ns,
                                 struct diag *diag)
{
    bool first = has_family(ns, true);
    enum result result = put_family(txn, ns, first, diag);
    return result == RESULT_OK ? put_family(txn, ns, !first, diag) : result;
}

static void take_addresses(struct name_server *ns, const struct rrset *set)
{
    size_t at = 0;
    const uint8_t *rdata;
    uint16_t len;
    while (ns->address_count < MEMBER_ADDRESSES_MAX && rrset_next(set, &at, &rdata, &len)) {
        struct address *address = &ns->addresses[ns->address_count++];
        if (set->type == RR_A && len == 4) {
            *address = address_from_ipv4(rdata);
        } else if (len == sizeof(address->octets)) {
            memcpy(address->octets, rdata, len);
        }
    }
}

/* The addresses that the zone has for the name, none for one outside. */
static enum result read_addresses(struct store_txn *txn, struct name_server *ns,
                                  const struct dname *apex, struct diag *diag)
{
    uint8_t buffer[NODE_ENCODED_MAX];
    struct node node;
    struct dname_key key;
    ns->address_count = 0;
    if (!dname_under(&ns->name, apex)) {
        return RESULT_OK;
    }
    dname_key_of(&key, &ns->name, apex);
    enum result result = registry_node(txn, &key, buffer, &node);
    if (result == RESULT_NOT_FOUND) {
        return RESULT_OK;
    }
    if (result != RESULT_OK) {
        return registry_unreadable(diag, result, "a name server");
    }
    for (unsigned i = 0; i < node.rrset_count; i++) {
        if (node.rrsets[i].type == RR_A || node.rrsets[i].type == RR_AAAA) {
            take_addresses(ns, &node.rrsets[i]);
        }
    }
    return RESULT_OK;
}

/* The names of the NS of the apex. */
static enum result read_names(struct store_txn *txn, struct name_servers *out, struct diag *diag)
{
    uint8_t buffer[NODE_ENCODED_MAX];
    struct node apex;
    const struct dname_key key = { .len = 0 };
    if (registry_node(txn, &key, buffer, &apex) != RESULT_OK) {
        return registry_damaged(diag, "the apex");
    }
    for (unsigned i = 0; i < apex.rrset_count; i++) {
        size_t at = 0;
        const uint8_t *rdata;
        uint16_t len;
        while (apex.rrsets[i].type == RR_NS && out->count < REGISTRY_NS_MAX &&
               rrset_next(&apex.rrsets[i], &at, &rdata, &len)) {
            struct reader r = reader_of(rdata, len);
            dname_read(&r, &out->list[out->count].name);
            if (!reader_done(&r)) {
                return registry_damaged(diag, "the apex");
            }
            out->count++;
        }
    }
    return RESULT_OK;
}

enum result registry_servers(struct store_txn *txn, struct name_servers *out, struct diag *diag)
{
    struct name_servers servers = { .count = 0 };
    struct dname apex;
    enum result result = registry_apex(txn, &apex, diag);
    if (result == RESULT_OK) {
        result = read_names(txn, &servers, diag);
    }
    for (size_t i = 0; i < servers.count && result == RESULT_OK; i++) {
        result = read_addresses(txn, &servers.list[i], &apex, diag);
    }
    if (result == RESULT_OK) {
        *out = servers;
    }
    return result;
}

const struct name_server *name_servers_find(const struct name_servers *servers,
                                            const struct dname *name)
{
    for (size_t i = 0; i < servers->count; i++) {
        if (dname_equal(&servers->list[i].name, name)) {
            return &servers->list[i];
        }
    }
    return NULL;
}

bool name_server_has(const struct name_server *server, const struct address *address)
{
    for (unsigned i = 0; i < server->address_count; i++) {
        if (address_equal(&server->addresses[i], address)) {
            return true;
        }
    }
    return false;
}

/* -- what the parent zone has -- */

static enum result put_delegation(struct store_txn *txn, const struct name_servers *servers,
                                  struct diag *diag)
{
    uint8_t data[DELEGATION_MAX];
    struct writer w = writer_of(data, sizeof(data));
    for (size_t i = 0; i < servers->count; i++) {
        const struct name_server *ns = &servers->list[i];
        write_octets(&w, ns->name.wire, ns->name.len);
        write_u8(&w, ns->address_count);
        for (unsigned k = 0; k < ns->address_count; k++) {
            write_octets(&w, ns->addresses[k].octets, sizeof(ns->addresses[k].octets));
        }
    }
    return registry_put(txn, TABLE_SETTINGS, REGISTRY_DELEGATION, strlen(REGISTRY_DELEGATION), &w,
                        diag);
}

static void read_delegated(struct reader *r, struct name_server *ns)
{
    dname_read(r, &ns->name);
    ns->address_count = read_u8(r);
    if (ns->address_count > MEMBER_ADDRESSES_MAX) {
        r->failed = true;
        ns->address_count = 0;
    }
    for (unsigned k = 0; k < ns->address_count; k++) {
        read_into(r, ns->addresses[k].octets, sizeof(ns->addresses[k].octets));
    }
}

enum result registry_delegation(struct store_txn *txn, struct name_servers *out, struct diag *diag)
{
    uint8_t data[DELEGATION_MAX];
    struct name_servers servers = { .count = 0 };
    struct reader r;
    enum result result = registry_row(txn, REGISTRY_DELEGATION, data, sizeof(data), &r);
    if (result == RESULT_NOT_FOUND) {
        return registry_servers(txn, out, diag); /* never changed since before there was the row */
    }
    while (result == RESULT_OK && reader_left(&r) > 0 && servers.count < REGISTRY_NS_MAX) {
        read_delegated(&r, &servers.list[servers.count++]);
    }
    if (result != RESULT_OK || !reader_done(&r)) {
        return registry_damaged(diag, "what the parent zone has");
    }
    *out = servers;
    return RESULT_OK;
}

enum result registry_delegation_seen(struct store_txn *txn, struct diag *diag)
{
    struct name_servers servers;
    enum result result = registry_servers(txn, &servers, diag);
    return result == RESULT_OK ? put_delegation(txn, &servers, diag) : result;
}

/* -- changes -- */

/* The name servers before a change. What the parent has is written down before the first one. */
static enum result begin_change(struct store_txn *txn, struct name_servers *servers,
                                struct diag *diag)
{
    struct name_servers delegated = { .count = 0 };
    enum result result = registry_servers(txn, servers, diag);
    if (result == RESULT_OK) {
        result = registry_delegation(txn, &delegated, diag);
    }
    return result == RESULT_OK ? put_delegation(txn, &delegated, diag) : result;
}

enum result registry_set_servers(struct store_txn *txn, const struct name_servers *servers,
                                 struct diag *diag)
{
    enum result result = put_names(txn, servers->list, servers->count, diag);
    for (size_t i = 0; i < servers->count && result == RESULT_OK; i++) {
        if (servers->list[i].address_count > 0) {
            result = put_addresses(txn, &servers->list[i], diag);
        }
    }
    return result;
}

enum result registry_server_add(struct store_txn *txn, const struct name_server *ns,
                                struct diag *diag)
{
    struct name_servers servers;
    struct name_server added = *ns;
    struct dname apex;
    char text[DNAME_TEXT_MAX];
    dname_lower(&added.name);
    enum result result = registry_apex(txn, &apex, diag);
    if (result == RESULT_OK) {
        result = begin_change(txn, &servers, diag);
    }
    if (result == RESULT_OK && added.address_count == 0) {
        result = read_addresses(txn, &added, &apex, diag);
    }
    if (result == RESULT_OK) {
        result = registry_check_server(&added, &apex, diag);
    }
    if (result != RESULT_OK) {
        return result;
    }
    if (name_servers_find(&servers, &added.name) != NULL) {
        return diag_fail(diag, RESULT_EXISTS, "%.200s is a name server already",
                         dname_text(&added.name, text));
    }
    if (servers.count == REGISTRY_NS_MAX) {
        return diag_fail(diag, RESULT_REFUSED, "a zone has at most %d name servers",
                         REGISTRY_NS_MAX);
    }
    servers.list[servers.count++] = added;
    if (added.address_count > 0) {
        result = put_addresses(txn, &added, diag);
    }
    return result == RESULT_OK ? put_names(txn, servers.list, servers.count, diag) : result;
}

/* The name server of that name, with a line if there is none. */
static enum result find_server(const struct name_servers *servers, const struct dname *name,
                               size_t *at, struct diag *diag)
{
    char text[DNAME_TEXT_MAX];
    const struct name_server *found = name_servers_find(servers, name);
    if (found == NULL) {
        return diag_fail(diag, RESULT_NOT_FOUND,
                         "%.200s is no name server of the zone: `ntspool zone ns list` lists them",
                         dname_text(name, text));
    }
    *at = (size_t)(found - servers->list);
    return RESULT_OK;
}

enum result registry_server_set(struct store_txn *txn, const struct name_server *ns,
                                struct diag *diag)
{
    struct name_servers servers;
    struct name_server changed = *ns;
    struct dname apex;
    size_t at = 0;
    dname_lower(&changed.name);
    enum result result = registry_apex(txn, &apex, diag);
    if (result == RESULT_OK) {
        result = begin_change(txn, &servers, diag);
    }
    if (result == RESULT_OK) {
        result = find_server(&servers, &changed.name, &at, diag);
    }
    if (result == RESULT_OK) {
        result = registry_check_server(&changed, &apex, diag);
    }
    if (result == RESULT_OK && changed.address_count == 0) {
        char text[DNAME_TEXT_MAX];
        result = diag_fail(diag, RESULT_REFUSED, "%.200s is outside the zone: nothing is set here",
                           dname_text(&changed.name, text));
    }
    return result == RESULT_OK ? put_addresses(txn, &changed, diag) : result;
}

/* The SOA names a name server that the zone has. */
static enum result move_primary(struct store_txn *txn, const struct name_servers *servers,
                                const struct dname *removed, struct diag *diag)
{
    struct settings settings;
    enum result result = registry_settings(txn, &settings, diag);
    if (result != RESULT_OK || !dname_equal(&settings.primary, removed)) {
        return result;
    }
    return registry_put_name(txn, REGISTRY_PRIMARY, &servers->list[0].name, diag);
}

enum result registry_server_remove(struct store_txn *txn, const struct dname *name,
                                   struct diag *diag)
{
    struct name_servers servers;
    struct name_server gone = { .name = *name };
    struct dname apex;
    size_t at = 0;
    dname_lower(&gone.name);
    enum result result = registry_apex(txn, &apex, diag);
    if (result == RESULT_OK) {
        result = begin_change(txn, &servers, diag);
    }
    if (result == RESULT_OK) {
        result = find_server(&servers, &gone.name, &at, diag);
    }
    if (result == RESULT_OK && servers.count == 1) {
        result = diag_fail(diag, RESULT_REFUSED,
                           "the zone's last name server can't be removed: add another one first");
    }
    if (result != RESULT_OK) {
        return result;
    }
    servers.count--;
    memmove(&servers.list[at], &servers.list[at + 1],
            (servers.count - at) * sizeof(servers.list[0]));
    result = put_names(txn, servers.list, servers.count, diag);
    if (result == RESULT_OK && dname_under(&gone.name, &apex)) {
        result = put_addresses(txn, &gone, diag);
    }
    return result == RESULT_OK ? move_primary(txn, &servers, &gone.name, diag) : result;
}
