#include "dnssec/keys/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "dnssec/keys/key.h"
#include "zone/base/file.h"
#include "zone/base/user.h"

enum {
    KEY_LEN = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    NONCE_LEN = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    PATH_ROOM = 4096
};
_Static_assert(SEAL_PUBLIC_LEN == crypto_box_PUBLICKEYBYTES &&
                   SEAL_BOX_OVERHEAD ==
                       crypto_box_PUBLICKEYBYTES + crypto_box_NONCEBYTES + crypto_box_MACBYTES,
               "a box is the sender's public key, a nonce and libsodium's tag and ciphertext");
_Static_assert(SEAL_OVERHEAD == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES +
                                    crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "a sealed key is a nonce, the ciphertext and a tag");

/* Threads share it; it is replaced when another key opens what this one does not. */
struct sealing_key {
    pthread_mutex_t mutex;
    char path[PATH_ROOM];
    uint8_t *key; /* in guarded memory, read-only */
};

struct seal {
    struct sealing_key *current;
};

static const char next_suffix[] = ".next";

static enum result join(char out[PATH_ROOM], const char *directory, const char *name,
                        struct diag *diag)
{
    int len = snprintf(out, PATH_ROOM, "%s/%s", directory, name);
    if (len < 0 || len >= PATH_ROOM) {
        return diag_fail(diag, RESULT_TOO_LONG, "the path %.64s... is too long", directory);
    }
    return RESULT_OK;
}

static enum result preset_path(char out[PATH_ROOM], const char *state_dir, struct diag *diag)
{
    return join(out, state_dir, "seal.key", diag);
}

static void directory_of(char directory[PATH_ROOM], const char *path)
{
    (void)snprintf(directory, PATH_ROOM, "%s", path);
    char *slash = strrchr(directory, '/');
    if (slash == NULL) {
        (void)snprintf(directory, PATH_ROOM, ".");
    } else {
        slash[slash == directory ? 1 : 0] = '\0';
    }
}

/* Gives root's file to the owner of its directory, the server's user. */
static bool hand_over(const char *path)
{
    char directory[PATH_ROOM];
    directory_of(directory, path);
    return user_hand_over(path, directory);
}

/* Makes the directory entry of a new file survive a crash. */
static bool sync_directory_of(const char *path)
{
    char directory[PATH_ROOM];
    directory_of(directory, path);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return good;
}

/* Writes a new key into the open temporary file and gives it its name. Unlike rename(2), link(2)
 * never replaces a file. Returns 0 or errno. */
static int fill_and_link(int fd, const char *temporary, const char *path)
{
    uint8_t key[KEY_LEN];
    randombytes_buf(key, sizeof key);
    bool written = file_write_all(fd, key, sizeof key) && fsync(fd) == 0;
    sodium_memzero(key, sizeof key);
    if (!written || link(temporary, path) != 0) {
        return errno == 0 ? EIO : errno;
    }
    return sync_directory_of(path) ? 0 : errno;
}

enum result seal_create(const char *state_dir, const char *path, struct diag *diag)
{
    if (sodium_init() < 0) {
        return diag_fail(diag, RESULT_CRYPTO, "libsodium cannot start");
    }
    char preset[PATH_ROOM];
    if (path == NULL) {
        TRY(preset_path(preset, state_dir, diag));
        path = preset;
    }
    char temporary[PATH_ROOM];
    int len = snprintf(temporary, sizeof temporary, "%s.%08x", path, randombytes_random());
    if (len < 0 || len >= PATH_ROOM) {
        return diag_fail(diag, RESULT_TOO_LONG, "the path %.64s... is too long", path);
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return diag_fail(diag, RESULT_SYSTEM, "%s: cannot be created: %s", path, strerror(errno));
    }
    errno = 0;
    int error = hand_over(temporary) ? fill_and_link(fd, temporary, path) : errno;
    (void)close(fd);
    (void)unlink(temporary);
    if (error == EEXIST) {
        return diag_fail(diag, RESULT_EXISTS,
                         "%s: there is a sealing key already, and it is never overwritten", path);
    }
    if (error != 0) {
        return diag_fail(diag, RESULT_SYSTEM, "%s: cannot be written: %s", path, strerror(error));
    }
    return RESULT_OK;
}

/* The path when none is given. */
static enum result find_path(char out[PATH_ROOM], const char *state_dir, struct diag *diag)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    if (credentials != NULL && credentials[0] != '\0') {
        enum result result = join(out, credentials, "ntspool-seal", diag);
        if (result != RESULT_OK || access(out, F_OK) == 0) {
            return result;
        }
    }
    return preset_path(out, state_dir, diag);
}

/* systemd guards its credentials by an access control list, which shows in the bits of the group.
 */
static bool is_credential(const char *path)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    size_t len = credentials != NULL ? strlen(credentials) : 0;
    return len > 0 && strncmp(path, credentials, len) == 0 && path[len] == '/';
}

static enum result check_file(int fd, const char *path, struct diag *diag)
{
    const mode_t others = is_credential(path) ? S_IRWXO | S_IWGRP : S_IRWXG | S_IRWXO;
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return diag_fail(diag, RESULT_SYSTEM, "%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(status.st_mode) || status.st_size != KEY_LEN) {
        return diag_fail(diag, RESULT_INVALID,
                         "%s: is not a sealing key: that is a regular file of %d octets", path,
                         KEY_LEN);
    }
    if ((status.st_mode & others) != 0) {
        return diag_fail(diag, RESULT_REFUSED,
                         "%s: users other than its owner may read the sealing key (mode %04o): run "
                         "chmod 0600 on it",
                         path, (unsigned)status.st_mode & 07777U);
    }
    return RESULT_OK;
}

static enum result read_key(uint8_t **out, int fd, const char *path, struct diag *diag)
{
    uint8_t *key = sodium_malloc(KEY_LEN);
    if (key == NULL) {
        return diag_fail(diag, RESULT_NO_MEMORY, "no guarded memory for the sealing key");
    }
    size_t have = 0;
    while (have < KEY_LEN) {
        ssize_t count = read(fd, key + have, KEY_LEN - have);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            int error = errno;
            sodium_free(key);
            return diag_fail(diag, RESULT_SYSTEM, "%s: cannot be read: %s", path,
                             count == 0 ? "it is too short" : strerror(error));
        }
        have += (size_t)count;
    }
    if (sodium_mprotect_readonly(key) != 0) {
        sodium_free(key);
        return diag_fail(diag, RESULT_SYSTEM, "the sealing key cannot be guarded");
    }
    *out = key;
    return RESULT_OK;
}

/* Reads the key of a file into guarded memory. */
static enum result read_file(uint8_t **out, const char *path, struct diag *diag)
{
    /* Without O_NONBLOCK a FIFO at this path would block us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return errno == ENOENT
                   ? diag_fail(diag, RESULT_MISSING,
                               "%s: there is no sealing key: restore your copy of it, which is "
                               "not in backups, or name its file by seal-key",
                               path)
                   : diag_fail(diag, RESULT_SYSTEM, "%s: cannot be opened: %s", path,
                               strerror(errno));
    }
    enum result result = check_file(fd, path, diag);
    if (result == RESULT_OK) {
        result = read_key(out, fd, path, diag);
    }
    (void)close(fd);
    return result;
}

static enum result open_path(struct seal **out, const char *path, struct diag *diag)
{
    uint8_t *key = NULL;
    if (strlen(path) + sizeof next_suffix > PATH_ROOM) {
        return diag_fail(diag, RESULT_TOO_LONG, "the path %.64s... is too long", path);
    }
    TRY(read_file(&key, path, diag));
    struct seal *seal = xcalloc(1, sizeof *seal);
    seal->current = xcalloc(1, sizeof *seal->current);
    CHECK(pthread_mutex_init(&seal->current->mutex, NULL) == 0);
    (void)snprintf(seal->current->path, PATH_ROOM, "%s", path);
    seal->current->key = key;
    *out = seal;
    return RESULT_OK;
}

enum result seal_open(struct seal **out, const char *state_dir, const char *path, struct diag *diag)
{
    key_guard_memory();
    if (sodium_init() < 0) {
        return diag_fail(diag, RESULT_CRYPTO, "libsodium cannot start");
    }
    char found[PATH_ROOM];
    if (path == NULL) {
        TRY(find_path(found, state_dir, diag));
        path = found;
    }
    return open_path(out, path, diag);
}

void seal_free(struct seal *seal)
{
    if (seal != NULL) {
        (void)pthread_mutex_destroy(&seal->current->mutex);
        sodium_free(seal->current->key);
        free(seal->current);
        free(seal);
    }
}

enum result seal_wrap(const struct seal *seal, const uint8_t *plain, size_t len,
                      const uint8_t *bound, size_t bound_len, uint8_t *out)
{
    struct sealing_key *current = seal->current;
    /* XChaCha20-Poly1305: random nonces of 192 bits do not repeat. */
    randombytes_buf(out, NONCE_LEN);
    (void)pthread_mutex_lock(&current->mutex);
    int status = crypto_aead_xchacha20poly1305_ietf_encrypt(
        out + NONCE_LEN, NULL, plain, len, bound, bound_len, NULL, out, current->key);
    (void)pthread_mutex_unlock(&current->mutex);
    return status == 0 ? RESULT_OK : RESULT_CRYPTO;
}

struct sealed {
    const uint8_t *data, *bound;
    size_t len, bound_len;
};

static bool unwrap_by(const uint8_t *key, const struct sealed *sealed, uint8_t *out)
{
    return crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed->data + NONCE_LEN,
                                                      sealed->len - NONCE_LEN, sealed->bound,
                                                      sealed->bound_len, sealed->data, key) == 0;
}

/* The path of the next key: beside the file itself, not beside a symbolic link to it. */
static void next_path(char out[PATH_ROOM + sizeof next_suffix], const char *path)
{
    char *real = realpath(path, NULL);
    (void)snprintf(out, PATH_ROOM + sizeof next_suffix, "%s%s",
                   real != NULL && strlen(real) < PATH_ROOM ? real : path, next_suffix);
    free(real);
}

/* Tries the keys that the files hold now, and keeps the one that opens it. */
static bool unwrap_anew(struct sealing_key *current, const struct sealed *sealed, uint8_t *out)
{
    char next[PATH_ROOM + sizeof next_suffix];
    next_path(next, current->path);
    const char *paths[] = { current->path, next };
    for (size_t i = 0; i < 2; i++) {
        uint8_t *key = NULL;
        if (read_file(&key, paths[i], NULL) != RESULT_OK || key == NULL) {
            continue;
        }
        if (unwrap_by(key, sealed, out)) {
            sodium_free(current->key);
            current->key = key;
            return true;
        }
        sodium_free(key);
    }
    return false;
}

enum result seal_unwrap(const struct seal *seal, const uint8_t *sealed, size_t len,
                        const uint8_t *bound, size_t bound_len, uint8_t *out)
{
    struct sealing_key *current = seal->current;
    const struct sealed what = { sealed, bound, len, bound_len };
    if (len < SEAL_OVERHEAD) {
        return RESULT_UNSEALABLE;
    }
    (void)pthread_mutex_lock(&current->mutex);
    bool opened = unwrap_by(current->key, &what, out) || unwrap_anew(current, &what, out);
    (void)pthread_mutex_unlock(&current->mutex);
    return opened ? RESULT_OK : RESULT_UNSEALABLE;
}

/* Gives the next key the owner of the old one: the server's user must be able to read it. Anybody
 * who can write to the directory must not get another file that way, so links are refused. */
static enum result keep_owner(const char *next, const char *old, struct diag *diag)
{
    struct stat was, is;
    int fd = open(next, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    errno = fd >= 0 ? 0 : errno;
    bool good = fd >= 0 && stat(old, &was) == 0 && fstat(fd, &is) == 0 && S_ISREG(is.st_mode) &&
                is.st_nlink == 1 &&
                (was.st_uid == is.st_uid || fchown(fd, was.st_uid, was.st_gid) == 0);
    int error = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    return good ? RESULT_OK
                : diag_fail(
                      diag, RESULT_SYSTEM, "%s: can't be given to the owner of %s: %s", next, old,
                      error != 0 ? strerror(error)
                                 : "it is not a regular file, or has a second name: remove that");
}

enum result seal_next(struct seal **out, const struct seal *seal, struct diag *diag)
{
    char next[PATH_ROOM + sizeof next_suffix], real[PATH_ROOM];
    const char *path = seal->current->path;
    /* Where the path is a symbolic link, its target is replaced. */
    path = realpath(path, real) != NULL ? real : path;
    next_path(next, path);
    enum result result = seal_create(NULL, next, diag);
    if (result == RESULT_OK || result == RESULT_EXISTS) {
        result = keep_owner(next, path, diag);
    }
    return result == RESULT_OK ? open_path(out, next, diag) : result;
}

enum result seal_install(const struct seal *next, struct diag *diag)
{
    char path[PATH_ROOM];
    size_t len = strlen(next->current->path) - strlen(next_suffix);
    (void)snprintf(path, sizeof path, "%.*s", (int)len, next->current->path);
    if (rename(next->current->path, path) != 0 || !sync_directory_of(path)) {
        return diag_fail(diag, RESULT_SYSTEM, "%s: cannot be renamed: %s", next->current->path,
                         strerror(errno));
    }
    return RESULT_OK;
}

/* Derives the X25519 key pair from the sealing key. */
static void derive_pair(const struct seal *seal, uint8_t public_key[SEAL_PUBLIC_LEN],
                        uint8_t secret_key[crypto_box_SECRETKEYBYTES])
{
    static const char purpose[] = "ntspool: keys for another machine";
    struct sealing_key *current = seal->current;
    uint8_t seed[crypto_box_SEEDBYTES];
    (void)pthread_mutex_lock(&current->mutex);
    (void)crypto_generichash(seed, sizeof seed, (const uint8_t *)purpose, sizeof purpose,
                             current->key, KEY_LEN);
    (void)pthread_mutex_unlock(&current->mutex);
    (void)crypto_box_seed_keypair(public_key, secret_key, seed);
    sodium_memzero(seed, sizeof seed);
}

void seal_public(const struct seal *seal, uint8_t out[SEAL_PUBLIC_LEN])
{
    uint8_t secret_key[crypto_box_SECRETKEYBYTES];
    derive_pair(seal, out, secret_key);
    sodium_memzero(secret_key, sizeof secret_key);
}

enum result seal_box(const struct seal *seal, const uint8_t recipient[SEAL_PUBLIC_LEN],
                     const uint8_t *plain, size_t len, uint8_t *out)
{
    uint8_t secret_key[crypto_box_SECRETKEYBYTES];
    uint8_t *nonce = out + SEAL_PUBLIC_LEN;
    uint8_t *cipher = nonce + crypto_box_NONCEBYTES;
    derive_pair(seal, out, secret_key);
    randombytes_buf(nonce, crypto_box_NONCEBYTES);
    int status = crypto_box_easy(cipher, plain, len, nonce, recipient, secret_key);
    sodium_memzero(secret_key, sizeof secret_key);
    return status == 0 ? RESULT_OK : RESULT_INVALID;
}

enum result seal_unbox(const struct seal *seal, const uint8_t *boxed, size_t len, uint8_t *out,
                       uint8_t sender[SEAL_PUBLIC_LEN])
{
    uint8_t public_key[SEAL_PUBLIC_LEN], secret_key[crypto_box_SECRETKEYBYTES];
    const uint8_t *nonce = boxed + SEAL_PUBLIC_LEN;
    const uint8_t *cipher = nonce + crypto_box_NONCEBYTES;
    if (len < SEAL_BOX_OVERHEAD) {
        return RESULT_UNSEALABLE;
    }
    derive_pair(seal, public_key, secret_key);
    int status =
        crypto_box_open_easy(out, cipher, len - (size_t)(cipher - boxed), nonce, boxed, secret_key);
    sodium_memzero(secret_key, sizeof secret_key);
    if (status != 0) {
        return RESULT_UNSEALABLE;
    }
    memcpy(sender, boxed, SEAL_PUBLIC_LEN);
    return RESULT_OK;
}
