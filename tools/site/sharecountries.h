/* For each member, which part of all answers steering expects for it, and which countries ask most
 * for it. Steering is computed once in a while for the whole pool, and pages of members are made
 * all the time. So this is kept in a file of the site, which also is of use to readers. */
#ifndef TOOLS_SHARECOUNTRIES_H
#define TOOLS_SHARECOUNTRIES_H

#include "tools/site/markup.h"
#include "tools/site/membershare.h"
#include "tools/site/siteworld.h"

#define SHARECOUNTRIES_FILE "share-countries.csv"

struct sharecountries_row {
    char label[LABEL_ROOM];
    double expected;                                             /* 0 to 1 */
    struct membershare_country countries[MEMBERSHARE_COUNTRIES]; /* the largest first */
    size_t count;
};

/* Start from `{ 0 }`, end with sharecountries_done. */
struct sharecountries {
    struct sharecountries_row *rows; /* sorted by label */
    size_t count, room;
};

void sharecountries_done(struct sharecountries *shares);
/* Of the listed members that are handed out. */
void sharecountries_of(struct sharecountries *out, struct siteworld *world);
/* The file: a line for each member and country; one without a country for the member itself. */
void sharecountries_write(struct markup *m, const struct sharecountries *shares);
/* Reads what sharecountries_write wrote. Lines that it can't have written are left out. */
void sharecountries_read(struct sharecountries *out, const char *text);
/* NULL: nothing is known of the member. */
const struct sharecountries_row *sharecountries_find(const struct sharecountries *shares,
                                                     const char *label);

#endif
