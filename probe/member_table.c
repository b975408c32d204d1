#include "probe/member_table.h"

#include <stdlib.h>

#include "probe/stall.h"
#include "zone/base/clock.h"
#include "zone/base/u64.h"
#include "zone/verdicts/outline.h"

static int compare(const void *a, const void *b)
{
    const struct probed_member *const *left = a, *const *right = b;
    return u64_order((*left)->id, (*right)->id);
}

static int compare_id(const void *id, const void *item)
{
    const struct probed_member *const *member = item;
    return u64_order(*(const uint64_t *)id, (*member)->id);
}

static struct probed_member *find(const struct member_table *table, uint64_t id)
{
    struct probed_member **found = bsearch(&id, table->members, table->member_count,
                                           sizeof(struct probed_member *), compare_id);
    return found != NULL ? *found : NULL;
}

/* Afterwards the table has each member of the feed. */
static void add_members(struct member_table *table, const struct feed *feed)
{
    size_t count = table->member_count;
    table->members =
        xrealloc(table->members, (count + feed->member_count + 1) * sizeof(struct probed_member *));
    for (size_t i = 0; i < feed->member_count; i++) {
        if (find(table, feed->members[i].id) == NULL) {
            struct probed_member *member = probed_member_new(table->context, feed->members[i].id);
            memcpy(member->health.vantage, table->vantage.name, sizeof(member->health.vantage));
            member->is_new = true;
            table->members[count++] = member;
        }
    }
    if (count > table->member_count) {
        table->member_count = count;
        qsort(table->members, count, sizeof(struct probed_member *), compare);
    }
}

static void drop_absent(struct member_table *table)
{
    size_t count = 0;
    for (size_t i = 0; i < table->member_count; i++) {
        struct probed_member *member = table->members[i];
        if (member->in_feed) {
            table->members[count++] = member;
        } else {
            probed_member_free(member);
        }
    }
    table->member_count = count;
}

void member_table_update(struct member_table *table, const struct feed *feed,
                         member_table_changed *changed, void *arg)
{
    const struct vantage_key *key = vantage_keys_find(&feed->vantages, table->vantage.name);
    for (size_t i = 0; i < table->member_count; i++) {
        table->members[i]->in_feed = false;
    }
    table->settings = feed->settings;
    table->vantage.released_at = key != NULL ? key->released_at : 0;
    add_members(table, feed);
    for (size_t i = 0; i < feed->member_count; i++) {
        struct probed_member *member = find(table, feed->members[i].id);
        bool is_new = member->is_new;
        member->in_feed = true;
        member->is_new = false;
        if (probed_member_update(member, &feed->members[i])) {
            changed(member, is_new, arg);
        }
    }
    drop_absent(table);
}

static void recall_self(const struct vantage *earlier, void *arg)
{
    struct vantage *vantage = &((struct member_table *)arg)->vantage;
    const struct vantage now = *vantage;
    *vantage = *earlier;
    vantage->interval_s = now.interval_s;
    vantage->started_at = now.started_at;
}

static void recall_verdict(const char *, const struct member_health *health, void *arg)
{
    struct probed_member *member = find(arg, health->member_id);
    if (member != NULL) {
        member->health = *health;
    }
}

enum result member_table_begin(struct member_table *table, const struct feed *feed,
                               const char *state_dir, struct diag *diag)
{
    static const struct report_visit recall = { .self = recall_self, .verdict = recall_verdict };
    memcpy(table->registry, feed->registry, sizeof(table->registry));
    add_members(table, feed);
    struct report_head whose = { .number = 0 };
    memcpy(whose.vantage, table->vantage.name, sizeof(whose.vantage));
    memcpy(whose.registry, feed->registry, sizeof(whose.registry));
    return journal_open(&table->journal, state_dir, &whose, &recall, table, diag);
}

static void set_state(struct vantage *vantage, enum vantage_state state, uint64_t now)
{
    if (vantage->state != state || vantage->state_since == 0) {
        vantage->state = state;
        vantage->state_since = now;
    }
}

void member_table_run_breaker(struct member_table *table, uint64_t now, member_table_moved *moved,
                              void *arg)
{
    struct breaker breaker = { .stalled = table->stalled_ms > 0 };
    for (size_t i = 0; i < table->member_count; i++) {
        breaker_add(&breaker, &table->members[i]->health);
    }
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        breaker.family[i].heard |= table->self.family[i].heard;
        breaker.family[i].silent = table->self.family[i].silent;
    }
    breaker_judge(&breaker, &table->settings, now, &table->vantage, &table->breaker_state);
    enum vantage_state own = breaker_vantage_state(&breaker, &table->settings, &table->vantage);
    set_state(&table->vantage, own != VANTAGE_WELL ? own : table->self.state, now);
    for (size_t i = 0; i < table->member_count; i++) {
        struct probed_member *member = table->members[i];
        member->dirty |= verdict_withdraw(&member->health, &table->vantage);
        if (member->health.stage != STAGE_FALLING || table->stalled_ms >= STALL_LONG_MS) {
            continue; /* after a long stall it is probed again before it falls */
        }
        lifecycle_advance(&member->health, &table->settings, &table->breaker_state, now);
        if (member->health.stage != STAGE_FALLING) {
            member->dirty = true;
            moved(member, STAGE_FALLING, arg);
        }
    }
}

/* An address that is due at once waits from now on, behind those that have waited longer. */
static void add_addresses(struct probed_member *member, uint64_t now_ms, struct due_list *list)
{
    for (unsigned i = 0; i < member->address_count; i++) {
        struct probed_address *probed = &member->probed_addresses[i];
        if (probed->run == NULL && probed->due_ms <= now_ms) {
            probed->due_ms = probed->due_ms == 0 ? now_ms : probed->due_ms;
            due_add(list, probed->due_ms, probed);
        }
    }
}

void member_table_due(const struct member_table *table, uint64_t now_ms, struct due_list *names,
                      struct due_list *addresses)
{
    due_clear(names);
    due_clear(addresses);
    for (size_t i = 0; i < table->member_count; i++) {
        struct probed_member *member = table->members[i];
        if (member->has_own_name && member->lookup == NULL && member->resolve_due_ms <= now_ms) {
            due_add(names, member->resolve_due_ms, member);
        }
        add_addresses(member, now_ms, addresses);
    }
    due_sort(names);
    due_sort(addresses);
}

/* True if results of the family may be believed. */
static bool is_trusted(const struct reference_verdict *self, enum address_family family)
{
    return self->state == VANTAGE_WELL && !self->family[family].silent;
}

void member_table_confirm(struct member_table *table, uint64_t since_ms,
                          member_table_confirmed *confirmed, void *arg)
{
    for (size_t i = 0; i < table->member_count; i++) {
        struct probed_member *member = table->members[i];
        for (unsigned k = 0; k < member->address_count; k++) {
            struct probed_address *probed = &member->probed_addresses[k];
            struct outcome *outcome = probed->unconfirmed;
            if (outcome == NULL || probed->unconfirmed_at_ms >= since_ms) {
                continue;
            }
            probed->unconfirmed = NULL;
            if (is_trusted(&table->self, address_family(&member->addresses[k]))) {
                confirmed(member, k, outcome, arg);
            }
            free(outcome);
        }
    }
}

/* Adds the verdicts that wait, or all: those with a new outline, or the others. */
static void write_verdicts(struct member_table *table, bool all, bool outlined)
{
    for (size_t i = 0; i < table->member_count; i++) {
        const struct probed_member *member = table->members[i];
        if ((all || member->dirty) && (outline_of(&member->health) != member->told) == outlined) {
            journal_verdict(table->journal, member->label, &member->health);
        }
    }
}

enum result member_table_write(struct member_table *table, struct report_queue *queue,
                               struct diag *diag)
{
    struct journal *journal = table->journal;
    bool all = journal_wants_all(journal);
    journal_begin(journal, &table->settings.apex, clock_now());
    journal_self(journal, &table->vantage);
    write_verdicts(table, all, true);
    report_queue_write_events(queue, journal);
    journal_cut(journal);
    write_verdicts(table, all, false);
    journal_cut(journal);
    report_queue_write_samples(queue, journal);
    TRY(journal_end(journal, diag));
    report_queue_clear(queue);
    for (size_t i = 0; i < table->member_count; i++) {
        struct probed_member *member = table->members[i];
        if (all || member->dirty) {
            member->dirty = false;
            member->told = outline_of(&member->health);
        }
    }
    return RESULT_OK;
}

bool member_table_is_dirty(const struct member_table *table)
{
    for (size_t i = 0; i < table->member_count; i++) {
        if (table->members[i]->dirty) {
            return true;
        }
    }
    return false;
}

void member_table_done(struct member_table *table)
{
    for (size_t i = 0; i < table->member_count; i++) {
        probed_member_free(table->members[i]);
    }
    free(table->members);
    journal_free(table->journal);
    table->members = NULL;
    table->member_count = 0;
    table->journal = NULL;
}

bool member_table_is_of(const struct member_table *table, const struct feed *feed)
{
    return memcmp(table->registry, feed->registry, sizeof(table->registry)) == 0;
}
