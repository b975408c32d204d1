/* The zone's name servers: the NS of the apex, and the addresses of name servers in the zone.
 *
 * The parent zone has a copy of both (delegation and glue), which the pool can't change. The row
 * ".delegation" holds what the operator confirmed that the parent has, so that a difference can be
 * shown. */
#include "zone/registry/registry_private.h"
#include "zone/registry/service.h"

enum {
    DELEGATION_MAX = REGISTRY_NS_MAX * (DNAME_MAX + 1 + MEMBER_ADDRESSES_MAX * 16)
};

enum result registry_check_server(const struct name_server *ns, const struct dname *apex,
                                  struct diag *diag)
{
    char text[DNAME_TEXT_MAX];
    struct dname_key key, service = service_key(NULL);
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

/* Replaces the NS of the apex. */
static enum result put_names(struct registry_change *change, const struct name_servers *servers)
{
    uint8_t data[REGISTRY_NS_MAX * (DNAME_MAX + 2)], buffer[NODE_ENCODED_MAX];
    struct rrset_builder b;
    struct node apex = { .kind = NODE_APEX };
    const struct dname_key key = { .len = 0 };
    enum result result = registry_node(change->txn, &key, buffer, &apex);
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        return registry_unreadable(change->diag, result, "the apex");
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
    for (size_t i = 0; i < servers->count; i++) {
        rrset_add(&b, servers->list[i].name.wire, servers->list[i].name.len);
    }
    CHECK(rrset_end(&b, &apex.rrsets[at]));
    return registry_put_node(change, &key, &apex);
}

/* Sets the addresses of one family at the name server's name, or removes them if it has none. */
static enum result put_family(struct registry_change *change, const struct name_server *ns,
                              bool ipv4)
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
    bool some = rrset_end(&b, &set);
    enum result result = registry_record_set(change, &ns->name, &set);
    return result == RESULT_NOT_FOUND && !some ? RESULT_OK : result;
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

/* A family with addresses is set first, so that the name server always keeps an address. */
static enum result put_addresses(struct registry_change *change, const struct name_server *ns)
{
    bool first = has_family(ns, true);
    TRY(put_family(change, ns, first));
    return put_family(change, ns, !first);
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

/* The addresses that the zone has for the name; none if the name is outside. */
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

/* The names in the NS of the apex. */
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

/* `apex` is the zone's name. */
static enum result read_servers(struct store_txn *txn, const struct dname *apex,
                                struct name_servers *out, struct diag *diag)
{
    struct name_servers servers = { .count = 0 };
    TRY(read_names(txn, &servers, diag));
    for (size_t i = 0; i < servers.count; i++) {
        TRY(read_addresses(txn, &servers.list[i], apex, diag));
    }
    *out = servers;
    return RESULT_OK;
}

enum result registry_servers(struct store_txn *txn, struct name_servers *out, struct diag *diag)
{
    struct dname apex;
    TRY(registry_apex(txn, &apex, diag));
    return read_servers(txn, &apex, out, diag);
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

/* -- the parent zone's copy -- */

static enum result put_delegation(struct registry_change *change,
                                  const struct name_servers *servers)
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
    return registry_put_row(change, REGISTRY_DELEGATION, &w);
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
        /* the name servers never changed, and the zone is older than the row */
        return registry_servers(txn, out, diag);
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

enum result registry_delegation_seen(struct registry_change *change)
{
    struct name_servers servers;
    TRY(registry_servers(change->txn, &servers, change->diag));
    return put_delegation(change, &servers);
}

/* -- changes -- */

/* Reads the apex and the present name servers. Before the first change, the parent zone has the
 * present ones: this is written down. */
static enum result begin_change(struct registry_change *change, struct name_servers *servers,
                                const struct dname **apex)
{
    struct name_servers delegated = { .count = 0 };
    TRY(registry_zone(change, apex));
    TRY(read_servers(change->txn, *apex, servers, change->diag));
    TRY(registry_delegation(change->txn, &delegated, change->diag));
    return put_delegation(change, &delegated);
}

enum result registry_set_servers(struct registry_change *change, const struct name_servers *servers)
{
    TRY(put_names(change, servers));
    for (size_t i = 0; i < servers->count; i++) {
        if (servers->list[i].address_count > 0) {
            TRY(put_addresses(change, &servers->list[i]));
        }
    }
    return RESULT_OK;
}

enum result registry_server_add(struct registry_change *change, const struct name_server *ns)
{
    struct name_servers servers;
    struct name_server added = *ns;
    const struct dname *apex;
    char text[DNAME_TEXT_MAX];
    dname_lower(&added.name);
    TRY(begin_change(change, &servers, &apex));
    if (added.address_count == 0) {
        TRY(read_addresses(change->txn, &added, apex, change->diag));
    }
    TRY(registry_check_server(&added, apex, change->diag));
    if (name_servers_find(&servers, &added.name) != NULL) {
        return diag_fail(change->diag, RESULT_EXISTS, "%.200s is a name server already",
                         dname_text(&added.name, text));
    }
    if (servers.count == REGISTRY_NS_MAX) {
        return diag_fail(change->diag, RESULT_REFUSED, "a zone has at most %d name servers",
                         REGISTRY_NS_MAX);
    }
    servers.list[servers.count++] = added;
    if (added.address_count > 0) {
        TRY(put_addresses(change, &added));
    }
    return put_names(change, &servers);
}

/* The index of the name server of that name. NOT_FOUND with a diag if there is none. */
static enum result find_server(const struct name_servers *servers, const struct dname *name,
                               size_t *index, struct diag *diag)
{
    char text[DNAME_TEXT_MAX];
    const struct name_server *found = name_servers_find(servers, name);
    if (found == NULL) {
        return diag_fail(diag, RESULT_NOT_FOUND,
                         "%.200s is no name server of the zone: `ntspool zone ns list` lists them",
                         dname_text(name, text));
    }
    *index = (size_t)(found - servers->list);
    return RESULT_OK;
}

enum result registry_server_set(struct registry_change *change, const struct name_server *ns)
{
    struct name_servers servers;
    struct name_server changed = *ns;
    const struct dname *apex;
    size_t index = 0;
    char text[DNAME_TEXT_MAX];
    dname_lower(&changed.name);
    TRY(begin_change(change, &servers, &apex));
    TRY(find_server(&servers, &changed.name, &index, change->diag));
    TRY(registry_check_server(&changed, apex, change->diag));
    if (changed.address_count == 0) {
        return diag_fail(change->diag, RESULT_REFUSED,
                         "%.200s is outside the zone: nothing is set here",
                         dname_text(&changed.name, text));
    }
    return put_addresses(change, &changed);
}

/* The SOA's primary is always one of the zone's name servers. */
static enum result move_primary(struct registry_change *change, const struct name_servers *servers,
                                const struct dname *removed)
{
    struct settings settings;
    TRY(registry_settings(change->txn, &settings, change->diag));
    if (!dname_equal(&settings.primary, removed)) {
        return RESULT_OK;
    }
    return registry_put_name(change, REGISTRY_PRIMARY, &servers->list[0].name);
}

enum result registry_server_remove(struct registry_change *change, const struct dname *name)
{
    struct name_servers servers;
    struct name_server gone = { .name = *name };
    const struct dname *apex;
    size_t index = 0;
    dname_lower(&gone.name);
    TRY(begin_change(change, &servers, &apex));
    TRY(find_server(&servers, &gone.name, &index, change->diag));
    if (servers.count == 1) {
        return diag_fail(change->diag, RESULT_REFUSED,
                         "the zone's last name server can't be removed: add another one first");
    }
    servers.count--;
    memmove(&servers.list[index], &servers.list[index + 1],
            (servers.count - index) * sizeof(servers.list[0]));
    TRY(put_names(change, &servers));
    if (dname_under(&gone.name, apex)) {
        TRY(put_addresses(change, &gone));
    }
    return move_primary(change, &servers, &gone.name);
}
