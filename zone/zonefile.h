/* Zone files and presentation format, by ldns (the only file of this folder that knows it). Never for packets. */
#ifndef ZONE_ZONEFILE_H
#define ZONE_ZONEFILE_H

#include <stdio.h>

#include "zone/rrset.h"

struct zonefile_source {
    FILE *file;
    const char *path; /* stands in the diag, with the line */
    struct dname origin;
    uint32_t default_ttl;
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
/* Calls `visit` with each record of a zone file (RFC 1035 5.1); $INCLUDE and what others have added to the format is refused.
 * Stops at the first that is not OK. */
enum result zonefile_read(const struct zonefile_source *from, zonefile_visit *visit, void *arg,
                          struct diag *diag);
/* Prints an RRset, a record a line. */
enum result zonefile_print(FILE *file, const struct dname *owner, const struct rrset *set);
/* "SRV" -> 33, "TYPE65" -> 65. NOT_FOUND. */
enum result zonefile_type(uint16_t *out, const char *text);
/* The type's name; room for 16 octets. */
char *zonefile_type_text(uint16_t type, char *out);

#endif
