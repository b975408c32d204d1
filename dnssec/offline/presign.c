#include "dnssec/offline/presign.h"

enum {
    RECORD_MAX = DNAME_MAX + 10 + KEY_DNSKEY_MAX,
    DATA_ROOM = 18 + DNAME_MAX + KEYSTORE_MAX * RECORD_MAX
};

/* RFC 4034 3.1.8.1: RRSIG rdata without the signature, then each record in canonical form. Returns
 * the length. */
static size_t signed_data(uint8_t out[DATA_ROOM], const struct slice *slice,
                          const struct key_set *keys, size_t i, size_t type,
                          const struct dname *apex)
{
    uint8_t scratch[SLICES_RRSET_ROOM];
    struct rrset set;
    struct dname owner = *apex;
    struct writer w = writer_of(out, DATA_ROOM);
    dname_lower(&owner);
    ASSERT(slice_rrset(slice, keys, &owner, slice_types[type], scratch, &set));
    write_u16(&w, set.type);
    write_u8(&w, (uint8_t)keys->list[i].algorithm);
    write_u8(&w, (uint8_t)dname_labels(&owner));
    write_u32(&w, set.ttl);
    write_u32(&w, (uint32_t)slice->expiration);
    write_u32(&w, (uint32_t)slice->inception);
    write_u16(&w, keys->list[i].tag);
    write_octets(&w, owner.wire, owner.len);
    const uint8_t *rdata = NULL;
    uint16_t len = 0;
    for (size_t at = 0; rrset_next(&set, &at, &rdata, &len);) {
        write_octets(&w, owner.wire, owner.len);
        write_u16(&w, set.type);
        write_u16(&w, RR_CLASS_IN);
        write_u32(&w, set.ttl);
        write_u16(&w, len);
        write_octets(&w, rdata, len);
    }
    ASSERT(!w.failed);
    return w.at;
}

enum result presign_slice(struct slice *slice, const struct key_set *keys, size_t i,
                          const struct key *key, const struct dname *apex)
{
    uint8_t data[DATA_ROOM];
    struct key_context *context = NULL;
    enum result result = key_context_new(&context, key);
    for (size_t type = 0; type < SLICE_TYPES && result == RESULT_OK; type++) {
        uint8_t *place = slice_sign(slice, i, type);
        size_t len = signed_data(data, slice, keys, i, type, apex);
        result = place == NULL ? RESULT_TOO_LONG : key_sign(context, data, len, place);
    }
    key_context_free(context);
    return result;
}

bool presign_check(const struct slice *slice, const struct key_set *keys, size_t i,
                   const struct dname *apex)
{
    uint8_t data[DATA_ROOM];
    const struct key_record *record = &keys->list[i];
    const struct key_parts parts = { .algorithm = record->algorithm,
                                     .role = record->role,
                                     .public_key = record->public_key,
                                     .public_len = record->public_len };
    struct key *key = NULL;
    if (slice_signature(slice, i, 0) == NULL || key_from_parts(&key, &parts, NULL) != RESULT_OK) {
        return false;
    }
    bool good = true;
    for (size_t type = 0; type < SLICE_TYPES && good; type++) {
        size_t len = signed_data(data, slice, keys, i, type, apex);
        good = key_verify(key, data, len, slice_signature(slice, i, type));
    }
    key_free(key);
    return good;
}
