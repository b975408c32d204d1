#include "zone/base/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zone/base/clock.h"
#include "zone/base/isotime.h"
#include "zone/base/user.h"

/* The octets of the lock file that are locked, each with a meaning of its own. */
enum {
    LOCK_RUNNING,
    LOCK_SUCCESSOR, /* held by the daemon that runs next */
    LOCK_READY      /* held by the successor when it answers: the running daemon shall end */
};

enum {
    LOCK_MODE = 0600,
    FACTS_MODE = 0644,
    FACTS_ROOM = 256,
    READ_FLAGS = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
};

struct instance {
    int lock, facts; /* descriptors */
    bool waits;
    uint64_t since, locations_at;
    unsigned sockets;
};

static enum result fail(struct diag *diag, const char *path)
{
    return diag_fail(diag, RESULT_SYSTEM, "can't write %s: %s", path, strerror(errno));
}

static void path_of(char out[PATH_MAX], const char *state, const char *name, const char *suffix)
{
    (void)snprintf(out, PATH_MAX, "%s/%s.%s", state, name, suffix);
}

/* A file made by root is given to the owner of the directory, who may start the daemon the next
 * time. An existing link or special file is refused: somebody may have put it there to make us
 * write elsewhere. */
static enum result open_file(int *out, const char *state, const char *path, mode_t mode,
                             struct diag *diag)
{
    struct stat file;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode);
    if (fd < 0) {
        return fail(diag, path);
    }
    if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode) || file.st_nlink != 1) {
        (void)close(fd);
        return diag_fail(diag, RESULT_SYSTEM, "%s is no plain file: remove it", path);
    }
    (void)user_hand_over_fd(fd, AT_FDCWD, state);
    (void)fchmod(fd, mode); /* whatever the umask is; fails harmlessly for a file of another user */
    *out = fd;
    return RESULT_OK;
}

static struct flock range_of(short type, off_t at)
{
    return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };
}

static bool take(int fd, off_t at)
{
    struct flock range = range_of(F_WRLCK, at);
    return fcntl(fd, F_OFD_SETLK, &range) == 0;
}

static bool is_taken(int fd, off_t at)
{
    struct flock range = range_of(F_WRLCK, at);
    return fcntl(fd, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
}

/* All texts of one daemon have the same length, so that a concurrent reader finds each number old
 * or new, but whole. */
static void write_facts(const struct instance *instance)
{
    _Static_assert(sizeof(NTSPOOL_VERSION) <= sizeof(((struct instance_facts *)NULL)->version),
                   "a version this long");
    char text[FACTS_ROOM];
    int len = snprintf(text, sizeof(text),
                       "version %s\npid %" PRIu64 "\nsince %020" PRIu64 "\nheartbeat %020" PRIu64
                       "\nsteady %020" PRIu64 "\nworkers %u\nlocations %020" PRIu64 "\n",
                       NTSPOOL_VERSION, (uint64_t)getpid(), instance->since, clock_now(),
                       clock_steady(), instance->sockets, instance->locations_at);
    if (pwrite(instance->facts, text, (size_t)len, 0) == len) {
        (void)!ftruncate(instance->facts, len);
    }
}

static enum result refuse(const char *state, const char *name, struct diag *diag)
{
    struct instance_facts facts = { .running = false };
    char since[ISOTIME_ROOM];
    if (instance_read(&facts, state, name, NULL) != RESULT_OK) {
        return diag_fail(diag, RESULT_REFUSED, "%s runs already on %s", name, state);
    }
    return diag_fail(diag, RESULT_REFUSED,
                     "%s runs already on %s: process %" PRIu64 ", version %s, since %s", name,
                     state, facts.pid, facts.version, isotime_text(facts.since, since));
}

static enum result claim(struct instance **out, const char *state, const char *name,
                         unsigned sockets, bool succeed, struct diag *diag)
{
    char lock_path[PATH_MAX], facts_path[PATH_MAX];
    struct instance made = { .lock = -1, .facts = -1, .since = clock_now(), .sockets = sockets };
    path_of(lock_path, state, name, "lock");
    path_of(facts_path, state, name, "instance");
    TRY(open_file(&made.lock, state, lock_path, LOCK_MODE, diag));
    enum result result = RESULT_OK;
    made.waits = !take(made.lock, LOCK_RUNNING);
    if (made.waits && errno != EAGAIN && errno != EACCES) {
        result = fail(diag, lock_path);
    } else if (made.waits && !succeed) {
        result = refuse(state, name, diag);
    } else if (made.waits ? !take(made.lock, LOCK_SUCCESSOR)
                          : is_taken(made.lock, LOCK_SUCCESSOR)) {
        /* It may be about to take the lock of the one that has just ended. */
        result =
            diag_fail(diag, RESULT_REFUSED, "another %s takes over on %s already", name, state);
    }
    if (result == RESULT_OK) {
        result = open_file(&made.facts, state, facts_path, FACTS_MODE, diag);
    }
    if (result != RESULT_OK) {
        (void)close(made.lock);
        return result;
    }
    *out = xmalloc(sizeof(**out));
    **out = made;
    instance_beat(*out);
    return RESULT_OK;
}

enum result instance_make(const char *state, const char *name, struct diag *diag)
{
    static const struct {
        const char *suffix;
        mode_t mode;
    } files[] = { { "lock", LOCK_MODE }, { "instance", FACTS_MODE } };
    char path[PATH_MAX];
    int fd = -1;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        path_of(path, state, name, files[i].suffix);
        TRY(open_file(&fd, state, path, files[i].mode, diag));
        (void)close(fd);
    }
    return RESULT_OK;
}

enum result instance_claim(struct instance **out, const char *state, const char *name,
                           unsigned sockets, struct diag *diag)
{
    return claim(out, state, name, sockets, false, diag);
}

enum result instance_succeed(struct instance **out, const char *state, const char *name,
                             unsigned sockets, struct diag *diag)
{
    return claim(out, state, name, sockets, true, diag);
}

bool instance_waits(const struct instance *instance)
{
    return instance != NULL && instance->waits;
}

void instance_ready(struct instance *instance)
{
    (void)take(instance->lock, LOCK_READY);
}

bool instance_inherit(struct instance *instance)
{
    if (!take(instance->lock, LOCK_RUNNING)) {
        return false;
    }
    for (off_t at = LOCK_SUCCESSOR; at <= LOCK_READY; at++) {
        struct flock range = range_of(F_UNLCK, at);
        (void)fcntl(instance->lock, F_OFD_SETLK, &range);
    }
    instance->waits = false;
    instance_beat(instance);
    return true;
}

bool instance_is_succeeded(const struct instance *instance)
{
    return instance != NULL && !instance->waits && is_taken(instance->lock, LOCK_READY);
}

void instance_note_locations(struct instance *instance, uint64_t locations_at)
{
    if (instance != NULL) {
        instance->locations_at = locations_at;
    }
}

void instance_beat(struct instance *instance)
{
    if (instance != NULL && !instance->waits) {
        write_facts(instance);
    }
}

void instance_free(struct instance *instance)
{
    if (instance == NULL) {
        return;
    }
    if (!instance->waits) {
        (void)!ftruncate(instance->facts, 0);
    }
    (void)close(instance->facts);
    (void)close(instance->lock);
    free(instance);
}

/* Reads the number of the line `name` and moves `*text` to the next line. False if this is another
 * line. */
static bool read_number(const char **text, const char *name, uint64_t *out)
{
    size_t len = strlen(name);
    char *end = NULL;
    if (strncmp(*text, name, len) != 0 || (*text)[len] != ' ') {
        return false;
    }
    *out = strtoull(*text + len + 1, &end, 10);
    *text = end + 1;
    return *end == '\n';
}

static bool parse(const char *text, struct instance_facts *out, uint64_t *steady)
{
    static const char head[] = "version ";
    uint64_t sockets = 0;
    const char *version = text + strlen(head), *end = strchr(text, '\n');
    if (strncmp(text, head, strlen(head)) != 0 || end == NULL ||
        (size_t)(end - version) >= sizeof(out->version)) {
        return false;
    }
    for (const char *at = version; at < end; at++) {
        out->version[at - version] = *at;
        if (*at <= ' ' || *at > '~') {
            return false;
        }
    }
    text = end + 1;
    bool ok = read_number(&text, "pid", &out->pid) && read_number(&text, "since", &out->since) &&
              read_number(&text, "heartbeat", &out->heartbeat) &&
              read_number(&text, "steady", steady) && read_number(&text, "workers", &sockets);
    out->sockets = (unsigned)sockets;
    (void)read_number(&text, "locations", &out->locations_at); /* not of earlier versions */
    return ok && out->pid <= INT32_MAX && sockets <= UINT16_MAX;
}

/* 1 if a daemon holds its lock, 0 if none does, -1 without the right to see it. */
static int lock_held(const char *state, const char *name)
{
    char path[PATH_MAX];
    path_of(path, state, name, "lock");
    int lock = open(path, READ_FLAGS);
    if (lock < 0) {
        return -1;
    }
    int held = is_taken(lock, LOCK_RUNNING);
    (void)close(lock);
    return held;
}

enum result instance_read(struct instance_facts *out, const char *state, const char *name,
                          struct diag *diag)
{
    char path[PATH_MAX], text[FACTS_ROOM];
    struct instance_facts facts = { .running = false };
    uint64_t steady = 0, now = clock_steady();
    path_of(path, state, name, "instance");
    struct stat file = { .st_mtime = 0 };
    int fd = open(path, READ_FLAGS);
    ssize_t len = fd < 0 || fstat(fd, &file) != 0 ? -1 : read(fd, text, sizeof(text) - 1);
    int error = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    int holds = lock_held(state, name);
    if (len == 0 || (len < 0 && error == ENOENT)) {
        facts.running = len == 0 && holds == 1;
        facts.heartbeat = file.st_mtime > 0 ? (uint64_t)file.st_mtime : 0;
        *out = facts;
        return RESULT_NOT_FOUND;
    }
    if (len < 0) {
        return diag_fail(diag, RESULT_SYSTEM, "can't read %s: %s", path, strerror(error));
    }
    text[len] = '\0';
    if (!parse(text, &facts, &steady)) {
        return diag_fail(diag, RESULT_SYSTEM, "%s is not written by %s", path, name);
    }
    facts.silent_s = steady > now ? UINT64_MAX : now - steady;
    facts.running = holds >= 0 ? holds == 1 : facts.silent_s <= INSTANCE_STALE_S;
    *out = facts;
    return RESULT_OK;
}
