/* Vouches that a store is sound, so that it need not be read whole at each open.
 *
 * The voucher is a file beside the store. It holds one line: what the store's files looked like
 * when they were last known to be sound. Who has read the whole store writes it, and each commit
 * renews it, if it held until then. It holds while the files still look so. So any other change of
 * the store, be it by a copy, a restored backup or a broken disk's repair, makes it void. The line
 * names the machine's boot: what a crash of the machine has left is read whole again.
 *
 * A commit changes the file before it renews the voucher. Both happen under a lock, so that nobody
 * takes a voucher for void in between. The lock only saves work: who does not get it in time goes
 * on without a voucher. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "zone/base/user.h"
#include "zone/store/store_private.h"

enum {
    VOUCHER_MODE = 0600,
    BOOT_LEN = 36, /* a UUID */
    LOCK_TRIES = 100,
    LOCK_PAUSE_NS = 1000000,
    /* Several times the step of the clock that stamps files: a later change has a later stamp. */
    SETTLED_NS = 100000000
};

static char boot[BOOT_LEN + 1]; /* empty: unknown, there are no vouchers */
static pthread_once_t boot_once = PTHREAD_ONCE_INIT;

static void read_boot(void)
{
    char id[BOOT_LEN];
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, id, sizeof(id)) == (ssize_t)sizeof(id)) {
        memcpy(boot, id, sizeof(id));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

static bool stat_in(const char *path, const char *name, struct stat *out)
{
    char full[PATH_MAX];
    return store_path(full, path, name, NULL) == RESULT_OK && stat(full, out) == 0;
}

/* A file system that stamps files to the second can't tell two changes from each other. */
static bool describe(const char *path, enum store_kind kind, struct voucher *out)
{
    struct stat data, lock;
    if (pthread_once(&boot_once, read_boot) != 0 || boot[0] == '\0' ||
        !stat_in(path, "data.mdb", &data) || !stat_in(path, "lock.mdb", &lock) ||
        data.st_ctim.tv_nsec == 0) {
        return false;
    }
    int len = snprintf(out->line, sizeof(out->line),
                       "%s %08x %016llx %016llx %016llx %016llx %08lx %016llx %016llx\n", boot,
                       store_schema(kind), (unsigned long long)data.st_dev,
                       (unsigned long long)data.st_ino, (unsigned long long)data.st_size,
                       (unsigned long long)data.st_ctim.tv_sec, (unsigned long)data.st_ctim.tv_nsec,
                       (unsigned long long)lock.st_dev, (unsigned long long)lock.st_ino);
    ASSERT(len + 1 == sizeof(out->line));
    out->changed = data.st_ctim;
    return true;
}

/* Opens the voucher under a lock, LOCK_SH or LOCK_EX. -1: there is none, or another process keeps
 * the lock. */
static int open_locked(const char *path, int flags, int lock)
{
    static const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };
    char name[PATH_MAX];
    if (store_path(name, path, "voucher", NULL) != RESULT_OK) {
        return -1;
    }
    int fd = open(name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, VOUCHER_MODE);
    for (int tries = 0; fd >= 0 && flock(fd, lock | LOCK_NB) != 0; tries++) {
        if (errno != EWOULDBLOCK || tries == LOCK_TRIES) {
            (void)close(fd);
            return -1;
        }
        (void)nanosleep(&pause, NULL);
    }
    return fd;
}

static bool is_as_told(int fd, const char *path, enum store_kind kind)
{
    struct voucher now;
    char told[sizeof(now.line)];
    return pread(fd, told, sizeof(told), 0) == (ssize_t)sizeof(told) - 1 &&
           describe(path, kind, &now) && memcmp(told, now.line, sizeof(told) - 1) == 0;
}

static void write_line(int fd, const struct voucher *voucher)
{
    (void)!pwrite(fd, voucher->line, sizeof(voucher->line) - 1, 0);
}

bool store_voucher_holds(const char *path, enum store_kind kind)
{
    int fd = open_locked(path, O_RDONLY, LOCK_SH);
    bool holds = fd >= 0 && is_as_told(fd, path, kind);
    if (fd >= 0) {
        (void)close(fd);
    }
    return holds;
}

bool store_voucher_look(const char *path, enum store_kind kind, struct voucher *out)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return describe(path, kind, out) &&
           (now.tv_sec - out->changed.tv_sec) * 1000000000LL + now.tv_nsec - out->changed.tv_nsec >=
               SETTLED_NS;
}

void store_voucher_write(const char *path, enum store_kind kind, const struct voucher *seen)
{
    struct voucher now;
    char name[PATH_MAX];
    int fd = open_locked(path, O_RDWR | O_CREAT, LOCK_EX);
    if (fd < 0) {
        return;
    }
    if (store_path(name, path, "voucher", NULL) == RESULT_OK && user_hand_over(name, path) &&
        describe(path, kind, &now) && memcmp(now.line, seen->line, sizeof(now.line)) == 0) {
        write_line(fd, &now);
    }
    (void)close(fd);
}

int store_voucher_keep(const char *path, enum store_kind kind)
{
    int fd = open_locked(path, O_RDWR, LOCK_EX);
    if (fd >= 0 && !is_as_told(fd, path, kind)) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

void store_voucher_renew(int kept, const char *path, enum store_kind kind, bool committed)
{
    struct voucher now;
    if (kept >= 0 && committed && describe(path, kind, &now)) {
        write_line(kept, &now);
    }
    if (kept >= 0) {
        (void)close(kept);
    }
}
