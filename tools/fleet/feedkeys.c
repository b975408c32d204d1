#include "tools/fleet/feedkeys.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/fleet/feedletter.h"
#include "tools/fleet/following.h"
#include "tools/fleet/membership.h"
#include "zone/fleet/keyfiles.h"
#include "zone/fleet/letters.h"
#include "zone/registry/machine.h"

#define PREFIX "k/"

/* What was sent last to a machine: the head of the file. */
struct sent {
    char name[MACHINE_ROOM];
    uint8_t head[KEYFILES_HEAD];
};

struct feedkeys {
    struct feeder *feeder;
    struct following *following; /* packages for us */
    struct sending *sending;
    char place[LETTER_KEY_ROOM]; /* of these */
    uint64_t glance_at, look_at; /* of the steady clock */
    struct timespec changed;     /* the directory, when it was looked at last */
    size_t sent_count;
    struct sent sent[MACHINES_MAX];
    struct log_once refused, trouble;
};

static enum result take(struct feedkeys *keys, struct octets value, struct diag *diag)
{
    struct feeder *feeder = keys->feeder;
    struct store_txn *registry = NULL, *change = NULL;
    TRY(store_read(feeder->registry, &registry, diag));
    enum result result = store_write(feeder->fleet, &change, diag);
    if (result == RESULT_OK) {
        const struct octets key = { (const uint8_t *)keys->place, strlen(keys->place) };
        result = letters_take(change, registry, feeder->ledger, key, value, diag);
        if (result == RESULT_OK) {
            result = store_commit(change, diag);
        } else {
            store_abort(change);
        }
    }
    store_abort(registry);
    return result;
}

/* One that can't be taken is told and passed by: the next one cures it. */
static enum result package_came(void *arg, struct octets, struct octets value, struct diag *diag)
{
    struct feedkeys *keys = arg;
    struct diag why = { "" };
    enum result result = take(keys, value, &why);
    if (result == RESULT_OK || result == RESULT_EXISTS) {
        return RESULT_OK;
    }
    if (result == RESULT_REFUSED || result == RESULT_INVALID || result == RESULT_NEWER) {
        log_once(&keys->refused, keys->feeder->log, LOG_WARNING, NULL,
                 "a package of keys is not taken: %s", why.text);
        return RESULT_OK;
    }
    return diag_fail(diag, result, "a package of keys can't be kept: %s",
                     why.text[0] != '\0' ? why.text : result_text(result));
}

/* What we have stays. */
static enum result package_gone(void *, struct octets, struct diag *)
{
    return RESULT_OK;
}

static void *begin(struct feeder *feeder)
{
    static const struct following_reader reader = { .row = package_came, .gone = package_gone };
    if (feeder->membership->role == MACHINE_VANTAGE) {
        return NULL;
    }
    struct feedkeys *keys = xcalloc(1, sizeof(*keys));
    keys->feeder = feeder;
    (void)snprintf(keys->place, sizeof(keys->place), PREFIX "%s", feeder->machine);
    keys->following = following_new(feeder, keys->place, &reader, keys);
    keys->sending = sending_new(feeder, MACHINES_MAX);
    return keys;
}

static void end(void *channel)
{
    struct feedkeys *keys = channel;
    following_free(keys->following);
    sending_free(keys->sending);
    free(keys);
}

/* Reads a file; returns the length, 0 if it can't be read or is longer. */
static size_t read_file(int dir, const char *name, uint8_t *out, size_t room)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t len = fd >= 0 ? read(fd, out, room) : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return len > 0 && (size_t)len < room ? (size_t)len : 0;
}

static void look_at_identity(struct feedkeys *keys, int dir)
{
    uint8_t file[KEYFILES_IDENTITY_LEN + 1];
    struct feeder *feeder = keys->feeder;
    if (read_file(dir, KEYFILES_IDENTITY, file, sizeof(file)) != KEYFILES_IDENTITY_LEN) {
        return;
    }
    struct reader r = reader_of(file, KEYFILES_IDENTITY_LEN);
    uint8_t identity[HELLO_IDENTITY];
    read_into(&r, identity, sizeof(identity));
    uint64_t package = read_u64(&r);
    bool same = feeder->has_identity && feeder->package == package &&
                memcmp(identity, feeder->identity, sizeof(identity)) == 0;
    memcpy(feeder->identity, identity, sizeof(identity));
    feeder->package = package;
    feeder->has_identity = true;
    feeder->stirred = feeder->stirred || !same; /* a hello says it */
}

/* What was sent to that machine; a new one with an empty head. NULL: there are too many. */
static struct sent *sent_to(struct feedkeys *keys, const char *name)
{
    for (size_t i = 0; i < keys->sent_count; i++) {
        if (strcmp(keys->sent[i].name, name) == 0) {
            return &keys->sent[i];
        }
    }
    if (keys->sent_count == MACHINES_MAX) {
        return NULL;
    }
    struct sent *sent = &keys->sent[keys->sent_count++];
    *sent = (struct sent){ .name = "" };
    (void)snprintf(sent->name, sizeof(sent->name), "%s", name);
    return sent;
}

/* Sends the package for one machine if it is another one than the last. */
static enum result send_box(struct feedkeys *keys, int dir, const char *file, const char *name)
{
    uint8_t *box = xmalloc(KEYFILES_BOX_MAX + 1);
    size_t len = read_file(dir, file, box, KEYFILES_BOX_MAX + 1);
    struct sent *sent = sent_to(keys, name);
    enum result result = RESULT_OK;
    if (sent != NULL && len > KEYFILES_HEAD && memcmp(sent->head, box, KEYFILES_HEAD) != 0) {
        result = feedletter_send(keys->feeder, keys->sending, LETTER_PACKAGE, name,
                                 (struct octets){ box + KEYFILES_HEAD, len - KEYFILES_HEAD });
        if (result == RESULT_OK) {
            memcpy(sent->head, box, KEYFILES_HEAD);
        }
    }
    free(box);
    return result;
}

/* The name of the machine that a file is for. False: it is no box. */
static bool machine_of(char out[MACHINE_ROOM], const char *file)
{
    const size_t end = sizeof(KEYFILES_SUFFIX) - 1;
    size_t len = strlen(file);
    if (len <= end || len - end >= MACHINE_ROOM || strcmp(file + len - end, KEYFILES_SUFFIX) != 0) {
        return false;
    }
    memcpy(out, file, len - end);
    out[len - end] = '\0';
    return machine_name_fine(out);
}

/* Forgets machines whose file is gone: evicted ones, or all, if another machine leads now. */
static void forget_gone(struct feedkeys *keys, int dir)
{
    for (size_t i = keys->sent_count; i > 0; i--) {
        char file[MACHINE_ROOM + sizeof(KEYFILES_SUFFIX)];
        (void)snprintf(file, sizeof(file), "%s" KEYFILES_SUFFIX, keys->sent[i - 1].name);
        if (faccessat(dir, file, F_OK, 0) != 0) {
            keys->sent[i - 1] = keys->sent[--keys->sent_count];
        }
    }
}

static enum result look_at_boxes(struct feedkeys *keys, int dir)
{
    enum result result = RESULT_OK;
    DIR *list = fdopendir(dup(dir));
    if (list == NULL) {
        return RESULT_SYSTEM;
    }
    rewinddir(list);
    for (const struct dirent *entry = readdir(list); entry != NULL && result == RESULT_OK;
         entry = readdir(list)) {
        char name[MACHINE_ROOM];
        if (machine_of(name, entry->d_name)) {
            result = send_box(keys, dir, entry->d_name, name);
        }
    }
    (void)closedir(list);
    forget_gone(keys, dir);
    return result;
}

/* True if there may be something new. The kernel notes times by the tick, so two changes may look
 * like one: after a while the files are read anyway. */
static bool is_due(struct feedkeys *keys, int dir)
{
    struct stat now = { .st_mtim = { 0 } };
    uint64_t now_ms = keys->feeder->now_ms;
    bool same = fstat(dir, &now) == 0 && now.st_mtim.tv_sec == keys->changed.tv_sec &&
                now.st_mtim.tv_nsec == keys->changed.tv_nsec;
    if (same && now_ms < keys->look_at) {
        return false;
    }
    keys->changed = now.st_mtim;
    keys->look_at = now_ms + FEEDKEYS_LOOK_MS;
    return true;
}

static void look(struct feedkeys *keys, int dir)
{
    struct feeder *feeder = keys->feeder;
    struct diag diag = { "" };
    uint64_t before = feeder->number;
    look_at_identity(keys, dir);
    enum result result =
        feeder->membership->role == MACHINE_ADMIN ? look_at_boxes(keys, dir) : RESULT_OK;
    if (result == RESULT_OK && feeder->number != before) {
        result = feedletter_note(feeder, &diag);
    }
    if (result != RESULT_OK) {
        log_once(&keys->trouble, feeder->log, LOG_ERR, NULL, "packages of keys don't go out: %s",
                 diag.text[0] != '\0' ? diag.text : result_text(result));
    } else {
        log_once_over(&keys->trouble, feeder->log, "packages of keys go out again");
    }
}

static void glance(struct feedkeys *keys)
{
    char path[PATH_MAX];
    const char *state_dir = keys->feeder->state_dir;
    if (snprintf(path, sizeof(path), "%s/" KEYFILES_DIR, state_dir) >= (int)sizeof(path)) {
        return;
    }
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        return; /* ntspoold has not run here since the machine joined */
    }
    if (is_due(keys, dir)) {
        look(keys, dir);
    }
    (void)close(dir);
}

static unsigned turn(void *channel)
{
    struct feedkeys *keys = channel;
    if (keys->feeder->now_ms >= keys->glance_at) {
        glance(keys);
        keys->glance_at = keys->feeder->now_ms + FEEDKEYS_GLANCE_MS;
    }
    unsigned following_ms = following_turn(keys->following);
    unsigned sending_ms = sending_turn(keys->sending);
    unsigned wait_ms = following_ms < sending_ms ? following_ms : sending_ms;
    return wait_ms < FEEDKEYS_GLANCE_MS ? wait_ms : FEEDKEYS_GLANCE_MS;
}

const struct feeder_channel feedkeys_channel = { "keys", begin, turn, end };
