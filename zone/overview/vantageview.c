#include "zone/overview/vantageview.h"

#include "zone/base/isotime.h"

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

static void warn_of_freeze(const struct vantage *each, struct concerns *concerns)
{
    char at[ISOTIME_ROOM];
    if (each->frozen_since != 0 && each->released_at < each->frozen_since) {
        concern_add(
            concerns, CONCERN_VANTAGE_FROZEN, each->name, each->frozen_since,
            "vantage point %s: too much fails at once since %s, %u of %u eligible members are "
            "down: "
            "none is taken out until that is over; if it is true, say so by `ntspool health "
            "release`",
            each->name, isotime_or_dash(each->frozen_since, at), each->down, each->members);
    }
    for (unsigned family = 0; family < ADDRESS_FAMILIES; family++) {
        uint64_t since = each->family[family].frozen_since;
        if (since != 0 && each->released_at < since) {
            concern_add(
                concerns, CONCERN_VANTAGE_FAMILY_FROZEN, each->name, since,
                "vantage point %s: too many %s addresses fail at once since %s: none is left out "
                "of its name until that is over or `ntspool health release`",
                each->name, address_family_text((enum address_family)family),
                isotime_or_dash(since, at));
        }
    }
}

/* Since when the vantage point should have reached an address, of so many that it is its own fault
 * that it never did; 0: it is not. */
static uint64_t blind_since(const struct vantage *each)
{
    const struct vantage_family *six = &each->family[ADDRESS_IPV6];
    const struct vantage_family *four = &each->family[ADDRESS_IPV4];
    uint64_t since = six->state_since > four->state_since ? six->state_since : four->state_since;
    since += UNSEEN_INTERVALS * (uint64_t)each->interval_s;
    return six->state == FAMILY_UNSEEN && four->state == FAMILY_UNSEEN &&
                   six->addresses + four->addresses >= VANTAGE_ALARM_LEAST && since <= each->well_at
               ? since
               : 0;
}

/* Warns of an address family that does not work while the other does. */
static void warn_of_families(const struct vantage *each, struct concerns *concerns)
{
    char at[ISOTIME_ROOM];
    uint64_t since = blind_since(each);
    if (since != 0) {
        concern_add(
            concerns, CONCERN_VANTAGE_BLIND, each->name, since,
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
                each->name, name, isotime_or_dash(own->state_since, at), own->addresses);
        } else {
            concern_add(
                concerns, CONCERN_VANTAGE_FAMILY_UNSEEN, each->name, own->state_since,
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
    char at[ISOTIME_ROOM];
    if (each->state != VANTAGE_WELL) {
        concern_add(concerns, CONCERN_VANTAGE_ASIDE, each->name, each->state_since,
                    "vantage point %s has set itself aside since %s: %s", each->name,
                    isotime_or_dash(each->state_since, at), reasons[each->state]);
    } else if (!vantages->asked[i]) {
        concern_add(
            concerns, CONCERN_VANTAGE_SILENT, each->name, each->well_at,
            "vantage point %s is silent since %s and not asked; `ntspool health forget %s` if it "
            "is gone for good",
            each->name, isotime_or_dash(each->well_at, at), each->name);
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
    char at[ISOTIME_ROOM];
    if (view->members > 0 && vantages->silent) {
        bool ever = vantages->as_of != 0;
        concern_add(concerns, CONCERN_PROBE_SILENT, NULL, vantages->as_of,
                    "no vantage point %s%s%s: is ntspool-probed running?",
                    ever ? "has reported since " : "ever reported",
                    ever ? isotime_or_dash(vantages->as_of, at) : "",
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
        char at[ISOTIME_ROOM];
        if (vantages_find(&source->vantages, each->name) == NULL &&
            each->added_at + fresh_s < now) {
            concern_add(
                concerns, CONCERN_VANTAGE_ABSENT, each->name, each->added_at,
                "vantage point %s is named since %s, but none of its reports is here: is its "
                "probe running, and is its machine in the fleet? `ntspool vantage remove %s` if "
                "it is gone for good",
                each->name, isotime_or_dash(each->added_at, at), each->name);
        }
    }
}

void vantageview_warn_of_refusals(const struct refusal *refusals, unsigned count, uint64_t now,
                                  struct concerns *concerns)
{
    for (unsigned i = 0; i < count; i++) {
        const struct refusal *each = &refusals[i];
        if (each->last_at + REFUSAL_LATELY_S >= now) {
            concern_add(concerns, CONCERN_REPORTS_REFUSED, each->source, each->first_at,
                        "reports of vantage point %s are refused: %s", each->source, each->text);
        }
    }
}
