#include "probe/roll.h"

#include <stdlib.h>

#include "probe/patience.h"

static void note_departed(struct roll *roll, uint64_t id)
{
    if (roll->departed_count == roll->departed_room) {
        roll->departed_room = roll->departed_room == 0 ? 64 : roll->departed_room * 2;
        roll->departed = xrealloc(roll->departed, roll->departed_room * sizeof(id));
    }
    roll->departed[roll->departed_count++] = id;
}

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

/* One pass over the registry. */
struct sweep {
    struct roll *roll;
    struct store_txn *verdicts;
    struct monitor *monitor;
    roll_changed *changed;
    struct ward **fresh; /* members that were not known */
    size_t count, room;
};

static struct ward *ward_add(struct sweep *sweep, uint64_t id)
{
    struct ward *ward = ward_new(sweep->monitor, id);
    const char *vantage = sweep->roll->vantage.name;
    if (sweep->verdicts != NULL &&
        health_get(sweep->verdicts, id, vantage, &ward->health) != RESULT_OK) {
        ward->health = (struct member_health){ .member_id = id };
    }
    memcpy(ward->health.vantage, vantage, sizeof(ward->health.vantage));
    if (sweep->count == sweep->room) {
        sweep->room = sweep->room == 0 ? 64 : sweep->room * 2;
        sweep->fresh = xrealloc(sweep->fresh, sweep->room * sizeof(struct ward *));
    }
    sweep->fresh[sweep->count++] = ward;
    return ward;
}

static enum result follow_member(const struct member *member, void *arg)
{
    struct sweep *sweep = arg;
    struct ward *ward = ward_of(sweep->roll, member->id);
    bool fresh = ward == NULL;
    if (fresh) {
        ward = ward_add(sweep, member->id);
    }
    ward->wanted = true;
    if (ward_follow(ward, member, &sweep->roll->settings.apex)) {
        sweep->changed(ward, fresh, sweep->monitor);
    }
    return RESULT_OK;
}

static void drop_unwanted(struct roll *roll)
{
    size_t kept = 0;
    for (size_t i = 0; i < roll->ward_count; i++) {
        struct ward *ward = roll->wards[i];
        if (ward->wanted) {
            roll->wards[kept++] = ward;
        } else {
            note_departed(roll, ward->id);
            ward_free(ward);
        }
    }
    roll->ward_count = kept;
}

static void take_in(struct roll *roll, const struct sweep *sweep)
{
    if (sweep->count == 0) {
        return;
    }
    size_t count = roll->ward_count + sweep->count;
    roll->wards = xrealloc(roll->wards, count * sizeof(struct ward *));
    memcpy(roll->wards + roll->ward_count, sweep->fresh, sweep->count * sizeof(struct ward *));
    roll->ward_count = count;
    qsort(roll->wards, count, sizeof(struct ward *), ward_order);
}

enum result roll_follow(struct roll *roll, struct store_txn *registry, struct store_txn *verdicts,
                        struct monitor *monitor, roll_changed *changed, struct diag *diag)
{
    struct sweep sweep = {
        .roll = roll, .verdicts = verdicts, .monitor = monitor, .changed = changed
    };
    for (size_t i = 0; i < roll->ward_count; i++) {
        roll->wards[i]->wanted = false;
    }
    enum result result = registry_settings(registry, &roll->settings, diag);
    if (result != RESULT_OK) {
        return result;
    }
    result = registry_each(registry, follow_member, &sweep);
    if (result == RESULT_OK) {
        drop_unwanted(roll);
    } else {
        result = diag_fail(diag, result, "members: %s", result_text(result));
    }
    take_in(roll, &sweep);
    free(sweep.fresh);
    return result;
}

static enum result purge_one(const struct member_health *health, void *arg)
{
    struct roll *roll = arg;
    if (ward_of(roll, health->member_id) == NULL) {
        note_departed(roll, health->member_id);
    }
    return RESULT_OK;
}

enum result roll_purge(struct roll *roll, struct store_txn *verdicts, struct diag *diag)
{
    enum result result = health_each(verdicts, purge_one, roll);
    if (result != RESULT_OK) {
        return diag_fail(diag, result, "earlier verdicts: %s", result_text(result));
    }
    return RESULT_OK;
}

enum result roll_begin(struct roll *roll, struct store_txn *verdicts, struct diag *diag)
{
    struct vantage *vantage = &roll->vantage;
    struct vantage earlier;
    enum result result = vantage_get(verdicts, vantage->name, &earlier);
    if (result == RESULT_OK && earlier.imported) {
        return diag_fail(diag, RESULT_REFUSED,
                         "the verdicts of a vantage point %s are imported here: give this one "
                         "another name (--id), or end that one (ntspool health forget)",
                         vantage->name);
    }
    if (result == RESULT_OK) {
        earlier.interval_s = vantage->interval_s;
        earlier.started_at = vantage->started_at;
        *vantage = earlier;
    } else if (result != RESULT_NOT_FOUND) {
        return diag_fail(diag, result, "earlier verdicts: %s", result_text(result));
    }
    return RESULT_OK;
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

/* The operator may have spoken to us through our row. */
static enum result write_self(struct roll *roll, struct store_txn *txn, struct diag *diag)
{
    struct vantage now;
    if (vantage_get(txn, roll->vantage.name, &now) == RESULT_OK) {
        roll->vantage.released_at = now.released_at;
    }
    return vantage_put(txn, &roll->vantage, diag);
}

static enum result write_rows(const struct roll *roll, struct store_txn *txn, struct diag *diag)
{
    for (size_t i = 0; i < roll->ward_count; i++) {
        const struct ward *ward = roll->wards[i];
        if (ward->dirty) {
            enum result result = health_put(txn, &ward->health, diag);
            if (result != RESULT_OK) {
                return result;
            }
        }
    }
    for (size_t i = 0; i < roll->departed_count; i++) {
        enum result result = health_forget(txn, roll->departed[i], diag);
        if (result != RESULT_OK) {
            return result;
        }
    }
    return RESULT_OK;
}

enum result roll_write(struct roll *roll, struct store *health, struct diag *diag)
{
    struct store_txn *txn = NULL;
    enum result result = store_write(health, &txn, diag);
    if (result != RESULT_OK) {
        return result;
    }
    result = write_rows(roll, txn, diag);
    if (result == RESULT_OK) {
        result = write_self(roll, txn, diag);
    }
    if (result == RESULT_OK) {
        result = scribe_log(roll->scribe, txn, diag);
    }
    if (result != RESULT_OK) {
        store_abort(txn);
        return result;
    }
    result = store_commit(txn, diag);
    if (result != RESULT_OK) {
        return result;
    }
    roll->departed_count = 0;
    scribe_logged(roll->scribe);
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
    return roll->departed_count > 0;
}

void roll_done(struct roll *roll)
{
    for (size_t i = 0; i < roll->ward_count; i++) {
        ward_free(roll->wards[i]);
    }
    free(roll->wards);
    free(roll->departed);
    *roll = (struct roll){ 0 };
}
