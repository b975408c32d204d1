/* Internal to the history: shared by its files. */
#ifndef ZONE_HISTORY_PRIVATE_H
#define ZONE_HISTORY_PRIVATE_H

#include "zone/verdicts/history.h"

enum {
    HISTORY_KEY_NAME = 2 + 8 + 16, /* where the vantage point's name begins */
    HISTORY_KEY_MAX = HISTORY_KEY_NAME + VANTAGE_ROOM,
    HISTORY_RTT_STEP_US = 20,
    HISTORY_RINGS = 3 /* of hours and days */
};

/* Of a row: ring index, member, address, vantage point. */
struct history_key {
    uint8_t octets[HISTORY_KEY_MAX];
    size_t len;
};

struct history_key history_key_of(unsigned ring_index, const struct history_subject *subject);
/* Passes on the result of a write, with a diag on failure. */
enum result history_written(struct diag *diag, enum result result);

/* history_days.c: adds samples of one quarter to their hour. The ring index of the key does not
 * matter. */
enum result history_sum_up(struct store_txn *txn, const struct history_key *key, bool far,
                           const struct history_sample *samples, unsigned count, struct diag *diag);
/* The place in a ring at which rows of an earlier lap are to be cleared on that day. */
unsigned history_ring_index(unsigned ring, uint64_t day);
/* Clears a row at this place: one of an earlier lap goes, and what is kept of it longer is added to
 * the next ring. */
enum result history_clear(struct store_txn *txn, unsigned ring, const struct history_key *key,
                          uint64_t day, struct diag *diag);

#endif
