#include "probe/census.h"

static void count(struct census_count *count, uint32_t failures)
{
    count->all++;
    count->failing += failures > 0;
    count->halves += failures > 2 ? 2 : failures;
}

void census_add(struct census *census, const struct member_health *health)
{
    uint32_t fewest = UINT32_MAX;
    for (unsigned i = 0; i < health->address_count; i++) {
        const struct address_health *each = &health->addresses[i];
        census->addresses++;
        census->unprobed += each->failure == FAILURE_INTERNAL;
        if (each->working) {
            count(&census->family[address_is_ipv4(&each->address)], each->failures);
        }
        if (each->probes > 0 && each->failures < fewest) {
            fewest = each->failures;
        }
    }
    if (health->stage == STAGE_ELIGIBLE) {
        count(&census->members, fewest);
    } else if (health->stage == STAGE_FALLING) {
        count(&census->members, UINT32_MAX);
    }
}

static bool is_mass(const struct census_count *count, uint32_t percent)
{
    bool many = count->halves >= 2 * CENSUS_LEAST ||
                (count->failing == count->all && count->all >= CENSUS_LEAST);
    return many && (uint64_t)count->halves * 100 > (uint64_t)count->all * percent * 2;
}

bool census_cut_off(const struct census *census, const struct settings *settings)
{
    return census->unprobed > 0 && (uint64_t)census->unprobed * 100 >
                                       (uint64_t)census->addresses * settings->breaker_percent;
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
    vantage->members = census->members.all;
    vantage->down = census->members.failing;
    caution->hold_s = vantage->interval_s + vantage->interval_s / 10 + CENSUS_SLACK_S;
    caution->members_frozen =
        freeze(&vantage->frozen_since, is_mass(&census->members, percent), released_at, now);
    for (unsigned family = 0; family < 2; family++) {
        caution->family_frozen[family] =
            freeze(&vantage->family_frozen_since[family], is_mass(&census->family[family], percent),
                   released_at, now);
    }
}
