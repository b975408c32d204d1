/* Counts over all members, as monitoring wants them, and warnings of them. */
#ifndef ZONE_CENSUS_H
#define ZONE_CENSUS_H

#include "zone/overview/vantageview.h"

enum {
    CENSUS_STATES = STAGE_FALLING + 2, /* the stages, and suspended */
    CENSUS_NAMES = 5
};

/* Start from `{ 0 }`. */
struct census {
    size_t members, eligible;
    size_t states[CENSUS_STATES]; /* by census_state_text */
    struct vantageview vantages;
    uint64_t last_eligible_at, last_probe_at; /* the latest of all; 0: never */
    size_t ending;                            /* members whose certificate ends soon */
    char ending_names[CENSUS_NAMES * (LABEL_ROOM + 2)];
};

/* Counts all members of the registry. */
enum result census_read(struct census *out, struct store_txn *registry,
                        const struct memberview_source *source, uint64_t now);
void census_warn(const struct census *census, const struct settings *settings,
                 struct concerns *concerns);
/* "registered", "certified" ... "suspended". */
const char *census_state_text(unsigned state);

#endif
