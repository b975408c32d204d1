/* A package, before it is boxed: u8 layout, u8 length and octets of the zone's name in wire form, u8 number of keys; of each: u8
 * algorithm, u8 role, u64 created_at, life, public half, private half; the memory. All lengths follow from the algorithm. A role over
 * 128 is that of a key without its private half, which layout 1 did not know. */
#include "dnssec/keytransfer.h"

#include <sodium.h>

#include "dnssec/keyring.h"
#include "dnssec/slices.h"

enum {
    LAYOUT = 2,
    ROLE_ABSENT = 128,
    INIT_S = 600 /* by when `init` has done all it does */
};
_Static_assert(sodium_base64_ENCODED_LEN(SEAL_PUBLIC_LEN, sodium_base64_VARIANT_ORIGINAL) ==
                   KEYTRANSFER_IDENTITY_ROOM,
               "an identity is base64");

/* TABLE_META: the identity of whom this machine follows; zeros: it was told to lead. */
static const char leader_key[] = "leader";
static const uint8_t nobody[SEAL_PUBLIC_LEN] = { 0 };

char *keytransfer_identity_text(const uint8_t identity[SEAL_PUBLIC_LEN],
                                char out[KEYTRANSFER_IDENTITY_ROOM])
{
    return sodium_bin2base64(out, KEYTRANSFER_IDENTITY_ROOM, identity, SEAL_PUBLIC_LEN,
                             sodium_base64_VARIANT_ORIGINAL);
}

enum result keytransfer_identity_parse(uint8_t out[SEAL_PUBLIC_LEN], const char *text)
{
    uint8_t identity[SEAL_PUBLIC_LEN];
    size_t len = 0;
    if (sodium_base642bin(identity, sizeof identity, text, strlen(text), NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        len != sizeof identity) {
        return RESULT_INVALID;
    }
    memcpy(out, identity, sizeof identity);
    return RESULT_OK;
}

/* True while no server has looked after the keys that `init` made, and no parent zone has a DS of them: nobody misses them. */
static bool is_as_made(struct store_txn *keys, const struct keyroll *roll)
{
    bool made =
        roll->remembered && !roll->memory.follows && !roll->memory.insecure &&
        store_get(keys, TABLE_META, leader_key, sizeof leader_key - 1, NULL) == RESULT_NOT_FOUND;
    for (size_t i = 0; i < roll->keys.count; i++) {
        const struct key_record *key = &roll->keys.list[i];
        made = made && key->life.ds.on_clear == 0 &&
               key->created_at <= roll->memory.seen_at + INIT_S &&
               roll->memory.seen_at <= key->created_at + INIT_S;
    }
    return made || roll->keys.count == 0;
}

static enum result check_replaced(struct store_txn *keys, const struct keyroll *roll, bool replace,
                                  struct diag *diag)
{
    return replace || is_as_made(keys, roll)
               ? RESULT_OK
               : diag_fail(diag, RESULT_REFUSED,
                           "the keys that are here sign the zone, or have since init, and would be "
                           "deleted: --replace does it, after `ntspool key export` has saved them");
}

/* Keys that are in use elsewhere come in place of all there is: also of what was presigned. */
static enum result forget_slices(const struct keyroll *roll, struct store_txn *keys,
                                 struct diag *diag)
{
    const struct slices none = { .count = 0 };
    return slices_write(&none, keys, &roll->keys, diag);
}

/* The server that had the keys before has sent what this one knows nothing of: the next rollovers wait for it. */
static enum result wait_for_former(const struct keyroll *roll, struct store_txn *keys,
                                   const struct seal *seal, uint64_t now, struct diag *diag)
{
    const struct keyroll none = { .remembered = false };
    struct keyroll next = { .memory = roll->memory };
    const uint64_t until = now + KEYTRANSFER_FORMER_TTL_S;
    if (!roll->remembered) {
        return RESULT_OK; /* it expects the worst already (keyroll_timing) */
    }
    next.memory.dnskey_until = next.memory.dnskey_until > until ? next.memory.dnskey_until : until;
    next.memory.zone_until = next.memory.zone_until > until ? next.memory.zone_until : until;
    return keyroll_write(&next, &none, keys, seal, now, diag);
}

static enum result delete_all(const struct keyroll *roll, struct store_txn *keys)
{
    enum result result = RESULT_OK;
    for (size_t i = 0; i < roll->keys.count && result == RESULT_OK; i++) {
        result = keystore_delete(keys, &roll->keys.list[i]);
    }
    return result;
}

/* What was stored must make a zone: the goal for later, and the keys in use now. */
static enum result check(struct store_txn *keys, const struct seal *seal, struct diag *diag)
{
    struct keyroll roll;
    struct keyring *keyring = NULL;
    enum result result = keyroll_read(&roll, keys, diag);
    if (result == RESULT_OK && !rollover_goal_is_whole(&roll.keys)) {
        result = diag_fail(diag, RESULT_INVALID,
                           "with these keys an algorithm has no KSK or no ZSK: give both, or --csk "
                           "for a key with flags 257 that is both");
    }
    if (result == RESULT_OK) {
        result = keyring_load(&keyring, keys, seal, diag);
        keyring_unref(keyring);
    }
    return result;
}

/* While a key-signing key is elsewhere, its bundles name the ZSKs. */
static enum result check_given(const struct given_keys *given, unsigned roles,
                               const struct keyroll *roll, struct diag *diag)
{
    if (!given->in_use && (roles & KEY_ZSK) != 0 && rollover_is_held(&roll->keys)) {
        return diag_fail(
            diag, RESULT_REFUSED,
            "the key-signing key is elsewhere, and a ZSK that is in none of its bundles "
            "can't be used: take it back first (`ntspool key online`)");
    }
    return RESULT_OK;
}

/* True if none of the keys that are here is missing among the given ones, whole. */
static bool has_all(const struct given_keys *given, const struct keyroll *roll)
{
    size_t found = 0;
    for (size_t k = 0; k < roll->keys.count; k++) {
        for (size_t i = 0; i < given->count; i++) {
            const struct key *key = given->list[i];
            const struct key_record *record = &roll->keys.list[k];
            size_t len = 0;
            const uint8_t *half = key_public(key, &len);
            if (len == record->public_len && memcmp(half, record->public_key, len) == 0 &&
                key_is_whole(key)) {
                found++;
                break;
            }
        }
    }
    return found == roll->keys.count;
}

enum result keytransfer_add(struct store_txn *keys, const struct seal *seal,
                            const struct given_keys *given, uint64_t now, struct diag *diag)
{
    struct keyroll roll, before;
    unsigned roles = 0;
    for (size_t i = 0; i < given->count; i++) {
        roles |= (unsigned)key_role(given->list[i]);
    }
    enum result result = keyroll_read(&roll, keys, diag);
    before = roll;
    if (result == RESULT_OK) {
        result = check_given(given, roles, &roll, diag);
    }
    if (result == RESULT_OK && given->in_use && !has_all(given, &roll)) {
        result = check_replaced(keys, &roll, given->replace, diag);
    }
    if (result == RESULT_OK) {
        result =
            keyroll_dismiss(&roll, roles, given->in_use ? 0 : given->count, given->in_use, diag);
    }
    if (result == RESULT_OK) {
        result = given->in_use ? delete_all(&roll, keys)
                               : keyroll_write(&roll, &before, keys, seal, now, diag);
    }
    if (result == RESULT_OK && given->in_use) {
        result = forget_slices(&roll, keys, diag);
    }
    if (result == RESULT_OK && given->in_use) {
        result = wait_for_former(&roll, keys, seal, now, diag);
    }
    for (size_t i = 0; i < given->count && result == RESULT_OK; i++) {
        const struct key_life coming = { .wanted = true };
        const struct key_life life =
            given->in_use ? key_life_in_use(key_role(given->list[i]), now) : coming;
        result = keystore_add(keys, given->list[i], seal, &life, now, diag);
    }
    return result == RESULT_OK ? check(keys, seal, diag) : result;
}

static enum result pack_key(struct writer *w, const struct key_record *record,
                            const struct seal *seal, struct diag *diag)
{
    struct key *key = NULL;
    enum result result = keystore_unseal(&key, record, seal, diag);
    if (result != RESULT_OK) {
        return result;
    }
    write_u8(w, (uint8_t)record->algorithm);
    write_u8(w, (uint8_t)(record->role | (record->absent ? ROLE_ABSENT : 0)));
    write_u64(w, record->created_at);
    key_life_write(w, &record->life);
    write_octets(w, record->public_key, record->public_len);
    if (!record->absent) {
        uint8_t *half = write_room(w, KEY_PRIVATE_MAX);
        ASSERT(half != NULL);
        key_private(key, half);
    }
    key_free(key);
    return RESULT_OK;
}

enum result keytransfer_pack(struct store_txn *keys, const struct seal *seal,
                             const struct dname *zone, const uint8_t recipient[SEAL_PUBLIC_LEN],
                             struct store_item *out, struct diag *diag)
{
    struct keyroll roll;
    uint8_t plain[KEYTRANSFER_PLAIN_MAX];
    struct writer w = writer_of(plain, sizeof plain);
    enum result result = keyroll_read(&roll, keys, diag);
    write_u8(&w, LAYOUT);
    write_u8(&w, zone->len);
    write_octets(&w, zone->wire, zone->len);
    write_u8(&w, (uint8_t)roll.keys.count);
    for (size_t i = 0; i < roll.keys.count && result == RESULT_OK; i++) {
        result = pack_key(&w, &roll.keys.list[i], seal, diag);
    }
    keyroll_memory_write(&w, &roll.memory);
    ASSERT(!w.failed && out->room >= w.at + SEAL_BOX_OVERHEAD);
    if (result == RESULT_OK) {
        result = seal_box(seal, recipient, plain, w.at, out->data);
        out->len = w.at + SEAL_BOX_OVERHEAD;
        result = result == RESULT_OK
                     ? result
                     : diag_fail(diag, result, "the recipient is no identity of a machine");
    }
    sodium_memzero(plain, sizeof plain);
    return result;
}

/* One key of a package. */
struct packed {
    struct key *key;
    uint64_t created_at;
    struct key_life life;
};

struct package {
    struct packed list[KEYSTORE_MAX];
    size_t count;
    struct rollover_memory memory;
};

static void package_done(struct package *package)
{
    for (size_t i = 0; i < package->count; i++) {
        key_free(package->list[i].key);
    }
}

static enum result unpack_key(struct packed *out, struct reader *r, struct diag *diag)
{
    struct key_parts parts = { .algorithm = (enum algorithm)read_u8(r) };
    uint8_t role = read_u8(r);
    bool absent = (role & ROLE_ABSENT) != 0;
    parts.role = (enum key_role)(role & ~ROLE_ABSENT);
    parts.private_len = absent ? 0 : KEY_PRIVATE_MAX;
    out->created_at = read_u64(r);
    out->life = key_life_read(r);
    parts.public_len = key_public_len(parts.algorithm);
    parts.public_key = read_octets(r, parts.public_len);
    parts.private_key = absent ? NULL : read_octets(r, KEY_PRIVATE_MAX);
    return r->failed ? diag_fail(diag, RESULT_INVALID, "the package of keys is damaged")
                     : key_from_parts(&out->key, &parts, diag);
}

static enum result unpack_all(struct package *out, struct reader *r, const struct dname *zone,
                              struct diag *diag)
{
    struct dname name = { .len = 0 };
    uint8_t layout = read_u8(r);
    name.len = read_u8(r);
    read_into(r, name.wire, name.len < DNAME_MAX ? name.len : 0);
    uint8_t count = read_u8(r);
    if (r->failed || layout != LAYOUT || count > KEYSTORE_MAX) {
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
    out->memory = keyroll_memory_read(r);
    out->memory.follows = true;
    if (result == RESULT_OK && !reader_done(r)) {
        result = diag_fail(diag, RESULT_INVALID, "the package of keys is damaged");
    }
    return result;
}

static bool is_same(const struct package *package, const struct keyroll *roll)
{
    bool same = package->count == roll->keys.count && roll->memory.follows &&
                package->memory.seen_at == roll->memory.seen_at &&
                package->memory.insecure == roll->memory.insecure;
    for (size_t i = 0; i < package->count && same; i++) { /* both in the store's order */
        const struct key_record *record = &roll->keys.list[i];
        same = key_tag(package->list[i].key) == record->tag &&
               key_is_whole(package->list[i].key) == !record->absent &&
               key_algorithm(package->list[i].key) == record->algorithm &&
               key_life_equal(&package->list[i].life, &record->life);
    }
    return same;
}

/* A private half that only this machine may have is not deleted because another one has none. */
static enum result check_halves(const struct package *package, const struct keyroll *roll,
                                struct diag *diag)
{
    for (size_t i = 0; i < package->count; i++) {
        const struct key *key = package->list[i].key;
        for (size_t k = 0; k < roll->keys.count; k++) {
            const struct key_record *record = &roll->keys.list[k];
            if (!key_is_whole(key) && !record->absent && record->tag == key_tag(key) &&
                record->algorithm == key_algorithm(key)) {
                return diag_fail(diag, RESULT_REFUSED,
                                 "the package has the KSK %u without its private half, which is "
                                 "here and would be lost: if that is meant, `ntspool key offline` "
                                 "first",
                                 record->tag);
            }
        }
    }
    return RESULT_OK;
}

/* Packages may come late, or be sent again. */
static enum result check_order(const struct package *package, const struct keyroll *roll,
                               struct diag *diag)
{
    return !roll->memory.follows || package->memory.seen_at >= roll->memory.seen_at
               ? RESULT_OK
               : diag_fail(diag, RESULT_REFUSED,
                           "the package is older than the one that the keys here are from: make a "
                           "new one; if its maker was set back, --replace takes it");
}

static bool same_identity(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, SEAL_PUBLIC_LEN) == 0;
}

/* Whoever can send packages has the zone's keys in hand: it is always the same one, or one who is named. */
static enum result check_sender(struct store_txn *keys, const struct seal *seal,
                                const struct package_offer *offer,
                                const uint8_t sender[SEAL_PUBLIC_LEN], struct diag *diag)
{
    uint8_t self[SEAL_PUBLIC_LEN], leader[SEAL_PUBLIC_LEN];
    char theirs[KEYTRANSFER_IDENTITY_ROOM], wanted[KEYTRANSFER_IDENTITY_ROOM];
    seal_public(seal, self);
    if (same_identity(sender, self)) {
        return diag_fail(diag, RESULT_REFUSED, "the package was made by this machine itself");
    }
    if (offer->from != NULL) {
        memcpy(leader, offer->from, sizeof leader);
    } else if (keytransfer_leader(keys, leader) != RESULT_OK) {
        return RESULT_OK;
    }
    return same_identity(sender, leader)
               ? RESULT_OK
               : diag_fail(diag, RESULT_REFUSED,
                           "the package comes from %s, and %s is followed here: --from with what "
                           "`ntspool key identity` prints on the leader makes it the one to follow",
                           keytransfer_identity_text(sender, theirs),
                           keytransfer_identity_text(leader, wanted));
}

enum result keytransfer_leader(struct store_txn *keys, uint8_t out[SEAL_PUBLIC_LEN])
{
    uint8_t row[SEAL_PUBLIC_LEN];
    struct store_item value = { .data = row, .room = sizeof row };
    enum result result = store_get(keys, TABLE_META, leader_key, sizeof leader_key - 1, &value);
    if (result != RESULT_OK || value.len != sizeof row) {
        return result != RESULT_OK ? result : RESULT_DAMAGED;
    }
    if (same_identity(row, nobody)) {
        return RESULT_NOT_FOUND;
    }
    memcpy(out, row, sizeof row);
    return RESULT_OK;
}

static enum result follow(struct store_txn *keys, const uint8_t sender[SEAL_PUBLIC_LEN])
{
    uint8_t leader[SEAL_PUBLIC_LEN];
    if (keytransfer_leader(keys, leader) == RESULT_OK && same_identity(leader, sender)) {
        return RESULT_OK;
    }
    return store_put(keys, TABLE_META, leader_key, sizeof leader_key - 1, sender, SEAL_PUBLIC_LEN);
}

enum result keytransfer_lead(struct store_txn *keys, const struct seal *seal, uint64_t now,
                             struct diag *diag)
{
    struct keyroll roll;
    enum result result = keyroll_read(&roll, keys, diag);
    if (result == RESULT_OK && !roll.memory.follows) {
        result = diag_fail(diag, RESULT_REFUSED, "this machine leads already");
    }
    if (result == RESULT_OK && roll.keys.count == 0) {
        result = diag_fail(diag, RESULT_REFUSED, "there are no keys to lead with: no package came");
    }
    if (result != RESULT_OK) {
        return result;
    }
    const struct keyroll before = roll;
    roll.memory.follows = false;
    result = store_put(keys, TABLE_META, leader_key, sizeof leader_key - 1, nobody, sizeof nobody);
    return result == RESULT_OK ? keyroll_write(&roll, &before, keys, seal, now, diag)
                               : diag_fail(diag, result, "that this machine leads can't be stored");
}

static enum result check_package(const struct package *package, struct store_txn *keys,
                                 const struct keyroll *roll, bool replace, struct diag *diag)
{
    enum result result =
        roll->memory.follows ? RESULT_OK : check_replaced(keys, roll, replace, diag);
    if (result == RESULT_OK && !replace) {
        result = check_order(package, roll, diag);
    }
    return result == RESULT_OK ? check_halves(package, roll, diag) : result;
}

static enum result replace_by(const struct package *package, struct store_txn *keys,
                              const struct seal *seal, bool replace, struct diag *diag)
{
    struct keyroll roll;
    enum result result = keyroll_read(&roll, keys, diag);
    if (result != RESULT_OK || is_same(package, &roll)) {
        return result;
    }
    result = check_package(package, keys, &roll, replace, diag);
    if (result == RESULT_OK) {
        result = delete_all(&roll, keys);
    }
    for (size_t i = 0; i < package->count && result == RESULT_OK; i++) {
        const struct packed *packed = &package->list[i];
        result = keystore_add(keys, packed->key, seal, &packed->life, packed->created_at, diag);
    }
    if (result == RESULT_OK) {
        const struct keyroll memory = { .memory = package->memory }, none = { .remembered = false };
        result = keyroll_write(&memory, &none, keys, seal, 0, diag);
    }
    return result == RESULT_OK ? check(keys, seal, diag) : result;
}

enum result keytransfer_unpack(struct store_txn *keys, const struct seal *seal,
                               const struct dname *zone, const struct package_offer *offer,
                               struct diag *diag)
{
    uint8_t plain[KEYTRANSFER_PLAIN_MAX], sender[SEAL_PUBLIC_LEN];
    struct package package = { .count = 0 };
    enum result result = offer->len > KEYTRANSFER_MAX
                             ? RESULT_UNSEALABLE
                             : seal_unbox(seal, offer->data, offer->len, plain, sender);
    if (result != RESULT_OK) {
        return diag_fail(diag, result,
                         "the package was not made for this machine (`ntspool key identity`), or "
                         "is damaged");
    }
    struct reader r = reader_of(plain, offer->len - SEAL_BOX_OVERHEAD);
    result = check_sender(keys, seal, offer, sender, diag);
    if (result == RESULT_OK) {
        result = unpack_all(&package, &r, zone, diag);
    }
    if (result == RESULT_OK) {
        result = replace_by(&package, keys, seal, offer->replace, diag);
    }
    if (result == RESULT_OK) {
        result = follow(keys, sender);
    }
    package_done(&package);
    sodium_memzero(plain, sizeof plain);
    return result;
}
