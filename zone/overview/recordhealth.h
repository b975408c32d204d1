/* Warning about malformed static records. This version refuses them, an older one did
 * not. They are served as stored, and no client can parse them. */
#ifndef ZONE_RECORDHEALTH_H
#define ZONE_RECORDHEALTH_H

#include "zone/base/concern.h"
#include "zone/registry/registry.h"

/* Adds one warning, with the first such RRset and the number of further ones. */
enum result recordhealth_warn(struct concerns *concerns, struct store_txn *registry,
                              const struct settings *settings);

#endif
