/* The first rows of a new zone. */
#include "zone/registry_private.h"

static enum result check_server(const struct name_server *ns, const struct dname *apex,
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

static enum result check_servers(const struct settings *settings, const struct name_server *ns,
                                 size_t ns_count, struct diag *diag)
{
    struct dname service;
    if (settings->apex.len <= 1 ||
        dname_prepend(&service, "_tcp", 4, &settings->apex) != RESULT_OK ||
        dname_prepend(&service, "_ntske", 6, &service) != RESULT_OK) {
        return diag_fail(diag, RESULT_INVALID, "the zone's name is empty or too long");
    }
    if (ns_count == 0 || ns_count > REGISTRY_NS_MAX) {
        return diag_fail(diag, RESULT_INVALID, "give 1 to %d name servers", REGISTRY_NS_MAX);
    }
    for (size_t i = 0; i < ns_count; i++) {
        enum result result = check_server(&ns[i], &settings->apex, diag);
        if (result != RESULT_OK) {
            return result;
        }
        for (size_t j = 0; j < i; j++) {
            if (dname_equal(&ns[i].name, &ns[j].name)) {
                return diag_fail(diag, RESULT_INVALID, "one name server is given twice");
            }
        }
    }
    return RESULT_OK;
}

static enum result put_name(struct store_txn *txn, const char *row, const struct dname *name,
                            struct diag *diag)
{
    struct dname lower = *name;
    dname_lower(&lower);
    struct writer w = { .data = lower.wire, .len = lower.len, .at = lower.len };
    return registry_put(txn, TABLE_SETTINGS, row, strlen(row), &w, diag);
}

/* Every setting gets its row, so that a later version's defaults change no zone that is there. */
static enum result put_settings(struct store_txn *txn, const struct settings *settings,
                                const struct dname *primary, struct diag *diag)
{
    uint8_t first_id[8];
    struct writer w = writer_of(first_id, sizeof(first_id));
    write_u64(&w, 1);
    enum result result =
        registry_put(txn, TABLE_SETTINGS, REGISTRY_NEXT_ID, strlen(REGISTRY_NEXT_ID), &w, diag);
    if (result == RESULT_OK) {
        result = put_name(txn, REGISTRY_APEX, &settings->apex, diag);
    }
    if (result == RESULT_OK) {
        result = put_name(txn, REGISTRY_PRIMARY, primary, diag);
    }
    size_t count;
    const struct setting_info *list = settings_list(&count);
    for (size_t i = 0; result == RESULT_OK && i < count; i++) {
        char text[SETTING_VALUE_MAX];
        result = settings_text(settings, list[i].name, text);
        result = result == RESULT_OK
                     ? registry_put_text(txn, list[i].name, text, diag)
                     : diag_fail(diag, result, "the value of %s is too long", list[i].name);
    }
    return result;
}

static enum result put_apex(struct store_txn *txn, const struct name_server *ns, size_t ns_count,
                            struct diag *diag)
{
    uint8_t data[REGISTRY_NS_MAX * (DNAME_MAX + 2)];
    struct rrset_builder b;
    struct node node = { .kind = NODE_APEX, .rrset_count = 1 };
    struct dname_key key = { .len = 0 };
    rrset_begin(&b, RR_NS, 0, data, sizeof(data));
    for (size_t i = 0; i < ns_count; i++) {
        struct dname name = ns[i].name;
        dname_lower(&name);
        rrset_add(&b, name.wire, name.len);
    }
    ASSERT(rrset_end(&b, &node.rrsets[0]));
    return registry_put_node(txn, &key, &node, diag);
}

static enum result put_server(struct store_txn *txn, const struct name_server *ns,
                              const struct dname *apex, struct diag *diag)
{
    uint8_t data[2][MEMBER_ADDRESSES_MAX * 18];
    struct rrset_builder b[2];
    struct node node = { .kind = NODE_STATIC };
    struct dname_key key;
    rrset_begin(&b[0], RR_A, 0, data[0], sizeof(data[0]));
    rrset_begin(&b[1], RR_AAAA, 0, data[1], sizeof(data[1]));
    for (unsigned i = 0; i < ns->address_count; i++) {
        const uint8_t *octets = ns->addresses[i].octets;
        if (address_is_ipv4(&ns->addresses[i])) {
            rrset_add(&b[0], octets + 12, 4);
        } else {
            rrset_add(&b[1], octets, 16);
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        if (rrset_end(&b[i], &node.rrsets[node.rrset_count])) {
            node.rrset_count++;
        }
    }
    dname_key_of(&key, &ns->name, apex);
    return registry_put_node(txn, &key, &node, diag);
}

enum result registry_init(struct store_txn *txn, const struct settings *settings,
                          const struct name_server *ns, size_t ns_count, struct diag *diag)
{
    struct settings full = *settings;
    enum result result = check_servers(settings, ns, ns_count, diag);
    if (result != RESULT_OK) {
        return result;
    }
    if (store_count(txn, TABLE_SETTINGS) > 0 || store_count(txn, TABLE_NAMES) > 0) {
        return diag_fail(diag, RESULT_EXISTS, "the registry holds a zone already");
    }
    if (full.mailbox.len == 0 &&
        dname_prepend(&full.mailbox, "hostmaster", 10, &full.apex) != RESULT_OK) {
        return diag_fail(diag, RESULT_INVALID, "give a mailbox: hostmaster does not fit here");
    }
    const struct dname *primary = full.primary.len > 0 ? &full.primary : &ns[0].name;
    result = put_settings(txn, &full, primary, diag);
    if (result == RESULT_OK) {
        result = registry_put_id(txn, diag);
    }
    if (result == RESULT_OK) {
        result = put_apex(txn, ns, ns_count, diag);
    }
    for (size_t i = 0; result == RESULT_OK && i < ns_count; i++) {
        if (ns[i].address_count > 0) {
            result = put_server(txn, &ns[i], &full.apex, diag);
        }
    }
    if (result == RESULT_OK) {
        struct dname_key key = registry_key_of("_tcp", "_ntske");
        struct node node = { .kind = NODE_SERVICE };
        result = registry_put_node(txn, &key, &node, diag);
    }
    return result;
}
