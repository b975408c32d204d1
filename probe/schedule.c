#include "probe/schedule.h"

#include "probe/limits.h"
#include "zone/base/u64.h"

static const uint64_t pause_max_ms = SCHEDULE_PAUSE_MAX_S * UINT64_C(1000);

uint64_t schedule_pause_ms(uint32_t interval_ms, unsigned backoff, uint64_t dead_s)
{
    uint64_t pause_ms = (uint64_t)interval_ms * backoff;
    uint64_t dead_ms = dead_s / SCHEDULE_DEAD_SHARE * 1000;
    return u64_min(u64_max(pause_ms, dead_ms), pause_max_ms);
}

uint64_t schedule_next(uint64_t now_ms, uint64_t pause_ms, uint32_t random)
{
    uint64_t jittered_ms = pause_ms + (pause_ms / SCHEDULE_JITTER_SHARE * random >> 32);
    return now_ms + u64_min(jittered_ms, pause_max_ms);
}

uint64_t schedule_first(uint64_t now_ms, uint32_t interval_ms, uint32_t probes, uint32_t random)
{
    return probes == 0 ? now_ms : now_ms + ((uint64_t)interval_ms * random >> 32);
}

uint32_t schedule_ke_life_s(uint32_t random)
{
    uint32_t least = LIMIT_KE_LIFE_S / 4 * 3;
    return least + (uint32_t)((uint64_t)(LIMIT_KE_LIFE_S - least) * random >> 32);
}

uint32_t schedule_ke_gap_s(uint32_t interval_ms)
{
    uint32_t gap_s = (interval_ms + 999) / 1000 * 3;
    return gap_s < SCHEDULE_GAP_MAX_S ? gap_s : SCHEDULE_GAP_MAX_S;
}
