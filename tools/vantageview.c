#include "tools/vantageview.h"

#include <stdio.h>

#include "probe/breaker.h"
#include "zone/verdicts/intake.h"

enum {
    DISSENT_PERCENT = 2,  /* of the members, but at least one */
    UNSEEN_INTERVALS = 2, /* by then, all members were probed */
    REFUSAL_LATELY_S = 900
};

void vantageview_count(struct vantageview *view, const struct memberview *member,
                       const struct vantages *vantages, uint64_t now)
{
    view->members++;
    view->held[member->consensus.hold]++;
    for (unsigned i = 0; i < member->row_count; i++) {
        const struct member_health *row = &member->rows[i];
        const struct vantage *vantage = vantages_find(vantages, row->vantage);
        size_t at = (size_t)(vantage - vantages->list);
        view->dissent[at] += consensus_dissents(&member->consensus, row, vantages, now);
    }
}

static void add_family(json_t *row, const char *prefix, const struct vantage_family *family)
{
    char key[32];
    (void)snprintf(key, sizeof key, "%s_state", prefix);
    json_object_set_new(row, key, json_text(family_state_text(family->state)));
    (void)snprintf(key, sizeof key, "%s_state_since", prefix);
    json_object_set_new(row, key, json_time(family->state_since));
    (void)snprintf(key, sizeof key, "%s_frozen_since", prefix);
    json_object_set_new(row, key, json_time(family->frozen_since));
    (void)snprintf(key, sizeof key, "%s_addresses", prefix);
    json_object_set_new(row, key, json_integer(family->addresses));
}

json_t *vantageview_json(const struct vantageview *view, const struct vantages *vantages)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < vantages->count; i++) {
        const struct vantage *each = &vantages->list[i];
        json_t *row = json_object();
        json_object_set_new(row, "name", json_text(each->name));
        json_object_set_new(row, "asked", json_boolean(vantages->asked[i]));
        json_object_set_new(row, "state", json_text(vantage_state_text(each->state)));
        json_object_set_new(row, "state_since", json_time(each->state_since));
        json_object_set_new(row, "well_at", json_time(each->well_at));
        json_object_set_new(row, "started_at", json_time(each->started_at));
        json_object_set_new(row, "interval_s", json_integer(each->interval_s));
        json_object_set_new(row, "imported", json_boolean(each->imported));
        json_object_set_new(row, "unsynchronised", json_boolean(each->unsynchronised));
        json_object_set_new(row, "eligible", json_integer(each->members));
        json_object_set_new(row, "down", json_integer(each->down));
        json_object_set_new(row, "frozen_since", json_time(each->frozen_since));
        add_family(row, "ipv6", &each->family[ADDRESS_IPV6]);
        add_family(row, "ipv4", &each->family[ADDRESS_IPV4]);
        json_object_set_new(row, "released_at", json_time(each->released_at));
        json_object_set_new(row, "dissents", json_integer((json_int_t)view->dissent[i]));
        json_array_append_new(list, row);
    }
    return list;
}

static void warn_of_freeze(const struct vantage *each, struct concerns *concerns)
{
    char at[OUTPUT_TIME_ROOM];
    if (each->frozen_since != 0 && each->released_at < each->frozen_since) {
        concern_add(
            concerns, CONCERN_VANTAGE_FROZEN, each->name, each->frozen_since,
            "vantage point %s: too much fails at once since %s, %u of %u eligible members are "
            "down: "
            "none is taken out until that is over; if it is true, say so by `ntspool health "
            "release`",
            each->name, output_time(each->frozen_since, at), each->down, each->members);
    }
    for (unsigned family = 0; family < ADDRESS_FAMILIES; family++) {
        uint64_t since = each->family[family].frozen_since;
        if (since != 0 && each->released_at < since) {
            concern_add(
                concerns, CONCERN_VANTAGE_FAMILY_FROZEN, each->name, since,
                "vantage point %s: too many %s addresses fail at once since %s: none is left out "
                "of its name until that is over or `ntspool health release`",
                each->name, address_family_text((enum address_family)family),
                output_time(since, at));
        }
    }
}

/* True if the vantage point has never reached any address, of so many that the fault is its own. */
static bool saw_nothing(const struct vantage *each)
{
    const struct vantage_family *six = &each->family[ADDRESS_IPV6];
    const struct vantage_family *four = &each->family[ADDRESS_IPV4];
    uint64_t since = six->state_since > four->state_since ? six->state_since : four->state_since;
    return six->state == FAMILY_UNSEEN && four->state == FAMILY_UNSEEN &&
           six->addresses + four->addresses >= BREAKER_LEAST &&
           since + UNSEEN_INTERVALS * (uint64_t)each->interval_s <= each->well_at;
}

/* Warns of an address family that does not work while the other does. */
static void warn_of_families(const struct vantage *each, struct concerns *concerns)
{
    char at[OUTPUT_TIME_ROOM];
    if (saw_nothing(each)) {
        concern_add(
            concerns, CONCERN_VANTAGE_BLIND, each->name, 0,
            "vantage point %s has never reached anything: before you believe what it says of "
            "members, check its network, that TCP goes out to port %d and UDP to port 123",
            each->name, MEMBER_PORT);
    }
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        enum address_family family = (enum address_family)i;
        const struct vantage_family *own = &each->family[i];
        const char *name = address_family_text(family);
        if (own->addresses == 0 || !vantage_family_waits(each, family)) {
            continue;
        }
        if (own->state == FAMILY_OFF) {
            concern_add(
                concerns, CONCERN_VANTAGE_FAMILY_OFF, each->name, own->state_since,
                "vantage point %s: %s does not work there since %s: verdicts on %u addresses wait",
                each->name, name, output_time(own->state_since, at), own->addresses);
        } else {
            concern_add(
                concerns, CONCERN_VANTAGE_FAMILY_UNSEEN, each->name, 0,
                "vantage point %s has never reached anything by %s: it can't judge %u addresses; "
                "check its %s, or have another vantage point that has it",
                each->name, name, own->addresses, name);
        }
    }
}

static void warn_of(const struct vantages *vantages, unsigned i, struct concerns *concerns)
{
    const struct vantage *each = &vantages->list[i];
    static const char *const reasons[] = {
        [VANTAGE_CLOCK_OFF] = "its clock is off, by its references or its kernel",
        [VANTAGE_NETWORK_OFF] = "its network is off",
        [VANTAGE_HELD_UP] = "it gets too little time of its machine",
    };
    char at[OUTPUT_TIME_ROOM];
    if (each->state != VANTAGE_WELL) {
        concern_add(concerns, CONCERN_VANTAGE_ASIDE, each->name, each->state_since,
                    "vantage point %s has set itself aside since %s: %s", each->name,
                    output_time(each->state_since, at), reasons[each->state]);
    } else if (!vantages->asked[i]) {
        concern_add(
            concerns, CONCERN_VANTAGE_SILENT, each->name, each->well_at,
            "vantage point %s is silent since %s and not asked; `ntspool health forget %s` if it "
            "is gone for good",
            each->name, output_time(each->well_at, at), each->name);
    }
    if (each->unsynchronised && vantages->asked[i]) {
        concern_add(
            concerns, CONCERN_VANTAGE_CLOCK, each->name, 0,
            "vantage point %s: its kernel says that nothing keeps its clock in time: run an NTP "
            "client there",
            each->name);
    }
    if (each->state == VANTAGE_WELL && vantages->asked[i]) {
        warn_of_families(each, concerns);
    }
    warn_of_freeze(each, concerns);
}

void vantageview_warn(const struct vantageview *view, const struct vantages *vantages,
                      struct concerns *concerns)
{
    char at[OUTPUT_TIME_ROOM];
    if (view->members > 0 && vantages->silent) {
        bool ever = vantages->as_of != 0;
        concern_add(concerns, CONCERN_PROBE_SILENT, NULL, vantages->as_of,
                    "no vantage point %s%s%s: is ntspool-probed running?",
                    ever ? "has reported since " : "ever reported",
                    ever ? output_time(vantages->as_of, at) : "",
                    ever ? "; the verdicts of then stand" : "");
    }
    for (unsigned i = 0; i < vantages->count; i++) {
        warn_of(vantages, i, concerns);
        if (view->dissent[i] > 0 && view->dissent[i] * 100 >= view->members * DISSENT_PERCENT) {
            concern_add(
                concerns, CONCERN_VANTAGE_DISSENTS, vantages->list[i].name, 0,
                "vantage point %s has disagreed with the others on %zu of %zu members for over an "
                "hour: look at its network",
                vantages->list[i].name, view->dissent[i], view->members);
        }
    }
}

void vantageview_warn_of_named(const struct vantage_keys *named,
                               const struct memberview_source *source, uint64_t now,
                               struct concerns *concerns)
{
    const uint32_t fresh_s = source->settings.verdict_fresh_s;
    for (unsigned i = 0; i < named->count && source->vantages.count > 0; i++) {
        const struct vantage_key *each = &named->list[i];
        char at[OUTPUT_TIME_ROOM];
        if (vantages_find(&source->vantages, each->name) == NULL &&
            each->added_at + fresh_s < now) {
            concern_add(
                concerns, CONCERN_VANTAGE_ABSENT, each->name, each->added_at,
                "vantage point %s is named since %s, but none of its reports is here: is its "
                "probe running, and are they carried here? `ntspool vantage remove %s` if it is "
                "gone for good",
                each->name, output_time(each->added_at, at), each->name);
        }
    }
}

json_t *vantageview_refusals(struct store_txn *health, uint64_t now, struct concerns *concerns)
{
    struct refusal refusals[INTAKE_REFUSALS_MAX];
    unsigned count = 0;
    json_t *out = json_array();
    if (health == NULL || intake_refusals(health, refusals, &count) != RESULT_OK) {
        return out;
    }
    for (unsigned i = 0; i < count; i++) {
        const struct refusal *each = &refusals[i];
        json_array_append_new(
            out,
            json_pack("{s:o, s:o, s:o, s:I, s:o}", "source", json_text(each->source), "first_at",
                      json_time(each->first_at), "last_at", json_time(each->last_at), "count",
                      (json_int_t)each->count, "text", json_text(each->text)));
        if (each->last_at + REFUSAL_LATELY_S >= now) {
            concern_add(concerns, CONCERN_REPORTS_REFUSED, each->source, each->first_at,
                        "reports of vantage point %s are refused: %s", each->source, each->text);
        }
    }
    return out;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "-";
}

/* One word for the reason why the vantage point's verdicts don't count. */
static const char *state_of(const json_t *row)
{
    const char *state = text_of(row, "state");
    if (strcmp(state, "well") != 0) {
        return state;
    }
    if (!json_is_true(json_object_get(row, "asked"))) {
        return "silent";
    }
    if (!json_is_null(json_object_get(row, "frozen_since"))) {
        return "frozen";
    }
    if (strcmp(text_of(row, "ipv6_state"), "off") == 0) {
        return "IPv6 off";
    }
    return strcmp(text_of(row, "ipv4_state"), "off") == 0 ? "IPv4 off" : state;
}

void vantageview_print(const json_t *list)
{
    static const char *const heads[] = { "VANTAGE POINT", "STATE",    "LAST WORD",
                                         "INTERVAL",      "ELIGIBLE", "OF THESE DOWN" };
    struct table table;
    size_t i = 0;
    json_t *row = NULL;
    if (json_array_size(list) == 0) {
        return;
    }
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    json_array_foreach(list, i, row)
    {
        table_cell(&table, text_of(row, "name"));
        table_cell(&table, state_of(row));
        table_cell(&table, text_of(row, "well_at"));
        table_cellf(&table, "%llds",
                    (long long)json_integer_value(json_object_get(row, "interval_s")));
        table_cellf(&table, "%lld",
                    (long long)json_integer_value(json_object_get(row, "eligible")));
        table_cellf(&table, "%lld", (long long)json_integer_value(json_object_get(row, "down")));
    }
    table_end(&table);
    puts("");
}
