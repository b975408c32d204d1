/* The pool's part of the metrics: what the stores say of members, vantage points and keys, and the
 * warnings of `ntspool status`. It is read anew when a text is made and the last reading is
 * POOLPART_MS old, by the thread that makes the text: one short read transaction of each store. */
#ifndef SERVER_POOLPART_H
#define SERVER_POOLPART_H

#include "dnssec/overview/survey.h"
#include "server/upkeep/stores.h"

enum {
    POOLPART_MS = 5000
};

struct poolpart_sources {
    const char *state_dir;
    const struct stores *stores;
    const struct seal *seal;
};

struct poolpart;

/* What the sources point to must outlive it. */
struct poolpart *poolpart_new(const struct poolpart_sources *sources);
void poolpart_free(struct poolpart *part);
void poolpart_write(struct openmetrics *om, struct poolpart *part);

#endif
