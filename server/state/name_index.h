/* The zone's names in canonical order, in memory: whether a name exists, and which one precedes it.
 * Immutable and counted: zone states share it as long as no name changes. */
#ifndef SERVER_NAME_INDEX_H
#define SERVER_NAME_INDEX_H

#include "zone/registry/registry.h"

struct name_index;

/* With one reference. DAMAGED if a row can't be read. */
enum result name_index_new(struct name_index **out, struct store_txn *registry);
struct name_index *name_index_ref(struct name_index *names);
void name_index_unref(struct name_index *names);

/* True if the name exists. If not, `*before` is the last name before it; the apex (an empty key)
 * comes before all others. */
bool name_index_find(const struct name_index *names, const struct dname_key *key,
                     struct dname_key *before);

#endif
