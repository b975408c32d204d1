#include "tools/site/site.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/site/siterows.h"
#include "zone/base/file.h"
#include "zone/base/splitmix.h"
#include "zone/base/user.h"

enum {
    STATE_MODE = 0600, /* of no use to visitors */
    STATE_MAX = 256 * 1024 * 1024,
    CHUNK = 65536
};

static const char state_name[] = ".state", lock_name[] = ".lock", temporary_name[] = ".tmp";

struct site {
    char *dir;
    int fd, lock;
    struct site_terms terms;
    struct diag *diag;
    bool anew;             /* all are due */
    struct siterows old;   /* of earlier runs */
    struct siterows fresh; /* of this run */
    struct site_totals totals;
};

static enum result fail(struct site *site, const char *path)
{
    return diag_fail(site->diag, RESULT_SYSTEM, "can't write %s/%s: %s", site->dir, path,
                     strerror(errno));
}

/* Opens the directory that the path is in, and makes it if need be. `name` gets the last component.
 * Follows no links: the directory may belong to another user than this process. */
static int open_parent(const struct site *site, const char *path, bool make, const char **name)
{
    char part[SITEROWS_PATH_MAX + 1];
    int at = fcntl(site->fd, F_DUPFD_CLOEXEC, 0);
    const char *slash;
    while (at >= 0 && (slash = strchr(path, '/')) != NULL) {
        size_t len = (size_t)(slash - path);
        memcpy(part, path, len);
        part[len] = 0;
        path = slash + 1;
        int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        int next = openat(at, part, flags);
        if (next < 0 && errno == ENOENT && make && mkdirat(at, part, 0777) == 0) {
            next = openat(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (next >= 0 && !user_hand_over_fd(next, site->fd, ".")) {
                (void)close(next);
                next = -1;
            }
        }
        int error = errno;
        (void)close(at);
        errno = error;
        at = next;
    }
    *name = path;
    return at;
}

/* Reads the whole file. NULL with errno if there is none or it is no file. The caller frees it. */
static char *read_file(int at, const char *name, size_t *len)
{
    int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    char *text = NULL;
    if (fd < 0) {
        return NULL;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= STATE_MAX) {
        *len = 0;
        text = xmalloc((size_t)st.st_size + 1);
        ssize_t got = 1;
        while (*len < (size_t)st.st_size && got > 0) {
            got = read(fd, text + *len, (size_t)st.st_size - *len);
            *len += got > 0 ? (size_t)got : 0;
        }
    }
    (void)close(fd);
    return text;
}

static bool holds(int at, const char *name, const struct markup *text)
{
    struct stat st;
    size_t len = 0;
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || (size_t)st.st_size != text->len) {
        return false;
    }
    char *found = read_file(at, name, &len);
    bool same = found != NULL && len == text->len && memcmp(found, text->text, len) == 0;
    free(found);
    return same;
}

/* Writes the temporary file and gives it its name. False with errno. */
static bool replace(struct site *site, int at, const char *name, const struct markup *text,
                    mode_t mode)
{
    int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(site->fd, temporary_name, flags, mode);
    bool good = fd >= 0 && user_hand_over_fd(fd, site->fd, ".") &&
                file_write_all(fd, text->text, text->len);
    int error = errno;
    if (fd >= 0 && close(fd) != 0 && good) {
        good = false;
        error = errno;
    }
    if (good && renameat(site->fd, temporary_name, at, name) != 0) {
        good = false;
        error = errno;
    }
    if (!good) {
        (void)unlinkat(site->fd, temporary_name, 0);
    }
    errno = error;
    return good;
}

enum result site_put(struct site *site, const char *path, const struct markup *text)
{
    ASSERT(siterows_is_path(path) && site->fresh.count > 0);
    const char *name;
    int at = open_parent(site, path, true, &name);
    if (at < 0) {
        return fail(site, path);
    }
    enum result result = RESULT_OK;
    if (holds(at, name, text)) {
        site->totals.same++;
    } else if (replace(site, at, name, text, 0666)) {
        site->totals.written++;
        site->totals.octets += text->len;
    } else {
        result = fail(site, path);
    }
    (void)close(at);
    siterow_add_file(&site->fresh.list[site->fresh.count - 1], path);
    return result;
}

/* A time of its own in each interval, so that subjects of a kind don't fall due at once. */
static uint64_t last_time(uint64_t now, const char *subject, uint64_t interval)
{
    uint64_t phase = 0;
    splitmix_add_text(&phase, subject);
    phase %= interval;
    return now < phase ? 0 : now - (now - phase) % interval;
}

bool site_due(struct site *site, const char *subject, enum site_tier tier, uint64_t fingerprint)
{
    ASSERT(siterows_is_path(subject));
    struct siterow *row = siterows_find(&site->old, subject);
    uint64_t now = site->terms.now;
    bool due = site->anew || row == NULL || row->fingerprint != fingerprint || tier == SITE_HOT ||
               row->made_at > now; /* the clock was set back */
    if (row != NULL) {
        row->asked = true;
    }
    if (!due && tier != SITE_ONCE) {
        uint64_t interval = tier == SITE_WARM ? site->terms.warm_s : SITE_COLD_S;
        due = row->made_at < last_time(now, subject, interval);
    }
    if (due) {
        (void)siterows_add(&site->fresh, subject, now, fingerprint);
    } else {
        row->kept = true;
    }
    return due;
}

void site_keep(struct site *site, const char *folder, uint64_t seconds)
{
    size_t len = strlen(folder);
    for (size_t i = 0; i < site->old.count; i++) {
        struct siterow *row = &site->old.list[i];
        if (!row->asked && strncmp(row->subject, folder, len) == 0 && row->subject[len] == '/' &&
            row->made_at + seconds > site->terms.now) {
            row->kept = true;
        }
    }
}

/* True if the directory holds a file that is not hidden. */
static bool is_used(int fd)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    bool used = dir == NULL;
    const struct dirent *entry;
    while (!used && (entry = readdir(dir)) != NULL) {
        used = entry->d_name[0] != '.' && strcmp(entry->d_name, "lost+found") != 0;
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return used;
}

static enum result lock(struct site *site)
{
    struct stat st;
    if (fstatat(site->fd, lock_name, &st, AT_SYMLINK_NOFOLLOW) != 0 && is_used(site->fd)) {
        return diag_fail(site->diag, RESULT_REFUSED,
                         "%s holds files that are not of a site: name a new or empty directory",
                         site->dir);
    }
    int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
    site->lock = openat(site->fd, lock_name, flags, STATE_MODE);
    if (site->lock < 0 || !user_hand_over_fd(site->lock, site->fd, ".")) {
        return fail(site, lock_name);
    }
    if (flock(site->lock, LOCK_EX | LOCK_NB) == 0) {
        return RESULT_OK;
    }
    return errno == EWOULDBLOCK
               ? diag_fail(site->diag, RESULT_REFUSED,
                           "another ntspool report is writing %s: let it end", site->dir)
               : fail(site, lock_name);
}

static enum result recall(struct site *site)
{
    size_t len = 0;
    char *text = read_file(site->fd, state_name, &len);
    site->anew = site->terms.all || text == NULL || !siterows_read(&site->old, text, len) ||
                 site->old.edition != site->terms.edition;
    free(text);
    if (site->old.apex[0] != 0 && strcmp(site->old.apex, site->terms.apex) != 0) {
        return diag_fail(site->diag, RESULT_REFUSED,
                         "%s holds the site of the pool %s: name another directory for that of %s",
                         site->dir, site->old.apex, site->terms.apex);
    }
    (void)unlinkat(site->fd, temporary_name, 0); /* of a run that was killed */
    return RESULT_OK;
}

static void free_site(struct site *site)
{
    siterows_done(&site->old);
    siterows_done(&site->fresh);
    if (site->lock >= 0) {
        (void)close(site->lock);
    }
    if (site->fd >= 0) {
        (void)close(site->fd);
    }
    free(site->dir);
    free(site);
}

static enum result open_directory(struct site *site)
{
    bool made = mkdir(site->dir, 0777) == 0;
    if (made || errno == EEXIST) {
        site->fd = open(site->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (site->fd < 0 || (made && !user_hand_over_fd(site->fd, site->fd, ".."))) {
        return diag_fail(site->diag, RESULT_SYSTEM, "can't use the directory %s: %s", site->dir,
                         strerror(errno));
    }
    return RESULT_OK;
}

enum result site_open(struct site **out, const char *dir, const struct site_terms *terms,
                      struct diag *diag)
{
    struct site *site = xcalloc(1, sizeof(*site));
    *site =
        (struct site){ .dir = xstrdup(dir), .fd = -1, .lock = -1, .terms = *terms, .diag = diag };
    enum result result = open_directory(site);
    if (result == RESULT_OK) {
        result = lock(site);
    }
    if (result == RESULT_OK) {
        result = recall(site);
    }
    if (result != RESULT_OK) {
        free_site(site);
        return result;
    }
    *out = site;
    return RESULT_OK;
}

char *site_get(const struct site *site, const char *path)
{
    const char *name;
    size_t len = 0;
    int at = siterows_is_path(path) ? open_parent(site, path, false, &name) : -1;
    char *text = at >= 0 ? read_file(at, name, &len) : NULL;
    if (at >= 0) {
        (void)close(at);
    }
    if (text == NULL || memchr(text, 0, len) != NULL) {
        free(text);
        return NULL;
    }
    text[len] = 0;
    return text;
}

/* Removes a file, and the directories that it leaves empty. */
static void remove_file(struct site *site, const char *path)
{
    char folder[SITEROWS_PATH_MAX + 1];
    const char *name;
    int at = open_parent(site, path, false, &name);
    if (at < 0) {
        return;
    }
    site->totals.removed += unlinkat(at, name, 0) == 0;
    (void)close(at);
    (void)snprintf(folder, sizeof(folder), "%s", path);
    char *slash = strrchr(folder, '/');
    while (slash != NULL) {
        *slash = 0;
        at = open_parent(site, folder, false, &name);
        bool empty = at >= 0 && unlinkat(at, name, AT_REMOVEDIR) == 0;
        if (at >= 0) {
            (void)close(at);
        }
        slash = empty ? strrchr(folder, '/') : NULL;
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Removes the files that only rows of earlier runs have, and that were not kept. */
static void clean_up(struct site *site)
{
    size_t count = 0;
    for (size_t i = 0; i < site->fresh.count; i++) {
        count += site->fresh.list[i].count;
    }
    char **present = xmalloc((count + 1) * sizeof(*present));
    count = 0;
    for (size_t i = 0; i < site->fresh.count; i++) {
        const struct siterow *row = &site->fresh.list[i];
        if (row->count > 0) {
            memcpy(present + count, row->files, row->count * sizeof(*present));
            count += row->count;
        }
    }
    qsort(present, count, sizeof(*present), by_text);
    for (size_t i = 0; i < site->old.count; i++) {
        const struct siterow *row = &site->old.list[i];
        for (size_t j = 0; j < row->count; j++) {
            char *const *path = &row->files[j];
            if (!row->kept &&
                (count == 0 || bsearch(path, present, count, sizeof(*present), by_text) == NULL)) {
                remove_file(site, *path);
            }
        }
    }
    free(present);
}

/* Kept rows go to those of this run. */
static void merge(struct site *site)
{
    for (size_t i = 0; i < site->old.count; i++) {
        struct siterow *row = &site->old.list[i];
        if (row->kept) {
            struct siterow *copy =
                siterows_add(&site->fresh, row->subject, row->made_at, row->fingerprint);
            copy->files = row->files;
            copy->count = row->count;
            copy->room = row->room;
            row->files = NULL;
            row->count = row->room = 0;
        }
    }
    siterows_sort(&site->fresh);
}

static enum result remember(struct site *site)
{
    struct markup text = { 0 };
    merge(site);
    clean_up(site);
    site->fresh.edition = site->terms.edition;
    (void)snprintf(site->fresh.apex, sizeof(site->fresh.apex), "%s", site->terms.apex);
    siterows_write(&text, &site->fresh);
    bool good = replace(site, site->fd, state_name, &text, STATE_MODE);
    site->totals.octets += text.len;
    markup_done(&text);
    return good ? RESULT_OK : fail(site, state_name);
}

enum result site_close(struct site *site, bool good, struct site_totals *totals)
{
    enum result result = good ? remember(site) : RESULT_OK;
    *totals = site->totals;
    free_site(site);
    return result;
}
