/* The sections of a member's page that show what probes found. A section without anything to show
 * is left out. */
#ifndef TOOLS_MEMBERPROBES_H
#define TOOLS_MEMBERPROBES_H

#include "tools/site/membertrack.h"
#include "tools/site/page.h"

/* The last probe of each address from each vantage point. */
void memberprobes_now(struct markup *m, const struct sitepool *pool,
                      const struct membertrack *track);
/* Charts and figures of two days, and the chart of a year. */
void memberprobes_days(struct markup *m, const struct sitepool *pool,
                       const struct membertrack *track);
void memberprobes_certificate(struct markup *m, const struct membertrack *track);
void memberprobes_warnings(struct markup *m, const struct membertrack *track);
void memberprobes_failures(struct markup *m, const struct membertrack *track);

#endif
