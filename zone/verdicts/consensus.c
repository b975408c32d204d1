#include "zone/verdicts/consensus.h"

#include <stdlib.h>

/* A vote on one family of a member: the rows, and the facts that their weight depends on. */
struct panel {
    const struct member *member;
    const struct member_health *rows;
    unsigned count;
    const struct vantages *vantages;
    uint32_t history_s;
    enum address_family family;
};

static enum address_family other_than(enum address_family family)
{
    return family == ADDRESS_IPV6 ? ADDRESS_IPV4 : ADDRESS_IPV6;
}

static bool has_own_name(const struct member *member)
{
    return member->address_count == 0;
}

/* No verdict counts on a family that the member does not have. */
static bool is_judged(const struct panel *panel)
{
    const struct member *member = panel->member;
    for (unsigned i = 0; i < member->address_count; i++) {
        if (address_family(&member->addresses[i]) == panel->family) {
            return true;
        }
    }
    return has_own_name(member);
}

/* True if the vantage point resolved the member's own name to no address of the family. That is a
 * verdict, too. */
static bool resolved_none(const struct member_health *row, const struct panel *panel)
{
    return has_own_name(panel->member) && !health_has_family(row, panel->family);
}

/* The family by which the vantage point knows the member. */
static enum address_family known_by(const struct member_health *row, const struct panel *panel)
{
    return resolved_none(row, panel) ? other_than(panel->family) : panel->family;
}

/* True if the vantage point has seen enough to judge the member. No one can have seen a new member
 * for long, so a vantage point that claims it does not vote alone. */
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
        if (address_family(&each->address) == family && each->probes >= CONSENSUS_PROBES &&
            each->last_probe_at >= each->first_probe_at + panel->history_s) {
            return true;
        }
    }
    return false;
}

/* How well a vantage point can judge the member. Only those of the best class vote. */
static unsigned class_of(const struct member_health *row, const struct panel *panel)
{
    const struct vantage *vantage = vantages_find(panel->vantages, row->vantage);
    if (vantage == NULL) {
        return is_mature(row, panel) ? 2 : 0;
    }
    enum address_family family = known_by(row, panel);
    bool seen = vantage->family[family].state != FAMILY_UNSEEN;
    bool asked = panel->vantages->asked_by_family[vantage - panel->vantages->list][family];
    return (seen ? 4U : 0U) + (is_mature(row, panel) ? 2U : 0U) + asked;
}

/* The stage to vote for: a fall that the operator released is carried out. */
static enum stage stage_of(const struct member_health *row, const struct panel *panel)
{
    const struct vantage *vantage = vantages_find(panel->vantages, row->vantage);
    const struct family_health *own = &row->family[panel->family];
    bool released = vantage != NULL && vantage->released_at >= own->stage_since;
    if (resolved_none(row, panel)) {
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

/* Sorts from out to in. */
static int compare_votes(const void *a, const void *b)
{
    const struct vote *left = a, *right = b;
    if (left->weight != right->weight) {
        return left->weight < right->weight ? -1 : 1;
    }
    return (left->score_milli > right->score_milli) - (left->score_milli < right->score_milli);
}

static unsigned collect_votes(struct vote votes[VANTAGES_MAX], const struct panel *panel)
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

/* Sorts from bad to good. */
static int compare_addresses(const void *a, const void *b)
{
    const struct address_health *left = *(const struct address_health *const *)a;
    const struct address_health *right = *(const struct address_health *const *)b;
    if (left->working != right->working) {
        return left->working ? 1 : -1;
    }
    return (left->score_milli > right->score_milli) - (left->score_milli < right->score_milli);
}

/* The votes on one family; none if it is not judged. */
struct ballot {
    struct vote votes[VANTAGES_MAX];
    unsigned voters;
    const struct vote *median;
};

static void count_ballot(struct ballot *out, struct panel *panel, enum address_family family)
{
    panel->family = family;
    out->voters = is_judged(panel) ? collect_votes(out->votes, panel) : 0;
    out->median = out->voters == 0 ? NULL : &out->votes[(out->voters - 1) / 2];
}

/* Sets the median of the voters' verdicts on the address. If none has probed it, takes the verdict
 * of a voter that knows it, preferably the median voter. False if none knows it. */
static bool median_address(struct address_health *out, const struct address *address,
                           const struct ballot *ballot)
{
    const struct address_health *seen[VANTAGES_MAX], *known = NULL;
    unsigned count = 0;
    for (unsigned i = 0; i < ballot->voters; i++) {
        const struct address_health *each = health_address(ballot->votes[i].row, address);
        if (each != NULL && each->probes > 0) {
            seen[count++] = each;
        }
        bool better = each != NULL && (known == NULL || &ballot->votes[i] == ballot->median);
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

/* Sets the addresses: those of the member or, if it has its own name, those that the median vantage
 * point found. */
static void merge_addresses(struct member_health *out, const struct member *member,
                            const struct ballot ballots[ADDRESS_FAMILIES])
{
    struct address addresses[MEMBER_ADDRESSES_MAX];
    bool found = has_own_name(member);
    unsigned count = found ? out->address_count : member->address_count, kept = 0;
    for (unsigned i = 0; i < count; i++) {
        addresses[i] = found ? out->addresses[i].address : member->addresses[i];
    }
    for (unsigned i = 0; i < count; i++) {
        const struct ballot *ballot = &ballots[address_family(&addresses[i])];
        kept += median_address(&out->addresses[kept], &addresses[i], ballot);
    }
    out->address_count = (uint8_t)kept;
}

/* Sets the verdicts of the families and of the member, on top of the row of one vantage point. */
static void merge_families(struct consensus *consensus,
                           const struct ballot ballots[ADDRESS_FAMILIES])
{
    struct member_health found = { .member_id = 0 };
    for (unsigned f = 0; f < ADDRESS_FAMILIES; f++) {
        const struct vote *median = ballots[f].median;
        if (median != NULL) {
            found = *median->row;
        }
    }
    for (unsigned f = 0; f < ADDRESS_FAMILIES; f++) {
        const struct vote *median = ballots[f].median;
        if (median == NULL) {
            found.family[f] = (struct family_health){ .stage = STAGE_REGISTERED };
            continue;
        }
        found.family[f] = median->row->family[f];
        found.family[f].stage = median->stage;
        found.family[f].weight = median->weight;
        consensus->family[f].all = ballots[f].voters;
        for (unsigned i = 0; i < ballots[f].voters; i++) {
            consensus->family[f].in += ballots[f].votes[i].weight > 0;
        }
    }
    enum address_family better = health_better_family(&found);
    better = ballots[better].median == NULL ? other_than(better) : better;
    ASSERT(ballots[better].median != NULL);
    const struct family_health *by = &found.family[better];
    const struct member_health *row = ballots[better].median->row;
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

/* Clears all but the room of addresses, which would take longer than the rest. */
static void clear(struct consensus *out)
{
    memset(out, 0, offsetof(struct consensus, health.addresses));
    out->votes = (struct votes){ 0 };
    memset(out->family, 0, sizeof(out->family));
    out->hold = HOLD_NONE;
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
    clear(out);
    out->known = count > 0;
    if (count == 0) {
        return;
    }
    count_ballot(&ballots[ADDRESS_IPV6], &panel, ADDRESS_IPV6);
    count_ballot(&ballots[ADDRESS_IPV4], &panel, ADDRESS_IPV4);
    merge_families(out, ballots);
    merge_addresses(&out->health, member, ballots);
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
        bool asked = vantages->asked_by_family[vantage - vantages->list][f];
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
