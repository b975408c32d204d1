#include "zone/verdicts/lifecycle.h"

enum {
    RAMP_LOW_MILLI = 10000, /* up to this score, a tenth of the weight */
    RAMP_HIGH_MILLI = 15000,
    RAMP_LOW_WEIGHT = HEALTH_WEIGHT_MAX / 10
};

/* Bits of the addresses that don't work, if another one does. An address that was never probed is
 * neither broken nor a proof that the server is reachable. */
static uint8_t broken_addresses(const struct member *member, const struct member_health *health)
{
    bool works = false;
    uint8_t broken = 0;
    for (unsigned i = 0; i < member->address_count; i++) {
        const struct address_health *seen =
            health == NULL ? NULL : health_address(health, &member->addresses[i]);
        if (seen == NULL || seen->probes == 0) {
            continue;
        }
        works |= seen->working;
        broken |= (uint8_t)(seen->working ? 0 : 1U << i);
    }
    return works ? broken : 0;
}

/* The reason for a member that was not judged yet. */
static const char *reason_unjudged(const struct member_health *health)
{
    for (unsigned i = 0; health != NULL && i < health->address_count; i++) {
        if (health->addresses[i].failure != FAILURE_NONE) {
            return failure_advice(health->addresses[i].failure);
        }
    }
    return "not probed yet";
}

/* The reason for a member that its score keeps out. */
static const char *reason_out(const struct member_health *health)
{
    const struct address_health *best = health == NULL ? NULL : health_best(health);
    if (best == NULL) {
        return reason_unjudged(health);
    }
    if (best->failure != FAILURE_NONE) {
        return failure_advice(best->failure);
    }
    if ((best->warnings & WARNING_STRATUM) != 0) {
        return "The server is too many strata from a clock: check its sources.";
    }
    if ((best->warnings & WARNING_OFFSET) != 0) {
        return "The server's time is over 100 ms off: check its sources.";
    }
    return health->stage == STAGE_INELIGIBLE ? "score under the re-entry threshold"
                                             : "score or history under the entry threshold";
}

static const char *reason_in(const struct consensus *consensus)
{
    switch (consensus->hold) {
    case HOLD_SILENT:
        return "no vantage point reports: the last verdict stands";
    case HOLD_FROZEN:
        return "score under the exit threshold, but too many fall at once: removals are frozen";
    case HOLD_WAITING:
        return "score under the exit threshold: out if that lasts for an interval";
    case HOLD_NONE:
        break;
    }
    return "NTS confirmed, score over the threshold";
}

/* The part of the addresses that work, in thousandths, for a member with its own name: no address
 * can be left out of that name, and a client may take the first one it finds. */
static uint64_t working_part(const struct member *member, const struct member_health *health)
{
    unsigned probed = 0, working = 0;
    for (unsigned i = 0; member->target.len > 0 && i < health->address_count; i++) {
        probed += health->addresses[i].probes > 0;
        working += health->addresses[i].probes > 0 && health->addresses[i].working;
    }
    return working == 0 ? HEALTH_WEIGHT_MAX : (uint64_t)working * HEALTH_WEIGHT_MAX / probed;
}

static struct standing eligible_standing(struct standing standing, uint64_t weight,
                                         const char *reason)
{
    standing.eligible = true;
    standing.weight = weight > 0 ? (uint32_t)weight : 1;
    standing.reason = reason;
    return standing;
}

bool lifecycle_leaves(const struct member *member, const struct settings *settings, uint64_t now)
{
    return member->leave_at != 0 && now + settings->leave_lead_s >= member->leave_at;
}

/* Precedence: suspension, capacity 0 and leave come first. They are the operator's decisions as the
 * override is, but about the service itself (it is down, only monitored, or about to end). So an
 * override never brings in such a member: in an emergency, `--all eligible` must not hand out a
 * server that was taken down. Then comes the override, in both directions, then the verdict of the
 * probes. */
struct standing lifecycle_standing(const struct member *member, const struct consensus *consensus,
                                   const struct settings *settings, uint64_t now)
{
    const struct member_health *health = consensus->known ? &consensus->health : NULL;
    enum stage stage = health == NULL ? STAGE_REGISTERED : health->stage;
    bool in = stage_is_in(stage);
    struct standing standing = {
        .left_out = broken_addresses(member, health),
        .state = in ? "ineligible" : stage_text(stage),
    };
    if (member->suspended) {
        standing.state = "suspended";
        standing.reason = "suspended by the operator";
        return standing;
    }
    if (member->capacity_mbit == 0) {
        standing.reason = "capacity 0: monitored only";
        return standing;
    }
    if (lifecycle_leaves(member, settings, now)) {
        standing.state = "leaving";
        standing.reason = "it leaves the pool soon; its name stays until then";
        return standing;
    }
    switch (member->override) {
    case OVERRIDE_ELIGIBLE:
        standing.state = "eligible";
        return eligible_standing(standing, member->capacity_mbit, "override by the operator");
    case OVERRIDE_INELIGIBLE:
        standing.state = "ineligible";
        standing.reason = "override by the operator";
        return standing;
    case OVERRIDE_AUTO:
        break;
    }
    standing.last_eligible_at = health == NULL ? 0 : health->last_eligible_at;
    if (in && health != NULL) {
        uint64_t ramped = (uint64_t)member->capacity_mbit * health->weight / HEALTH_WEIGHT_MAX;
        uint64_t part = working_part(member, health);
        standing.state = stage_text(stage);
        return eligible_standing(
            standing, ramped * part / HEALTH_WEIGHT_MAX,
            part < HEALTH_WEIGHT_MAX && consensus->hold == HOLD_NONE
                ? "NTS confirmed, but not on all addresses of its own name: it weighs "
                  "less by that part"
                : reason_in(consensus));
    }
    standing.reason = reason_out(health);
    return standing;
}

bool lifecycle_last_good(const struct standing *standing, uint64_t latest)
{
    return standing->last_eligible_at != 0 &&
           standing->last_eligible_at + LIFECYCLE_LAST_GOOD_S >= latest;
}

static uint16_t ramp(int32_t score_milli)
{
    if (score_milli <= RAMP_LOW_MILLI) {
        return RAMP_LOW_WEIGHT;
    }
    if (score_milli >= RAMP_HIGH_MILLI) {
        return HEALTH_WEIGHT_MAX;
    }
    int32_t over = score_milli - RAMP_LOW_MILLI;
    int32_t rise = HEALTH_WEIGHT_MAX - RAMP_LOW_WEIGHT;
    return (uint16_t)(RAMP_LOW_WEIGHT + over * rise / (RAMP_HIGH_MILLI - RAMP_LOW_MILLI));
}

/* The stage before the first entry: the best that was proven at least once. */
static enum stage stage_proven(const struct member_health *health, enum address_family family)
{
    enum stage stage = STAGE_REGISTERED;
    for (unsigned i = 0; i < health->address_count; i++) {
        const struct address_health *each = &health->addresses[i];
        if (address_family(&each->address) != family) {
            continue;
        }
        if (each->operational_at != 0) {
            return STAGE_OPERATIONAL;
        }
        if (each->certified_at != 0) {
            stage = STAGE_CERTIFIED;
        }
    }
    return stage;
}

/* History counts from the first probe of any address of the family that the member still has. */
static bool history_suffices(const struct member_health *health, enum address_family family,
                             uint32_t needed_s, uint64_t now)
{
    for (unsigned i = 0; i < health->address_count; i++) {
        const struct address_health *each = &health->addresses[i];
        if (address_family(&each->address) == family && each->probes > 0 &&
            each->first_probe_at <= now && now - each->first_probe_at >= needed_s) {
            return true;
        }
    }
    return false;
}

/* True if removals wait: of all members, or of members without a family that is neither frozen nor
 * waiting. */
static bool is_frozen(const struct member_health *health, const struct breaker_state *breaker_state)
{
    bool other_way = health->address_count == 0;
    for (unsigned i = 0; i < health->address_count; i++) {
        enum address_family family = address_family(&health->addresses[i].address);
        other_way |= !breaker_state->family_frozen[family] && !breaker_state->family_waits[family];
    }
    return breaker_state->members_frozen || !other_way;
}

/* The next stage of an eligible family below the exit: it is removed once the fall has lasted and
 * nothing suggests a fault of our own. */
static enum stage stage_below(const struct family_health *own, const struct member_health *health,
                              const struct breaker_state *breaker_state, uint64_t now)
{
    uint64_t since = own->stage == STAGE_FALLING ? own->stage_since : now;
    /* after a freeze, each member is probed again first */
    since = own->frozen_at > since ? own->frozen_at : since;
    bool waits = now < since + breaker_state->hold_s || is_frozen(health, breaker_state);
    return waits ? STAGE_FALLING : STAGE_INELIGIBLE;
}

static enum stage stage_next(const struct member_health *health, enum address_family family,
                             const struct settings *settings,
                             const struct breaker_state *breaker_state, uint64_t now)
{
    const struct family_health *own = &health->family[family];
    const struct address_health *best = health_best_in_family(health, family);
    int32_t score_milli = best == NULL ? 0 : best->score_milli;
    switch (own->stage) {
    case STAGE_ELIGIBLE:
    case STAGE_FALLING:
        return score_milli < settings->exit_score_milli
                   ? stage_below(own, health, breaker_state, now)
                   : STAGE_ELIGIBLE;
    case STAGE_INELIGIBLE:
        return score_milli >= settings->reentry_score_milli ? STAGE_ELIGIBLE : STAGE_INELIGIBLE;
    case STAGE_REGISTERED:
    case STAGE_CERTIFIED:
    case STAGE_OPERATIONAL:
        break;
    }
    enum stage proven = stage_proven(health, family);
    /* a member removed by one family comes back by the other at the re-entry score, as by the
     * same */
    bool fell = health->family[ADDRESS_IPV6].stage == STAGE_INELIGIBLE ||
                health->family[ADDRESS_IPV4].stage == STAGE_INELIGIBLE;
    int32_t entry_milli = fell ? settings->reentry_score_milli : settings->entry_score_milli;
    if (proven == STAGE_OPERATIONAL && score_milli >= entry_milli &&
        history_suffices(health, family, settings->min_history_s, now)) {
        return STAGE_ELIGIBLE;
    }
    return proven;
}

static uint16_t weight_of(const struct member_health *health, enum address_family family)
{
    const struct address_health *best = health_best_in_family(health, family);
    switch (health->family[family].stage) {
    case STAGE_ELIGIBLE:
        return ramp(best == NULL ? 0 : best->score_milli);
    case STAGE_FALLING:
        return RAMP_LOW_WEIGHT;
    default:
        return 0;
    }
}

static void advance_family(struct member_health *health, enum address_family family,
                           const struct settings *settings,
                           const struct breaker_state *breaker_state, uint64_t now)
{
    struct family_health *own = &health->family[family];
    enum stage next = stage_next(health, family, settings, breaker_state, now);
    if (next != own->stage || own->stage_since == 0) {
        own->stage = next;
        own->stage_since = now;
    }
    if (next == STAGE_FALLING && is_frozen(health, breaker_state)) {
        own->frozen_at = now;
    }
    own->weight = weight_of(health, family);
}

static void clamp(uint64_t *at, uint64_t now)
{
    *at = *at > now ? now : *at;
}

/* A clock that was ahead leaves times in the future: they become the present. */
static void clamp_to_present(struct member_health *health, uint64_t now)
{
    clamp(&health->stage_since, now);
    clamp(&health->last_eligible_at, now);
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        clamp(&health->family[i].stage_since, now);
        clamp(&health->family[i].frozen_at, now);
    }
    for (unsigned i = 0; i < health->address_count; i++) {
        struct address_health *each = &health->addresses[i];
        clamp(&each->first_probe_at, now);
        clamp(&each->last_probe_at, now);
        clamp(&each->last_good_at, now);
    }
}

void lifecycle_advance(struct member_health *health, const struct settings *settings,
                       const struct breaker_state *breaker_state, uint64_t now)
{
    clamp_to_present(health, now);
    advance_family(health, ADDRESS_IPV6, settings, breaker_state, now);
    advance_family(health, ADDRESS_IPV4, settings, breaker_state, now);
    const struct family_health *better = &health->family[health_better_family(health)];
    if (better->stage != health->stage || health->stage_since == 0) {
        health->stage = better->stage;
        health->stage_since = now;
    }
    if (better->stage == STAGE_ELIGIBLE) {
        health->last_eligible_at = now;
    }
    health->weight = better->weight;
}

bool lifecycle_fell_while_frozen(const struct member_health *health, enum address_family family)
{
    const struct family_health *own = &health->family[family];
    return own->stage == STAGE_FALLING && own->frozen_at >= own->stage_since;
}

uint64_t lifecycle_quarantine_end(const struct member_health *health,
                                  const struct settings *settings, uint64_t now)
{
    uint64_t seen = health == NULL ? 0 : health->last_cert_not_after;
    if (seen == 0) {
        return now + settings->quarantine_s;
    }
    return seen > now ? seen : now;
}
