/* What a leader that was off has missed. Machines with its packages have gone on by them: it takes
 * the same steps before it makes another package, else that would set them back. */
#include "dnssec/offline/fleetkeys_private.h"
#include "dnssec/offline/offline_plan.h"
#include "zone/base/u64.h"

/* True if no other machine has a package with the present schedule: so none rolls by it. */
static bool is_alone(const struct fleetkeys *state, const struct fleetkeys_work *work)
{
    bool alone = !state->schedule_had;
    for (size_t i = 0; i < work->peers->count; i++) {
        alone = alone && work->peers->list[i].package < state->scheduled;
    }
    return alone;
}

/* When the bundle publishes a planned ZSK; 0: never. */
static enum result bundled_roll(uint64_t *out, const struct key_timeline *timeline,
                                struct store_txn *keys, struct diag *diag)
{
    struct slices slices = { .count = 0 };
    uint32_t planned = 0;
    size_t i = 0;
    TRY(slices_read(&slices, keys, &timeline->keys, diag));
    for (size_t k = 0; k < timeline->keys.count; k++) {
        planned |= timeline->keys.list[k].life.planned ? key_bit(k) : 0;
    }
    while (i < slices.count && (slices.list[i].aim.dnskey & planned) == 0) {
        i++;
    }
    *out = i < slices.count ? slices.list[i].from : 0;
    slices_done(&slices);
    return RESULT_OK;
}

enum result fleetkeys_note_roll(struct fleetkeys *state, const struct key_timeline *timeline,
                                const struct fleetkeys_work *work, struct diag *diag)
{
    const struct settings settings = fleetkeys_settings(state, work->settings);
    uint64_t due_at = key_timeline_due_at(timeline, &settings, KEY_ZSK);
    state->rolling = rollover_under_way(&timeline->keys, KEY_ZSK);
    if (state->rolling) {
        return RESULT_OK;
    }
    state->rolls_at = due_at == 0 ? 0 : u64_max(due_at, state->roll_after);
    if (rollover_has_offline_ksk(&timeline->keys)) {
        TRY(bundled_roll(&state->rolls_at, timeline, work->keys, diag));
    }
    state->signs_at = state->rolls_at + timeline->memory.dnskey_ttl_s + settings.propagation_s;
    return RESULT_OK;
}

/* Takes the steps that machines with the last package have taken up to then. */
static bool take_missed(const struct fleetkeys *state, struct key_timeline *timeline,
                        const struct fleetkeys_work *work, uint64_t until)
{
    const struct settings settings = fleetkeys_settings(state, work->settings);
    const struct offline_period period = { .from = state->made_at,
                                           .until = until + 1,
                                           .held = state->held,
                                           .roll_after = is_alone(state, work)
                                                             ? UINT64_MAX
                                                             : state->roll_after };
    struct rollover_timing timing = key_timeline_timing(timeline, &settings);
    struct slices slices = { .count = 0 };
    if (!timing.offline_ksk) {
        return offline_plan_catch_up(timeline, &settings, &period);
    }
    timing.held = state->held;
    bool moved = slices_read(&slices, work->keys, &timeline->keys, NULL) == RESULT_OK &&
                 slices_catch_up(&slices, &timeline->keys, timing, period.from, period.until) !=
                     SLICES_UNCHANGED;
    slices_done(&slices);
    return moved;
}

bool fleetkeys_is_behind(const struct fleetkeys *state, const struct key_timeline *timeline,
                         const struct fleetkeys_work *work,
                         uint8_t digests[FLEETKEYS_PARTS][FLEETKEYS_DIGEST])
{
    struct key_timeline next = *timeline;
    return state->number != 0 && timeline->remembered &&
           !fleetkeys_differs(state, digests, FLEETKEYS_PART_KSK) &&
           !fleetkeys_differs(state, digests, FLEETKEYS_PART_ZSK) &&
           work->now > state->made_at + FLEETKEYS_LATE_S &&
           take_missed(state, &next, work, work->now - FLEETKEYS_LATE_S);
}

enum result fleetkeys_catch_up(struct fleetkeys *state, const struct fleetkeys_work *work,
                               struct diag *what, struct diag *diag)
{
    struct key_timeline timeline;
    uint8_t digests[FLEETKEYS_PARTS][FLEETKEYS_DIGEST];
    TRY(key_timeline_read(&timeline, work->keys, diag));
    TRY(fleetkeys_digest(digests, &timeline, work, diag));
    if (!fleetkeys_is_behind(state, &timeline, work, digests)) {
        return RESULT_OK;
    }
    const struct key_timeline before = timeline;
    (void)take_missed(state, &timeline, work, work->now);
    TRY(key_timeline_write(&timeline, &before, work->keys, work->seal, work->now, diag));
    TRY(key_timeline_read(&timeline, work->keys, diag));
    TRY(fleetkeys_digest(digests, &timeline, work, diag));
    memcpy(state->digests[FLEETKEYS_PART_KSK], digests[FLEETKEYS_PART_KSK], FLEETKEYS_DIGEST);
    memcpy(state->digests[FLEETKEYS_PART_ZSK], digests[FLEETKEYS_PART_ZSK], FLEETKEYS_DIGEST);
    state->schedule_had = true;
    TRY(fleetkeys_note_roll(state, &timeline, work, diag));
    fleetkeys_renumber(state, work->now);
    (void)diag_fail(what, RESULT_OK,
                    "this machine was off while the others moved the keys on by their packages: "
                    "its keys have taken the same steps now");
    return RESULT_OK;
}
