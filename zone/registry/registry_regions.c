/* The names of regions, `_ntske._tcp.<region>.<pool>`: they are there while a member is registered
 * with that country, so that they are in the NSEC chain and all others are not. Each row counts
 * these members. */
#include "zone/places/region.h"
#include "zone/registry/registry_private.h"

static struct dname_key key_of(uint16_t region)
{
    char label[REGION_LABEL_ROOM];
    struct dname_key key = registry_key_of(region_label(region, label), "_tcp");
    static const char last[] = "_ntske";
    memcpy(key.octets + key.len, last, sizeof(last));
    key.len = (uint16_t)(key.len + sizeof(last));
    return key;
}

struct regional {
    struct dname_key key;
    uint32_t members; /* as its row has it; 0: there is none */
    bool possible;    /* false: not in this zone */
};

/* A pool with a name so long that the region's does not fit has none, and a zone from before there
 * were regions may hold a record there. */
static enum result read_region(struct store_txn *txn, uint16_t region, struct regional *out,
                               struct diag *diag)
{
    struct node node = { .kind = NODE_SERVICE };
    struct dname apex, name;
    uint8_t buffer[NODE_ENCODED_MAX];
    enum result result = registry_apex(txn, &apex, diag);
    if (result != RESULT_OK) {
        return result;
    }
    out->key = key_of(region);
    result = registry_node(txn, &out->key, buffer, &node);
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        return registry_unreadable(diag, result, "a region");
    }
    out->members = node.members;
    out->possible = node.kind == NODE_SERVICE && dname_of_key(&name, &out->key, &apex) == RESULT_OK;
    return RESULT_OK;
}

/* Only a name that comes or goes is a change to those who keep answers. */
static enum result write_region(struct store_txn *txn, const struct regional *region,
                                uint32_t members, struct diag *diag)
{
    const struct node node = { .kind = NODE_SERVICE, .members = members };
    const struct dname_key *key = &region->key;
    uint8_t buffer[16];
    if (!region->possible || region->members == members) {
        return RESULT_OK;
    }
    if (members == 0) {
        return registry_written(diag, registry_delete_node(txn, key));
    }
    if (region->members == 0) {
        return registry_put_node(txn, key, &node, diag);
    }
    struct writer w = writer_of(buffer, sizeof(buffer));
    node_encode(&w, &node);
    return registry_put(txn, TABLE_NAMES, key->octets, key->len, &w, diag);
}

/* Counts one member more or less; not less than none, where too few are known. */
static enum result count_member(struct store_txn *txn, uint16_t number, int step, struct diag *diag)
{
    struct regional region;
    enum result result = read_region(txn, number, &region, diag);
    if (result != RESULT_OK || (region.members == 0 && step < 0)) {
        return result;
    }
    return write_region(txn, &region, step > 0 ? region.members + 1 : region.members - 1, diag);
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

static enum result count_country(const struct member *member, void *arg)
{
    uint32_t *members = arg; /* by region */
    members[region_of_country(member->country)]++;
    members[region_around(member->country)]++;
    return RESULT_OK;
}

enum result registry_migrate_1(struct store_txn *txn, uint64_t now, struct diag *diag)
{
    uint32_t members[REGIONS] = { 0 };
    struct regional region;
    if (store_count(txn, TABLE_SETTINGS) == 0) { /* no zone was made in it yet */
        return RESULT_OK;
    }
    if (registry_each(txn, count_country, members) != RESULT_OK) {
        return registry_damaged(diag, "a member");
    }
    enum result result = RESULT_OK;
    for (uint16_t number = 1; result == RESULT_OK && number < (uint16_t)REGIONS; number++) {
        result = read_region(txn, number, &region, diag);
        if (result == RESULT_OK) {
            result = write_region(txn, &region, members[number], diag);
        }
    }
    return result == RESULT_OK ? registry_migrate_2(txn, now, diag) : result;
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
