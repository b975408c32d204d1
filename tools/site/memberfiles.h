/* The files of a member beside its page: JSON, CSV, an Atom feed and a badge. */
#ifndef TOOLS_MEMBERFILES_H
#define TOOLS_MEMBERFILES_H

#include "tools/site/markup.h"
#include "tools/site/membershare.h"
#include "tools/site/membertrack.h"
#include "tools/site/sitepool.h"

/* The member now, and two days in columns of one value a quarter of an hour; `failed` is sparse:
 * pairs of a quarter's index and a number of probes. Of an unlisted member, name, state and reason
 * only. */
void memberfiles_json(struct markup *m, const struct sitepool *pool,
                      const struct membertrack *track, const struct membershare *share);
/* A row for each day and address. */
void memberfiles_csv(struct markup *m, const struct membertrack *track,
                     const struct memberdays *days);
/* The last events of its log as a feed (RFC 4287). */
void memberfiles_atom(struct markup *m, const struct sitepool *pool,
                      const struct membertrack *track);
/* A picture with its state for the operator's own pages. */
void memberfiles_badge(struct markup *m, const struct memberview *view);

#endif
