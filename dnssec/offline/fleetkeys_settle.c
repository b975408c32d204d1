/* What the leader of keys does when something has changed, or when others have what they lacked. */
#include <string.h>

#include <sodium.h>

#include "dnssec/offline/fleetkeys_private.h"
#include "zone/base/u64.h"

/* What no package so far has foreseen. */
static void decide(struct fleetkeys *state, unsigned held, uint64_t now)
{
    fleetkeys_renumber(state, now);
    state->decided = state->number;
    state->decided_at = now;
    state->had_at = 0;
    state->held |= held;
}

static void schedule(struct fleetkeys *state, uint64_t now)
{
    decide(state, 0, now);
    state->scheduled = state->number;
    state->schedule_had = false;
    state->roll_after = now + FLEETKEYS_SETTLE_S;
}

/* All have what was decided, and caches have forgotten what they served before. */
static bool is_clear(const struct fleetkeys *state, const struct rollover_memory *memory,
                     const struct settings *settings, uint64_t now)
{
    uint64_t longest_s = u64_max(memory->dnskey_ttl_s, memory->zone_ttl_s) + ROLLOVER_RESIGN_S;
    bool in_time = state->had_at <= state->decided_at + settings->propagation_s;
    return state->had_at != 0 && (in_time || now >= state->had_at + longest_s);
}

static unsigned held_now(const struct fleetkeys *state, const struct key_timeline *timeline,
                         const struct settings *settings, uint64_t now)
{
    if (is_clear(state, &timeline->memory, settings, now)) {
        return 0;
    }
    /* A machine that is cut off rolls the ZSK by its package, and all others with it. */
    bool rolls = state->rolls_at != 0 && now >= state->signs_at;
    return state->held & (rolls ? KEY_KSK : KEY_CSK);
}

unsigned fleetkeys_held(const struct fleetkeys_work *work)
{
    struct key_timeline timeline;
    struct fleetkeys state;
    uint8_t digests[FLEETKEYS_PARTS][FLEETKEYS_DIGEST];
    if (key_timeline_read(&timeline, work->keys, NULL) != RESULT_OK ||
        fleetkeys_get(work->keys, &state) != RESULT_OK ||
        fleetkeys_digest(digests, &timeline, work, NULL) != RESULT_OK ||
        memcmp(digests, state.digests, sizeof digests) != 0) {
        return KEY_CSK;
    }
    return held_now(&state, &timeline, work->settings, work->now);
}

bool fleetkeys_may_roll(const struct fleetkeys *state, uint64_t now)
{
    return state->schedule_had && now >= state->roll_after && (state->held & KEY_ZSK) == 0;
}

enum result fleetkeys_stepped(const struct fleetkeys_work *work, struct diag *diag)
{
    struct key_timeline timeline;
    struct fleetkeys state;
    uint8_t digests[FLEETKEYS_PARTS][FLEETKEYS_DIGEST];
    TRY(fleetkeys_get(work->keys, &state));
    TRY(key_timeline_read(&timeline, work->keys, diag));
    TRY(fleetkeys_digest(digests, &timeline, work, diag));
    if (memcmp(digests, state.digests, sizeof digests) == 0) {
        return RESULT_OK;
    }
    if (fleetkeys_differs(&state, digests, FLEETKEYS_PART_KSK)) {
        decide(&state, KEY_KSK, work->now);
    } else if ((state.held & KEY_ZSK) != 0) {
        decide(&state, KEY_ZSK, work->now);
    } else {
        fleetkeys_renumber(&state, work->now);
        TRY(fleetkeys_note_roll(&state, &timeline, work, diag));
    }
    memcpy(state.digests, digests, sizeof digests);
    return fleetkeys_put(work->keys, &state, diag);
}

/* Only the operator can make another ZSK: by a bundle, or by a key for each role. */
static bool cannot_roll(const struct key_set *keys)
{
    const struct key_record *zsk = rollover_current(keys, KEY_ZSK);
    return zsk == NULL || zsk->role != KEY_ZSK || rollover_has_offline_ksk(keys);
}

/* Stages a new secret, which becomes the current one when all have it. */
static enum result stage_cookies(struct fleetkeys *state, const struct fleetkeys_work *work,
                                 struct diag *diag)
{
    struct cookie_secrets cookies;
    TRY(cookie_secrets_get(work->keys, work->seal, &cookies, diag));
    if (!cookies.present) {
        return RESULT_OK;
    }
    randombytes_buf(cookies.next, sizeof cookies.next);
    cookies.has_next = true;
    state->cookie_rolls = true;
    enum result result = cookie_secrets_put(work->keys, work->seal, &cookies, diag);
    sodium_memzero(&cookies, sizeof cookies);
    return result;
}

/* An evicted machine knows the ZSKs, also those planned, and the secrets of cookies. */
static enum result roll_for_evicted(struct fleetkeys *state, const struct fleetkeys_work *work,
                                    struct diag *what, struct diag *diag)
{
    struct key_timeline timeline;
    const struct roll_options options = { .kind = ROLL_ZSK };
    if (work->peers->evicted_at <= state->evicted_at) {
        return RESULT_OK;
    }
    TRY(key_timeline_read(&timeline, work->keys, diag));
    bool offline = cannot_roll(&timeline.keys);
    if (!offline && rollover_under_way(&timeline.keys, KEY_ZSK)) {
        return RESULT_OK; /* afterwards */
    }
    for (size_t i = 0; i < timeline.keys.count && !offline; i++) {
        if (timeline.keys.list[i].life.planned) {
            TRY(keystore_delete(work->keys, &timeline.keys.list[i]));
        }
    }
    if (!offline) {
        TRY(key_timeline_read(&timeline, work->keys, diag));
        TRY(key_timeline_start(&timeline, work->keys, work->seal, &options, work->now, diag));
    }
    TRY(stage_cookies(state, work, diag));
    state->evicted_at = work->peers->evicted_at;
    (void)diag_fail(what, RESULT_OK, "%s",
                    offline
                        ? "a machine was evicted, which knows the ZSK, and no other can be made "
                          "here: `ntspool key request --roll-zsk` if the KSK is offline"
                        : "a machine was evicted: the ZSK and the cookie secret that it knows "
                          "are replaced");
    return RESULT_OK;
}

static enum result roll_cookies(struct fleetkeys *state, const struct fleetkeys_work *work,
                                struct diag *diag)
{
    struct cookie_secrets cookies;
    TRY(cookie_secrets_get(work->keys, work->seal, &cookies, diag));
    if (cookies.has_next) {
        cookie_secrets_roll(&cookies, work->now);
        TRY(cookie_secrets_put(work->keys, work->seal, &cookies, diag));
        sodium_memzero(&cookies, sizeof cookies);
    }
    state->cookie_rolls = false;
    decide(state, 0, work->now);
    return RESULT_OK;
}

static size_t planned_count(const struct key_set *keys)
{
    size_t count = 0;
    for (size_t i = 0; i < keys->count; i++) {
        count += keys->list[i].life.planned;
    }
    return count;
}

/* Makes ZSKs ahead. The first one is a new schedule; more of them only go on with it. */
static enum result plan_ahead(struct fleetkeys *state, struct key_timeline *timeline,
                              const struct fleetkeys_work *work, struct diag *diag)
{
    size_t before = planned_count(&timeline->keys);
    TRY(keytransfer_plan_ahead(work->keys, work->seal, work->settings, work->now, diag));
    TRY(key_timeline_read(timeline, work->keys, diag));
    size_t after = planned_count(&timeline->keys);
    if (before == 0 && after > 0) {
        schedule(state, work->now);
    } else if (after > before) {
        fleetkeys_renumber(state, work->now);
    }
    return RESULT_OK;
}

/* The roles that need not be held any more: all have the end of what was decided. */
static unsigned released(const struct fleetkeys *state, const struct key_timeline *timeline,
                         const struct fleetkeys_work *work)
{
    const struct key_set *keys = &timeline->keys;
    bool ksk = rollover_under_way(keys, KEY_KSK) || rollover_awaits_parent(keys);
    bool zsk = rollover_under_way(keys, KEY_ZSK);
    return is_clear(state, &timeline->memory, work->settings, work->now)
               ? state->held & ~((ksk ? KEY_KSK : 0U) | (zsk ? KEY_ZSK : 0U))
               : 0;
}

/* A rollover would begin soon by the packages, and some lack it. */
static bool must_postpone(const struct fleetkeys *state, const struct key_timeline *timeline,
                          uint64_t now)
{
    return !state->schedule_had && state->rolls_at != 0 && (state->held & KEY_ZSK) == 0 &&
           now + FLEETKEYS_SETTLE_LEAST_S >= state->rolls_at &&
           !rollover_under_way(&timeline->keys, KEY_ZSK);
}

/* What follows from who has what. */
static enum result go_on(struct fleetkeys *state, const struct key_timeline *timeline,
                         const struct fleetkeys_work *work, struct diag *diag)
{
    if (state->cookie_rolls && state->had_at != 0) {
        TRY(roll_cookies(state, work, diag));
    }
    unsigned free = released(state, timeline, work);
    state->held &= ~free;
    if ((free & KEY_ZSK) != 0 || (free == 0 && must_postpone(state, timeline, work->now))) {
        schedule(state, work->now);
    } else if (free != 0) {
        fleetkeys_renumber(state, work->now);
    }
    return RESULT_OK;
}

static bool is_back(const struct fleetkeys *state, const struct fleetkeys_work *work,
                    const struct fleetkeys_peer *peer)
{
    return peer->package >= state->decided && fleetkeys_is_without(work->keys, peer->name);
}

static bool may_forgive(const struct fleetkeys *state, const struct fleetkeys_work *work)
{
    for (size_t i = 0; i < work->peers->count; i++) {
        if (is_back(state, work, &work->peers->list[i])) {
            return true;
        }
    }
    return false;
}

/* Machines that have all again are waited for again. */
static enum result forgive(const struct fleetkeys *state, const struct fleetkeys_work *work)
{
    for (size_t i = 0; i < work->peers->count; i++) {
        const struct fleetkeys_peer *peer = &work->peers->list[i];
        char key[STORE_KEY_MAX];
        if (is_back(state, work, peer)) {
            fleetkeys_without_key(key, peer->name);
            TRY(store_delete(work->keys, TABLE_META, key, strlen(key)));
        }
    }
    return RESULT_OK;
}

/* Where the ZSKs are held, a machine that lacks that still begins the rollover of its package. */
static bool must_begin(const struct fleetkeys *state, const struct key_timeline *timeline,
                       const struct fleetkeys_work *work)
{
    uint64_t lead_s = timeline->memory.dnskey_ttl_s + work->settings->propagation_s;
    return (state->held & KEY_ZSK) != 0 && state->had_at == 0 && state->rolls_at != 0 &&
           !state->rolling && work->now + lead_s >= state->rolls_at &&
           !cannot_roll(&timeline->keys) && !rollover_under_way(&timeline->keys, KEY_ZSK);
}

/* All publish the key of that rollover so early that caches have it when that machine signs with
 * it. */
static enum result begin_in_time(struct fleetkeys *state, struct key_timeline *timeline,
                                 const struct fleetkeys_work *work, struct diag *what,
                                 struct diag *diag)
{
    const struct roll_options options = { .kind = ROLL_ZSK };
    if (!must_begin(state, timeline, work)) {
        return RESULT_OK;
    }
    TRY(key_timeline_start(timeline, work->keys, work->seal, &options, work->now, diag));
    const struct key_timeline before = *timeline;
    struct rollover_timing timing = key_timeline_timing(timeline, work->settings);
    timing.held = KEY_KSK;
    (void)rollover_advance(&timeline->keys, &timing, work->now);
    TRY(key_timeline_write(timeline, &before, work->keys, work->seal, work->now, diag));
    state->rolling = true;
    decide(state, KEY_ZSK, work->now);
    (void)diag_fail(what, RESULT_OK,
                    "the rollover of the ZSK begins as it was planned: %s may have been cut off "
                    "since, and begins it, too",
                    state->waits_for);
    return RESULT_OK;
}

/* True if the machine makes its first package, or has followed since its last one. */
static bool leads_anew(const struct fleetkeys *state, const struct fleetkeys_work *work,
                       struct package_taken *taken)
{
    if (keytransfer_taken(work->keys, taken) != RESULT_OK) {
        *taken = (struct package_taken){ .made_at = UINT64_MAX };
    }
    return state->number == 0 || taken->number > state->number;
}

/* It goes on with the number of the package that it took last. What machines knew that were evicted
 * after that is still to be replaced. */
static void begin(struct fleetkeys *state, const struct fleetkeys_work *work)
{
    struct package_taken taken;
    if (leads_anew(state, work, &taken)) {
        *state =
            (struct fleetkeys){ .number = taken.number,
                                .evicted_at = u64_min(work->peers->evicted_at, taken.made_at) };
    }
}

/* What others do not have yet is decided. */
static enum result note_changes(struct fleetkeys *state, const struct key_timeline *timeline,
                                const struct fleetkeys_work *work, struct diag *diag)
{
    uint8_t digests[FLEETKEYS_PARTS][FLEETKEYS_DIGEST];
    TRY(fleetkeys_digest(digests, timeline, work, diag));
    bool ksk = fleetkeys_differs(state, digests, FLEETKEYS_PART_KSK),
         zsk = fleetkeys_differs(state, digests, FLEETKEYS_PART_ZSK) ||
               fleetkeys_differs(state, digests, FLEETKEYS_PART_PLAN);
    if (ksk || zsk || fleetkeys_differs(state, digests, FLEETKEYS_PART_REST)) {
        decide(state, (ksk ? KEY_KSK : 0U) | (zsk ? KEY_ZSK : 0U), work->now);
        memcpy(state->digests, digests, sizeof digests);
    }
    return RESULT_OK;
}

enum result fleetkeys_settle(const struct fleetkeys_work *work, struct diag *what,
                             struct diag *diag)
{
    struct key_timeline timeline;
    struct fleetkeys state;
    TRY(fleetkeys_get(work->keys, &state));
    begin(&state, work);
    TRY(fleetkeys_catch_up(&state, work, what, diag));
    TRY(roll_for_evicted(&state, work, what, diag));
    TRY(key_timeline_read(&timeline, work->keys, diag));
    TRY(note_changes(&state, &timeline, work, diag));
    (void)fleetkeys_judge(&state, work);
    TRY(begin_in_time(&state, &timeline, work, what, diag));
    TRY(go_on(&state, &timeline, work, diag));
    TRY(plan_ahead(&state, &timeline, work, diag));
    if (work->now >= state.made_at + FLEETKEYS_RENEW_S) {
        fleetkeys_renumber(&state, work->now);
    }
    if ((state.held & KEY_ZSK) == 0) {
        TRY(fleetkeys_note_roll(&state, &timeline, work, diag));
    }
    (void)fleetkeys_judge(&state, work);
    TRY(fleetkeys_digest(state.digests, &timeline, work, diag));
    TRY(forgive(&state, work));
    return fleetkeys_put(work->keys, &state, diag);
}

bool fleetkeys_is_due(const struct fleetkeys_work *work)
{
    struct key_timeline timeline;
    struct fleetkeys state;
    struct package_taken taken;
    uint8_t digests[FLEETKEYS_PARTS][FLEETKEYS_DIGEST];
    if (fleetkeys_get(work->keys, &state) != RESULT_OK ||
        key_timeline_read(&timeline, work->keys, NULL) != RESULT_OK ||
        fleetkeys_digest(digests, &timeline, work, NULL) != RESULT_OK) {
        return true; /* which says what is wrong */
    }
    bool evicted =
        work->peers->evicted_at > state.evicted_at && state.number != 0 &&
        (rollover_has_offline_ksk(&timeline.keys) || !rollover_under_way(&timeline.keys, KEY_ZSK));
    return memcmp(digests, state.digests, sizeof digests) != 0 || evicted ||
           leads_anew(&state, work, &taken) || fleetkeys_judge(&state, work) ||
           released(&state, &timeline, work) != 0 || may_forgive(&state, work) ||
           must_postpone(&state, &timeline, work->now) || must_begin(&state, &timeline, work) ||
           fleetkeys_is_behind(&state, &timeline, work, digests) ||
           (state.cookie_rolls && state.had_at != 0) ||
           work->now >= state.made_at + FLEETKEYS_RENEW_S;
}

enum result fleetkeys_pack(const struct fleetkeys_work *work, const struct fleetkeys_peer *peer,
                           struct store_item *out, struct diag *diag)
{
    struct fleetkeys state;
    struct cookie_secrets cookies;
    TRY(fleetkeys_get(work->keys, &state));
    TRY(cookie_secrets_get(work->keys, work->seal, &cookies, diag));
    const struct package_options options = { .recipient = peer->identity,
                                             .zsk_only = true,
                                             .held = state.held,
                                             .now = work->now,
                                             .roll_after = state.roll_after,
                                             .number = state.number,
                                             .cookies = &cookies };
    enum result result =
        keytransfer_pack(work->keys, work->seal, work->settings, &options, out, diag);
    sodium_memzero(&cookies, sizeof cookies);
    return result;
}

enum result fleetkeys_check_had(struct store_txn *keys, const struct seal *seal,
                                const struct settings *settings, struct diag *diag)
{
    const struct fleetkeys_work work = { .keys = keys, .seal = seal, .settings = settings };
    struct key_timeline timeline;
    struct fleetkeys state;
    uint8_t digests[FLEETKEYS_PARTS][FLEETKEYS_DIGEST];
    TRY(fleetkeys_get(keys, &state));
    TRY(key_timeline_read(&timeline, keys, diag));
    if (state.number == 0 || timeline.memory.follows) {
        return RESULT_OK;
    }
    TRY(fleetkeys_digest(digests, &timeline, &work, diag));
    if (memcmp(digests, state.digests, sizeof digests) != 0) {
        return diag_fail(diag, RESULT_REFUSED,
                         "the last change was not given to the other machines yet: try again in "
                         "some seconds, while ntspoold runs here");
    }
    return state.had_at != 0
               ? RESULT_OK
               : diag_fail(diag, RESULT_REFUSED,
                           "%u of the other machines lack the last change of the keys, as %s: wait "
                           "for them, or `ntspool key without %s`",
                           state.missing, state.waits_for, state.waits_for);
}
