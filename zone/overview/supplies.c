#include "zone/overview/supplies.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "zone/base/isotime.h"

enum {
    DAY_S = 86400,
    MIB = 1 << 20
};

/* Never waits, whatever kind of file it is. */
static uint64_t read_backup_time(const char *state_dir)
{
    char path[PATH_MAX], text[ISOTIME_ROOM + 1];
    uint64_t at = 0;
    (void)snprintf(path, sizeof(path), "%s/" SUPPLIES_BACKUP_FILE, state_dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof(text)) : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (len <= 0 || text[len - 1] != '\n') {
        return 0;
    }
    text[len - 1] = 0;
    return isotime_parse(text, &at) == RESULT_OK ? at : 0;
}

void supplies_read(struct supplies *out, const char *state_dir,
                   const struct storeview stores[STORE_KINDS], const struct runview *run)
{
    struct statvfs disk;
    *out = (struct supplies){ .disk_free = UINT64_MAX,
                              .disk_needed = SUPPLIES_DISK_LEAST,
                              .locations_at = run->server.running ? run->server.locations_at : 0,
                              .backup_at = read_backup_time(state_dir) };
    if (statvfs(state_dir, &disk) == 0) {
        out->disk_free = (uint64_t)disk.f_bavail * disk.f_frsize;
    }
    for (unsigned kind = 0; stores != NULL && kind < STORE_KINDS; kind++) {
        if (stores[kind].usage.used_bytes > out->disk_needed) {
            out->disk_needed = stores[kind].usage.used_bytes;
        }
    }
}

void supplies_warn(const struct supplies *supplies, uint64_t now, struct concerns *concerns)
{
    const uint64_t locations_at = supplies->locations_at, backup_at = supplies->backup_at;
    char at[ISOTIME_ROOM];
    if (supplies->disk_free < supplies->disk_needed) {
        concern_add(concerns, CONCERN_DISK_LOW, NULL, 0,
                    "the disk of the state has %llu MiB left, and should have %llu: stores grow, "
                    "and a restore or an upgrade may write the largest one anew",
                    (unsigned long long)supplies->disk_free / MIB,
                    (unsigned long long)supplies->disk_needed / MIB);
    }
    if (locations_at != 0 && locations_at + SUPPLIES_LOCATIONS_OLD_S < now) {
        concern_add(
            concerns, CONCERN_LOCATIONS_OLD, NULL, locations_at + SUPPLIES_LOCATIONS_OLD_S,
            "a location file of the server dates from %s, over %u days ago: networks have moved "
            "since",
            isotime_text(locations_at, at), SUPPLIES_LOCATIONS_OLD_S / DAY_S);
    }
    if (backup_at != 0 && backup_at + SUPPLIES_BACKUP_OLD_S < now) {
        concern_add(concerns, CONCERN_BACKUP_OLD, NULL, backup_at + SUPPLIES_BACKUP_OLD_S,
                    "the last backup of the state dates from %s, over %u days ago",
                    isotime_text(backup_at, at), SUPPLIES_BACKUP_OLD_S / DAY_S);
    }
}
