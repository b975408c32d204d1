#include "dnssec/offline/offline.h"

#include "dnssec/offline/fleetkeys.h"
#include "dnssec/offline/presign.h"

/* A bundle has public keys only, and nothing of their lives. */
static void name_keys(struct bundle *bundle, const struct key_set *keys)
{
    bundle->keys = *keys;
    for (size_t i = 0; i < keys->count; i++) {
        struct key_record *key = &bundle->keys.list[i];
        key->offline = true;
        memset(key->sealed, 0, sizeof key->sealed);
        key->life = (struct key_life){ .wanted = false };
    }
}

/* Only a KSK of its own can be offline, not a CSK. */
static enum result check_layout(const struct key_timeline *timeline, struct diag *diag)
{
    const struct key_record *ksk = rollover_current(&timeline->keys, KEY_KSK);
    const struct key_record *zsk = rollover_current(&timeline->keys, KEY_ZSK);
    if (ksk == NULL || zsk == NULL || ksk == zsk) {
        return diag_fail(
            diag, RESULT_REFUSED,
            "the zone has one key for both roles, which must be here: `ntspool key roll "
            "split` makes two of it");
    }
    return RESULT_OK;
}

enum result offline_request(struct bundle *out, struct store_txn *keys, const struct seal *seal,
                            const struct settings *settings, const struct offline_period *period,
                            struct diag *diag)
{
    struct key_timeline timeline;
    struct slices present = { .count = 0 };
    struct bundle bundle = { .zone = settings->apex };
    enum result result = RESULT_NOT_FOUND;
    while (result == RESULT_NOT_FOUND) {
        TRY(key_timeline_read(&timeline, keys, diag));
        TRY(check_layout(&timeline, diag));
        if (timeline.memory.follows) {
            return diag_fail(diag, RESULT_REFUSED,
                             "the keys come from another machine: make the request there");
        }
        TRY(slices_read(&present, keys, &timeline.keys, diag));
        result = offline_plan_make(&bundle.slices, &timeline, settings, &present, period, diag);
        slices_done(&present);
        if (result == RESULT_NOT_FOUND && timeline.keys.count == KEYSTORE_MAX) {
            return diag_fail(diag, RESULT_REFUSED,
                             "the period needs more than the %d keys that a zone can have: choose "
                             "a shorter one, or a longer zsk-lifetime",
                             KEYSTORE_MAX);
        }
        if (result == RESULT_NOT_FOUND) {
            const struct key_record *zsk = rollover_current(&timeline.keys, KEY_ZSK);
            const struct key_spec spec = { zsk->algorithm, KEY_ZSK, { .planned = true } };
            TRY(key_timeline_make_key(keys, seal, &spec, period->now, diag));
        }
    }
    TRY(result);
    name_keys(&bundle, &timeline.keys);
    *out = bundle;
    return RESULT_OK;
}

static bool same_key(const struct key_record *a, const struct key_record *b)
{
    return a->algorithm == b->algorithm && a->role == b->role && a->public_len == b->public_len &&
           memcmp(a->public_key, b->public_key, a->public_len) == 0;
}

/* The key's index in the set; the set's count if it is not there. */
static size_t index_of(const struct key_set *keys, const struct key_record *key)
{
    size_t i = 0;
    while (i < keys->count && !same_key(&keys->list[i], key)) {
        i++;
    }
    return i;
}

static enum result check_zone(const struct bundle *bundle, const struct dname *zone,
                              struct diag *diag)
{
    char theirs[DNAME_TEXT_MAX], ours[DNAME_TEXT_MAX];
    return dname_equal(&bundle->zone, zone)
               ? RESULT_OK
               : diag_fail(diag, RESULT_INVALID, "is of the zone %.80s, and this is %.80s",
                           dname_text(&bundle->zone, theirs), dname_text(zone, ours));
}

/* Signs all slices that have key `i` with it. `record` is the same key in the store. */
static enum result sign_with(struct bundle *bundle, size_t i, const struct key_record *record,
                             const struct seal *seal, struct diag *diag)
{
    struct key *key = NULL;
    TRY(keystore_unseal(&key, record, seal, diag));
    enum result result = RESULT_OK;
    for (size_t s = 0; s < bundle->slices.count && result == RESULT_OK; s++) {
        struct slice *slice = &bundle->slices.list[s];
        if (key_bits_have(slice->aim.dnskey, i)) {
            result = presign_slice(slice, &bundle->keys, i, key, &bundle->zone);
        }
    }
    key_free(key);
    return result == RESULT_OK
               ? result
               : diag_fail(diag, result, "can't be signed: %s", result_text(result));
}

enum result offline_sign(struct bundle *bundle, struct store_txn *keys, const struct seal *seal,
                         const struct dname *zone, uint32_t *signers, struct diag *diag)
{
    struct key_timeline timeline;
    uint32_t used = 0;
    if (bundle->is_signed) {
        return diag_fail(diag, RESULT_INVALID, "is signed already, and no request");
    }
    TRY(check_zone(bundle, zone, diag));
    TRY(key_timeline_read(&timeline, keys, diag));
    for (size_t i = 0; i < bundle->keys.count; i++) {
        size_t index = index_of(&timeline.keys, &bundle->keys.list[i]);
        const struct key_record *record = &timeline.keys.list[index];
        if (index < timeline.keys.count && record->role == KEY_KSK && !record->offline) {
            TRY(sign_with(bundle, i, record, seal, diag));
            used |= key_bit(i);
        }
    }
    for (size_t s = 0; s < bundle->slices.count; s++) {
        if (bundle->slices.list[s].signed_by == 0) {
            return diag_fail(diag, RESULT_REFUSED,
                             "this machine has the private key of none of its KSKs");
        }
    }
    bundle->is_signed = true;
    *signers = used;
    return RESULT_OK;
}

/* The slice with key bits of the store's keys; `index` has each bundle key's index in the store. */
static struct slice translate(const struct slice *slice, const size_t index[KEYSTORE_MAX])
{
    struct slice out = *slice;
    size_t from[KEYSTORE_MAX];
    out.aim = (struct rollover_aim){ .dnskey = 0 };
    out.signed_by = 0;
    memset(from, 0xff, sizeof from);
    for (size_t i = 0; i < KEYSTORE_MAX; i++) {
        uint32_t bit = key_bits_have(slice->aim.dnskey, i) ? key_bit(index[i]) : 0;
        out.aim.dnskey |= bit;
        out.aim.ds |= key_bits_have(slice->aim.ds, i) ? bit : 0;
        out.aim.wanted |= key_bits_have(slice->aim.wanted, i) ? bit : 0;
        if (key_bits_have(slice->signed_by, i)) {
            from[index[i]] = i;
        }
    }
    for (size_t k = 0; k < KEYSTORE_MAX; k++) { /* signatures are in the order of key bits */
        for (size_t type = 0; from[k] < KEYSTORE_MAX && type < SLICE_TYPES; type++) {
            uint8_t *room = slice_sign(&out, k, type);
            ASSERT(room != NULL);
            memcpy(room, slice_signature(slice, from[k], type), KEY_SIGNATURE_LEN);
        }
    }
    return out;
}

/* Finds the bundle's keys in the store. */
static enum result find_keys(size_t index[KEYSTORE_MAX], const struct bundle *bundle,
                             const struct key_set *keys, struct diag *diag)
{
    uint32_t named = 0;
    for (size_t s = 0; s < bundle->slices.count; s++) {
        named |= bundle->slices.list[s].aim.dnskey;
    }
    for (size_t i = 0; i < bundle->keys.count; i++) {
        const struct key_record *key = &bundle->keys.list[i];
        index[i] = index_of(keys, key);
        if (index[i] == keys->count && key_bits_have(named, i)) {
            return diag_fail(diag, RESULT_REFUSED,
                             "its %s %u is not a key of this pool: the request was another pool's, "
                             "or the keys have changed since; make a new request",
                             key->role == KEY_ZSK ? "ZSK" : "KSK", key->tag);
        }
    }
    return RESULT_OK;
}

/* Each offline KSK of the slice must have signed it. All signatures must be good. */
static enum result check_signatures(const struct slice *slice, const struct key_set *keys,
                                    const struct dname *apex, struct diag *diag)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct key_record *key = &keys->list[i];
        bool has = slice_signature(slice, i, 0) != NULL;
        if (!key_bits_have(slice->aim.dnskey, i) || (key->role & KEY_KSK) == 0 ||
            (!has && !key->offline)) {
            continue;
        }
        if (!has) {
            return diag_fail(diag, RESULT_REFUSED, "the offline KSK %u has not signed it",
                             key->tag);
        }
        if (!presign_check(slice, keys, i, apex)) {
            return diag_fail(diag, RESULT_REFUSED, "a signature of the KSK %u is bad", key->tag);
        }
    }
    return RESULT_OK;
}

/* Puts together the stored slices that begin before the bundle's, and the bundle's. Leaves out
 * those that have expired. */
static enum result merge(struct slices *out, const struct slices *present,
                         const struct bundle *bundle, const struct key_timeline *timeline,
                         uint64_t now, struct diag *diag)
{
    size_t index[KEYSTORE_MAX] = { 0 };
    const struct slices *slices = &bundle->slices;
    uint64_t begin = slices->list[0].from;
    TRY(find_keys(index, bundle, &timeline->keys, diag));
    if (rollover_has_offline_ksk(&timeline->keys) && begin > now &&
        begin + SLICES_MARGIN_S > slices_covered(present, begin)) {
        return diag_fail(diag, RESULT_REFUSED,
                         "there is a gap between the present bundle and this one");
    }
    for (size_t i = 0; i < present->count; i++) {
        const struct slice *slice = &present->list[i];
        if (slice->from < begin && slice->expiration > now) {
            (void)slices_add(out, slice);
        }
    }
    for (size_t i = 0; i < slices->count; i++) {
        const struct slice slice = translate(&slices->list[i], index);
        TRY(check_signatures(&slice, &timeline->keys, &bundle->zone, diag));
        if (slice.expiration > now && !slices_add(out, &slice)) {
            return diag_fail(diag, RESULT_REFUSED, "there would be more than %d sets of signatures",
                             SLICES_MAX);
        }
    }
    out->made_at = slices->made_at;
    out->begin_at = slices->begin_at;
    return RESULT_OK;
}

/* REFUSED unless the keys can enter all slices in turn, from where they are now. */
static enum result check_replay(const struct slices *slices, const struct key_timeline *timeline,
                                const struct settings *settings, uint64_t now, struct diag *diag)
{
    struct key_set keys = timeline->keys;
    uint64_t end = slices_end(slices);
    if (slices->count == 0 || end <= now + SLICES_MARGIN_S) {
        return diag_fail(diag, RESULT_REFUSED, "its signatures have ended, or end today");
    }
    return slices_replay(slices, &keys, key_timeline_timing(timeline, settings), now,
                         slices->list[slices->count - 1].from + 1)
               ? RESULT_OK
               : diag_fail(diag, RESULT_REFUSED,
                           "the pool's keys can't follow it safely from where they are now: make a "
                           "new request");
}

enum result offline_accept(struct bundle *bundle, struct store_txn *keys,
                           const struct settings *settings, uint64_t now, struct diag *diag)
{
    struct key_timeline timeline;
    struct slices present = { .count = 0 }, next = { .count = 0 };
    if (!bundle->is_signed) {
        return diag_fail(diag, RESULT_INVALID, "is a request: it is not signed yet");
    }
    TRY(check_zone(bundle, &settings->apex, diag));
    TRY(key_timeline_read(&timeline, keys, diag));
    TRY(slices_read(&present, keys, &timeline.keys, diag));
    enum result result = bundle->slices.made_at < present.made_at
                             ? diag_fail(diag, RESULT_REFUSED,
                                         "was requested before the present bundle: it is older")
                             : merge(&next, &present, bundle, &timeline, now, diag);
    slices_done(&present);
    if (result == RESULT_OK) {
        result = check_replay(&next, &timeline, settings, now, diag);
    }
    if (result == RESULT_OK) {
        result = slices_write(&next, keys, &timeline.keys, diag);
    }
    slices_done(&next);
    return result;
}

/* REFUSED unless the bundle can take the place of the KSKs' private keys. */
static enum result check_takeover(const struct slices *slices, const struct key_timeline *timeline,
                                  const struct settings *settings, uint64_t now, struct diag *diag)
{
    uint64_t signed_until = slices_signed_until(slices, &timeline->keys, now);
    for (size_t i = 0; i < timeline->keys.count; i++) {
        bool published = timeline->keys.list[i].role == KEY_KSK &&
                         record_state_is_published(&timeline->keys.list[i].life.dnskey);
        for (size_t s = 0; published && s < slices->count; s++) {
            const struct slice *slice = &slices->list[s];
            if (key_bits_have(slice->aim.dnskey, i) && slice_signature(slice, i, 0) == NULL) {
                return diag_fail(diag, RESULT_REFUSED, "the bundle is not signed by the KSK %u",
                                 timeline->keys.list[i].tag);
            }
        }
    }
    return signed_until > now + SLICES_MARGIN_S
               ? check_replay(slices, timeline, settings, now, diag)
               : diag_fail(
                     diag, RESULT_REFUSED,
                     "there is no bundle that signs what is served now: `ntspool key request`, "
                     "`key sign-request` where the KSK will be, `key import-bundle`, then this");
}

/* Notes that DNSKEY is served with the bundle's TTL from now on. */
static enum result take_ttl(const struct key_timeline *timeline, const struct slices *slices,
                            struct store_txn *keys, uint64_t now, struct diag *diag)
{
    struct key_timeline next = *timeline;
    (void)rollover_remember(&next.memory, slices_ttl(slices, &timeline->keys, now),
                            timeline->memory.zone_ttl_s, now);
    return key_timeline_write(&next, timeline, keys, NULL, now, diag);
}

enum result offline_forget(struct store_txn *keys, const struct settings *settings, uint64_t now,
                           struct diag *diag)
{
    struct key_timeline timeline;
    struct slices slices = { .count = 0 };
    TRY(key_timeline_read(&timeline, keys, diag));
    TRY(check_layout(&timeline, diag));
    TRY(slices_read(&slices, keys, &timeline.keys, diag));
    enum result result = check_takeover(&slices, &timeline, settings, now, diag);
    if (result == RESULT_OK) {
        result = take_ttl(&timeline, &slices, keys, now, diag);
    }
    slices_done(&slices);
    TRY(result);
    size_t count = 0;
    for (size_t i = 0; i < timeline.keys.count; i++) {
        const struct key_record *key = &timeline.keys.list[i];
        if (key->role == KEY_KSK && !key->offline) {
            TRY(keystore_forget(keys, key, diag));
            count++;
        }
    }
    return count > 0 ? RESULT_OK
                     : diag_fail(diag, RESULT_REFUSED,
                                 "the store has no private key of a KSK: it is offline already");
}

/* Deletes slices and planned keys: no KSK is offline any more. The planned keys of a fleet stay:
 * machines roll to them by their packages. */
static enum result drop_plans(const struct key_timeline *timeline, struct store_txn *keys,
                              struct diag *diag)
{
    const struct slices none = { .count = 0 };
    struct fleetkeys fleet;
    struct package_taken taken = { .number = 0 };
    TRY(slices_write(&none, keys, &timeline->keys, diag));
    TRY(fleetkeys_get(keys, &fleet));
    (void)keytransfer_taken(keys, &taken);
    bool in_fleet = fleet.number != 0 || taken.number != 0;
    for (size_t i = 0; i < timeline->keys.count && !in_fleet; i++) {
        if (timeline->keys.list[i].life.planned) {
            TRY(keystore_delete(keys, &timeline->keys.list[i]));
        }
    }
    return RESULT_OK;
}

enum result offline_restore(struct store_txn *keys, const struct seal *seal, const struct key *key,
                            struct diag *diag)
{
    struct key_timeline timeline;
    size_t i = 0;
    TRY(key_timeline_read(&timeline, keys, diag));
    while (i < timeline.keys.count && (timeline.keys.list[i].tag != key_tag(key) ||
                                       timeline.keys.list[i].algorithm != key_algorithm(key))) {
        i++;
    }
    if (i == timeline.keys.count || !timeline.keys.list[i].offline) {
        return diag_fail(diag, RESULT_REFUSED,
                         i == timeline.keys.count ? "the pool has no key with tag %u"
                                                  : "the key %u is not offline",
                         key_tag(key));
    }
    TRY(keystore_restore(keys, &timeline.keys.list[i], key, seal, diag));
    TRY(key_timeline_read(&timeline, keys, diag));
    return rollover_has_offline_ksk(&timeline.keys) ? RESULT_OK : drop_plans(&timeline, keys, diag);
}
