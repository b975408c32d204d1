/* The pool over time: how many members and addresses it had, by hour, and by country and day, for
 * two years. Rows of state/history. The server counts every ten minutes; of an hour and of a day
 * the last count stays. While no server runs, nothing is counted.
 *
 * The histories of members are in zone/verdicts/history.h, queries and answers in
 * zone/steering/traffic.h.
 *
 * Bounds. The rows are rings of 732 days: 24 hours of 73 octets, and 18 octets for each country
 * that has members, of 677 at most: 1.5 MB, and 13 kB for each country. */
#ifndef ZONE_POOLHISTORY_H
#define ZONE_POOLHISTORY_H

#include "zone/overview/census.h"

enum {
    POOLHISTORY_S = 600, /* between two counts */
    POOLHISTORY_DAYS = 732,
    POOLHISTORY_COUNTRIES = 1 + 26 * 26 /* none, and all codes of two letters */
};

/* Numbers of addresses. */
struct poolhistory_family {
    uint32_t known;
    uint32_t working;  /* answer the probes */
    uint32_t eligible; /* are handed out: working ones of eligible members */
};

struct poolhistory_hour {
    uint64_t at;                    /* when they were counted */
    uint32_t states[CENSUS_STATES]; /* members, by census_state_text */
    uint32_t eligible;              /* members that are handed out */
    uint64_t eligible_mbit;         /* their capacity */
    struct poolhistory_family family[ADDRESS_FAMILIES];
};

/* Numbers of members. */
struct poolhistory_country {
    char country[3]; /* "": members without a country */
    uint32_t members, eligible;
    uint32_t eligible_in[ADDRESS_FAMILIES]; /* those with an eligible address of the family */
};

struct poolhistory_day {
    uint64_t at; /* when they were counted */
    unsigned count;
    struct poolhistory_country countries[POOLHISTORY_COUNTRIES]; /* in order of code */
};

struct poolhistory_counts {
    struct poolhistory_hour hour;
    struct poolhistory_day day;
};

/* Counts all members of the registry. Pure apart from reading. */
enum result poolhistory_count(struct poolhistory_counts *out, struct store_txn *registry,
                              const struct memberview_source *source, uint64_t now);
/* Writes a count. */
enum result poolhistory_note(struct store_txn *history, const struct poolhistory_counts *counts);

/* The hours counted from `since` to `now`, oldest first. DAMAGED if a row can't be read. */
typedef void poolhistory_hour_visit(const struct poolhistory_hour *hour, void *arg);
enum result poolhistory_hours(struct store_txn *history, uint64_t since, uint64_t now,
                              poolhistory_hour_visit *visit, void *arg);
/* The days counted from the day of `since` to that of `now`, oldest first. */
typedef void poolhistory_day_visit(const struct poolhistory_day *day, void *arg);
enum result poolhistory_days(struct store_txn *history, uint64_t since, uint64_t now,
                             poolhistory_day_visit *visit, void *arg);

#endif
