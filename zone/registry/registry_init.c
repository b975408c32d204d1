/* The first rows of a new zone. */
#include "zone/registry/registry_private.h"

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
        enum result result = registry_check_server(&ns[i], &settings->apex, diag);
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
        result = registry_put_name(txn, REGISTRY_APEX, &settings->apex, diag);
    }
    if (result == RESULT_OK) {
        result = registry_put_name(txn, REGISTRY_PRIMARY, primary, diag);
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
    struct name_servers servers = { .count = ns_count };
    for (size_t i = 0; i < ns_count; i++) {
        servers.list[i] = ns[i];
        dname_lower(&servers.list[i].name);
    }
    if (result == RESULT_OK) {
        result = registry_set_servers(txn, &servers, diag);
    }
    if (result == RESULT_OK) {
        result = registry_delegation_seen(txn, diag);
    }
    if (result == RESULT_OK) {
        struct dname_key key = registry_key_of("_tcp", "_ntske");
        struct node node = { .kind = NODE_SERVICE };
        result = registry_put_node(txn, &key, &node, diag);
    }
    return result;
}
