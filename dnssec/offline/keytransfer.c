/* Keys from files. */
#include "dnssec/offline/keytransfer_private.h"
#include "dnssec/signing/keyring.h"
#include "dnssec/signing/slices.h"

enum {
    INIT_S = 600 /* by when `init` has done all it does */
};
/* True while no server has looked after the keys that `init` made, and no parent zone has a DS of
 * them: nobody misses them. */
static bool is_as_made(struct store_txn *keys, const struct key_timeline *timeline)
{
    bool made = timeline->remembered && !timeline->memory.follows && !timeline->memory.insecure &&
                !keytransfer_was_led(keys);
    for (size_t i = 0; i < timeline->keys.count; i++) {
        const struct key_record *key = &timeline->keys.list[i];
        made = made && key->life.ds.omnipresent_at == 0 &&
               key->created_at <= timeline->memory.seen_at + INIT_S &&
               timeline->memory.seen_at <= key->created_at + INIT_S;
    }
    return made || timeline->keys.count == 0;
}

enum result keytransfer_check_replaced(struct store_txn *keys, const struct key_timeline *timeline,
                                       bool replace, struct diag *diag)
{
    return replace || is_as_made(keys, timeline)
               ? RESULT_OK
               : diag_fail(diag, RESULT_REFUSED,
                           "the keys that are here sign the zone, or have since init, and would be "
                           "deleted: --replace does it, after `ntspool key export` has saved them");
}

/* Keys that are in use elsewhere come in place of all there is: also of what was presigned. */
static enum result forget_slices(const struct key_timeline *timeline, struct store_txn *keys,
                                 struct diag *diag)
{
    const struct slices none = { .count = 0 };
    return slices_write(&none, keys, &timeline->keys, diag);
}

/* The server that had the keys before has sent what this one knows nothing of: the next rollovers
 * wait for it. */
static enum result wait_for_former(const struct key_timeline *timeline, struct store_txn *keys,
                                   const struct seal *seal, uint64_t now, struct diag *diag)
{
    const struct key_timeline none = { .remembered = false };
    struct key_timeline next = { .memory = timeline->memory };
    const uint64_t until = now + KEYTRANSFER_FORMER_TTL_S;
    if (!timeline->remembered) {
        return RESULT_OK; /* it expects the worst already (key_timeline_timing) */
    }
    next.memory.dnskey_until = next.memory.dnskey_until > until ? next.memory.dnskey_until : until;
    next.memory.zone_until = next.memory.zone_until > until ? next.memory.zone_until : until;
    return key_timeline_write(&next, &none, keys, seal, now, diag);
}

enum result keytransfer_delete_all(const struct key_timeline *timeline, struct store_txn *keys)
{
    enum result result = RESULT_OK;
    for (size_t i = 0; i < timeline->keys.count && result == RESULT_OK; i++) {
        result = keystore_delete(keys, &timeline->keys.list[i]);
    }
    return result;
}

/* What was stored must make a zone: the goal for later, and the keys in use now. */
enum result keytransfer_check(struct store_txn *keys, const struct seal *seal, struct diag *diag)
{
    struct key_timeline timeline;
    struct keyring *keyring = NULL;
    enum result result = key_timeline_read(&timeline, keys, diag);
    if (result == RESULT_OK && !rollover_goal_is_complete(&timeline.keys)) {
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
static enum result check_roles(const struct key_import *import, unsigned roles,
                               const struct key_timeline *timeline, struct diag *diag)
{
    if (!import->in_use && (roles & KEY_ZSK) != 0 && rollover_has_offline_ksk(&timeline->keys)) {
        return diag_fail(
            diag, RESULT_REFUSED,
            "the key-signing key is elsewhere, and a ZSK that is in none of its bundles "
            "can't be used: take it back first (`ntspool key online`)");
    }
    return RESULT_OK;
}

/* True if none of the keys that are here is missing among the given ones, whole. */
static bool has_all(const struct key_import *import, const struct key_timeline *timeline)
{
    size_t found = 0;
    for (size_t k = 0; k < timeline->keys.count; k++) {
        for (size_t i = 0; i < import->count; i++) {
            const struct key *key = import->list[i];
            const struct key_record *record = &timeline->keys.list[k];
            size_t len = 0;
            const uint8_t *half = key_public(key, &len);
            if (len == record->public_len && memcmp(half, record->public_key, len) == 0 &&
                key_has_private(key)) {
                found++;
                break;
            }
        }
    }
    return found == timeline->keys.count;
}

enum result keytransfer_import(struct store_txn *keys, const struct seal *seal,
                               const struct key_import *import, uint64_t now, struct diag *diag)
{
    struct key_timeline timeline, before;
    unsigned roles = 0;
    for (size_t i = 0; i < import->count; i++) {
        roles |= (unsigned)key_role(import->list[i]);
    }
    enum result result = key_timeline_read(&timeline, keys, diag);
    before = timeline;
    if (result == RESULT_OK) {
        result = check_roles(import, roles, &timeline, diag);
    }
    if (result == RESULT_OK && import->in_use && !has_all(import, &timeline)) {
        result = keytransfer_check_replaced(keys, &timeline, import->replace, diag);
    }
    if (result == RESULT_OK) {
        result = key_timeline_retire(&timeline, roles, import->in_use ? 0 : import->count,
                                     import->in_use, diag);
    }
    if (result == RESULT_OK) {
        result = import->in_use ? keytransfer_delete_all(&timeline, keys)
                                : key_timeline_write(&timeline, &before, keys, seal, now, diag);
    }
    if (result == RESULT_OK && import->in_use) {
        result = forget_slices(&timeline, keys, diag);
    }
    if (result == RESULT_OK && import->in_use) {
        result = wait_for_former(&timeline, keys, seal, now, diag);
    }
    for (size_t i = 0; i < import->count && result == RESULT_OK; i++) {
        const struct key_life coming = { .wanted = true };
        const struct key_life life =
            import->in_use ? key_life_in_use(key_role(import->list[i]), now) : coming;
        result = keystore_add(keys, import->list[i], seal, &life, now, diag);
    }
    return result == RESULT_OK ? keytransfer_check(keys, seal, diag) : result;
}
