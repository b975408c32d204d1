/* The charts of a member: two days of each address, and a year. */
#ifndef TOOLS_MEMBERCHARTS_H
#define TOOLS_MEMBERCHARTS_H

#include "tools/site/markup.h"
#include "tools/site/membertrack.h"

/* Score, and time offset and round trip, of an address: two figures. */
void membercharts_write(struct markup *m, const struct membertrack *track,
                        const struct settings *settings, unsigned address);
/* The file of a year. */
void membercharts_write_year(struct markup *m, const struct membertrack *track,
                             const struct memberdays *days);

#endif
