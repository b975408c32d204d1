#include "probe/roll.h"

#include <stdlib.h>

#include "probe/patience.h"
#include "zone/base/clock.h"

static int ward_order(const void *a, const void *b)
{
    const struct ward *const *first = a;
    const struct ward *const *second = b;
    return (*first)->id < (*second)->id ? -1 : (*first)->id > (*second)->id;
}

static struct ward *ward_of(const struct roll *roll, uint64_t id)
{
    size_t low = 0;
    size_t high = roll->ward_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (roll->wards[middle]->id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < roll->ward_count && roll->wards[low]->id == id ? roll->wards[low] : NULL;
}

/* One pass over the feed. */
struct sweep {
    struct roll *roll;
    struct monitor *monitor;
    struct ward **fresh; /* members that were not known */
    size_t count, room;
};

static void ward_add(struct sweep *sweep, uint64_t id)
{
    struct ward *ward = ward_new(sweep->monitor, id);
    memcpy(ward->health.vantage, sweep->roll->vantage.name, sizeof(ward->health.vantage));
    ward->fresh = true;
    if (sweep->count == sweep->room) {
        sweep->room = sweep->room == 0 ? 64 : sweep->room * 2;
        sweep->fresh = xrealloc(sweep->fresh, sweep->room * sizeof(struct ward *));
    }
    sweep->fresh[sweep->count++] = ward;
}

/* Each member of the feed has a ward after it. */
static void add_wards(struct roll *roll, const struct feed *feed, struct monitor *monitor)
{
    struct sweep sweep = { .roll = roll, .monitor = monitor };
    for (size_t i = 0; i < feed->member_count; i++) {
        if (ward_of(roll, feed->members[i].id) == NULL) {
            ward_add(&sweep, feed->members[i].id);
        }
    }
    if (sweep.count > 0) {
        size_t count = roll->ward_count + sweep.count;
        roll->wards = xrealloc(roll->wards, count * sizeof(struct ward *));
        memcpy(roll->wards + roll->ward_count, sweep.fresh, sweep.count * sizeof(struct ward *));
        roll->ward_count = count;
        qsort(roll->wards, count, sizeof(struct ward *), ward_order);
    }
    free(sweep.fresh);
}

static void drop_unwanted(struct roll *roll)
{
    size_t kept = 0;
    for (size_t i = 0; i < roll->ward_count; i++) {
        struct ward *ward = roll->wards[i];
        if (ward->wanted) {
            roll->wards[kept++] = ward;
        } else {
            ward_free(ward);
        }
    }
    roll->ward_count = kept;
}

/* The operator may have spoken to this vantage point. */
static void take_release(struct roll *roll, const struct vantage_keys *keys)
{
    roll->vantage.released_at = 0;
    for (unsigned i = 0; i < keys->count; i++) {
        if (strcmp(keys->list[i].name, roll->vantage.name) == 0) {
            roll->vantage.released_at = keys->list[i].released_at;
        }
    }
}

void roll_follow(struct roll *roll, const struct feed *feed, struct monitor *monitor,
                 roll_changed *changed)
{
    for (size_t i = 0; i < roll->ward_count; i++) {
        roll->wards[i]->wanted = false;
    }
    roll->settings = feed->settings;
    take_release(roll, &feed->vantages);
    add_wards(roll, feed, monitor);
    for (size_t i = 0; i < feed->member_count; i++) {
        struct ward *ward = ward_of(roll, feed->members[i].id);
        bool fresh = ward->fresh;
        ward->wanted = true;
        ward->fresh = false;
        if (ward_follow(ward, &feed->members[i], &roll->settings.apex)) {
            changed(ward, fresh, monitor);
        }
    }
    drop_unwanted(roll);
}

static void recall_self(const struct vantage *earlier, void *arg)
{
    struct vantage *vantage = &((struct roll *)arg)->vantage;
    const struct vantage now = *vantage;
    *vantage = *earlier;
    vantage->interval_s = now.interval_s;
    vantage->started_at = now.started_at;
}

static void recall_verdict(const char *label, const struct member_health *health, void *arg)
{
    struct ward *ward = ward_of(arg, health->member_id);
    (void)label;
    if (ward != NULL) {
        ward->health = *health;
    }
}

enum result roll_begin(struct roll *roll, const struct feed *feed, const char *state_dir,
                       struct monitor *monitor, struct diag *diag)
{
    static const struct report_visit recall = { .self = recall_self, .verdict = recall_verdict };
    memcpy(roll->registry, feed->registry, sizeof(roll->registry));
    add_wards(roll, feed, monitor);
    struct report_head whose = { .number = 0 };
    memcpy(whose.vantage, roll->vantage.name, sizeof(whose.vantage));
    memcpy(whose.registry, feed->registry, sizeof(whose.registry));
    return journal_open(&roll->journal, state_dir, &whose, &recall, roll, diag);
}

static void set_state(struct vantage *vantage, enum vantage_state state, uint64_t now)
{
    if (vantage->state != state || vantage->state_since == 0) {
        vantage->state = state;
        vantage->state_since = now;
    }
}

void roll_census(struct roll *roll, uint64_t now, roll_moved *moved, void *arg)
{
    struct census census = { .held_up = roll->held_ms > 0 };
    for (size_t i = 0; i < roll->ward_count; i++) {
        census_add(&census, &roll->wards[i]->health);
    }
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        census.family[i].heard |= roll->self.family[i].heard;
        census.family[i].silent = roll->self.family[i].silent;
    }
    census_judge(&census, &roll->settings, now, &roll->vantage, &roll->caution);
    enum vantage_state own = census_state(&census, &roll->settings, &roll->vantage);
    set_state(&roll->vantage, own != VANTAGE_WELL ? own : roll->self.state, now);
    for (size_t i = 0; i < roll->ward_count; i++) {
        struct ward *ward = roll->wards[i];
        ward->dirty |= verdict_withdraw(&ward->health, &roll->vantage);
        if (ward->health.stage != STAGE_FALLING || roll->held_ms >= PATIENCE_LONG_MS) {
            continue; /* after a long hold-up it is probed again before it goes */
        }
        lifecycle_advance(&ward->health, &roll->settings, &roll->caution, now);
        if (ward->health.stage != STAGE_FALLING) {
            ward->dirty = true;
            moved(ward, STAGE_FALLING, arg);
        }
    }
}

/* What is due at once waits from now on, behind what has waited for longer. */
static void add_watches(struct ward *ward, uint64_t now_ms, struct due_list *list)
{
    for (unsigned i = 0; i < ward->watch_count; i++) {
        struct watch *watch = &ward->watches[i];
        if (watch->attempt == NULL && watch->due_ms <= now_ms) {
            watch->due_ms = watch->due_ms == 0 ? now_ms : watch->due_ms;
            due_add(list, watch->due_ms, watch);
        }
    }
}

void roll_due(const struct roll *roll, uint64_t now_ms, struct due_list *names,
              struct due_list *watches)
{
    due_clear(names);
    due_clear(watches);
    for (size_t i = 0; i < roll->ward_count; i++) {
        struct ward *ward = roll->wards[i];
        if (ward->brings_name && ward->lookup == NULL && ward->resolve_due_ms <= now_ms) {
            due_add(names, ward->resolve_due_ms, ward);
        }
        add_watches(ward, now_ms, watches);
    }
    due_sort(names);
    due_sort(watches);
}

bool roll_trusts(const struct roll *roll, enum address_family family)
{
    return roll->self.state == VANTAGE_WELL && !roll->self.family[family].silent;
}

static void believe(struct watch *watch, bool well, roll_enter *enter)
{
    struct outcome *doubted = watch->doubted;
    watch->doubted = NULL;
    if (well) {
        enter(watch->ward, watch->index, doubted);
    }
    free(doubted);
}

void roll_believe(struct roll *roll, uint64_t since_ms, roll_enter *enter)
{
    for (size_t i = 0; i < roll->ward_count; i++) {
        struct ward *ward = roll->wards[i];
        for (unsigned k = 0; k < ward->watch_count; k++) {
            struct watch *watch = &ward->watches[k];
            if (watch->doubted != NULL && watch->doubted_at < since_ms) {
                enum address_family family = address_family(&ward->addresses[k]);
                believe(watch, roll_trusts(roll, family), enter);
            }
        }
    }
}

enum result roll_write(struct roll *roll, struct diag *diag)
{
    bool all = journal_wants_all(roll->journal);
    journal_begin(roll->journal, &roll->settings.apex, clock_now());
    journal_self(roll->journal, &roll->vantage);
    for (size_t i = 0; i < roll->ward_count; i++) {
        const struct ward *ward = roll->wards[i];
        if (all || ward->dirty) {
            journal_verdict(roll->journal, ward->label, &ward->health);
        }
    }
    scribe_write(roll->scribe, roll->journal);
    enum result result = journal_end(roll->journal, diag);
    if (result != RESULT_OK) {
        return result;
    }
    scribe_written(roll->scribe);
    for (size_t i = 0; i < roll->ward_count; i++) {
        roll->wards[i]->dirty = false;
    }
    return RESULT_OK;
}

bool roll_waits(const struct roll *roll)
{
    for (size_t i = 0; i < roll->ward_count; i++) {
        if (roll->wards[i]->dirty) {
            return true;
        }
    }
    return false;
}

void roll_done(struct roll *roll)
{
    for (size_t i = 0; i < roll->ward_count; i++) {
        ward_free(roll->wards[i]);
    }
    free(roll->wards);
    journal_free(roll->journal);
    roll->wards = NULL;
    roll->ward_count = 0;
    roll->journal = NULL;
}

bool roll_is_of(const struct roll *roll, const struct feed *feed)
{
    return memcmp(roll->registry, feed->registry, sizeof(roll->registry)) == 0;
}
