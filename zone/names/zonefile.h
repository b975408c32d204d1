/* Zone files (RFC 1035 5.1): records in presentation format with owner name, TTL, class, type and
 * rdata. */
#ifndef ZONE_ZONEFILE_H
#define ZONE_ZONEFILE_H

#include <stdio.h>

#include "zone/names/rrset.h"

struct zonefile_source {
    FILE *file;
    const char *path; /* shown in the diag, with the line */
    struct dname origin;
    uint32_t default_ttl; /* of records before the first TTL or $TTL */
};
/* The owner is lower case. The rdata is in wire form, valid during the visit only. */
struct zonefile_record {
    struct dname owner;
    uint16_t type;
    uint32_t ttl;
    unsigned line; /* where the record starts */
    const uint8_t *rdata;
    size_t rdata_len; /* at most 65535 */
};
typedef enum result zonefile_visit(const struct zonefile_record *record, void *arg,
                                   struct diag *diag);
/* Calls `visit` with each record of a zone file (RFC 1035 5.1). A missing TTL is that of $TTL (RFC
 * 2308 4) or else of the record before (RFC 1035 5.1). $INCLUDE and extensions of the format are
 * refused. Stops at the first result other than OK. */
enum result zonefile_read(const struct zonefile_source *from, zonefile_visit *visit, void *arg,
                          struct diag *diag);
/* Prints an RRset, one record per line. */
enum result zonefile_print(FILE *file, const struct dname *owner, const struct rrset *set);

#endif
