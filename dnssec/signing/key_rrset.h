/* The RRsets at the apex that are made of keys: DNSKEY (RFC 4034 2), and for the parent zone CDS
 * and CDNSKEY (RFC 7344 3). */
#ifndef DNSSEC_KEY_RRSET_H
#define DNSSEC_KEY_RRSET_H

#include "zone/names/rrset.h"

/* Adds the record of one key to a builder of type DNSKEY, CDS or CDNSKEY. `dnskey` is the key's
 * DNSKEY rdata. */
void key_rrset_add(struct rrset_builder *b, const struct dname *apex, const uint8_t *dnskey,
                   size_t len);
/* As rrset_end. CDS and CDNSKEY without a key ask the parent to remove the DS (RFC 8078 4). */
bool key_rrset_end(struct rrset_builder *b, struct rrset *out);

#endif
