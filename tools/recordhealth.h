/* Static records that an older version took and this one refuses: they are served as they are, and
 * nobody can read them. */
#ifndef TOOLS_RECORDHEALTH_H
#define TOOLS_RECORDHEALTH_H

#include <jansson.h>

#include "zone/registry/registry.h"

/* One text for the first of them, and how many there are. */
enum result recordhealth_warn(json_t *warnings, struct store_txn *registry,
                              const struct settings *settings);

#endif
