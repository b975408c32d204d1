/* Whether the daemons run on the state. */
#ifndef ZONE_RUNVIEW_H
#define ZONE_RUNVIEW_H

#include "zone/base/concern.h"
#include "zone/base/instance.h"

struct runview {
    bool known; /* false: this user may not know */
    struct instance_facts server;
};

void runview_read(struct runview *out, const char *state_dir);
void runview_warn(const struct runview *view, struct concerns *concerns);

#endif
