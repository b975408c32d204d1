/* Packages: made, boxed and sealed; opened and taken in. */
#include <sodium.h>

#include "dnssec/offline/keytransfer_private.h"
#include "dnssec/offline/presign.h"

enum {
    TAKEN_LAYOUT = 1,
    TAKEN_LEN = 1 + 2 * 8 + 1
};
_Static_assert(sodium_base64_ENCODED_LEN(SEAL_PUBLIC_LEN, sodium_base64_VARIANT_ORIGINAL) ==
                   KEYTRANSFER_IDENTITY_ROOM,
               "an identity is base64");

/* Row of TABLE_META: the leader's identity; zeros: this machine was made the leader. */
static const char leader_key[] = "leader";
/* Row of TABLE_META: u8 layout, u64 number, u64 made_at, u8 role bits that are held. */
static const char taken_key[] = "package";
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

bool keytransfer_was_led(struct store_txn *keys)
{
    return store_get(keys, TABLE_META, leader_key, sizeof leader_key - 1, NULL) != RESULT_NOT_FOUND;
}

static enum result pack_key(struct writer *w, const struct key_record *record,
                            const struct seal *seal, bool zsk_only, struct diag *diag)
{
    struct key *key = NULL;
    bool offline = record->offline || (zsk_only && record->role == KEY_KSK);
    TRY(keystore_unseal(&key, record, seal, diag));
    write_u8(w, (uint8_t)record->algorithm);
    write_u8(w, (uint8_t)(record->role | (offline ? KEYTRANSFER_ROLE_OFFLINE : 0)));
    write_u64(w, record->created_at);
    key_life_write(w, &record->life);
    write_octets(w, record->public_key, record->public_len);
    if (!offline) {
        uint8_t *private_key = write_room(w, KEY_PRIVATE_MAX);
        ASSERT(private_key != NULL);
        key_private(key, private_key);
    }
    key_free(key);
    return RESULT_OK;
}

static void write_rest(struct writer *w, const struct package_options *options,
                       const struct slices *slices)
{
    const struct cookie_secrets *cookies = options->cookies;
    write_u64(w, options->number);
    write_u64(w, options->now);
    write_u8(w, (uint8_t)options->held);
    write_u8(w, (uint8_t)((slices->count > 0 ? KEYTRANSFER_FLAG_SLICES : 0) |
                          (cookies != NULL && cookies->present ? KEYTRANSFER_FLAG_COOKIES : 0)));
    if (slices->count > 0) {
        keytransfer_write_slices(w, slices);
    }
    if (cookies != NULL && cookies->present) {
        cookie_secrets_write(w, cookies);
    }
}

enum result keytransfer_pack(struct store_txn *keys, const struct seal *seal,
                             const struct settings *settings, const struct package_options *options,
                             struct store_item *out, struct diag *diag)
{
    struct key_timeline timeline;
    struct slices slices = { .count = 0 };
    uint8_t plain[KEYTRANSFER_PLAIN_MAX];
    struct writer w = writer_of(plain, sizeof plain);
    TRY(key_timeline_read(&timeline, keys, diag));
    enum result result = options->zsk_only
                             ? keytransfer_plan(&slices, keys, seal, settings, options, diag)
                             : RESULT_OK;
    write_u8(&w, KEYTRANSFER_LAYOUT);
    write_u8(&w, settings->apex.len);
    write_octets(&w, settings->apex.wire, settings->apex.len);
    write_u8(&w, (uint8_t)timeline.keys.count);
    for (size_t i = 0; i < timeline.keys.count && result == RESULT_OK; i++) {
        result = pack_key(&w, &timeline.keys.list[i], seal, options->zsk_only, diag);
    }
    key_timeline_memory_write(&w, &timeline.memory);
    write_rest(&w, options, &slices);
    slices_done(&slices);
    ASSERT(!w.failed && out->room >= w.at + SEAL_BOX_OVERHEAD);
    if (result == RESULT_OK) {
        result = seal_box(seal, options->recipient, plain, w.at, out->data);
        out->len = w.at + SEAL_BOX_OVERHEAD;
        result = result == RESULT_OK
                     ? result
                     : diag_fail(diag, result, "the recipient is not the identity of a machine");
    }
    sodium_memzero(plain, sizeof plain);
    return result;
}

static bool is_same(const struct package *package, const struct key_timeline *timeline)
{
    bool same = package->count == timeline->keys.count && timeline->memory.follows &&
                package->slices.count == 0 && package->memory.seen_at == timeline->memory.seen_at &&
                package->memory.insecure == timeline->memory.insecure;
    for (size_t i = 0; i < package->count && same; i++) { /* both in the store's order */
        const struct key_record *record = &timeline->keys.list[i];
        same = key_tag(package->list[i].key) == record->tag &&
               key_has_private(package->list[i].key) == !record->offline &&
               key_algorithm(package->list[i].key) == record->algorithm &&
               key_life_equal(&package->list[i].life, &record->life);
    }
    return same;
}

/* REFUSED if a private key would be deleted that perhaps only this machine has. */
static enum result check_private_keys(const struct package *package,
                                      const struct key_timeline *timeline, struct diag *diag)
{
    for (size_t i = 0; i < package->count; i++) {
        const struct key *key = package->list[i].key;
        for (size_t k = 0; k < timeline->keys.count; k++) {
            const struct key_record *record = &timeline->keys.list[k];
            if (!key_has_private(key) && !record->offline && record->tag == key_tag(key) &&
                record->algorithm == key_algorithm(key)) {
                return diag_fail(diag, RESULT_REFUSED,
                                 "the package has the KSK %u without its private key, which is "
                                 "here and would be lost: if that is meant, `ntspool key offline` "
                                 "first, or --replace",
                                 record->tag);
            }
        }
    }
    return RESULT_OK;
}

/* REFUSED for a package that is older than the last: it came late or was sent again. */
static enum result check_order(const struct package *package, const struct key_timeline *timeline,
                               const struct package_taken *last, bool named, struct diag *diag)
{
    bool is_newer = (named || package->memory.seen_at >= timeline->memory.seen_at) &&
                    (package->about.number == 0 || package->about.number > last->number);
    return !timeline->memory.follows || is_newer
               ? RESULT_OK
               : diag_fail(diag, RESULT_REFUSED,
                           "the package is older than the one that the keys here are from: make a "
                           "new one; if its maker was set back, --replace takes it");
}

static bool same_identity(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, SEAL_PUBLIC_LEN) == 0;
}

/* Packages decide about the zone's keys, so they come from one leader only, or from one that the
 * operator names. */
static enum result check_sender(struct store_txn *keys, const struct seal *seal,
                                const struct package_import *import,
                                const uint8_t sender[SEAL_PUBLIC_LEN], struct diag *diag)
{
    uint8_t self[SEAL_PUBLIC_LEN], leader[SEAL_PUBLIC_LEN];
    char theirs[KEYTRANSFER_IDENTITY_ROOM], wanted[KEYTRANSFER_IDENTITY_ROOM];
    seal_public(seal, self);
    if (same_identity(sender, self)) {
        return diag_fail(diag, RESULT_REFUSED, "the package was made by this machine itself");
    }
    if (import->from != NULL) {
        memcpy(leader, import->from, sizeof leader);
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
    TRY(store_get(keys, TABLE_META, leader_key, sizeof leader_key - 1, &value));
    if (value.len != sizeof row) {
        return RESULT_DAMAGED;
    }
    if (same_identity(row, nobody)) {
        return RESULT_NOT_FOUND;
    }
    memcpy(out, row, sizeof row);
    return RESULT_OK;
}

static enum result set_leader(struct store_txn *keys, const uint8_t sender[SEAL_PUBLIC_LEN])
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
    struct key_timeline timeline;
    TRY(key_timeline_read(&timeline, keys, diag));
    if (!timeline.memory.follows) {
        return diag_fail(diag, RESULT_REFUSED, "this machine leads already");
    }
    if (timeline.keys.count == 0) {
        return diag_fail(diag, RESULT_REFUSED, "there are no keys to lead with: no package came");
    }
    const struct key_timeline before = timeline;
    timeline.memory.follows = false;
    enum result result =
        store_put(keys, TABLE_META, leader_key, sizeof leader_key - 1, nobody, sizeof nobody);
    return result == RESULT_OK ? key_timeline_write(&timeline, &before, keys, seal, now, diag)
                               : diag_fail(diag, result, "that this machine leads can't be stored");
}

static enum result check_package(const struct package *package, struct store_txn *keys,
                                 const struct key_timeline *timeline,
                                 const struct package_taken *last,
                                 const struct package_import *import, struct diag *diag)
{
    if (!timeline->memory.follows) {
        TRY(keytransfer_check_replaced(keys, timeline, import->replace, diag));
    }
    if (import->replace) {
        return RESULT_OK;
    }
    TRY(check_order(package, timeline, last, import->named, diag));
    return check_private_keys(package, timeline, diag);
}

/* INVALID unless each KSK of the slice has signed it. */
static enum result check_slice(const struct slice *slice, const struct key_set *keys,
                               const struct dname *zone, struct diag *diag)
{
    for (size_t i = 0; i < KEYSTORE_MAX; i++) {
        bool named = key_bits_have(slice->aim.dnskey, i);
        bool signs = i < keys->count && named && (keys->list[i].role & KEY_KSK) != 0;
        if ((named && i >= keys->count) || signs != (slice_signature(slice, i, 0) != NULL) ||
            (signs && !presign_check(slice, keys, i, zone))) {
            return diag_fail(diag, RESULT_INVALID, "a signature of the package's KSK is bad");
        }
    }
    return RESULT_OK;
}

/* Stores the package's signatures of KSKs without private keys. The keys are in the store already.
 */
static enum result store_slices(const struct slices *slices, struct store_txn *keys,
                                const struct dname *zone, struct diag *diag)
{
    struct key_timeline timeline;
    TRY(key_timeline_read(&timeline, keys, diag));
    for (size_t i = 0; i < slices->count; i++) {
        TRY(check_slice(&slices->list[i], &timeline.keys, zone, diag));
    }
    return slices_write(slices, keys, &timeline.keys, diag);
}

enum result keytransfer_taken(struct store_txn *keys, struct package_taken *out)
{
    uint8_t row[TAKEN_LEN];
    struct store_item value = { .data = row, .room = sizeof row };
    TRY(store_get(keys, TABLE_META, taken_key, sizeof taken_key - 1, &value));
    struct reader r = reader_of(row, value.len);
    uint8_t layout = read_u8(&r);
    out->number = read_u64(&r);
    out->made_at = read_u64(&r);
    out->held = read_u8(&r);
    return reader_done(&r) && layout == TAKEN_LAYOUT ? RESULT_OK : RESULT_DAMAGED;
}

static enum result set_taken(struct store_txn *keys, const struct package_taken *taken)
{
    uint8_t row[TAKEN_LEN];
    struct writer w = writer_of(row, sizeof row);
    write_u8(&w, TAKEN_LAYOUT);
    write_u64(&w, taken->number);
    write_u64(&w, taken->made_at);
    write_u8(&w, (uint8_t)taken->held);
    return store_put(keys, TABLE_META, taken_key, sizeof taken_key - 1, row, sizeof row);
}

static enum result replace_keys(const struct package *package, struct store_txn *keys,
                                const struct seal *seal, const struct dname *zone,
                                struct diag *diag)
{
    for (size_t i = 0; i < package->count; i++) {
        const struct packed *packed = &package->list[i];
        TRY(keystore_add(keys, packed->key, seal, &packed->life, packed->created_at, diag));
    }
    const struct key_timeline next = { .memory = package->memory }, none = { .remembered = false };
    TRY(key_timeline_write(&next, &none, keys, seal, 0, diag));
    if (package->slices.count > 0) {
        TRY(store_slices(&package->slices, keys, zone, diag));
    }
    return keytransfer_check(keys, seal, diag);
}

static enum result replace_by(const struct package *package, struct store_txn *keys,
                              const struct seal *seal, const struct dname *zone,
                              const struct package_import *import, struct diag *diag)
{
    struct key_timeline timeline;
    struct package_taken last = { .number = 0 }, about = package->about;
    TRY(key_timeline_read(&timeline, keys, diag));
    bool again = keytransfer_taken(keys, &last) == RESULT_OK && timeline.memory.follows &&
                 last.number != 0 && last.number == package->about.number;
    if (again || is_same(package, &timeline)) {
        return RESULT_OK;
    }
    TRY(check_package(package, keys, &timeline, &last, import, diag));
    TRY(keytransfer_delete_all(&timeline, keys));
    TRY(replace_keys(package, keys, seal, zone, diag));
    /* One made by hand does not say how the numbers of others go on. */
    about.number = about.number == 0 ? last.number : about.number;
    TRY(set_taken(keys, &about));
    return package->cookies.present ? cookie_secrets_put(keys, seal, &package->cookies, diag)
                                    : RESULT_OK;
}

enum result keytransfer_unpack(struct store_txn *keys, const struct seal *seal,
                               const struct dname *zone, const struct package_import *import,
                               struct diag *diag)
{
    uint8_t plain[KEYTRANSFER_PLAIN_MAX], sender[SEAL_PUBLIC_LEN];
    struct package package = { .count = 0 };
    enum result result = import->len > KEYTRANSFER_MAX
                             ? RESULT_UNSEALABLE
                             : seal_unbox(seal, import->data, import->len, plain, sender);
    if (result != RESULT_OK) {
        return diag_fail(diag, result,
                         "the package was not made for this machine (`ntspool key identity`), or "
                         "is damaged");
    }
    struct reader r = reader_of(plain, import->len - SEAL_BOX_OVERHEAD);
    result = check_sender(keys, seal, import, sender, diag);
    if (result == RESULT_OK) {
        result = keytransfer_decode(&package, &r, zone, diag);
    }
    if (result == RESULT_OK) {
        result = replace_by(&package, keys, seal, zone, import, diag);
    }
    if (result == RESULT_OK) {
        result = set_leader(keys, sender);
    }
    keytransfer_package_done(&package);
    sodium_memzero(plain, sizeof plain);
    return result;
}
