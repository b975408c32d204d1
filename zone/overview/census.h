/* Counts over all members, as monitoring wants them, and warnings of them. */
#ifndef ZONE_CENSUS_H
#define ZONE_CENSUS_H

#include "zone/overview/shareview.h"
#include "zone/overview/vantageview.h"

enum {
    /* The stages, leaving and suspended. New ones come at the end: the history has them by
     * number. */
    CENSUS_STATES = STAGE_FALLING + 3,
    CENSUS_NAMES = 5,
    CENSUS_WITHINS = 3 /* 7, 14 and 30 days */
};

extern const uint32_t census_within_s[CENSUS_WITHINS];

/* Start from `{ 0 }`, end with census_done. */
struct census {
    size_t members, eligible;
    size_t overdue;               /* members that should have left a day ago or earlier */
    uint64_t overdue_since;       /* the earliest time to leave of these */
    size_t states[CENSUS_STATES]; /* by census_state_text */
    struct vantageview vantages;
    uint64_t last_eligible_at, last_probe_at;        /* the latest of all; 0: never */
    size_t addresses[ADDRESS_FAMILIES][2];           /* that were probed, by whether they work */
    size_t failing[FAILURE_COUNT][ADDRESS_FAMILIES]; /* addresses whose last probe failed */
    size_t warnings[WARNINGS]; /* members with an address that has the warning */
    uint64_t capacity_mbit, eligible_mbit;
    size_t ended, ends_within[CENSUS_WITHINS]; /* members, by the end of their certificate */
    uint64_t next_end;                         /* the first one to come; 0: none is known */
    size_t ending; /* members whose certificate ends soon, or has ended */
    char ending_names[CENSUS_NAMES * (LABEL_ROOM + 2)];
    struct share_part *parts; /* of all members */
    size_t part_count, part_room;
};

void census_done(struct census *census);
/* Counts a member. */
void census_count(struct census *census, const struct memberview *view,
                  const struct memberview_source *source, uint64_t now);
/* Counts all members of the registry. */
enum result census_read(struct census *out, struct store_txn *registry,
                        const struct memberview_source *source, uint64_t now);
void census_warn(const struct census *census, const struct settings *settings,
                 struct concerns *concerns);
/* "registered", "certified" ... "leaving", "suspended". */
const char *census_state_text(unsigned state);
/* The number of standing.state. */
unsigned census_state_number(const char *state);

#endif
