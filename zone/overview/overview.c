#include "zone/overview/overview.h"

#include <stdlib.h>

#include "zone/base/isotime.h"
#include "zone/overview/recordhealth.h"

enum {
    DAY_S = 86400
};

static void note_unreadable(struct overview *out, enum store_kind kind, enum result result,
                            const struct diag *diag, struct concerns *concerns)
{
    concern_add(concerns, CONCERN_STORE_UNREADABLE, store_kind_text(kind), 0, "%s",
                diag->text[0] != 0 ? diag->text : result_text(result));
    out->failed = true;
}

static void look_at_stores(struct overview *out, const struct overview_source *source,
                           struct concerns *concerns)
{
    storeview_read(out->stores, source->state_dir, source->stores, concerns);
    for (unsigned kind = 0; kind < STORE_KINDS; kind++) {
        out->failed = out->failed || out->stores[kind].error.text[0] != 0;
    }
}

static void warn_of_setting(const char *name, void *arg)
{
    concern_add(arg, CONCERN_SETTING_UNKNOWN, name, 0,
                "the pool has a setting %s, which a newer ntspool has set: this one does not know "
                "it, and goes on without",
                name);
}

static enum result count_members(struct overview *out, struct store_txn *registry, uint64_t now,
                                 struct concerns *concerns, struct diag *diag)
{
    if (registry != NULL) {
        TRY(registry_settings(registry, &out->source.settings, diag));
        out->zone = true;
    }
    TRY(memberview_begin(&out->source, now));
    if (registry == NULL) {
        return RESULT_OK;
    }
    TRY(registry_unknown_settings(registry, warn_of_setting, concerns));
    TRY(census_read(&out->census, registry, &out->source, now));
    return recordhealth_warn(concerns, registry, &out->source.settings);
}

static void look_at_members(struct overview *out, const struct overview_source *source,
                            struct concerns *concerns)
{
    struct store_txn *registry = source->stores[STORE_REGISTRY].txn;
    struct diag diag = { "" };
    out->source.health = source->stores[STORE_HEALTH].txn;
    enum result result = count_members(out, registry, source->now, concerns, &diag);
    if (result != RESULT_OK) {
        note_unreadable(out, STORE_REGISTRY, result, &diag, concerns);
    }
    out->judged = result == RESULT_OK && registry != NULL && out->source.health != NULL;
    out->source.health = NULL;
    if (out->judged) {
        census_warn(&out->census, &out->source.settings, concerns);
    }
}

static void look_at_vantages(struct overview *out, const struct overview_source *source,
                             struct concerns *concerns)
{
    struct store_txn *registry = source->stores[STORE_REGISTRY].txn;
    struct store_txn *health = source->stores[STORE_HEALTH].txn;
    struct vantage_keys named = { .count = 0 };
    bool are_named = registry != NULL && registry_vantages(registry, &named, NULL) == RESULT_OK;
    runview_warn_of_probes(&out->run, &named, concerns);
    if (health == NULL) {
        return;
    }
    if (intake_refusals(health, out->refusals, &out->refusal_count) == RESULT_OK) {
        vantageview_warn_of_refusals(out->refusals, out->refusal_count, source->now, concerns);
    }
    vantageview_warn(&out->census.vantages, &out->source.vantages, concerns);
    if (are_named) {
        vantageview_warn_of_named(&named, &out->source, source->now, concerns);
    }
}

static void look_at_delegation(struct store_txn *registry, struct concerns *concerns)
{
    struct delegation_changes *changes = xcalloc(1, sizeof(*changes));
    if (registry != NULL && delegation_read(changes, registry, NULL) == RESULT_OK) {
        delegation_warn(changes, concerns);
    }
    free(changes);
}

static void look_at_traffic(struct overview *out, const struct overview_source *source,
                            struct concerns *concerns)
{
    struct store_txn *txn = source->stores[STORE_TRAFFIC].txn;
    struct diag diag = { "" };
    struct traffic traffic = { 0 };
    char since[ISOTIME_ROOM], until[ISOTIME_ROOM];
    if (txn == NULL) {
        return;
    }
    enum result result = traffic_load(&traffic, txn, &diag);
    if (result != RESULT_OK) {
        note_unreadable(out, STORE_TRAFFIC, result, &diag, concerns);
        return;
    }
    const struct traffic_spell spell = traffic.over_budget;
    shareview_of(&out->shares, out->census.parts, out->census.part_count, &traffic, source->now);
    traffic_done(&traffic);
    if (spell.since == 0 || (spell.until < source->now && source->now - spell.until > DAY_S)) {
        return;
    }
    out->over_budget = spell;
    concern_add(concerns, CONCERN_OVER_BUDGET, NULL, spell.since,
                "%llu missing names were denied by the zone's NSEC chain, from %s to %s: more "
                "were asked for than denial-budget has signatures",
                (unsigned long long)spell.answers, isotime_or_dash(spell.since, since),
                isotime_or_dash(spell.until, until));
}

static void look_at_fleet(struct overview *out, const struct overview_source *source,
                          struct concerns *concerns)
{
    enum result result =
        fleetview_read(&out->fleet, source->state_dir, source->stores[STORE_FLEET].txn,
                       source->stores[STORE_REGISTRY].txn);
    if (result != RESULT_OK) {
        note_unreadable(out, STORE_FLEET, result, &(struct diag){ "" }, concerns);
        return;
    }
    fleetview_warn(&out->fleet, source->now, concerns);
}

void overview_read(struct overview *out, const struct overview_source *source,
                   struct concerns *concerns)
{
    *out = (struct overview){ .run = source->run };
    look_at_stores(out, source, concerns);
    runview_warn_of_server(&out->run, concerns);
    look_at_members(out, source, concerns);
    look_at_vantages(out, source, concerns);
    look_at_delegation(source->stores[STORE_REGISTRY].txn, concerns);
    look_at_traffic(out, source, concerns);
    look_at_fleet(out, source, concerns);
    census_done(&out->census);
    supplies_read(&out->supplies, source->state_dir, out->stores, &out->run);
    supplies_warn(&out->supplies, source->now, concerns);
}
