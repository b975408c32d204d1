/* The reach of an address, in the way of chrony: the outcomes of its last samples as bits, from the
 * lowest, which is the newest, to the highest; 1 is a success. */
#ifndef ZONE_REACH_H
#define ZONE_REACH_H

#include "zone/verdicts/history.h"

enum {
    REACH_SAMPLES = 8,
    REACH_INTERVALS = 12 /* older samples don't count: by then, eight newer ones were due */
};

/* The newest samples, the newest first. Starts as { 0 }. */
struct reach {
    unsigned count;
    struct {
        uint64_t at;
        bool good;
    } samples[REACH_SAMPLES];
};

/* Adds the samples of a subject, whose vantage point probes every `interval_s`. */
enum result reach_add(struct reach *reach, struct store_txn *history,
                      const struct history_subject *subject, uint32_t interval_s, uint64_t now);
uint8_t reach_bits(const struct reach *reach);

#endif
