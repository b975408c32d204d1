#include "zone/verdicts/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "zone/base/array.h"
#include "zone/base/file.h"
#include "zone/base/user.h"

enum {
    LAYOUT = 1,
    DIR_MODE = 0755,
    FILE_MODE = 0644,
    DIGEST_LEN = 32,
    SETTINGS_MAX = 256,
    ROW_MIN = 32 /* minimum octets of a member */
};

#define MAGIC "ntspool-feed" /* with its NUL */

static enum result path_of(char out[PATH_MAX], const char *state_dir, const char *name,
                           struct diag *diag)
{
    int len = snprintf(out, PATH_MAX, "%s/" FEED_DIR "%s", state_dir, name);
    return len > 0 && len < PATH_MAX
               ? RESULT_OK
               : diag_fail(diag, RESULT_TOO_LONG, "the path %.80s... is too long", state_dir);
}

static enum result fail(const char *what, const char *path, struct diag *diag)
{
    return diag_fail(diag, RESULT_SYSTEM, "can't %s %s: %s", what, path, strerror(errno));
}

/* -- writing -- */

/* Makes room for `more` octets. */
static void reserve(struct writer *w, size_t more)
{
    ARRAY_RESERVE(w->data, w->len, w->at + more);
}

static void write_settings(struct writer *w, const struct settings *settings)
{
    size_t count = 0;
    const struct setting_info *list = settings_list(&count);
    reserve(w, 2 * DNAME_MAX + 16);
    dname_write(w, &settings->apex);
    dname_write(w, &settings->primary);
    write_u32(w, settings->serial);
    write_u16(w, (uint16_t)count);
    for (size_t i = 0; i < count; i++) {
        char value[SETTING_VALUE_MAX];
        bool fits = settings_text(settings, list[i].name, value) == RESULT_OK;
        reserve(w, strlen(list[i].name) + sizeof(value) + 4);
        write_text(w, list[i].name);
        write_text(w, fits ? value : "");
    }
}

static void write_vantages(struct writer *w, const struct vantage_keys *keys)
{
    reserve(w, 2 + VANTAGES_MAX * sizeof(keys->list[0]));
    write_u16(w, (uint16_t)keys->count);
    for (unsigned i = 0; i < keys->count; i++) {
        write_text(w, keys->list[i].name);
        write_octets(w, keys->list[i].key, sizeof(keys->list[i].key));
        write_u64(w, keys->list[i].added_at);
        write_u64(w, keys->list[i].released_at);
    }
}

static enum result write_member(const struct member *member, void *arg)
{
    struct member shown = *member;
    struct writer *w = arg;
    reserve(w, MEMBER_ENCODED_MAX + 2);
    shown.operator_name[0] = '\0';
    shown.accounturi[0] = '\0';
    /* Probes do not need these either. Without them the row has a layout that older probes read. */
    shown.contact[0] = '\0';
    shown.leave_at = 0;
    shown.unlisted = false;
    size_t mark = wire_mark(w);
    write_u16(w, 0);
    member_encode(w, &shown);
    ASSERT(!w->failed);
    wire_put_u16(w->data + mark, (uint16_t)(w->at - mark - 2));
    return RESULT_OK;
}

static enum result write_contents(struct writer *w, struct store_txn *txn, struct diag *diag)
{
    uint8_t id[REGISTRY_ID_LEN];
    struct settings settings;
    struct vantage_keys keys;
    TRY(registry_id(txn, id, diag));
    TRY(registry_settings(txn, &settings, diag));
    TRY(registry_vantages(txn, &keys, diag));
    reserve(w, sizeof(MAGIC) + 1 + REGISTRY_ID_LEN + 8);
    write_octets(w, MAGIC, sizeof(MAGIC));
    write_u8(w, LAYOUT);
    write_octets(w, id, sizeof(id));
    write_u64(w, store_version(txn));
    write_settings(w, &settings);
    write_vantages(w, &keys);
    reserve(w, 4);
    write_u32(w, (uint32_t)store_count(txn, TABLE_MEMBERS));
    enum result result = registry_each(txn, write_member, w);
    if (result != RESULT_OK) {
        return diag_fail(diag, result, "members: %s", result_text(result));
    }
    reserve(w, DIGEST_LEN);
    CHECK(crypto_generichash(w->data + w->at, DIGEST_LEN, w->data, w->at, NULL, 0) == 0);
    w->at += DIGEST_LEN;
    return RESULT_OK;
}

enum result feed_make_dir(const char *state_dir, struct diag *diag)
{
    char path[PATH_MAX];
    TRY(path_of(path, state_dir, "", diag));
    if (mkdir(path, DIR_MODE) != 0) {
        return errno == EEXIST ? RESULT_OK : fail("make", path, diag);
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && user_hand_over_fd(fd, AT_FDCWD, state_dir) && fchmod(fd, DIR_MODE) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return done ? RESULT_OK : fail("give to its owner", path, diag);
}

/* No fsync: after a power failure, the next start of a program writes the file again. */
static enum result replace(const char *state_dir, const struct writer *w, struct diag *diag)
{
    char path[PATH_MAX], made[PATH_MAX];
    TRY(path_of(path, state_dir, "/" FEED_FILE, diag));
    TRY(path_of(made, state_dir, "/" FEED_FILE ".XXXXXX", diag));
    int fd = mkostemp(made, O_CLOEXEC);
    if (fd < 0) {
        return fail("make a file like", made, diag);
    }
    bool done = file_write_all(fd, w->data, w->at) && user_hand_over_fd(fd, AT_FDCWD, state_dir) &&
                fchmod(fd, FILE_MODE) == 0;
    done = close(fd) == 0 && done && rename(made, path) == 0;
    if (!done) {
        int error = errno;
        (void)unlink(made);
        errno = error;
        return fail("write", path, diag);
    }
    return RESULT_OK;
}

/* True if the file has the same content, by the digest at its end. */
static bool is_there(const char *state_dir, const struct writer *w)
{
    char path[PATH_MAX];
    uint8_t digest[DIGEST_LEN];
    struct stat st;
    int fd = path_of(path, state_dir, "/" FEED_FILE, NULL) == RESULT_OK
                 ? open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
                 : -1;
    bool same = fd >= 0 && fstat(fd, &st) == 0 && (size_t)st.st_size == w->at &&
                pread(fd, digest, DIGEST_LEN, st.st_size - DIGEST_LEN) == DIGEST_LEN &&
                memcmp(digest, w->data + w->at - DIGEST_LEN, DIGEST_LEN) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return same;
}

enum result feed_publish(const char *state_dir, struct store_txn *registry, struct diag *diag)
{
    struct writer w = { 0 };
    enum result result = write_contents(&w, registry, diag);
    if (result == RESULT_OK && !is_there(state_dir, &w)) {
        result = feed_make_dir(state_dir, diag);
        result = result == RESULT_OK ? replace(state_dir, &w, diag) : result;
    }
    free(w.data);
    return result;
}

/* -- reading -- */

static enum result damaged(const char *path, struct diag *diag)
{
    return diag_fail(diag, RESULT_DAMAGED,
                     "%s is damaged or was not copied whole: copy it again, or start ntspoold, "
                     "which makes it",
                     path);
}

static enum result load(const char *path, uint8_t **out, size_t *len, struct diag *diag)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT
                   ? diag_fail(diag, RESULT_MISSING,
                               "there is no list of members, %s: ntspoold or a change by ntspool "
                               "makes it, or copy it from the pool's machine",
                               path)
                   : fail("read", path, diag);
    }
    bool fine = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > DIGEST_LEN &&
                st.st_size <= FEED_MAX;
    size_t size = fine ? (size_t)st.st_size : 0;
    uint8_t *data = fine ? malloc(size) : NULL;
    bool whole = data != NULL && pread(fd, data, size, 0) == (ssize_t)size;
    (void)close(fd);
    if (!whole) {
        free(data);
        return damaged(path, diag);
    }
    *out = data;
    *len = size;
    return RESULT_OK;
}

/* Settings that this program does not know are ignored. */
static void read_settings(struct reader *r, struct settings *settings)
{
    settings_before(settings);
    dname_read(r, &settings->apex);
    dname_read(r, &settings->primary);
    settings->serial = read_u32(r);
    unsigned count = read_u16(r);
    r->failed = r->failed || count > SETTINGS_MAX;
    for (unsigned i = 0; i < count && !r->failed; i++) {
        char name[64] = "", value[SETTING_VALUE_MAX] = "";
        read_text(r, name, sizeof(name));
        read_text(r, value, sizeof(value));
        r->failed = r->failed || settings_set(settings, name, value, NULL) == RESULT_INVALID;
    }
}

static void read_vantages(struct reader *r, struct vantage_keys *keys)
{
    keys->count = read_u16(r);
    r->failed = r->failed || keys->count > VANTAGES_MAX;
    for (unsigned i = 0; i < keys->count && !r->failed; i++) {
        struct vantage_key *key = &keys->list[i];
        read_text(r, key->name, sizeof(key->name));
        read_into(r, key->key, sizeof(key->key));
        key->added_at = read_u64(r);
        key->released_at = read_u64(r);
        r->failed = r->failed || !vantage_name_fine(key->name);
    }
}

/* A label must be valid and make a domain name under the apex. */
static bool has_valid_name(const struct member *member, const struct dname *apex)
{
    char label[LABEL_ROOM];
    struct dname name;
    return label_check(label, member->label, NULL) == RESULT_OK &&
           strcmp(label, member->label) == 0 &&
           dname_prepend(&name, label, strlen(label), apex) == RESULT_OK;
}

static void read_members(struct reader *r, struct feed *feed)
{
    size_t count = read_u32(r);
    r->failed = r->failed || count > reader_left(r) / ROW_MIN;
    feed->members = r->failed || count == 0 ? NULL : calloc(count, sizeof(feed->members[0]));
    r->failed = r->failed || (count > 0 && feed->members == NULL);
    for (size_t i = 0; i < count && !r->failed; i++) {
        size_t len = read_u16(r);
        const uint8_t *row = read_octets(r, len);
        r->failed = row == NULL || member_decode(&feed->members[i], row, len) != RESULT_OK ||
                    !has_valid_name(&feed->members[i], &feed->settings.apex);
    }
    feed->member_count = r->failed ? 0 : count;
}

static enum result decode(const uint8_t *data, size_t len, struct feed *feed)
{
    uint8_t digest[DIGEST_LEN], magic[sizeof(MAGIC)] = { 0 };
    ASSERT(data != NULL && len > DIGEST_LEN);
    struct reader r = reader_of(data, len - DIGEST_LEN);
    CHECK(crypto_generichash(digest, sizeof(digest), data, r.len, NULL, 0) == 0);
    read_into(&r, magic, sizeof(magic));
    uint8_t layout = read_u8(&r);
    if (memcmp(digest, data + r.len, sizeof(digest)) != 0 ||
        memcmp(magic, MAGIC, sizeof(magic)) != 0) {
        return RESULT_DAMAGED;
    }
    if (layout > LAYOUT) {
        return RESULT_NEWER;
    }
    read_into(&r, feed->registry, sizeof(feed->registry));
    feed->version = read_u64(&r);
    read_settings(&r, &feed->settings);
    read_vantages(&r, &feed->vantages);
    read_members(&r, feed);
    return reader_done(&r) ? RESULT_OK : RESULT_DAMAGED;
}

enum result feed_read(struct feed **out, const char *state_dir, struct diag *diag)
{
    char path[PATH_MAX];
    uint8_t *data = NULL;
    size_t len = 0;
    TRY(path_of(path, state_dir, "/" FEED_FILE, diag));
    TRY(load(path, &data, &len, diag));
    struct feed *feed = xcalloc(1, sizeof(*feed));
    enum result result = decode(data, len, feed);
    free(data);
    if (result != RESULT_OK) {
        feed_free(feed);
        return result == RESULT_NEWER
                   ? diag_fail(diag, result, "%s is newer than this program knows: upgrade it",
                               path)
                   : damaged(path, diag);
    }
    *out = feed;
    return RESULT_OK;
}

void feed_free(struct feed *feed)
{
    if (feed != NULL) {
        free(feed->members);
        free(feed);
    }
}

bool feed_changed(struct feed_mark *mark, const char *state_dir)
{
    char path[PATH_MAX];
    struct stat st;
    struct feed_mark now = { 0 };
    if (path_of(path, state_dir, "/" FEED_FILE, NULL) == RESULT_OK && stat(path, &st) == 0) {
        now.device = st.st_dev;
        now.inode = st.st_ino;
        now.size = (uint64_t)st.st_size;
        now.modified_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
    }
    bool changed = memcmp(mark, &now, sizeof(now)) != 0;
    *mark = now;
    return changed;
}
