#include "probe/breaker.h"

#include "probe/schedule.h"

static void count(struct breaker_count *count, uint32_t failures)
{
    count->all++;
    count->failing += failures > 0;
    count->halves += failures > 2 ? 2 : failures;
}

void breaker_add(struct breaker *breaker, const struct member_health *health)
{
    uint32_t fewest = UINT32_MAX;
    for (unsigned i = 0; i < health->address_count; i++) {
        const struct address_health *each = &health->addresses[i];
        struct breaker_family *family = &breaker->family[address_family(&each->address)];
        family->addresses++;
        family->unprobed += each->failure == FAILURE_INTERNAL;
        family->heard |= each->certified_at != 0 || each->last_good_at != 0 ||
                         (each->probes > 0 && failure_was_heard(each->failure));
        if (each->working) {
            count(&family->working, each->failures);
        }
        if (each->probes > 0 && each->failures < fewest) {
            fewest = each->failures;
        }
    }
    if (health->stage == STAGE_ELIGIBLE) {
        count(&breaker->members, fewest);
    } else if (health->stage == STAGE_FALLING) {
        count(&breaker->members, UINT32_MAX);
    }
}

static bool is_mass(const struct breaker_count *count, uint32_t percent)
{
    bool many = count->halves >= 2 * VANTAGE_ALARM_LEAST ||
                (count->failing == count->all && count->all >= VANTAGE_ALARM_LEAST);
    return many && (uint64_t)count->halves * 100 > (uint64_t)count->all * percent * 2;
}

/* Too many of so many addresses can't be probed at all. */
static bool is_cut_off(uint32_t unprobed, uint32_t addresses, const struct settings *settings)
{
    return unprobed > 0 &&
           (uint64_t)unprobed * 100 > (uint64_t)addresses * settings->breaker_percent;
}

static bool family_cut_off(const struct breaker_family *family, const struct settings *settings)
{
    return is_cut_off(family->unprobed, family->addresses, settings);
}

static enum family_state state_of(const struct breaker *breaker, enum address_family number,
                                  const struct settings *settings, enum family_state before)
{
    const struct breaker_family *family = &breaker->family[number];
    if (before == FAMILY_UNSEEN && !family->heard) {
        return FAMILY_UNSEEN;
    }
    if (breaker->stalled && before != FAMILY_UNSEEN) {
        return before;
    }
    return family->silent || family_cut_off(family, settings) ? FAMILY_OFF : FAMILY_ON;
}

enum vantage_state breaker_vantage_state(const struct breaker *breaker,
                                         const struct settings *settings,
                                         const struct vantage *vantage)
{
    uint32_t addresses = 0, unprobed = 0;
    bool on = false, off = false, reachable = false;
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        const struct breaker_family *family = &breaker->family[i];
        addresses += family->addresses;
        unprobed += family->unprobed;
        on |= vantage->family[i].state == FAMILY_ON;
        off |= vantage->family[i].state == FAMILY_OFF;
        reachable |= family->addresses > 0 && !family_cut_off(family, settings);
    }
    if (breaker->stalled) {
        return is_cut_off(unprobed, addresses, settings) ? VANTAGE_HELD_UP : VANTAGE_WELL;
    }
    bool fine = on || addresses == 0 || (!off && reachable);
    return fine ? VANTAGE_WELL : VANTAGE_NETWORK_OFF;
}

/* True while removals wait: from the alarm until it is over, unless the operator has released
 * them. */
static bool freeze(uint64_t *since, bool alarm, uint64_t released_at, uint64_t now)
{
    if (!alarm) {
        *since = 0;
    } else if (*since == 0 || *since > now) {
        *since = now; /* also if the clock was ahead before */
    }
    return alarm && released_at < *since;
}

void breaker_judge(const struct breaker *breaker, const struct settings *settings, uint64_t now,
                   struct vantage *vantage, struct breaker_state *breaker_state)
{
    uint32_t percent = settings->breaker_percent;
    uint64_t released_at = vantage->released_at;
    vantage->members = breaker->members.all;
    vantage->down = breaker->members.failing;
    breaker_state->hold_s =
        vantage->interval_s + vantage->interval_s / SCHEDULE_JITTER_SHARE + BREAKER_SLACK_S;
    breaker_state->members_frozen =
        freeze(&vantage->frozen_since, is_mass(&breaker->members, percent), released_at, now);
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        const struct breaker_family *counted = &breaker->family[i];
        struct vantage_family *family = &vantage->family[i];
        family->addresses = counted->addresses;
        enum family_state state =
            state_of(breaker, (enum address_family)i, settings, family->state);
        if (state != family->state || family->state_since == 0) {
            family->state = state;
            family->state_since = now;
        }
        breaker_state->family_frozen[i] =
            freeze(&family->frozen_since, is_mass(&counted->working, percent), released_at, now);
    }
    breaker_state->family_waits[ADDRESS_IPV6] = vantage_family_waits(vantage, ADDRESS_IPV6);
    breaker_state->family_waits[ADDRESS_IPV4] = vantage_family_waits(vantage, ADDRESS_IPV4);
}
