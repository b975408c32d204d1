/* The directory of the site, which a web server serves as it is. Each file appears whole, under a
 * temporary name first; one whose content is the same is left alone. Only files that a site made
 * are ever removed: it remembers them (tools/site/siterows.h).
 *
 * What files are made of is their *subject*: a member, a page of the pool. A run asks for each
 * subject whether it is due, and puts its files if it is. At the end, the files of subjects that
 * the run did not ask for are removed. */
#ifndef TOOLS_SITE_H
#define TOOLS_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/site/markup.h"
#include "zone/base/result.h"

enum site_tier {
    SITE_HOT,  /* made in each run */
    SITE_WARM, /* at times that `warm_s` are apart, and when its fingerprint changes */
    SITE_COLD, /* the same, each day */
    SITE_ONCE  /* only when its fingerprint changes */
};

enum {
    SITE_COLD_S = 86400
};

struct site;

struct site_terms {
    const char *apex;
    uint64_t now;     /* Unix seconds */
    uint32_t warm_s;  /* see SITE_WARM */
    uint64_t edition; /* of what all files depend on: if it changes, all are due */
    bool all;         /* all are due */
};

struct site_totals {
    size_t written, same, removed; /* files */
    uint64_t octets;               /* written, with its own memory */
};

/* Makes the directory if need be. REFUSED if it holds files of others, the site of another pool, or
 * another process is writing it. `diag` gets the reason of each failure until site_close. */
enum result site_open(struct site **out, const char *dir, const struct site_terms *terms,
                      struct diag *diag);
/* True if the subject's files have to be made now: the next calls of site_put are for it. Its name
 * is a path (siterows_is_path), though not of a file. */
bool site_due(struct site *site, const char *subject, enum site_tier tier, uint64_t fingerprint);
enum result site_put(struct site *site, const char *path, const struct markup *text);
/* The text of a file that is there, from this run or an earlier one. The caller frees it. NULL:
 * there is none, or it has a NUL. */
char *site_get(const struct site *site, const char *path);
/* Keeps the files of each subject below `folder` that was made in the last `seconds` and has not
 * been asked for. */
void site_keep(struct site *site, const char *folder, uint64_t seconds);
/* Removes what is gone and remembers the rest; not after a failure, when `good` is false. Frees the
 * site. */
enum result site_close(struct site *site, bool good, struct site_totals *totals);

#endif
