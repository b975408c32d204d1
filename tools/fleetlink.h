/* What commands of a fleet begin with: who this machine is, and the engine. Start from `{ 0 }`, end
 * with fleetlink_close. */
#ifndef TOOLS_FLEETLINK_H
#define TOOLS_FLEETLINK_H

#include "tools/cli.h"
#include "tools/fleet/membership.h"

struct fleetlink {
    struct membership membership;
    struct etcd *etcd;
};

/* The name of a machine: as machine_name_fine, and not the engine's own `root`. */
bool fleetlink_name_fine(const char *name);
#define FLEETLINK_NAME_RULE                                                                        \
    "a machine's name is 1 to 63 of a-z, 0-9 and hyphens, no hyphen at either end, and not "       \
    "`root`: not \"%.80s\""

/* MISSING if the machine is in no fleet. Connects to nobody yet. */
enum result fleetlink_open(struct fleetlink *link, struct cli *cli);
/* The CA's key; wipe it. REFUSED on a machine that is no admin. */
enum result fleetlink_ca_secret(const struct fleetlink *link, struct cli *cli,
                                uint8_t out[LEDGERHEAD_SECRET]);
void fleetlink_close(struct fleetlink *link);

#endif
