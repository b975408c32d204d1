/* What clients asked for and what they got: the rows of state/traffic, which the server writes and
 * everybody else reads.
 *
 * Demand is counted per cell, and fades: a query counts half after TRAFFIC_HALF_LIFE_S, which is
 * short, so that shares follow the sun: by the mean of a day members would be loaded over their
 * share at their own noon (tests/bench/RESULTS.md). Cells are kept by country and subdivision,
 * since their numbers change with the location file. Answers are counted per member in hours, for a
 * day. Of compact denials that were beyond their budget the last spell is noted. Each server of a
 * zone counts its own. */
#ifndef ZONE_TRAFFIC_H
#define ZONE_TRAFFIC_H

#include "zone/places/locations.h"
#include "zone/registry/member_ids.h"
#include "zone/store/store.h"

enum {
    TRAFFIC_HALF_LIFE_S = 1200,
    TRAFFIC_HOURS = 25,   /* this one, and those that the last day reaches into */
    TRAFFIC_PRIOR = 2000, /* queries that the prior counts for while nothing is measured */
    TRAFFIC_SPELL_S = 600 /* after a pause of this length another spell begins */
};

struct traffic_cell {
    char country[3], subdivision[4]; /* as in struct cell */
    double queries;                  /* faded to `at` */
    uint64_t at;                     /* Unix seconds */
    bool changed;                    /* the row in the store is older */
};

struct traffic_member {
    uint64_t member_id;
    uint64_t hour;                   /* since 1970: the newest that is counted */
    uint32_t answers[TRAFFIC_HOURS]; /* hour h at h % TRAFFIC_HOURS; stays at its maximum */
    bool changed, gone;
};

/* When it last happened, in one spell. */
struct traffic_spell {
    uint64_t since, until; /* Unix seconds, when it was counted; 0: never */
    uint64_t answers;
    bool changed;
};

/* Start from `{ 0 }`. Both lists are in order: by country and subdivision, by id. */
struct traffic {
    /* missing names denied by the chain, as denial-budget was used up */
    struct traffic_spell over_budget;
    struct traffic_cell *cells;
    struct traffic_member *members;
    size_t cell_count, cell_room, member_count, member_room;
};

void traffic_done(struct traffic *traffic);

/* Reads all rows into an empty one. DAMAGED with a diag. */
enum result traffic_load(struct traffic *out, struct store_txn *txn, struct diag *diag);
/* Writes what changed since it was loaded or saved, and drops what is gone. If that is not
 * committed after all, traffic_unsaved says so. With a NULL txn nothing is written. */
enum result traffic_save(struct traffic *traffic, struct store_txn *txn, struct diag *diag);
void traffic_unsaved(struct traffic *traffic);

/* Adds queries, by cell of `cells` (locations_cells). */
void traffic_add_queries(struct traffic *traffic, const struct cell *cells, const uint32_t *queries,
                         size_t count, uint64_t now);
struct traffic_count {
    uint64_t member_id; /* 0: nobody, passed over; else each at most once */
    uint64_t answers;
};
void traffic_add_answers(struct traffic *traffic, const struct traffic_count *counts, size_t count,
                         uint64_t now);
void traffic_add_over_budget(struct traffic *traffic, uint32_t answers, uint64_t now);
/* Forgets all members but these; what has faded away is forgotten too. */
void traffic_prune(struct traffic *traffic, const struct member_ids *members, uint64_t now);

/* Demand by cell, for steering: the measured one and, the more of it there is the less, a prior by
 * the number of addresses. In queries, as faded until now. A cell that came to under a hundredth of
 * a query has none. */
void traffic_demand(const struct traffic *traffic, const struct cell *cells, size_t count,
                    uint64_t now, double *out);
/* The measured demand of all cells. */
double traffic_total(const struct traffic *traffic, uint64_t now);
/* Answers that held the member in the last `hours` (1 to 24) before now. The oldest hour counts by
 * the part of it that is meant. */
uint64_t traffic_answers(const struct traffic *traffic, uint64_t member_id, unsigned hours,
                         uint64_t now);

#endif
