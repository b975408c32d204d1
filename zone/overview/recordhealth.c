#include "zone/overview/recordhealth.h"

#include <stdio.h>

#include "zone/names/rdata.h"

struct looking {
    const struct dname *apex;
    size_t bad;
    char first[DNAME_TEXT_MAX + RDATA_TYPE_ROOM + 2];
};

static enum result look_at_node(const struct dname_key *key, const struct node *node, void *arg)
{
    struct looking *looking = arg;
    if (node->kind != NODE_APEX && node->kind != NODE_STATIC) {
        return RESULT_OK;
    }
    for (size_t i = 0; i < node->rrset_count; i++) {
        const struct rrset *set = &node->rrsets[i];
        struct dname owner;
        char name[DNAME_TEXT_MAX], type[RDATA_TYPE_ROOM];
        if (rdata_check_set(set)) {
            continue;
        }
        if (looking->bad++ == 0 && dname_of_key(&owner, key, looking->apex) == RESULT_OK) {
            (void)snprintf(looking->first, sizeof looking->first, "%s %s", dname_text(&owner, name),
                           rdata_type_text(set->type, type));
        }
    }
    return RESULT_OK;
}

enum result recordhealth_warn(struct concerns *concerns, struct store_txn *registry,
                              const struct settings *settings)
{
    struct looking looking = { .apex = &settings->apex };
    char others[40] = "";
    enum result result = registry_nodes(registry, look_at_node, &looking);
    if (result == RESULT_OK && looking.bad > 0) {
        if (looking.bad > 1) {
            (void)snprintf(others, sizeof others, " and %zu more", looking.bad - 1);
        }
        concern_add(concerns, CONCERN_RECORDS_MALFORMED, NULL, 0,
                    "the static records %s%s hold what their type can't have, as an earlier "
                    "version took it: load them anew, or remove them by `ntspool record remove`",
                    looking.first, others);
    }
    return result;
}
