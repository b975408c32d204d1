#include "zone/verdicts/consensus.h"

#include <stdlib.h>

/* What is judged, and by whom. */
struct panel {
    const struct member *member;
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

static enum address_family other_than(enum address_family family)
{
    return family == ADDRESS_IPV6 ? ADDRESS_IPV4 : ADDRESS_IPV6;
}

static bool brings_name(const struct member *member)
{
    return member->address_count == 0;
}

/* Of a family that the member does not have nothing is said, whatever a vantage point claims. */
static bool is_judged(const struct panel *panel)
{
    const struct member *member = panel->member;
    for (unsigned i = 0; i < member->address_count; i++) {
        if (address_family(&member->addresses[i]) == panel->family) {
            return true;
        }
    }
    return brings_name(member);
}

/* The vantage point found no address of the family by the member's own name, and says so by
 * that. */
static bool found_none(const struct member_health *row, const struct panel *panel)
{
    return brings_name(panel->member) && !health_has_family(row, panel->family);
}

/* The family by which the vantage point knows the member. */
static enum address_family known_by(const struct member_health *row, const struct panel *panel)
{
    return found_none(row, panel) ? other_than(panel->family) : panel->family;
}

/* True if what the vantage point has seen is enough to judge the member. Nobody can have seen one
 * that is new for long, so whoever claims it does not vote alone. */
static bool is_mature(const struct member_health *row, const struct panel *panel)
{
    enum address_family family = known_by(row, panel);
    enum stage stage = row->family[family].stage;
    if (panel->vantages->as_of < panel->member->added_at + panel->history_s) {
        return false;
    }
    if (stage_is_in(stage) || stage == STAGE_INELIGIBLE) {
        return true;
    }
    for (unsigned i = 0; i < row->address_count; i++) {
        const struct address_health *each = &row->addresses[i];
        if (is_of(each, family) && each->probes >= CONSENSUS_PROBES &&
            each->last_probe_at >= each->first_probe_at + panel->history_s) {
            return true;
        }
    }
    return false;
}

/* How well a vantage point may be asked about the member: only the best class of those that know it
 * votes. */
static unsigned class_of(const struct member_health *row, const struct panel *panel)
{
    const struct vantage *vantage = vantages_find(panel->vantages, row->vantage);
    if (vantage == NULL) {
        return is_mature(row, panel) ? 2 : 0;
    }
    enum address_family family = known_by(row, panel);
    bool seen = vantage->family[family].state != FAMILY_UNSEEN;
    bool asked = panel->vantages->asked_of[vantage - panel->vantages->list][family];
    return (seen ? 4U : 0U) + (is_mature(row, panel) ? 2U : 0U) + asked;
}

/* A fall that the operator has let happen is one. */
static enum stage stage_of(const struct member_health *row, const struct panel *panel)
{
    const struct vantage *vantage = vantages_find(panel->vantages, row->vantage);
    const struct family_health *own = &row->family[panel->family];
    bool released = vantage != NULL && vantage->released_at >= own->stage_since;
    if (found_none(row, panel)) {
        return STAGE_REGISTERED;
    }
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
            const struct address_health *best_address = health_best_in_family(row, panel->family);
            int32_t score_milli =
                best_address == NULL ? HEALTH_SCORE_MIN : best_address->score_milli;
            votes[voters++] = (struct vote){ row, stage, weight, score_milli };
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

/* What the voters of one family come to; none of a family that is not judged. */
struct ballot {
    struct vote votes[VANTAGES_MAX];
    unsigned voters;
    const struct vote *middle;
};

static void count_ballot(struct ballot *out, struct panel *panel, enum address_family family)
{
    panel->family = family;
    out->voters = is_judged(panel) ? collect(out->votes, panel) : 0;
    out->middle = out->voters == 0 ? NULL : &out->votes[(out->voters - 1) / 2];
}

/* The median of what the voters have of the address; where none has probed it, what they say of
 * that. False if none knows it. */
static bool settle_address(struct address_health *out, const struct address *address,
                           const struct ballot *ballot)
{
    const struct address_health *seen[VANTAGES_MAX], *known = NULL;
    unsigned count = 0;
    for (unsigned i = 0; i < ballot->voters; i++) {
        const struct address_health *each = health_address(ballot->votes[i].row, address);
        if (each != NULL && each->probes > 0) {
            seen[count++] = each;
        }
        bool better = each != NULL && (known == NULL || &ballot->votes[i] == ballot->middle);
        known = better ? each : known;
    }
    if (count > 0) {
        qsort(seen, count, sizeof(const struct address_health *), compare_addresses);
        known = seen[(count - 1) / 2];
    }
    if (known != NULL) {
        *out = *known;
    }
    return known != NULL;
}

/* The member's own addresses, or, of a name that it brings, those that the vantage point in the
 * middle has found. */
static void settle_addresses(struct member_health *out, const struct member *member,
                             const struct ballot ballots[ADDRESS_FAMILIES])
{
    struct address addresses[MEMBER_ADDRESSES_MAX];
    bool found = brings_name(member);
    unsigned count = found ? out->address_count : member->address_count, kept = 0;
    for (unsigned i = 0; i < count; i++) {
        addresses[i] = found ? out->addresses[i].address : member->addresses[i];
    }
    for (unsigned i = 0; i < count; i++) {
        const struct ballot *ballot = &ballots[address_family(&addresses[i])];
        kept += settle_address(&out->addresses[kept], &addresses[i], ballot);
    }
    out->address_count = (uint8_t)kept;
}

/* Enters the families' verdicts, and what the member stands by, into what was its row at one
 * vantage point. */
static void settle_families(struct consensus *consensus,
                            const struct ballot ballots[ADDRESS_FAMILIES])
{
    struct member_health found = { .member_id = 0 };
    for (unsigned f = 0; f < ADDRESS_FAMILIES; f++) {
        const struct vote *middle = ballots[f].middle;
        if (middle != NULL) {
            found = *middle->row;
        }
    }
    for (unsigned f = 0; f < ADDRESS_FAMILIES; f++) {
        const struct vote *middle = ballots[f].middle;
        if (middle == NULL) {
            found.family[f] = (struct family_health){ .stage = STAGE_REGISTERED };
            continue;
        }
        found.family[f] = middle->row->family[f];
        found.family[f].stage = middle->stage;
        found.family[f].weight = middle->weight;
        consensus->family[f].all = ballots[f].voters;
        for (unsigned i = 0; i < ballots[f].voters; i++) {
            consensus->family[f].in += ballots[f].votes[i].weight > 0;
        }
    }
    enum address_family better = health_better_family(&found);
    better = ballots[better].middle == NULL ? other_than(better) : better;
    ASSERT(ballots[better].middle != NULL);
    const struct family_health *by = &found.family[better];
    const struct member_health *row = ballots[better].middle->row;
    consensus->health = *row;
    memcpy(consensus->health.family, found.family, sizeof(found.family));
    consensus->health.stage = by->stage;
    consensus->health.weight = by->weight;
    consensus->health.stage_since = row->stage == by->stage ? row->stage_since : by->stage_since;
    consensus->votes = consensus->family[better];
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

void consensus_of(struct consensus *out, const struct member *member,
                  const struct member_health *rows, unsigned count, const struct vantages *vantages,
                  const struct settings *settings)
{
    struct ballot ballots[ADDRESS_FAMILIES];
    struct panel panel = { .member = member,
                           .rows = rows,
                           .count = count,
                           .vantages = vantages,
                           .history_s = settings->min_history_s };
    *out = (struct consensus){ .known = count > 0 };
    if (count == 0) {
        return;
    }
    count_ballot(&ballots[ADDRESS_IPV6], &panel, ADDRESS_IPV6);
    count_ballot(&ballots[ADDRESS_IPV4], &panel, ADDRESS_IPV4);
    settle_families(out, ballots);
    settle_addresses(&out->health, member, ballots);
    for (unsigned i = 0; i < count; i++) {
        uint64_t seen = rows[i].last_cert_not_after;
        if (seen > out->health.last_cert_not_after) {
            out->health.last_cert_not_after = seen;
        }
    }
    out->hold = hold_of(&out->health, vantages);
}

enum result consensus_rows(struct member_health rows[VANTAGES_MAX], unsigned *count,
                           struct store_txn *health, uint64_t member_id,
                           const struct vantages *vantages)
{
    unsigned found = 0;
    for (unsigned i = 0; i < vantages->count; i++) {
        enum result result = health_get(health, member_id, vantages->list[i].name, &rows[found]);
        if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
            return result;
        }
        found += result == RESULT_OK;
    }
    *count = found;
    return RESULT_OK;
}

enum result consensus_get(struct consensus *out, struct store_txn *health,
                          const struct member *member, const struct vantages *vantages,
                          const struct settings *settings)
{
    struct member_health rows[VANTAGES_MAX];
    unsigned count = 0;
    TRY(consensus_rows(rows, &count, health, member->id, vantages));
    consensus_of(out, member, rows, count, vantages, settings);
    return RESULT_OK;
}

static bool is_long(uint64_t since, uint64_t now)
{
    return since + CONSENSUS_LONG_S <= now;
}

bool consensus_dissents(const struct consensus *consensus, const struct member_health *row,
                        const struct vantages *vantages, uint64_t now)
{
    const struct vantage *vantage = vantages_find(vantages, row->vantage);
    for (unsigned f = 0; vantage != NULL && f < ADDRESS_FAMILIES; f++) {
        const struct family_health *own = &row->family[f], *pool = &consensus->health.family[f];
        bool asked = vantages->asked_of[vantage - vantages->list][f];
        if (asked && consensus->family[f].all > 1 &&
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
