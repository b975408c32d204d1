/* What clients asked for and what they got: the rows of state/traffic. The server writes them, all
 * other programs read them.
 *
 * Demand is counted per location cell and decays: after TRAFFIC_HALF_LIFE_S a query counts half.
 * This is short, so that shares follow the sun: with a daily mean, members would be loaded above
 * their share at their own noon (tests/bench/RESULTS.md). Cells are stored by country and
 * subdivision, since their numbers change with the location file. Answers are counted per member
 * and hour, for a day, and per day, for sixty days. What all clients asked and got is counted per
 * hour, for two years. Of the compact denials that exceeded their budget, the last spell is noted.
 * Each server of a zone keeps its own counts.
 *
 * To show them: traffic_load, then traffic_answers and traffic_days of each member; traffic_hours
 * reads those of the pool from the store. */
#ifndef ZONE_TRAFFIC_H
#define ZONE_TRAFFIC_H

#include "zone/places/locations.h"
#include "zone/registry/member_ids.h"
#include "zone/store/store.h"

enum {
    TRAFFIC_HALF_LIFE_S = 1200,
    TRAFFIC_HOURS = 25,   /* the current one, and those that the last day reaches into */
    TRAFFIC_DAYS = 60,    /* of a member, the current one included */
    TRAFFIC_KEPT = 732,   /* days of the pool's hours */
    TRAFFIC_PRIOR = 2000, /* number of queries that the prior weighs while nothing is measured */
    TRAFFIC_SPELL_S = 600 /* a pause longer than this ends a spell */
};

struct traffic_cell {
    char country[3], subdivision[4]; /* as in struct cell */
    double queries;                  /* decayed to the time `at` */
    uint64_t at;                     /* Unix seconds */
    bool changed;                    /* newer than the row in the store */
};

struct traffic_member {
    uint64_t member_id;
    uint64_t hour;                   /* hours since 1970: the newest counted */
    uint32_t answers[TRAFFIC_HOURS]; /* hour h is at h % TRAFFIC_HOURS; saturates */
    /* Sums of the hours before `hour`: day d since 1970 is at d % TRAFFIC_DAYS; saturates. They
     * have a row of their own, which is written once an hour. */
    uint32_t days[TRAFFIC_DAYS];
    bool changed, days_changed, gone;
};

/* What all clients together asked and got in an hour. */
struct traffic_hour {
    uint64_t at;      /* its first second */
    uint64_t queries; /* DNS messages received, of all kinds */
    uint64_t answers; /* SRV answers with members */
};

struct traffic_pool_day {
    uint64_t number; /* days since 1970; 0: none yet */
    struct traffic_hour hours[24];
    bool changed;
};

/* When something last happened, in one spell. */
struct traffic_spell {
    uint64_t since, until; /* Unix seconds by the clock at the time; 0: never */
    uint64_t answers;
    bool changed;
};

/* Starts as `{ 0 }`. Both lists are sorted: by country and subdivision, by id. */
struct traffic {
    /* missing names denied by the NSEC chain because denial-budget was used up */
    struct traffic_spell over_budget;
    struct traffic_pool_day pool[2]; /* the current day and the one before: day d is at d % 2 */
    struct traffic_cell *cells;
    struct traffic_member *members;
    size_t cell_count, cell_room, member_count, member_room;
};

void traffic_done(struct traffic *traffic);

/* Reads all rows. DAMAGED with a diag. */
enum result traffic_load(struct traffic *out, struct store_txn *txn, struct diag *diag);
/* The cells only. */
enum result traffic_load_cells(struct traffic *out, struct store_txn *txn, struct diag *diag);
/* Of the members only those whose id has the remainder `slice`, without their days. */
enum result traffic_load_slice(struct traffic *out, struct store_txn *txn, unsigned slices,
                               unsigned slice, struct diag *diag);
/* Writes the changes since it was loaded or saved, and deletes rows that are gone. If the
 * transaction is not committed after all, call traffic_unsaved. With a NULL txn nothing is
 * written. */
enum result traffic_save(struct traffic *traffic, struct store_txn *txn, struct diag *diag);
void traffic_unsaved(struct traffic *traffic);

/* Adds queries, by cell of `cells` (locations_cells). */
void traffic_add_queries(struct traffic *traffic, const struct cell *cells, const uint32_t *queries,
                         size_t count, uint64_t now);
struct traffic_count {
    uint64_t member_id; /* 0: skipped; otherwise unique */
    uint64_t answers;
};
void traffic_add_answers(struct traffic *traffic, const struct traffic_count *counts, size_t count,
                         uint64_t now);
/* Adds to the pool's current hour. */
void traffic_add_totals(struct traffic *traffic, uint64_t queries, uint64_t answers, uint64_t now);
void traffic_add_over_budget(struct traffic *traffic, uint32_t answers, uint64_t now);
/* Forgets all members but these, and everything that has decayed to nothing. */
void traffic_prune(struct traffic *traffic, const struct member_ids *members, uint64_t now);

/* Demand by cell for steering, in queries as decayed until now: the measured demand and a prior by
 * number of addresses, which weighs less the more is measured. Less than a hundredth of a query is
 * 0. */
void traffic_demand(const struct traffic *traffic, const struct cell *cells, size_t count,
                    uint64_t now, double *out);
/* The queries of a cell at `now`. A clock that goes back changes nothing. */
double traffic_decayed(const struct traffic_cell *cell, uint64_t now);
/* The measured demand of all cells. */
double traffic_total(const struct traffic *traffic, uint64_t now);
/* The number of answers with the member in the last `hours` (1 to 24). The oldest hour counts by
 * the part of it that is inside. */
uint64_t traffic_answers(const struct traffic *traffic, uint64_t member_id, unsigned hours,
                         uint64_t now);
/* The answers with a member in the last full hours (1 to 24) before the current one. */
uint64_t traffic_full_hours(const struct traffic_member *counted, unsigned hours, uint64_t now);
/* The number of answers with the member in each day (UTC), `out[0]` today until now. */
void traffic_days(const struct traffic *traffic, uint64_t member_id, uint64_t now,
                  uint64_t out[TRAFFIC_DAYS]);

/* The pool's hours from `since` to `now`, oldest first. Days on which nothing was written are
 * missing; hours without a query are there. A running server writes each minute. DAMAGED if a row
 * can't be read. */
typedef void traffic_hour_visit(const struct traffic_hour *hour, void *arg);
enum result traffic_hours(struct store_txn *txn, uint64_t since, uint64_t now,
                          traffic_hour_visit *visit, void *arg);

#endif
