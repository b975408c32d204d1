#include "zone/joint.h"

#include <stdlib.h>

static int32_t best_score(const struct member_health *row)
{
    int32_t best = HEALTH_SCORE_MIN;
    for (unsigned i = 0; i < row->address_count; i++) {
        int32_t score = row->addresses[i].score_milli;
        best = row->addresses[i].probes > 0 && score > best ? score : best;
    }
    return best;
}

/* True if what the vantage point has seen is enough to judge the member. */
static bool is_mature(const struct member_health *row, uint32_t history_s)
{
    if (row->stage >= STAGE_ELIGIBLE) {
        return true;
    }
    for (unsigned i = 0; i < row->address_count; i++) {
        const struct address_health *each = &row->addresses[i];
        if (each->probes >= JOINT_PROBES &&
            each->last_probe_at - each->first_probe_at >= history_s) {
            return true;
        }
    }
    return false;
}

/* How well a vantage point may be asked about the member: only the best class of those that know it votes. */
static unsigned class_of(const struct member_health *row, const struct vantages *vantages,
                         uint32_t history_s)
{
    const struct vantage *vantage = vantages_find(vantages, row->vantage);
    bool asked = vantage != NULL && vantages->asked[vantage - vantages->list];
    return (is_mature(row, history_s) ? 2U : 0U) + asked;
}

/* A fall that the operator has let happen is one. */
static enum stage stage_of(const struct member_health *row, const struct vantages *vantages)
{
    const struct vantage *vantage = vantages_find(vantages, row->vantage);
    bool released = vantage != NULL && vantage->released_at >= row->stage_since;
    return row->stage == STAGE_FALLING && released ? STAGE_INELIGIBLE : row->stage;
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

static unsigned collect(struct vote votes[VANTAGES_MAX], const struct member_health *rows,
                        unsigned count, const struct vantages *vantages, uint32_t history_s)
{
    unsigned best = 0;
    unsigned voters = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned class = class_of(&rows[i], vantages, history_s);
        best = class > best ? class : best;
    }
    for (unsigned i = 0; i < count; i++) {
        if (class_of(&rows[i], vantages, history_s) == best) {
            enum stage stage = stage_of(&rows[i], vantages);
            bool in = stage == STAGE_ELIGIBLE || stage == STAGE_FALLING;
            votes[voters++] =
                (struct vote){ &rows[i], stage, in ? rows[i].weight : 0, best_score(&rows[i]) };
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
    struct vote votes[VANTAGES_MAX];
    *out = (struct joint){ .known = count > 0 };
    if (count == 0) {
        return;
    }
    unsigned voters = collect(votes, rows, count, vantages, settings->min_history_s);
    const struct vote *middle = &votes[(voters - 1) / 2];
    out->health = *middle->row;
    out->health.stage = middle->stage;
    out->health.weight = middle->weight;
    for (unsigned i = 0; voters > 1 && i < out->health.address_count; i++) {
        settle_address(&out->health.addresses[i], votes, voters);
    }
    for (unsigned i = 0; i < count; i++) {
        uint64_t seen = rows[i].last_cert_not_after;
        if (seen > out->health.last_cert_not_after) {
            out->health.last_cert_not_after = seen;
        }
    }
    out->votes = voters;
    for (unsigned i = 0; i < voters; i++) {
        out->votes_in += votes[i].weight > 0;
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

bool joint_dissents(const struct joint *joint, const struct member_health *row, uint64_t now)
{
    bool in = row->stage == STAGE_ELIGIBLE || row->stage == STAGE_FALLING;
    bool pool_in = joint->health.weight > 0;
    return joint->votes > 1 && in != pool_in && row->stage_since + JOINT_LONG_S <= now &&
           joint->health.stage_since + JOINT_LONG_S <= now;
}

const char *hold_text(enum hold hold)
{
    static const char *const texts[] = { "none", "waiting", "frozen", "silent" };
    ASSERT((unsigned)hold < sizeof(texts) / sizeof(texts[0]));
    return texts[hold];
}
