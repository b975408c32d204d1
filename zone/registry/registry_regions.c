/* The service names of regions, `_ntske._tcp.<region>.<pool>`. A name exists while a member is
 * registered in the region, so that the NSEC chain has the regions with members and no others. The
 * row counts these members. */
#include "zone/places/region.h"
#include "zone/registry/registry_private.h"
#include "zone/registry/service.h"

static struct dname_key key_of(uint16_t region)
{
    char label[REGION_LABEL_ROOM];
    return service_key(region_label(region, label));
}

struct regional {
    struct dname_key key;
    uint32_t members; /* as its row has it; 0: no row */
    bool possible;    /* false: not in this zone */
};

/* A region has no name where its name would be too long, or where an old zone, made before there
 * were regions, holds a record. */
static enum result read_region(struct registry_change *change, uint16_t region,
                               struct regional *out)
{
    struct node node = { .kind = NODE_SERVICE };
    const struct dname *apex;
    struct dname name;
    uint8_t buffer[NODE_ENCODED_MAX];
    TRY(registry_zone(change, &apex));
    out->key = key_of(region);
    enum result result = registry_node(change->txn, &out->key, buffer, &node);
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        return registry_unreadable(change->diag, result, "a region");
    }
    out->members = node.members;
    out->possible = node.kind == NODE_SERVICE && dname_of_key(&name, &out->key, apex) == RESULT_OK;
    return RESULT_OK;
}

/* Cached answers depend on whether the name exists, not on the number of members. */
static enum result write_region(struct registry_change *change, const struct regional *region,
                                uint32_t members)
{
    const struct node node = { .kind = NODE_SERVICE, .members = members };
    const struct dname_key *key = &region->key;
    uint8_t buffer[16];
    if (!region->possible || region->members == members) {
        return RESULT_OK;
    }
    if (members == 0) {
        return registry_written(change->diag, registry_delete_node(change, key));
    }
    if (region->members == 0) {
        return registry_put_node(change, key, &node);
    }
    struct writer w = writer_of(buffer, sizeof(buffer));
    node_encode(&w, &node);
    return registry_put(change, TABLE_NAMES, key->octets, key->len, &w);
}

/* Counts one member more or less, but never below 0. */
static enum result count_member(struct registry_change *change, uint16_t number, int step)
{
    struct regional region;
    if (number == REGION_NONE) {
        return RESULT_OK;
    }
    TRY(read_region(change, number, &region));
    if (region.members == 0 && step < 0) {
        return RESULT_OK;
    }
    return write_region(change, &region, step > 0 ? region.members + 1 : region.members - 1);
}

static enum result count_regions(struct registry_change *change, const char *country, int step)
{
    TRY(count_member(change, region_of_country(country), step));
    return count_member(change, region_around(country), step);
}

enum result registry_enter_regions(struct registry_change *change, const char *country)
{
    return count_regions(change, country, 1);
}

enum result registry_leave_regions(struct registry_change *change, const char *country)
{
    return count_regions(change, country, -1);
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
    struct registry_change change;
    if (store_count(txn, TABLE_SETTINGS) == 0) { /* it holds no zone yet */
        return RESULT_OK;
    }
    if (registry_each(txn, count_country, members) != RESULT_OK) {
        return registry_damaged(diag, "a member");
    }
    registry_begin(&change, txn, now, diag);
    for (uint16_t number = 1; number < (uint16_t)REGIONS; number++) {
        struct regional region;
        TRY(read_region(&change, number, &region));
        TRY(write_region(&change, &region, members[number]));
    }
    TRY(registry_put_id(&change));
    TRY(registry_index_targets(&change));
    return registry_finish(&change);
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
