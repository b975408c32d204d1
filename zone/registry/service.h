/* The owner names of SRV records: `_ntske._tcp` (RFC 2782, draft-ladd-nts-for-the-ntp-pool 4) of
 * the pool and of each of its regions. */
#ifndef ZONE_SERVICE_H
#define ZONE_SERVICE_H

#include "zone/names/dname.h"

enum {
    SERVICE_LABELS_LEN = 12 /* octets of the two labels in wire form */
};

/* `_ntske._tcp.<parent>`, where the parent is the pool or a region. TOO_LONG if it is no name. */
enum result service_name(struct dname *out, const struct dname *parent);
/* The key of the service's name of the pool, or of a region by its label; NULL: of the pool. */
struct dname_key service_key(const char *region_label);

#endif
