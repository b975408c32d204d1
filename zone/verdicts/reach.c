#include "zone/verdicts/reach.h"

enum {
    SAMPLE_S = 60 /* the history has one sample a minute */
};

static void take(const struct history_sample *sample, void *arg)
{
    struct reach *reach = arg;
    unsigned at = reach->count;
    while (at > 0 && reach->samples[at - 1].at <= sample->at) {
        at--;
    }
    if (at == REACH_SAMPLES) {
        return;
    }
    reach->count += reach->count < REACH_SAMPLES;
    for (unsigned i = reach->count - 1; i > at; i--) {
        reach->samples[i] = reach->samples[i - 1];
    }
    reach->samples[at].at = sample->at;
    reach->samples[at].good = sample->failure == FAILURE_NONE;
}

enum result reach_add(struct reach *reach, struct store_txn *history,
                      const struct history_subject *subject, uint32_t interval_s, uint64_t now)
{
    uint64_t back = REACH_INTERVALS * (uint64_t)(interval_s > SAMPLE_S ? interval_s : SAMPLE_S);
    return history_samples(history, subject, now > back ? now - back : 0, now, take, reach);
}

uint8_t reach_bits(const struct reach *reach)
{
    unsigned bits = 0;
    for (unsigned i = 0; i < reach->count; i++) {
        bits |= (unsigned)reach->samples[i].good << i;
    }
    return (uint8_t)bits;
}
