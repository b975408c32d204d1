#include "dnssec/offline/offline.h"

#include "dnssec/offline/presign.h"

/* A bundle knows public halves, and what is in use or comes. */
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
    enum result result = key_timeline_read(&timeline, keys, diag);
    if (result == RESULT_OK) {
        result = check_layout(&timeline, diag);
    }
    if (result == RESULT_OK && timeline.memory.follows) {
        result = diag_fail(diag, RESULT_REFUSED,
                           "the keys come from another machine: make the request there");
    }
    if (result == RESULT_OK) {
        result = slices_read(&present, keys, &timeline.keys, diag);
    }
    const struct key_record *zsk = rollover_current(&timeline.keys, KEY_ZSK);
    bool planned = false;
    while (result == RESULT_OK && !planned) {
        result = offline_plan_make(&bundle.slices, &timeline, settings, &present, period, diag);
        planned = result == RESULT_OK;
        if (result == RESULT_NOT_FOUND && timeline.keys.count < KEYSTORE_MAX) {
            const struct key_spec spec = { zsk->algorithm, KEY_ZSK, { .planned = true } };
            slices_done(&present);
            result = key_timeline_make_key(keys, seal, &spec, period->now, diag);
            if (result == RESULT_OK) {
                result = key_timeline_read(&timeline, keys, diag);
            }
            if (result == RESULT_OK) {
                result = slices_read(&present, keys, &timeline.keys, diag);
            }
            zsk = rollover_current(&timeline.keys, KEY_ZSK);
        } else if (result == RESULT_NOT_FOUND) {
            result =
                diag_fail(diag, RESULT_REFUSED,
                          "the period needs more than the %d keys that a zone can have: choose "
                          "a shorter one, or a longer zsk-lifetime",
                          KEYSTORE_MAX);
        }
    }
    slices_done(&present);
    if (result == RESULT_OK) {
        name_keys(&bundle, &timeline.keys);
        *out = bundle;
    }
    return result;
}

static bool same_key(const struct key_record *a, const struct key_record *b)
{
    return a->algorithm == b->algorithm && a->role == b->role && a->public_len == b->public_len &&
           memcmp(a->public_key, b->public_key, a->public_len) == 0;
}

/* Its place in the set; the set's count if it is not there. */
static size_t place_of(const struct key_set *keys, const struct key_record *key)
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

/* Signs all slices that have it with one key. */
static enum result sign_with(struct bundle *bundle, size_t i, const struct key *key,
                             struct diag *diag)
{
    enum result result = RESULT_OK;
    for (size_t s = 0; s < bundle->slices.count && result == RESULT_OK; s++) {
        struct slice *slice = &bundle->slices.list[s];
        if (key_bits_have(slice->aim.dnskey, i)) {
            result = presign_slice(slice, &bundle->keys, i, key, &bundle->zone);
        }
    }
    return result == RESULT_OK
               ? result
               : diag_fail(diag, result, "can't be signed: %s", result_text(result));
}

enum result offline_sign(struct bundle *bundle, struct store_txn *keys, const struct seal *seal,
                         const struct dname *zone, uint32_t *signers, struct diag *diag)
{
    struct key_timeline timeline;
    uint32_t used = 0;
    enum result result = bundle->is_signed
                             ? diag_fail(diag, RESULT_INVALID, "is signed already, and no request")
                             : check_zone(bundle, zone, diag);
    if (result == RESULT_OK) {
        result = key_timeline_read(&timeline, keys, diag);
    }
    for (size_t i = 0; i < bundle->keys.count && result == RESULT_OK; i++) {
        struct key *key = NULL;
        const struct key_record *record = &bundle->keys.list[i];
        size_t place = place_of(&timeline.keys, record);
        if (record->role != KEY_KSK || place == timeline.keys.count ||
            timeline.keys.list[place].offline) {
            continue;
        }
        result = keystore_unseal(&key, &timeline.keys.list[place], seal, diag);
        if (result == RESULT_OK) {
            result = sign_with(bundle, i, key, diag);
        }
        key_free(key);
        used |= key_bit(i);
    }
    for (size_t s = 0; s < bundle->slices.count && result == RESULT_OK; s++) {
        if (bundle->slices.list[s].signed_by == 0) {
            result = diag_fail(diag, RESULT_REFUSED,
                               "none of its key-signing keys has its private half on this machine");
        }
    }
    if (result == RESULT_OK) {
        bundle->is_signed = true;
        *signers = used;
    }
    return result;
}

/* The slice with the places of the store's keys. */
static struct slice translate(const struct slice *slice, const size_t place[KEYSTORE_MAX])
{
    struct slice out = *slice;
    size_t from[KEYSTORE_MAX];
    out.aim = (struct rollover_aim){ .dnskey = 0 };
    out.signed_by = 0;
    memset(from, 0xff, sizeof from);
    for (size_t i = 0; i < KEYSTORE_MAX; i++) {
        uint32_t bit = key_bits_have(slice->aim.dnskey, i) ? key_bit(place[i]) : 0;
        out.aim.dnskey |= bit;
        out.aim.ds |= key_bits_have(slice->aim.ds, i) ? bit : 0;
        out.aim.wanted |= key_bits_have(slice->aim.wanted, i) ? bit : 0;
        if (key_bits_have(slice->signed_by, i)) {
            from[place[i]] = i;
        }
    }
    for (size_t k = 0; k < KEYSTORE_MAX; k++) { /* signatures stand in the order of places */
        for (size_t type = 0; from[k] < KEYSTORE_MAX && type < SLICE_TYPES; type++) {
            uint8_t *room = slice_sign(&out, k, type);
            ASSERT(room != NULL);
            memcpy(room, slice_signature(slice, from[k], type), KEY_SIGNATURE_LEN);
        }
    }
    return out;
}

/* Where the bundle's keys are in the store. */
static enum result find_keys(size_t place[KEYSTORE_MAX], const struct bundle *bundle,
                             const struct key_set *keys, struct diag *diag)
{
    uint32_t named = 0;
    for (size_t s = 0; s < bundle->slices.count; s++) {
        named |= bundle->slices.list[s].aim.dnskey;
    }
    for (size_t i = 0; i < bundle->keys.count; i++) {
        const struct key_record *key = &bundle->keys.list[i];
        place[i] = place_of(keys, key);
        if (place[i] == keys->count && key_bits_have(named, i)) {
            return diag_fail(diag, RESULT_REFUSED,
                             "its %s %u is not a key of this pool: the request was another pool's, "
                             "or the keys have changed since; make a new request",
                             key->role == KEY_ZSK ? "ZSK" : "KSK", key->tag);
        }
    }
    return RESULT_OK;
}

/* Every key-signing key of a slice has signed it rightly, but one whose private half is here need
 * not have. */
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
            return diag_fail(diag, RESULT_REFUSED,
                             "the KSK %u, whose private half is elsewhere, has not signed it",
                             key->tag);
        }
        if (!presign_check(slice, keys, i, apex)) {
            return diag_fail(diag, RESULT_REFUSED, "a signature of the KSK %u is bad", key->tag);
        }
    }
    return RESULT_OK;
}

/* The slices that are there and begin before the bundle's, then the bundle's. Those that are over
 * are left out. */
static enum result merge(struct slices *out, const struct slices *present, struct bundle *bundle,
                         const struct key_timeline *timeline, uint64_t now, struct diag *diag)
{
    size_t place[KEYSTORE_MAX] = { 0 };
    const struct slices *slices = &bundle->slices;
    enum result result = find_keys(place, bundle, &timeline->keys, diag);
    uint64_t begin = slices->list[0].from;
    for (size_t i = 0; i < present->count && result == RESULT_OK; i++) {
        const struct slice *slice = &present->list[i];
        if (slice->from < begin && slice->expiration > now) {
            (void)slices_add(out, slice);
        }
    }
    if (result == RESULT_OK && rollover_has_offline_ksk(&timeline->keys) && begin > now &&
        begin + SLICES_MARGIN_S > slices_covered(present, begin)) {
        result = diag_fail(diag, RESULT_REFUSED,
                           "there is a gap between the bundle that is there and this one");
    }
    for (size_t i = 0; i < slices->count && result == RESULT_OK; i++) {
        const struct slice slice = translate(&slices->list[i], place);
        result = check_signatures(&slice, &timeline->keys, &bundle->zone, diag);
        if (result == RESULT_OK && slice.expiration > now && !slices_add(out, &slice)) {
            result = diag_fail(diag, RESULT_REFUSED,
                               "there would be more than %d sets of signatures", SLICES_MAX);
        }
    }
    out->made_at = slices->made_at;
    out->begin_at = slices->begin_at;
    return result;
}

/* The keys as they are can follow the slices to their end. */
static enum result check_way(const struct slices *slices, const struct key_timeline *timeline,
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
    enum result result = !bundle->is_signed
                             ? diag_fail(diag, RESULT_INVALID, "is a request: it is not signed yet")
                             : check_zone(bundle, &settings->apex, diag);
    if (result == RESULT_OK) {
        result = key_timeline_read(&timeline, keys, diag);
    }
    if (result == RESULT_OK) {
        result = slices_read(&present, keys, &timeline.keys, diag);
    }
    if (result == RESULT_OK && bundle->slices.made_at < present.made_at) {
        result = diag_fail(diag, RESULT_REFUSED,
                           "was requested before the one that is there: it is an older one");
    }
    if (result == RESULT_OK) {
        result = merge(&next, &present, bundle, &timeline, now, diag);
    }
    if (result == RESULT_OK) {
        result = check_way(&next, &timeline, settings, now, diag);
    }
    if (result == RESULT_OK) {
        result = slices_write(&next, keys, &timeline.keys, diag);
    }
    slices_done(&present);
    slices_done(&next);
    return result;
}

static enum result check_leave(const struct slices *slices, const struct key_timeline *timeline,
                               const struct settings *settings, uint64_t now, struct diag *diag)
{
    uint64_t signed_until = slices_signed_until(slices, &timeline->keys, now);
    for (size_t i = 0; i < timeline->keys.count; i++) {
        bool used = timeline->keys.list[i].role == KEY_KSK &&
                    record_state_is_published(&timeline->keys.list[i].life.dnskey);
        for (size_t s = 0; used && s < slices->count; s++) {
            const struct slice *slice = &slices->list[s];
            if (key_bits_have(slice->aim.dnskey, i) && slice_signature(slice, i, 0) == NULL) {
                return diag_fail(diag, RESULT_REFUSED, "the bundle is not signed by the KSK %u",
                                 timeline->keys.list[i].tag);
            }
        }
    }
    return signed_until > now + SLICES_MARGIN_S
               ? check_way(slices, timeline, settings, now, diag)
               : diag_fail(
                     diag, RESULT_REFUSED,
                     "there is no bundle that signs what is served now: `ntspool key request`, "
                     "`key sign-request` where the KSK will be, `key import-bundle`, then this");
}

/* From now on DNSKEY is served with the bundle's TTL. */
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
    enum result result = key_timeline_read(&timeline, keys, diag);
    if (result == RESULT_OK) {
        result = check_layout(&timeline, diag);
    }
    if (result == RESULT_OK) {
        result = slices_read(&slices, keys, &timeline.keys, diag);
    }
    if (result == RESULT_OK) {
        result = check_leave(&slices, &timeline, settings, now, diag);
    }
    if (result == RESULT_OK) {
        result = take_ttl(&timeline, &slices, keys, now, diag);
    }
    size_t count = 0;
    for (size_t i = 0; i < timeline.keys.count && result == RESULT_OK; i++) {
        const struct key_record *key = &timeline.keys.list[i];
        if (key->role == KEY_KSK && !key->offline) {
            result = keystore_forget(keys, key, diag);
            count++;
        }
    }
    slices_done(&slices);
    return result == RESULT_OK && count == 0
               ? diag_fail(diag, RESULT_REFUSED, "no key-signing key has its private half here")
               : result;
}

/* All keys are here again: nothing waits for a bundle any longer. */
static enum result drop_plans(const struct key_timeline *timeline, struct store_txn *keys,
                              struct diag *diag)
{
    const struct slices none = { .count = 0 };
    enum result result = slices_write(&none, keys, &timeline->keys, diag);
    for (size_t i = 0; i < timeline->keys.count && result == RESULT_OK; i++) {
        if (timeline->keys.list[i].life.planned) {
            result = keystore_delete(keys, &timeline->keys.list[i]);
        }
    }
    return result;
}

enum result offline_restore(struct store_txn *keys, const struct seal *seal, const struct key *key,
                            struct diag *diag)
{
    struct key_timeline timeline;
    enum result result = key_timeline_read(&timeline, keys, diag);
    size_t i = 0;
    while (result == RESULT_OK && i < timeline.keys.count &&
           (timeline.keys.list[i].tag != key_tag(key) ||
            timeline.keys.list[i].algorithm != key_algorithm(key))) {
        i++;
    }
    if (result == RESULT_OK && (i == timeline.keys.count || !timeline.keys.list[i].offline)) {
        result = diag_fail(diag, RESULT_REFUSED,
                           i == timeline.keys.count ? "the pool has no key with tag %u"
                                                    : "the private half of the key %u is here",
                           key_tag(key));
    }
    if (result == RESULT_OK) {
        result = keystore_restore(keys, &timeline.keys.list[i], key, seal, diag);
    }
    if (result == RESULT_OK) {
        result = key_timeline_read(&timeline, keys, diag);
    }
    return result == RESULT_OK && !rollover_has_offline_ksk(&timeline.keys)
               ? drop_plans(&timeline, keys, diag)
               : result;
}
