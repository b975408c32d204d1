#include "dnssec/offline/presign.h"

#include "dnssec/signing/rrsig.h"

enum {
    RECORD_MAX = DNAME_MAX + 10 + KEY_DNSKEY_MAX,
    DATA_ROOM = RRSIG_PREFIX_MAX + KEYSTORE_MAX * RECORD_MAX
};

/* Writes the data that key `i` signs (RFC 4034 3.1.8.1). Returns the length. */
static size_t signed_data(uint8_t out[DATA_ROOM], const struct slice *slice,
                          const struct key_set *keys, size_t i, size_t type,
                          const struct dname *apex)
{
    uint8_t scratch[SLICES_RRSET_ROOM], prefix[RRSIG_PREFIX_MAX];
    struct rrset set;
    struct dname owner = *apex;
    struct writer w = writer_of(prefix, sizeof prefix), data = writer_of(out, DATA_ROOM);
    dname_lower(&owner);
    CHECK(slice_rrset(slice, keys, &owner, slice_types[type], scratch, &set));
    write_u16(&w, set.type);
    write_u8(&w, (uint8_t)keys->list[i].algorithm);
    write_u8(&w, rrsig_labels(&owner));
    write_u32(&w, set.ttl);
    write_u32(&w, (uint32_t)slice->expiration);
    write_u32(&w, (uint32_t)slice->inception);
    write_u16(&w, keys->list[i].tag);
    dname_write(&w, &owner);
    rrsig_write_signed(&data, prefix, w.at, &owner, &set);
    ASSERT(!w.failed && !data.failed);
    return data.at;
}

enum result presign_slice(struct slice *slice, const struct key_set *keys, size_t i,
                          const struct key *key, const struct dname *apex)
{
    uint8_t data[DATA_ROOM];
    struct key_context *context = NULL;
    TRY(key_context_new(&context, key));
    enum result result = RESULT_OK;
    for (size_t type = 0; type < SLICE_TYPES && result == RESULT_OK; type++) {
        uint8_t *room = slice_sign(slice, i, type);
        size_t len = signed_data(data, slice, keys, i, type, apex);
        result = room == NULL ? RESULT_TOO_LONG : key_sign(context, data, len, room);
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
