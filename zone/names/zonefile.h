/* Zone files (RFC 1035 5.1): records in presentation format, a name, TTL, class, type and data
 * each. */
#ifndef ZONE_ZONEFILE_H
#define ZONE_ZONEFILE_H

#include <stdio.h>

#include "zone/names/rrset.h"

struct zonefile_source {
    FILE *file;
    const char *path; /* stands in the diag, with the line */
    struct dname origin;
    uint32_t default_ttl; /* of records before any that has a TTL, or $TTL */
};
/* Names are in lower case, the rdata, in wire form, is valid during the visit only. */
struct zonefile_record {
    struct dname owner;
    uint16_t type;
    uint32_t ttl;
    unsigned line; /* on which it begins */
    const uint8_t *rdata;
    size_t rdata_len; /* at most 65535 */
};
typedef enum result zonefile_visit(const struct zonefile_record *record, void *arg,
                                   struct diag *diag);
/* A TTL that is left out is that of the record before (RFC 1035 5.1), or of $TTL (RFC 2308 4).
 * Calls `visit` with each record of a zone file (RFC 1035 5.1); $INCLUDE and what others have added
 * to the format is refused. Stops at the first that is not OK. */
enum result zonefile_read(const struct zonefile_source *from, zonefile_visit *visit, void *arg,
                          struct diag *diag);
/* Prints an RRset, a record a line. */
enum result zonefile_print(FILE *file, const struct dname *owner, const struct rrset *set);

#endif
