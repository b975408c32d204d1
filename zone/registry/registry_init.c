/* The first rows of a new zone. */
#include "zone/registry/registry_private.h"
#include "zone/registry/service.h"

static enum result check_servers(const struct settings *settings, const struct name_server *ns,
                                 size_t ns_count, struct diag *diag)
{
    struct dname service;
    if (settings->apex.len <= 1 || service_name(&service, &settings->apex) != RESULT_OK) {
        return diag_fail(diag, RESULT_INVALID, "the zone's name is empty or too long");
    }
    if (ns_count == 0 || ns_count > REGISTRY_NS_MAX) {
        return diag_fail(diag, RESULT_INVALID, "give 1 to %d name servers", REGISTRY_NS_MAX);
    }
    for (size_t i = 0; i < ns_count; i++) {
        TRY(registry_check_server(&ns[i], &settings->apex, diag));
        for (size_t j = 0; j < i; j++) {
            if (dname_equal(&ns[i].name, &ns[j].name)) {
                return diag_fail(diag, RESULT_INVALID, "one name server is given twice");
            }
        }
    }
    return RESULT_OK;
}

/* Every setting gets its row, so that the defaults of a later version change no existing zone. */
static enum result put_settings(struct registry_change *change, const struct settings *settings,
                                const struct dname *primary)
{
    uint8_t first_id[8];
    struct writer w = writer_of(first_id, sizeof(first_id));
    write_u64(&w, 1);
    TRY(registry_put_row(change, REGISTRY_NEXT_ID, &w));
    TRY(registry_put_name(change, REGISTRY_APEX, &settings->apex));
    TRY(registry_put_name(change, REGISTRY_PRIMARY, primary));
    size_t count;
    const struct setting_info *list = settings_list(&count);
    for (size_t i = 0; i < count; i++) {
        TRY(registry_put_setting(change, settings, list[i].name));
    }
    return RESULT_OK;
}

enum result registry_init(struct registry_change *change, const struct settings *settings,
                          const struct name_server *ns, size_t ns_count)
{
    struct settings full = *settings;
    TRY(check_servers(settings, ns, ns_count, change->diag));
    if (store_count(change->txn, TABLE_SETTINGS) > 0 || store_count(change->txn, TABLE_NAMES) > 0) {
        return diag_fail(change->diag, RESULT_EXISTS, "the registry holds a zone already");
    }
    if (full.mailbox.len == 0 &&
        dname_prepend(&full.mailbox, "hostmaster", 10, &full.apex) != RESULT_OK) {
        return diag_fail(change->diag, RESULT_INVALID,
                         "give a mailbox: hostmaster does not fit here");
    }
    TRY(put_settings(change, &full, full.primary.len > 0 ? &full.primary : &ns[0].name));
    TRY(registry_put_id(change));
    struct name_servers servers = { .count = ns_count };
    for (size_t i = 0; i < ns_count; i++) {
        servers.list[i] = ns[i];
        dname_lower(&servers.list[i].name);
    }
    TRY(registry_set_servers(change, &servers));
    TRY(registry_delegation_seen(change));
    struct dname_key key = service_key(NULL);
    TRY(registry_put_node(change, &key, &(struct node){ .kind = NODE_SERVICE }));
    return registry_put_whoami(change, full.whoami);
}
