/* The page of a member: what its state is and why, what to do about it, and how it came to it. */
#ifndef TOOLS_MEMBERPAGE_H
#define TOOLS_MEMBERPAGE_H

#include "tools/site/membershare.h"
#include "tools/site/membertrack.h"
#include "tools/site/page.h"
#include "zone/registry/registry.h"

/* `share` NULL: its part of the answers is not known. A member that is unlisted gets a page with
 * its state and the reason only. */
void memberpage_write(struct markup *m, const struct sitepool *pool,
                      const struct membertrack *track, const struct membershare *share);
/* The page that stays for some time when a member was removed. */
void memberpage_write_removed(struct markup *m, const struct sitepool *pool, const char *label,
                              const struct tombstone *tombstone);

#endif
