#include "dnssec/offline/offline_plan.h"

#include "dnssec/signing/rrsig.h"
#include "zone/base/u64.h"

struct simulation {
    struct key_timeline timeline;
    const struct settings *settings;
    struct rollover_timing timing;
    struct slices *out; /* NULL before the period begins */
    uint64_t now;
    bool roll_zsk, may_end;
    uint64_t roll_after;
};

/* When the next ZSK rollover begins; 0: never. */
static uint64_t roll_at(const struct simulation *sim)
{
    uint64_t due_at = key_timeline_due_at(&sim->timeline, sim->settings, KEY_ZSK);
    return due_at == 0 || (sim->timing.held & KEY_ZSK) != 0 ? 0 : u64_max(due_at, sim->roll_after);
}

/* Starts a ZSK rollover if one is due. NOT_FOUND if no planned key is left. */
static enum result roll_zsk(struct simulation *sim)
{
    struct key_set *keys = &sim->timeline.keys;
    uint64_t at = roll_at(sim);
    bool due = sim->roll_zsk || (at != 0 && at <= sim->now);
    const struct key_record *old = rollover_current(keys, KEY_ZSK);
    if (!due || old == NULL || rollover_under_way(keys, KEY_ZSK)) {
        return RESULT_OK;
    }
    struct key_record *next = rollover_planned(keys, old->algorithm);
    if (next == NULL) {
        return RESULT_NOT_FOUND;
    }
    for (size_t i = 0; i < keys->count; i++) {
        keys->list[i].life.wanted = keys->list[i].life.wanted && keys->list[i].role != KEY_ZSK;
    }
    next->life.planned = false;
    next->life.wanted = true;
    sim->roll_zsk = false;
    return RESULT_OK;
}

/* Dead keys lose their role but stay in the set: the slices' key bits depend on it. */
static void disable_dead_keys(struct simulation *sim)
{
    for (size_t i = 0; i < sim->timeline.keys.count; i++) {
        struct key_record *key = &sim->timeline.keys.list[i];
        if (rollover_is_dead(key, sim->now)) {
            key->role = 0;
        }
    }
}

static struct slice slice_of(const struct simulation *sim)
{
    const struct key_set *keys = &sim->timeline.keys;
    struct slice slice = { .from = sim->now,
                           .inception = sim->now - RRSIG_BACKDATE_S,
                           .expiration = sim->now + sim->settings->signature_validity_s,
                           .ttl_s = sim->settings->ttl_s,
                           .aim = rollover_as_is(keys) };
    for (size_t i = 0; i < keys->count; i++) {
        bool wanted = keys->list[i].role == KEY_ZSK && keys->list[i].life.wanted;
        slice.aim.wanted |= wanted ? slice.aim.dnskey & key_bit(i) : 0;
    }
    return slice;
}

/* Half-way through the validity of the last slice: half of it is left when the next one begins. */
static uint64_t renewal_at(const struct simulation *sim)
{
    const struct slices *out = sim->out;
    return out == NULL || out->count == 0
               ? UINT64_MAX
               : out->list[out->count - 1].from + sim->settings->signature_validity_s / 2;
}

/* Adds a slice if one begins now. False if there are too many. */
static bool add_slice(struct simulation *sim)
{
    struct slices *out = sim->out;
    if (out == NULL) {
        return true;
    }
    const struct slice slice = slice_of(sim);
    const struct slice *last = out->count > 0 ? &out->list[out->count - 1] : NULL;
    bool begins = last == NULL || last->aim.dnskey != slice.aim.dnskey ||
                  last->aim.ds != slice.aim.ds || sim->now >= renewal_at(sim);
    out->count -= begins && last != NULL && last->from == sim->now; /* the new one replaces it */
    return !begins || slices_add(out, &slice);
}

static uint64_t next_moment(const struct simulation *sim, uint64_t until)
{
    uint64_t next =
        u64_sooner(until, rollover_next_moment(&sim->timeline.keys, sim->now), sim->now);
    next = u64_sooner(next, roll_at(sim), sim->now);
    return u64_sooner(next, renewal_at(sim), sim->now);
}

static enum result simulate(struct simulation *sim, uint64_t until, struct diag *diag)
{
    uint64_t last = rollover_last_step_at(&sim->timeline.keys);
    (void)add_slice(sim); /* the period begins with the present keys */
    sim->now = last >= sim->now ? last + 1 : sim->now;
    while (sim->now < until) {
        enum result result = roll_zsk(sim);
        if (result == RESULT_NOT_FOUND && sim->may_end) {
            return RESULT_OK;
        }
        TRY(result);
        bool moved = rollover_advance(&sim->timeline.keys, &sim->timing, sim->now);
        disable_dead_keys(sim);
        if (!add_slice(sim)) {
            return diag_fail(diag, RESULT_TOO_LONG,
                             "the period needs more than %d sets of signatures: choose a shorter "
                             "one, or a longer signature-validity",
                             SLICES_MAX);
        }
        sim->now = moved ? sim->now + 1 : next_moment(sim, until);
    }
    return RESULT_OK;
}

/* True if the present bundle ends before the period begins. A bundle that has expired already
 * leaves no gap. */
static bool leaves_gap(const struct slices *present, const struct offline_period *period)
{
    uint64_t covered = slices_covered(present, period->from);
    return covered != 0 && period->from > period->now && period->from + SLICES_MARGIN_S > covered;
}

enum result offline_plan_make(struct slices *out, const struct key_timeline *timeline,
                              const struct settings *settings, const struct slices *present,
                              const struct offline_period *period, struct diag *diag)
{
    struct slices slices = { .made_at = period->now };
    struct simulation sim = { .timeline = *timeline,
                              .settings = settings,
                              .timing = key_timeline_timing(timeline, settings),
                              .now = period->now };
    enum result result = RESULT_OK;
    if (!sim.timing.offline_ksk) {
        result = simulate(&sim, period->from, diag);
    } else if (leaves_gap(present, period) ||
               !slices_replay(present, &sim.timeline.keys, sim.timing, period->now, period->from)) {
        result = diag_fail(diag, RESULT_REFUSED,
                           "the present bundle ends before the period begins, or is not followed "
                           "until then: begin earlier (--from)");
    }
    sim.timing.offline_ksk = false;
    sim.now = period->from;
    sim.out = &slices;
    sim.roll_zsk = period->roll_zsk;
    sim.may_end = period->may_end;
    sim.roll_after = period->roll_after;
    sim.timing.held = period->held;
    TRY(result);
    result = simulate(&sim, period->until, diag);
    if (result != RESULT_OK) {
        slices_done(&slices);
        return result;
    }
    slices.begin_at = period->from;
    *out = slices;
    return RESULT_OK;
}

bool offline_plan_catch_up(struct key_timeline *timeline, const struct settings *settings,
                           const struct offline_period *period)
{
    struct simulation sim = { .timeline = *timeline,
                              .settings = settings,
                              .timing = key_timeline_timing(timeline, settings),
                              .now = period->from,
                              .may_end = true,
                              .roll_after = period->roll_after };
    bool moved = false;
    sim.timing.held = period->held;
    (void)simulate(&sim, period->until, NULL); /* to where the plan ends */
    for (size_t i = 0; i < timeline->keys.count; i++) {
        struct key_life *life = &timeline->keys.list[i].life;
        moved = moved || !key_life_equal(life, &sim.timeline.keys.list[i].life);
        *life = sim.timeline.keys.list[i].life;
    }
    return moved;
}
