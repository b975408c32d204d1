/* Zone files and presentation format, by ldns (the only file of this folder that knows it). Never for packets. */
#ifndef ZONE_ZONEFILE_H
#define ZONE_ZONEFILE_H

#include <stdio.h>

#include "zone/rrset.h"

/* Calls `visit` with each record of a zone file (RFC 1035 5.1), names in lower case, rdata in wire form. Stops at the first that
 * is not OK. `path` stands in the diag with the line. */
typedef enum result zonefile_visit(const struct dname *owner, uint16_t type, uint32_t ttl,
                                   const uint8_t *rdata, size_t rdata_len, unsigned line, void *arg,
                                   struct diag *diag);
enum result zonefile_read(FILE *file, const char *path, const struct dname *origin,
                          uint32_t default_ttl, zonefile_visit *visit, void *arg,
                          struct diag *diag);
/* Prints an RRset, a record a line. */
enum result zonefile_print(FILE *file, const struct dname *owner, const struct rrset *set);
/* "SRV" -> 33, "TYPE65" -> 65. NOT_FOUND. */
enum result zonefile_type(uint16_t *out, const char *text);
/* The type's name; room for 16 octets. */
char *zonefile_type_text(uint16_t type, char *out);

#endif
