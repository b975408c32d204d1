#include "zone/joint.h"

#include <stdlib.h>

/* What is judged, and by whom. */
struct panel {
    const struct member_health *rows;
    unsigned count;
    const struct vantages *vantages;
    uint32_t history_s;
    enum address_family family;
};

static bool is_of(const struct address_health *address, enum address_family family)
{
    return address_family(&address->address) == family;
}

static int32_t best_score(const struct member_health *row, enum address_family family)
{
    int32_t best = HEALTH_SCORE_MIN;
    for (unsigned i = 0; i < row->address_count; i++) {
        const struct address_health *each = &row->addresses[i];
        bool better = is_of(each, family) && each->probes > 0 && each->score_milli > best;
        best = better ? each->score_milli : best;
    }
    return best;
}

/* True if what the vantage point has seen is enough to judge the member. */
static bool is_mature(const struct member_health *row, const struct panel *panel)
{
    enum stage stage = row->family[panel->family].stage;
    if (stage_is_in(stage) || stage == STAGE_INELIGIBLE) {
        return true;
    }
    for (unsigned i = 0; i < row->address_count; i++) {
        const struct address_health *each = &row->addresses[i];
        if (is_of(each, panel->family) && each->probes >= JOINT_PROBES &&
            each->last_probe_at - each->first_probe_at >= panel->history_s) {
            return true;
        }
    }
    return false;
}

/* How well a vantage point may be asked about the member: only the best class of those that know it votes. */
static unsigned class_of(const struct member_health *row, const struct panel *panel)
{
    const struct vantage *vantage = vantages_find(panel->vantages, row->vantage);
    if (vantage == NULL) {
        return is_mature(row, panel) ? 2 : 0;
    }
    bool seen = vantage->family[panel->family].state != FAMILY_UNSEEN;
    bool asked = panel->vantages->asked_of[vantage - panel->vantages->list][panel->family];
    return (seen ? 4U : 0U) + (is_mature(row, panel) ? 2U : 0U) + asked;
}

/* A fall that the operator has let happen is one. */
static enum stage stage_of(const struct member_health *row, const struct panel *panel)
{
    const struct vantage *vantage = vantages_find(panel->vantages, row->vantage);
    const struct family_health *own = &row->family[panel->family];
    bool released = vantage != NULL && vantage->released_at >= own->stage_since;
    return own->stage == STAGE_FALLING && released ? STAGE_INELIGIBLE : own->stage;
}

struct vote {
    const struct member_health *row;
    enum stage stage;
    uint16_t weight;
    int32_t score_milli;
};

/* From out to in. */
static int compare_votes(const void *a, const void *b)
{
    const struct vote *left = a, *right = b;
    if (left->weight != right->weight) {
        return left->weight < right->weight ? -1 : 1;
    }
    return (left->score_milli > right->score_milli) - (left->score_milli < right->score_milli);
}

static unsigned collect(struct vote votes[VANTAGES_MAX], const struct panel *panel)
{
    unsigned best = 0;
    unsigned voters = 0;
    for (unsigned i = 0; i < panel->count; i++) {
        unsigned class = class_of(&panel->rows[i], panel);
        best = class > best ? class : best;
    }
    for (unsigned i = 0; i < panel->count; i++) {
        const struct member_health *row = &panel->rows[i];
        if (class_of(row, panel) == best) {
            enum stage stage = stage_of(row, panel);
            uint16_t weight = stage_is_in(stage) ? row->family[panel->family].weight : 0;
            votes[voters++] = (struct vote){ row, stage, weight, best_score(row, panel->family) };
        }
    }
    qsort(votes, voters, sizeof(votes[0]), compare_votes);
    return voters;
}

/* From bad to good. */
static int compare_addresses(const void *a, const void *b)
{
    const struct address_health *left = *(const struct address_health *const *)a;
    const struct address_health *right = *(const struct address_health *const *)b;
    if (left->working != right->working) {
        return left->working ? 1 : -1;
    }
    return (left->score_milli > right->score_milli) - (left->score_milli < right->score_milli);
}

/* Replaces a row of the verdict by the median of what the voters have of its address. */
static void settle_address(struct address_health *each, const struct vote *votes, unsigned voters)
{
    const struct address_health *seen[VANTAGES_MAX];
    unsigned count = 0;
    for (unsigned v = 0; v < voters; v++) {
        for (unsigned i = 0; i < votes[v].row->address_count; i++) {
            const struct address_health *other = &votes[v].row->addresses[i];
            if (address_equal(&other->address, &each->address) && other->probes > 0) {
                seen[count++] = other;
                break;
            }
        }
    }
    if (count > 0) {
        qsort(seen, count, sizeof(const struct address_health *), compare_addresses);
        *each = *seen[(count - 1) / 2];
    }
}

/* What the voters of one family come to. */
struct ballot {
    struct vote votes[VANTAGES_MAX];
    unsigned voters;
    const struct vote *middle;
};

static void count_ballot(struct ballot *out, const struct panel *panel)
{
    out->voters = collect(out->votes, panel);
    out->middle = &out->votes[(out->voters - 1) / 2];
}

/* Enters the families' verdicts, and what the member stands by, into what was its row at one vantage point. */
static void settle_families(struct joint *joint, const struct ballot ballots[ADDRESS_FAMILIES])
{
    struct member_health found = *ballots[ADDRESS_IPV4].middle->row;
    for (unsigned f = 0; f < ADDRESS_FAMILIES; f++) {
        const struct vote *middle = ballots[f].middle;
        found.family[f] = middle->row->family[f];
        found.family[f].stage = middle->stage;
        found.family[f].weight = middle->weight;
        joint->family[f].all = ballots[f].voters;
        for (unsigned i = 0; i < ballots[f].voters; i++) {
            joint->family[f].in += ballots[f].votes[i].weight > 0;
        }
    }
    enum address_family better = health_better_family(&found);
    const struct family_health *by = &found.family[better];
    const struct member_health *row = ballots[better].middle->row;
    joint->health = *row;
    memcpy(joint->health.family, found.family, sizeof(found.family));
    joint->health.stage = by->stage;
    joint->health.weight = by->weight;
    joint->health.stage_since = row->stage == by->stage ? row->stage_since : by->stage_since;
    joint->votes = joint->family[better];
}

static enum hold hold_of(const struct member_health *verdict, const struct vantages *vantages)
{
    const struct vantage *vantage = vantages_find(vantages, verdict->vantage);
    if (vantages->silent) {
        return HOLD_SILENT;
    }
    if (verdict->stage != STAGE_FALLING) {
        return HOLD_NONE;
    }
    return vantage != NULL && vantage->frozen_since != 0 ? HOLD_FROZEN : HOLD_WAITING;
}

void joint_of(struct joint *out, const struct member_health *rows, unsigned count,
              const struct vantages *vantages, const struct settings *settings)
{
    struct ballot ballots[ADDRESS_FAMILIES];
    struct panel panel = { rows, count, vantages, settings->min_history_s, ADDRESS_IPV6 };
    *out = (struct joint){ .known = count > 0 };
    if (count == 0) {
        return;
    }
    count_ballot(&ballots[ADDRESS_IPV6], &panel);
    panel.family = ADDRESS_IPV4;
    count_ballot(&ballots[ADDRESS_IPV4], &panel);
    settle_families(out, ballots);
    for (unsigned i = 0; i < out->health.address_count; i++) {
        struct address_health *each = &out->health.addresses[i];
        const struct ballot *ballot = &ballots[address_family(&each->address)];
        settle_address(each, ballot->votes, ballot->voters);
    }
    for (unsigned i = 0; i < count; i++) {
        uint64_t seen = rows[i].last_cert_not_after;
        if (seen > out->health.last_cert_not_after) {
            out->health.last_cert_not_after = seen;
        }
    }
    out->hold = hold_of(&out->health, vantages);
}

enum result joint_get(struct joint *out, struct store_txn *health, uint64_t member_id,
                      const struct vantages *vantages, const struct settings *settings)
{
    struct member_health rows[VANTAGES_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < vantages->count; i++) {
        enum result result = health_get(health, member_id, vantages->list[i].name, &rows[count]);
        if (result == RESULT_OK) {
            count++;
        } else if (result != RESULT_NOT_FOUND) {
            return result;
        }
    }
    joint_of(out, rows, count, vantages, settings);
    return RESULT_OK;
}

static bool is_long(uint64_t since, uint64_t now)
{
    return since + JOINT_LONG_S <= now;
}

bool joint_dissents(const struct joint *joint, const struct member_health *row,
                    const struct vantages *vantages, uint64_t now)
{
    const struct vantage *vantage = vantages_find(vantages, row->vantage);
    for (unsigned f = 0; vantage != NULL && f < ADDRESS_FAMILIES; f++) {
        const struct family_health *own = &row->family[f], *pool = &joint->health.family[f];
        bool asked = vantages->asked_of[vantage - vantages->list][f];
        if (asked && joint->family[f].all > 1 &&
            stage_is_in(own->stage) != stage_is_in(pool->stage) && is_long(own->stage_since, now) &&
            is_long(pool->stage_since, now)) {
            return true;
        }
    }
    return false;
}

const char *hold_text(enum hold hold)
{
    static const char *const texts[] = { "none", "waiting", "frozen", "silent" };
    ASSERT((unsigned)hold < sizeof(texts) / sizeof(texts[0]));
    return texts[hold];
}
