#include "tools/fleet/membership.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "tools/fleet/membership_private.h"
#include "zone/base/file.h"
#include "zone/base/user.h"
#include "zone/fleet/keyfiles.h"
#include "zone/store/store.h"

enum {
    DIR_MODE = 0750,
    FILE_MODE = 0640,
    CA_KEY_MODE = 0600,
    NAME_LEN = sizeof "certificate.pem"
};

static const char text_file[] = "machine", key_file[] = "key.pem", ca_file[] = "ca.pem",
                  certificate_file[] = "certificate.pem", ca_key_file[] = "ca-key.pem",
                  new_text_file[] = "machine.new";
static const char *const files[] = { text_file,        key_file,    ca_file,
                                     certificate_file, ca_key_file, new_text_file };

enum {
    FILES = sizeof files / sizeof files[0]
};

void membership_complete(struct membership *membership)
{
    char id[MEMBERSHIP_ID_ROOM];
    sodium_bin2hex(id, sizeof id, membership->registry_id, sizeof membership->registry_id);
    (void)snprintf(membership->prefix, sizeof membership->prefix, "/ntspool/%s/", id);
    (void)snprintf(membership->ledger, sizeof membership->ledger, "%s/%s", membership->apex, id);
}

struct etcd_config membership_engine(const struct membership *membership)
{
    struct etcd_config config = { .node_count = membership->node_count,
                                  .ca = membership->ca,
                                  .certificate = membership->certificate,
                                  .key = membership->key };
    memcpy(config.nodes, membership->nodes, sizeof config.nodes);
    return config;
}

/* -- reading -- */

static enum result fail(const char *what, const char *path, struct diag *diag)
{
    return diag_fail(diag, RESULT_SYSTEM, "can't %s %s: %s", what, path, strerror(errno));
}

static enum result path_of(char out[PATH_MAX], const char *state_dir, const char *suffix,
                           const char *file, struct diag *diag)
{
    int len = snprintf(out, PATH_MAX, "%s/" MEMBERSHIP_DIR "%s%s%s", state_dir, suffix,
                       *file != '\0' ? "/" : "", file);
    if (len < 0 || len >= PATH_MAX) {
        return diag_fail(diag, RESULT_TOO_LONG, "the path %.80s... is too long", state_dir);
    }
    return RESULT_OK;
}

/* Reads a whole file of at most room - 1 octets, and ends it with NUL. */
static enum result read_file(const char *path, char *out, size_t room, struct diag *diag)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return fail("open", path, diag);
    }
    size_t len = 0;
    ssize_t got = 1;
    while (got > 0 && len < room) {
        got = read(fd, out + len, room - len);
        len += got > 0 ? (size_t)got : 0;
    }
    enum result result = got < 0 ? fail("read", path, diag) : RESULT_OK;
    (void)close(fd);
    if (result == RESULT_OK && (len == room || memchr(out, 0, len) != NULL)) {
        result = diag_fail(diag, RESULT_INVALID, "%s is not what ntspool has written", path);
    }
    if (result == RESULT_OK) {
        out[len] = '\0';
    }
    return result;
}

static enum result read_lines_file(struct membership *out, const char *state_dir, struct diag *diag)
{
    char path[PATH_MAX], text[MEMBERSHIP_TOKEN_MAX];
    struct diag why = { "" };
    TRY(path_of(path, state_dir, "", text_file, diag));
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        return diag_fail(diag, RESULT_MISSING, "this machine is in no fleet: there is no %s", path);
    }
    TRY(read_file(path, text, sizeof text, diag));
    enum result result = membership_lines_read(out, text, &why);
    return result == RESULT_OK ? result : diag_fail(diag, result, "%s: %s", path, why.text);
}

enum result membership_read(struct membership *out, const char *state_dir, struct diag *diag)
{
    struct membership read = { .name = "" };
    char key[MEMBERSHIP_KEY_PEM_ROOM];
    TRY(read_lines_file(&read, state_dir, diag));
    TRY(path_of(read.ca, state_dir, "", ca_file, diag));
    TRY(path_of(read.certificate, state_dir, "", certificate_file, diag));
    TRY(path_of(read.key, state_dir, "", key_file, diag));
    TRY(read_file(read.key, key, sizeof key, diag));
    enum result result = membership_key_of_pem(key, read.secret, diag);
    sodium_memzero(key, sizeof key);
    if (result == RESULT_OK) {
        membership_complete(&read);
        *out = read;
    }
    sodium_memzero(&read.secret, sizeof read.secret);
    return result;
}

static enum result read_paper(char *out, size_t room, const char *state_dir, const char *file,
                              struct diag *diag)
{
    char path[PATH_MAX];
    TRY(path_of(path, state_dir, "", file, diag));
    return read_file(path, out, room, diag);
}

enum result membership_read_papers(struct membership_papers *out, const char *state_dir,
                                   struct diag *diag)
{
    struct membership_papers read = { .ca_key = "" };
    char path[PATH_MAX];
    TRY(read_paper(read.certificate, sizeof read.certificate, state_dir, certificate_file, diag));
    TRY(read_paper(read.ca, sizeof read.ca, state_dir, ca_file, diag));
    TRY(path_of(path, state_dir, "", ca_key_file, diag));
    if (access(path, F_OK) == 0 && access(path, R_OK) != 0) {
        return diag_fail(diag, RESULT_REFUSED, "this user may not read %s: run it as the owner",
                         path);
    }
    if (access(path, R_OK) == 0) {
        TRY(read_file(path, read.ca_key, sizeof read.ca_key, diag));
    }
    TRY(read_paper(read.key, sizeof read.key, state_dir, key_file, diag));
    *out = read;
    sodium_memzero(&read, sizeof read);
    return RESULT_OK;
}

/* -- writing -- */

static bool sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    errno = error;
    return done;
}

static enum result write_file(const char *path, const char *directory, mode_t mode,
                              const char *text, struct diag *diag)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    bool done = fd >= 0 && fchmod(fd, mode) == 0 && file_write_all(fd, text, strlen(text)) &&
                fsync(fd) == 0 && user_hand_over(path, directory);
    enum result result = done ? RESULT_OK : fail("write", path, diag);
    if (fd >= 0) {
        (void)close(fd);
    }
    return result;
}

/* Removes the directory with that suffix and our files in it. */
static enum result clear(const char *state_dir, const char *suffix, struct diag *diag)
{
    char path[PATH_MAX];
    for (unsigned i = 0; i < FILES; i++) {
        TRY(path_of(path, state_dir, suffix, files[i], diag));
        if (unlink(path) != 0 && errno != ENOENT) {
            return fail("remove", path, diag);
        }
    }
    TRY(path_of(path, state_dir, suffix, "", diag));
    return rmdir(path) == 0 || errno == ENOENT ? RESULT_OK : fail("remove", path, diag);
}

static enum result fill(const char *state_dir, const struct membership *membership,
                        const struct membership_papers *papers, struct diag *diag)
{
    char path[PATH_MAX], text[MEMBERSHIP_TOKEN_MAX];
    membership_lines(membership, text);
    const char *const texts[] = { text,           papers->key, papers->ca, papers->certificate,
                                  papers->ca_key, "" };
    for (unsigned i = 0; i < FILES; i++) {
        if (*texts[i] != '\0') {
            mode_t mode = files[i] == ca_key_file ? CA_KEY_MODE : FILE_MODE;
            TRY(path_of(path, state_dir, ".new", files[i], diag));
            TRY(write_file(path, state_dir, mode, texts[i], diag));
        }
    }
    return RESULT_OK;
}

/* What the programs that run here find at their start. */
static enum result make_places(const char *state_dir, struct diag *diag)
{
    int dir = -1;
    TRY(keyfiles_open_dir(state_dir, &dir, diag));
    (void)close(dir);
    return store_is_in(state_dir, STORE_FLEET) ? RESULT_OK
                                               : store_create(state_dir, STORE_FLEET, diag);
}

enum result membership_write(const char *state_dir, const struct membership *membership,
                             const struct membership_papers *papers, struct diag *diag)
{
    char made[PATH_MAX], path[PATH_MAX];
    TRY(path_of(path, state_dir, "", "", diag));
    TRY(path_of(made, state_dir, ".new", "", diag));
    if (access(path, F_OK) == 0) {
        return diag_fail(diag, RESULT_EXISTS, "this machine is in a fleet already: there is %s",
                         path);
    }
    TRY(make_places(state_dir, diag));
    TRY(clear(state_dir, ".new", diag)); /* what an interrupted run left */
    if (mkdir(made, DIR_MODE) != 0 || chmod(made, DIR_MODE) != 0 ||
        !user_hand_over(made, state_dir)) {
        return fail("make", made, diag);
    }
    enum result result = fill(state_dir, membership, papers, diag);
    if (result == RESULT_OK &&
        (!sync_directory(made) || rename(made, path) != 0 || !sync_directory(state_dir))) {
        result = fail("make", path, diag);
    }
    if (result != RESULT_OK) {
        (void)clear(state_dir, ".new", NULL);
    }
    return result;
}

enum result membership_write_nodes(const char *state_dir, const struct membership *membership,
                                   struct diag *diag)
{
    char directory[PATH_MAX], path[PATH_MAX], made[PATH_MAX], text[MEMBERSHIP_TOKEN_MAX];
    TRY(path_of(directory, state_dir, "", "", diag));
    TRY(path_of(path, state_dir, "", text_file, diag));
    TRY(path_of(made, state_dir, "", new_text_file, diag));
    if (unlink(made) != 0 && errno != ENOENT) { /* what an interrupted run left */
        return fail("remove", made, diag);
    }
    membership_lines(membership, text);
    TRY(write_file(made, state_dir, FILE_MODE, text, diag));
    return rename(made, path) == 0 && sync_directory(directory) ? RESULT_OK
                                                                : fail("write", path, diag);
}

uint64_t membership_mark(const char *state_dir)
{
    char path[PATH_MAX];
    struct stat found;
    if (path_of(path, state_dir, "", text_file, NULL) != RESULT_OK || stat(path, &found) != 0) {
        return 0;
    }
    return (uint64_t)found.st_ino ^ (uint64_t)found.st_mtim.tv_sec << 32 ^
           (uint64_t)found.st_mtim.tv_nsec;
}

enum result membership_remove(const char *state_dir, struct diag *diag)
{
    char path[PATH_MAX], old[PATH_MAX];
    TRY(path_of(path, state_dir, "", "", diag));
    TRY(path_of(old, state_dir, ".old", "", diag));
    TRY(clear(state_dir, ".old", diag)); /* what an interrupted run left */
    if (rename(path, old) != 0) {
        return errno == ENOENT ? diag_fail(diag, RESULT_MISSING, "this machine is in no fleet")
                               : fail("remove", path, diag);
    }
    if (!sync_directory(state_dir)) {
        return fail("sync", state_dir, diag);
    }
    return clear(state_dir, ".old", diag);
}
