/* Any octets as demand and as answers of another machine. What is read can be summed up, and
 * answers are in order of id. */
#include <math.h>
#include <string.h>

#include "zone/steering/tally.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    AT = 2000000000
};

static void see_answers(const struct tally_answers *answers, void *arg)
{
    uint64_t *last = arg;
    ASSERT(answers->member_id >= *last && answers->hour <= answers->day);
    *last = answers->member_id + 1;
}

static void look_at_demand(struct octets text)
{
    struct tally_demand demand;
    if (tally_read_demand(&demand, text, AT) == RESULT_OK) {
        struct tally_part parts[5] = { { demand.cells, demand.count, 0, 0 } };
        struct traffic sum;
        parts[0].total = tally_total(demand.cells, demand.count, AT);
        parts[1] = parts[2] = parts[0];
        tally_weigh(parts, 5);
        tally_sum(&sum, parts, 5, AT);
        ASSERT(sum.cell_count <= demand.count && isfinite(traffic_total(&sum, AT)));
        traffic_done(&sum);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct octets text = { data, size };
    look_at_demand(text);
    for (unsigned slice = 0; slice < TALLY_SLICES; slice++) {
        uint64_t hour = 0, last = 0;
        (void)tally_read_answers(text, slice, &hour, see_answers, &last);
    }
    return 0;
}
