#include "server/state/usage.h"

#include <stdlib.h>
#include <string.h>

#include "zone/base/result.h"

bool usage_turn_to(struct usage *usage, uint64_t round, size_t area_count)
{
    if (usage->asked != NULL && round <= usage->round) {
        return round == usage->round;
    }
    free(usage->asked);
    usage->asked = xcalloc(area_count, sizeof(*usage->asked));
    usage->area_count = area_count;
    usage->round = round;
    return true;
}

struct usage usage_copy(const struct usage *usage)
{
    struct usage copy = { .demand = NULL };
    if (usage->asked != NULL && usage_turn_to(&copy, usage->round, usage->area_count)) {
        memcpy(copy.asked, usage->asked, usage->area_count * sizeof(*copy.asked));
    }
    return copy;
}

void usage_done(struct usage *usage)
{
    free(usage->demand);
    free(usage->asked);
    *usage = (struct usage){ .demand = NULL };
}
