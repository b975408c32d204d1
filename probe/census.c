#include "probe/census.h"

static bool is_dark(const struct address_health *each)
{
    return each->failures >= CENSUS_FAILURES;
}

void census_add(struct census *census, const struct member_health *health)
{
    bool any_answers = false;
    for (unsigned i = 0; i < health->address_count; i++) {
        const struct address_health *each = &health->addresses[i];
        bool ipv4 = address_is_ipv4(&each->address);
        any_answers |= each->probes > 0 && !is_dark(each);
        census->addresses[ipv4] += each->working;
        census->dark[ipv4] += each->working && is_dark(each);
    }
    bool in = health->stage == STAGE_ELIGIBLE || health->stage == STAGE_FALLING;
    census->members += in;
    census->down += in && (!any_answers || health->stage == STAGE_FALLING);
}

static bool is_mass(uint32_t down, uint32_t of, uint32_t percent)
{
    return down >= CENSUS_LEAST && (uint64_t)down * 100 > (uint64_t)of * percent;
}

/* True while removals wait: from the alarm until it is over, unless the operator has said that it is true. */
static bool freeze(uint64_t *since, bool alarm, uint64_t released_at, uint64_t now)
{
    if (!alarm) {
        *since = 0;
    } else if (*since == 0) {
        *since = now;
    }
    return alarm && released_at < *since;
}

void census_judge(const struct census *census, const struct settings *settings, uint64_t now,
                  struct vantage *vantage, struct caution *caution)
{
    uint32_t percent = settings->breaker_percent;
    uint64_t released_at = vantage->released_at;
    vantage->members = census->members;
    vantage->down = census->down;
    caution->hold_s =
        vantage->interval_s > CENSUS_HOLD_MIN_S ? vantage->interval_s : CENSUS_HOLD_MIN_S;
    caution->members_frozen = freeze(
        &vantage->frozen_since, is_mass(census->down, census->members, percent), released_at, now);
    for (unsigned family = 0; family < 2; family++) {
        caution->family_frozen[family] = freeze(
            &vantage->family_frozen_since[family],
            is_mass(census->dark[family], census->addresses[family], percent), released_at, now);
    }
}
