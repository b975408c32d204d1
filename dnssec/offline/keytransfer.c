/* Keys from files. */
#include "dnssec/offline/keytransfer_private.h"
#include "dnssec/signing/keyring.h"
#include "dnssec/signing/slices.h"
#include "zone/base/u64.h"

enum {
    INIT_S = 600 /* longer than `init` takes */
};

/* True while no server has used the keys that `init` made and no parent has their DS: they can be
 * deleted. */
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
                           "the present keys sign the zone, or have since init, and would be "
                           "deleted: --replace does it, after `ntspool key export` has saved them");
}

static enum result delete_slices(const struct key_timeline *timeline, struct store_txn *keys,
                                 struct diag *diag)
{
    const struct slices none = { .count = 0 };
    return slices_write(&none, keys, &timeline->keys, diag);
}

/* Caches hold answers of the previous server, whose TTLs are not known here: rollovers wait for
 * them. */
static enum result wait_for_previous_server(const struct key_timeline *timeline,
                                            struct store_txn *keys, const struct seal *seal,
                                            uint64_t now, struct diag *diag)
{
    const struct key_timeline none = { .remembered = false };
    struct key_timeline next = { .memory = timeline->memory };
    const uint64_t until = now + KEYTRANSFER_FORMER_TTL_S;
    if (!timeline->remembered) {
        return RESULT_OK; /* key_timeline_timing assumes the longest TTLs already */
    }
    next.memory.dnskey_until = u64_max(next.memory.dnskey_until, until);
    next.memory.zone_until = u64_max(next.memory.zone_until, until);
    return key_timeline_write(&next, &none, keys, seal, now, diag);
}

enum result keytransfer_delete_all(const struct key_timeline *timeline, struct store_txn *keys)
{
    for (size_t i = 0; i < timeline->keys.count; i++) {
        TRY(keystore_delete(keys, &timeline->keys.list[i]));
    }
    return RESULT_OK;
}

enum result keytransfer_check(struct store_txn *keys, const struct seal *seal, struct diag *diag)
{
    struct key_timeline timeline;
    struct keyring *keyring = NULL;
    TRY(key_timeline_read(&timeline, keys, diag));
    if (!rollover_goal_is_complete(&timeline.keys)) {
        return diag_fail(diag, RESULT_INVALID,
                         "with these keys an algorithm has no KSK or no ZSK: give both, or --csk "
                         "for a key with flags 257 that is both");
    }
    TRY(keyring_load(&keyring, keys, seal, diag));
    keyring_unref(keyring);
    return RESULT_OK;
}

/* While a KSK is offline, only ZSKs that its bundles name can be used. */
static enum result check_roles(const struct key_import *import, unsigned roles,
                               const struct key_timeline *timeline, struct diag *diag)
{
    if (!import->in_use && (roles & KEY_ZSK) != 0 && rollover_has_offline_ksk(&timeline->keys)) {
        return diag_fail(diag, RESULT_REFUSED,
                         "the KSK is offline, and a ZSK that is in none of its bundles "
                         "can't be used: take it back first (`ntspool key online`)");
    }
    return RESULT_OK;
}

/* True if the files have every stored key, with its private key. */
static bool has_all(const struct key_import *import, const struct key_timeline *timeline)
{
    size_t found = 0;
    for (size_t k = 0; k < timeline->keys.count; k++) {
        for (size_t i = 0; i < import->count; i++) {
            const struct key *key = import->list[i];
            const struct key_record *record = &timeline->keys.list[k];
            size_t len = 0;
            const uint8_t *public_key = key_public(key, &len);
            if (len == record->public_len && memcmp(public_key, record->public_key, len) == 0 &&
                key_has_private(key)) {
                found++;
                break;
            }
        }
    }
    return found == timeline->keys.count;
}

static enum result add_all(struct store_txn *keys, const struct seal *seal,
                           const struct key_import *import, uint64_t now, struct diag *diag)
{
    for (size_t i = 0; i < import->count; i++) {
        const struct key_life coming = { .wanted = true };
        const struct key_life life =
            import->in_use ? key_life_in_use(key_role(import->list[i]), now) : coming;
        TRY(keystore_add(keys, import->list[i], seal, &life, now, diag));
    }
    return RESULT_OK;
}

enum result keytransfer_import(struct store_txn *keys, const struct seal *seal,
                               const struct key_import *import, uint64_t now, struct diag *diag)
{
    struct key_timeline timeline;
    unsigned roles = 0;
    for (size_t i = 0; i < import->count; i++) {
        roles |= (unsigned)key_role(import->list[i]);
    }
    TRY(key_timeline_read(&timeline, keys, diag));
    const struct key_timeline before = timeline;
    TRY(check_roles(import, roles, &timeline, diag));
    if (import->in_use && !has_all(import, &timeline)) {
        TRY(keytransfer_check_replaced(keys, &timeline, import->replace, diag));
    }
    TRY(key_timeline_retire(&timeline, roles, import->in_use ? 0 : import->count, import->in_use,
                            diag));
    if (import->in_use) {
        TRY(keytransfer_delete_all(&timeline, keys));
        TRY(delete_slices(&timeline, keys, diag));
        TRY(wait_for_previous_server(&timeline, keys, seal, now, diag));
    } else {
        TRY(key_timeline_write(&timeline, &before, keys, seal, now, diag));
    }
    TRY(add_all(keys, seal, import, now, diag));
    return keytransfer_check(keys, seal, diag);
}
