/* What the parent zone has of the pool, as last confirmed, against what the pool serves. */
#ifndef ZONE_DELEGATION_H
#define ZONE_DELEGATION_H

#include "zone/base/concern.h"
#include "zone/registry/registry.h"

enum {
    DELEGATION_ADDRESSES_ROOM = MEMBER_ADDRESSES_MAX * (ADDRESS_TEXT_MAX + 1),
    DELEGATION_CHANGES_MAX = 2 * REGISTRY_NS_MAX,
    DELEGATION_CHANGE_ROOM = DNAME_TEXT_MAX + DELEGATION_ADDRESSES_ROOM + 64
};

/* The changes that the parent zone needs for the current name servers, each as a text. */
struct delegation_changes {
    size_t count;
    char text[DELEGATION_CHANGES_MAX][DELEGATION_CHANGE_ROOM];
};

enum result delegation_read(struct delegation_changes *out, struct store_txn *registry,
                            struct diag *diag);
void delegation_warn(const struct delegation_changes *changes, struct concerns *concerns);
/* The addresses, separated by commas; "-" for none. Returns `out`. */
char *delegation_addresses(const struct name_server *server, char out[DELEGATION_ADDRESSES_ROOM]);

#endif
