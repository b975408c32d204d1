/* The zone's names in canonical order, in memory, as of one snapshot of the registry: whether one is there, and which stands right before it.
 * Immutable, shared by views for as long as no name comes or goes. */
#ifndef SERVER_ORDER_H
#define SERVER_ORDER_H

#include "zone/registry/registry.h"

struct order;

/* With one reference. DAMAGED if a row can't be read. */
enum result order_new(struct order **out, struct store_txn *registry);
struct order *order_ref(struct order *order);
void order_unref(struct order *order);

/* True if the name is there. If not, `*before` is the last name before it; `before` is the apex's where there is none. */
bool order_find(const struct order *order, const struct dname_key *key, struct dname_key *before);

#endif
