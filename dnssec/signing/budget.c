/* The generic cell rate algorithm, as in server/answering/rrl.c: one time takes the place of a
 * count of tokens and of refilling. */
#include "dnssec/signing/budget.h"

enum {
    SECOND_US = 1000000,
    BURST_US = 100000
};

void budget_update(struct budget *budget, uint32_t rate, uint64_t now_us)
{
    budget->rate = rate;
    budget->now_us = now_us;
    if (budget->used_us < now_us || budget->used_us - now_us > SECOND_US) {
        budget->used_us = now_us;
    }
}

bool budget_take(struct budget *budget)
{
    if (budget->rate == 0) {
        return true;
    }
    uint32_t step_us = SECOND_US / budget->rate;
    uint32_t depth_us = step_us > BURST_US ? step_us : BURST_US;
    if (budget->used_us + step_us - budget->now_us > depth_us) {
        return false;
    }
    budget->used_us += step_us;
    return true;
}
