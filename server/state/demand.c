#include "server/state/demand.h"

#include <stdlib.h>
#include <string.h>

#include "zone/base/result.h"

bool demand_turn_to(struct demand *demand, uint64_t round, size_t area_count)
{
    if (demand->asked != NULL && round <= demand->round) {
        return round == demand->round;
    }
    free(demand->asked);
    demand->asked = xcalloc(area_count, sizeof(*demand->asked));
    demand->area_count = area_count;
    demand->round = round;
    return true;
}

struct demand demand_copy(const struct demand *demand)
{
    struct demand copy = { .by_cell = NULL };
    if (demand->asked != NULL && demand_turn_to(&copy, demand->round, demand->area_count)) {
        memcpy(copy.asked, demand->asked, demand->area_count * sizeof(*copy.asked));
    }
    return copy;
}

void demand_done(struct demand *demand)
{
    free(demand->by_cell);
    free(demand->asked);
    *demand = (struct demand){ .by_cell = NULL };
}
