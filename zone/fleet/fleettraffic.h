/* Traffic of the whole fleet: what the machines told each other of it (zone/steering/tally.h, in
 * letters of the kinds LETTER_DEMAND and LETTER_ANSWERS), and the sum with what this machine has
 * counted. A machine that was not heard of lately does not count. */
#ifndef ZONE_FLEETTRAFFIC_H
#define ZONE_FLEETTRAFFIC_H

#include "zone/fleet/letters.h"
#include "zone/steering/tally.h"

enum {
    FLEETTRAFFIC_DEMAND_S = 300, /* older demand does not count */
    FLEETTRAFFIC_AHEAD_S = 60,   /* neither does that of a clock which is so far ahead */
    /* Answers of an hour do not count when so much time has passed since its end: those of the next
     * are sent in the hour after it. */
    FLEETTRAFFIC_ANSWERS_S = 2 * 3600 + 300
};

/* Demand of the other machines. Starts as `{ 0 }`: there are none. */
struct fleettraffic {
    size_t machines;       /* others that count */
    struct traffic others; /* their cells, weighed */
    double own_factor;     /* what counts of our own demand */
};

/* Reads the demand of the other machines, or of the one named `only` (NULL: all). `own_total` is
 * our own (traffic_total). Letters that can't be read do not count. */
enum result fleettraffic_read(struct fleettraffic *out, struct store_txn *fleet, const char *only,
                              double own_total, uint64_t now);
void fleettraffic_done(struct fleettraffic *fleettraffic);
/* The demand of all together: for traffic_demand and traffic_total. End with traffic_done. */
void fleettraffic_sum(struct traffic *sum, const struct fleettraffic *fleettraffic,
                      const struct traffic *own, uint64_t now);

/* Answers by member. Starts as `{ 0 }`. */
struct fleettraffic_answers {
    struct tally_answers *list; /* by id: in the last full hour of each machine */
    size_t count, room;
    size_t machines; /* others that count */
};

/* Adds up the answers of the other machines, or of one. */
enum result fleettraffic_answers(struct fleettraffic_answers *out, struct store_txn *fleet,
                                 const char *only, uint64_t now);
void fleettraffic_answers_done(struct fleettraffic_answers *answers);
/* All 0 if there are none. */
struct tally_answers fleettraffic_answers_of(const struct fleettraffic_answers *answers,
                                             uint64_t member_id);

#endif
