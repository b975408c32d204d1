#include "dnssec/signing/key_rrset.h"

#include "dnssec/keys/key.h"

void key_rrset_add(struct rrset_builder *b, const struct dname *apex, const uint8_t *dnskey,
                   size_t len)
{
    uint8_t ds[KEY_DS_LEN];
    if (b->type == RR_CDS) {
        key_ds_of(dnskey, len, apex, ds);
        rrset_add(b, ds, sizeof ds);
    } else {
        rrset_add(b, dnskey, len);
    }
}

bool key_rrset_end(struct rrset_builder *b, struct rrset *out)
{
    static const uint8_t remove_ds[] = { 0, 0, 0, 0, 0 }, remove_dnskey[] = { 0, 0, 3, 0, 0 };
    if (b->count == 0 && b->type != RR_DNSKEY) {
        rrset_add(b, b->type == RR_CDS ? remove_ds : remove_dnskey, sizeof remove_ds);
    }
    return rrset_end(b, out);
}
