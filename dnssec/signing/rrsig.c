#include "dnssec/signing/rrsig.h"

uint8_t rrsig_labels(const struct dname *owner)
{
    unsigned labels = dname_labels(owner);
    bool wildcard = owner->wire[0] == 1 && owner->wire[1] == '*';
    return (uint8_t)(wildcard ? labels - 1 : labels);
}

void rrsig_write_signed(struct writer *w, const uint8_t *prefix, size_t prefix_len,
                        const struct dname *owner, const struct rrset *set)
{
    struct dname lower = *owner;
    const uint8_t *rdata = NULL;
    uint16_t len = 0;
    dname_lower(&lower);
    write_octets(w, prefix, prefix_len);
    for (size_t at = 0; rrset_next(set, &at, &rdata, &len);) {
        dname_write(w, &lower);
        write_u16(w, set->type);
        write_u16(w, RR_CLASS_IN);
        write_u32(w, set->ttl);
        write_u16(w, len);
        write_octets(w, rdata, len);
    }
}
