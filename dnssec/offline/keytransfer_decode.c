/* A package before it is boxed: u8 layout, u8 length and octets of the zone's name in wire form, u8
 * number of keys; for each: u8 algorithm, u8 role (+ 128: without its private key), u64 created_at,
 * life, public key, private key; the rollover memory; u64 number, u64 made_at, u8 role bits
 * that are held, u8 flags (1: has slices, 2: has cookie secrets); slices (keytransfer_plan.c);
 * cookie secrets as in their row. All lengths follow from the algorithm. */
#include <sodium.h>

#include "dnssec/offline/keytransfer_private.h"

void keytransfer_package_done(struct package *package)
{
    for (size_t i = 0; i < package->count; i++) {
        key_free(package->list[i].key);
    }
    slices_done(&package->slices);
    sodium_memzero(&package->cookies, sizeof package->cookies);
}

static enum result unpack_key(struct packed *out, struct reader *r, struct diag *diag)
{
    struct key_parts parts = { .algorithm = (enum algorithm)read_u8(r) };
    uint8_t role = read_u8(r);
    bool offline = (role & KEYTRANSFER_ROLE_OFFLINE) != 0;
    parts.role = (enum key_role)(role & ~KEYTRANSFER_ROLE_OFFLINE);
    parts.private_len = offline ? 0 : KEY_PRIVATE_MAX;
    out->created_at = read_u64(r);
    out->life = key_life_read(r);
    parts.public_len = key_public_len(parts.algorithm);
    parts.public_key = read_octets(r, parts.public_len);
    parts.private_key = offline ? NULL : read_octets(r, KEY_PRIVATE_MAX);
    return r->failed ? diag_fail(diag, RESULT_INVALID, "the package of keys is damaged")
                     : key_from_parts(&out->key, &parts, diag);
}

static void read_rest(struct package *out, struct reader *r)
{
    out->about.number = read_u64(r);
    out->about.made_at = read_u64(r);
    out->about.held = read_u8(r);
    uint8_t flags = read_u8(r);
    r->failed = r->failed || (out->about.held & ~(unsigned)KEY_CSK) != 0 ||
                (flags & ~(KEYTRANSFER_FLAG_SLICES | KEYTRANSFER_FLAG_COOKIES)) != 0;
    if ((flags & KEYTRANSFER_FLAG_SLICES) != 0) {
        keytransfer_read_slices(r, &out->slices);
    }
    if ((flags & KEYTRANSFER_FLAG_COOKIES) != 0) {
        out->cookies = cookie_secrets_read(r);
    }
}

enum result keytransfer_decode(struct package *out, struct reader *r, const struct dname *zone,
                               struct diag *diag)
{
    struct dname name = { .len = 0 };
    uint8_t layout = read_u8(r);
    name.len = read_u8(r);
    read_into(r, name.wire, name.len < DNAME_MAX ? name.len : 0);
    uint8_t count = read_u8(r);
    if (r->failed || layout != KEYTRANSFER_LAYOUT || count > KEYSTORE_MAX) {
        return diag_fail(diag, RESULT_INVALID,
                         "the package of keys is damaged or of another version");
    }
    if (name.len != zone->len || memcmp(name.wire, zone->wire, zone->len) != 0) {
        return diag_fail(diag, RESULT_INVALID, "the package has the keys of another zone");
    }
    enum result result = RESULT_OK;
    while (out->count < count && result == RESULT_OK) {
        result = unpack_key(&out->list[out->count], r, diag);
        out->count += result == RESULT_OK;
    }
    out->memory = key_timeline_memory_read(r);
    out->memory.follows = true;
    read_rest(out, r);
    if (result == RESULT_OK && !reader_done(r)) {
        result = diag_fail(diag, RESULT_INVALID, "the package of keys is damaged");
    }
    return result;
}
