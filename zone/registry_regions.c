/* The names of regions, `_ntske._tcp.<region>.<pool>`: they are there while a member is registered with that country, so that they are in the
 * NSEC chain and all others are not. Each row counts these members. */
#include "zone/region.h"
#include "zone/registry_private.h"

static struct dname_key key_of(uint16_t region)
{
    char label[REGION_LABEL_ROOM];
    struct dname_key key = registry_key_of(region_label(region, label), "_tcp");
    static const char last[] = "_ntske";
    memcpy(key.octets + key.len, last, sizeof(last));
    key.len = (uint16_t)(key.len + sizeof(last));
    return key;
}

/* A pool with a name so long that the region's does not fit has none. */
static bool fits(const struct dname_key *key, const struct dname *apex)
{
    struct dname name;
    return dname_of_key(&name, key, apex) == RESULT_OK;
}

/* Counts one member more or less. Only a name that comes or goes is a change to those who keep answers. */
static enum result count_member(struct store_txn *txn, uint16_t region, int step, struct diag *diag)
{
    struct dname_key key = key_of(region);
    struct dname apex;
    struct node node = { .kind = NODE_SERVICE };
    uint8_t buffer[NODE_ENCODED_MAX];
    enum result result = registry_apex(txn, &apex, diag);
    if (result != RESULT_OK || !fits(&key, &apex)) {
        return result;
    }
    result = registry_node(txn, &key, buffer, &node);
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        return registry_damaged(diag, "a region");
    }
    /* A zone from before there were regions may hold a record there, or know too few members. */
    if (node.kind != NODE_SERVICE || (node.members == 0 && step < 0)) {
        return RESULT_OK;
    }
    uint32_t before = node.members;
    node.members = step > 0 ? before + 1 : before - 1;
    if (node.members == 0) {
        return registry_written(diag, registry_delete_node(txn, &key));
    }
    if (before == 0) {
        return registry_put_node(txn, &key, &node, diag);
    }
    struct writer w = writer_of(buffer, sizeof(buffer));
    node_encode(&w, &node);
    return registry_put(txn, TABLE_NAMES, key.octets, key.len, &w, diag);
}

static enum result count_regions(struct store_txn *txn, const char *country, int step,
                                 struct diag *diag)
{
    const uint16_t regions[2] = { region_of_country(country), region_around(country) };
    enum result result = RESULT_OK;
    for (unsigned i = 0; result == RESULT_OK && i < 2; i++) {
        if (regions[i] != REGION_NONE) {
            result = count_member(txn, regions[i], step, diag);
        }
    }
    return result;
}

enum result registry_enter_regions(struct store_txn *txn, const char *country, struct diag *diag)
{
    return count_regions(txn, country, 1, diag);
}

enum result registry_leave_regions(struct store_txn *txn, const char *country, struct diag *diag)
{
    return count_regions(txn, country, -1, diag);
}

bool registry_is_regional(const struct dname_key *key)
{
    const char *label = (const char *)key->octets;
    uint16_t region = region_of_label(label, strnlen(label, key->len));
    if (region == REGION_NONE) {
        return false;
    }
    struct dname_key service = key_of(region);
    return dname_key_under(key, &service);
}
