/* Which daemons run on the state, on this machine. */
#ifndef ZONE_RUNVIEW_H
#define ZONE_RUNVIEW_H

#include "zone/base/concern.h"
#include "zone/base/instance.h"
#include "zone/registry/registry.h"
#include "zone/verdicts/probe_totals.h"

/* A probe that runs as a daemon, or did; not one that was only ever run with `--once`. */
struct running_probe {
    char vantage[VANTAGE_ROOM];
    struct instance_facts facts;
    bool counted; /* it runs, and says what it has done since it started */
    struct probe_totals totals;
};

struct runview {
    bool known; /* false: this user may not know of the server */
    struct instance_facts server;
    unsigned probe_count;
    struct running_probe probes[VANTAGES_MAX];
};

void runview_read(struct runview *out, const char *state_dir);
void runview_warn_of_server(const struct runview *view, struct concerns *concerns);
/* Warns of the probes that count: those that the pool has named. */
void runview_warn_of_probes(const struct runview *view, const struct vantage_keys *named,
                            struct concerns *concerns);

#endif
