/* What runs out or grows old while nobody looks: the space of the disk, the location files, the
 * backups. */
#ifndef ZONE_SUPPLIES_H
#define ZONE_SUPPLIES_H

#include "zone/base/concern.h"
#include "zone/overview/runview.h"
#include "zone/overview/storeview.h"

enum {
    SUPPLIES_DISK_LEAST = 64 << 20,        /* for journals, the feed, and stores that grow */
    SUPPLIES_LOCATIONS_OLD_S = 60 * 86400, /* networks move; makers of the files have new ones
                                              each week or month */
    SUPPLIES_BACKUP_OLD_S = 8 * 86400      /* a weekly backup was left out */
};

/* In the state directory: the time of the last `ntspool backup`, as isotime_text, and a newline. */
#define SUPPLIES_BACKUP_FILE "last-backup"

struct supplies {
    uint64_t disk_free;    /* octets for the state's owner; UINT64_MAX: not known */
    uint64_t disk_needed;  /* a restore and a migration write the largest store anew */
    uint64_t locations_at; /* the oldest location file that the server uses; 0: none */
    uint64_t backup_at;    /* 0: `ntspool backup` was never used */
};

/* `stores` NULL: there are none, on a machine that only probes. */
void supplies_read(struct supplies *out, const char *state_dir,
                   const struct storeview stores[STORE_KINDS], const struct runview *run);
void supplies_warn(const struct supplies *supplies, uint64_t now, struct concerns *concerns);

#endif
