/* Tallies: what one machine of a fleet counted, as the others get it, and demand of several
 * machines together. Pure.
 *
 * Two texts. Demand, each minute: a layout, then the cells with the most queries, largest first, 9
 * octets each: country, subdivision (each filled up with zeros), u32 queries, decayed to the time
 * of the text. Answers, each hour, in TALLY_SLICES texts, one for the members whose id has this
 * remainder: a layout, u64 the hour (since 1970), then for each member the distance of its id from
 * the one before, and its answers in that hour and in the 24 hours that end with it, each as
 * groups of seven bits, lowest first, of which all but the last have the top bit set. */
#ifndef ZONE_TALLY_H
#define ZONE_TALLY_H

#include "zone/base/wire.h"
#include "zone/steering/traffic.h"

enum {
    TALLY_DEMAND_MAX = 4096, /* octets */
    TALLY_CELL_LEN = 9,
    TALLY_CELLS_MAX = (TALLY_DEMAND_MAX - 1) / TALLY_CELL_LEN,
    TALLY_SLICES = 60,
    TALLY_SLICE_ROOM = 4,
    TALLY_ANSWERS_MAX = 32768, /* octets; beyond, members with the highest ids are left out */
    TALLY_CAPPED = 4           /* of so many machines on, none counts for more than a quarter */
};

struct tally_demand {
    size_t count;
    struct traffic_cell cells[TALLY_CELLS_MAX];
};

struct tally_answers {
    uint64_t member_id;
    uint64_t hour, day; /* answers in that hour, and in the 24 hours that end with it */
};

/* Writes the demand as of `now`; returns its length. */
size_t tally_write_demand(uint8_t out[TALLY_DEMAND_MAX], const struct traffic *traffic,
                          uint64_t now);
/* `at`: the time of the text. DAMAGED; NEWER for an unknown layout. */
enum result tally_read_demand(struct tally_demand *out, struct octets text, uint64_t at);

/* Writes the answers of one slice for the last full hour; returns their length. */
size_t tally_write_answers(uint8_t out[TALLY_ANSWERS_MAX], const struct traffic *traffic,
                           unsigned slice, uint64_t now);
/* The subject of its letter: the slice in decimal. Returns `out`. */
char *tally_slice_name(unsigned slice, char out[TALLY_SLICE_ROOM]);
typedef void tally_answers_visit(const struct tally_answers *answers, void *arg);
/* Visits all members, in order of id, if the whole text is good. `*hour` is set. */
enum result tally_read_answers(struct octets text, unsigned slice, uint64_t *hour,
                               tally_answers_visit *visit, void *arg);

/* What a machine was asked for. */
struct tally_part {
    const struct traffic_cell *cells;
    size_t count;
    double total;  /* tally_total */
    double factor; /* what of it counts, 0 to 1; set by tally_weigh */
};

double tally_total(const struct traffic_cell *cells, size_t count, uint64_t now);

/* Of TALLY_CAPPED machines on, none counts for more than a third of what all others were asked for,
 * that is, a quarter of both: so a machine that lies can't take steering over. */
void tally_weigh(struct tally_part *parts, size_t count);
/* Makes the sum of all parts, each by its factor: for traffic_demand and traffic_total. End with
 * traffic_done. */
void tally_sum(struct traffic *sum, const struct tally_part *parts, size_t count, uint64_t now);

#endif
