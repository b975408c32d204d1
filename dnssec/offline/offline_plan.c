#include "dnssec/offline/offline_plan.h"

#include "dnssec/signing/rrsig.h"

struct run {
    struct key_timeline timeline;
    const struct settings *settings;
    struct rollover_timing timing;
    struct slices *out; /* NULL: until the period begins */
    uint64_t now;
    bool roll_zsk;
};

/* Begins a rollover of the zone-signing key if it is due. */
static enum result roll_zsk(struct run *run)
{
    struct key_set *keys = &run->timeline.keys;
    uint64_t due_at = key_timeline_due_at(&run->timeline, run->settings, KEY_ZSK);
    bool due = run->roll_zsk || (due_at != 0 && due_at <= run->now);
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
    run->roll_zsk = false;
    return RESULT_OK;
}

/* Keys that are over lose their role: they stay in their places, which the slices count by. */
static void bury(struct run *run)
{
    for (size_t i = 0; i < run->timeline.keys.count; i++) {
        struct key_record *key = &run->timeline.keys.list[i];
        if (rollover_is_dead(key, run->now)) {
            key->role = 0;
        }
    }
}

static struct slice slice_of(const struct run *run)
{
    const struct key_set *keys = &run->timeline.keys;
    struct slice slice = { .from = run->now,
                           .inception = run->now - RRSIG_BACKDATE_S,
                           .expiration = run->now + run->settings->signature_validity_s,
                           .ttl_s = run->settings->ttl_s,
                           .aim = rollover_as_is(keys) };
    for (size_t i = 0; i < keys->count; i++) {
        bool wanted = keys->list[i].role == KEY_ZSK && keys->list[i].life.wanted;
        slice.aim.wanted |= wanted ? slice.aim.dnskey & key_bit(i) : 0;
    }
    return slice;
}

/* Half the validity: as much is left of each signature when the next one is there. */
static uint64_t renewed_at(const struct run *run)
{
    const struct slices *out = run->out;
    return out == NULL || out->count == 0
               ? UINT64_MAX
               : out->list[out->count - 1].from + run->settings->signature_validity_s / 2;
}

/* Notes a slice if one begins. False if there are too many. */
static bool note(struct run *run)
{
    struct slices *out = run->out;
    if (out == NULL) {
        return true;
    }
    const struct slice slice = slice_of(run);
    const struct slice *last = out->count > 0 ? &out->list[out->count - 1] : NULL;
    bool begins = last == NULL || last->aim.dnskey != slice.aim.dnskey ||
                  last->aim.ds != slice.aim.ds || run->now >= renewed_at(run);
    out->count -= begins && last != NULL && last->from == run->now; /* it is over as it begins */
    return !begins || slices_add(out, &slice);
}

static uint64_t next_moment(const struct run *run, uint64_t until)
{
    uint64_t next =
        rollover_sooner(until, rollover_next_moment(&run->timeline.keys, run->now), run->now);
    next = rollover_sooner(next, key_timeline_due_at(&run->timeline, run->settings, KEY_ZSK),
                           run->now);
    return rollover_sooner(next, renewed_at(run), run->now);
}

static enum result run_until(struct run *run, uint64_t until, struct diag *diag)
{
    enum result result = RESULT_OK;
    uint64_t last = rollover_last_step_at(&run->timeline.keys);
    (void)note(run); /* the period begins with what is there */
    run->now = last >= run->now ? last + 1 : run->now;
    while (run->now < until && result == RESULT_OK) {
        result = roll_zsk(run);
        bool moved = rollover_advance(&run->timeline.keys, &run->timing, run->now);
        bury(run);
        if (result == RESULT_OK && !note(run)) {
            result = diag_fail(diag, RESULT_TOO_LONG,
                               "the period needs more than %d sets of signatures: choose a shorter "
                               "one, or a longer signature-validity",
                               SLICES_MAX);
        }
        run->now = moved ? run->now + 1 : next_moment(run, until);
    }
    return result;
}

/* A bundle that is over already leaves none: it can't get worse. */
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
    struct run run = { .timeline = *timeline,
                       .settings = settings,
                       .timing = key_timeline_timing(timeline, settings),
                       .now = period->now };
    enum result result = RESULT_OK;
    if (!run.timing.offline_ksk) {
        result = run_until(&run, period->from, diag);
    } else if (leaves_gap(present, period) ||
               !slices_replay(present, &run.timeline.keys, run.timing, period->now, period->from)) {
        result = diag_fail(diag, RESULT_REFUSED,
                           "the present bundle ends before the period begins, or is not followed "
                           "until then: begin earlier (--from)");
    }
    run.timing.offline_ksk = false;
    run.now = period->from;
    run.out = &slices;
    run.roll_zsk = period->roll_zsk;
    if (result == RESULT_OK) {
        result = run_until(&run, period->until, diag);
    }
    if (result != RESULT_OK) {
        slices_done(&slices);
        return result;
    }
    slices.begin_at = period->from;
    *out = slices;
    return RESULT_OK;
}
