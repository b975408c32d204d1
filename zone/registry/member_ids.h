/* The numbers of all registered members, sorted: tells whether a row kept under a member's number
 * still has its member. */
#ifndef ZONE_MEMBER_IDS_H
#define ZONE_MEMBER_IDS_H

#include "zone/registry/registry.h"

struct member_ids {
    uint64_t *list; /* ascending */
    size_t count, room;
};

/* Reads them all; free them with member_ids_done, also on failure. */
enum result member_ids_read(struct member_ids *out, struct store_txn *registry);
void member_ids_done(struct member_ids *ids);
bool member_ids_have(const struct member_ids *ids, uint64_t id);

#endif
