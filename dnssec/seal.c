#include "dnssec/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

enum {
    KEY_LEN = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    NONCE_LEN = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    PATH_ROOM = 4096
};
_Static_assert(SEAL_OVERHEAD == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES +
                                    crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "a sealed key is a nonce, the ciphertext and a tag");

struct seal {
    uint8_t *key; /* guarded, read-only */
};

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

static bool write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t count = write(fd, data, len);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return false;
        }
        data += count;
        len -= (size_t)count;
    }
    return true;
}

/* Makes the entry of a new file survive a crash. */
static bool sync_directory_of(const char *path)
{
    char directory[PATH_ROOM];
    (void)snprintf(directory, sizeof directory, "%s", path);
    char *slash = strrchr(directory, '/');
    if (slash == NULL) {
        (void)snprintf(directory, sizeof directory, ".");
    } else {
        slash[slash == directory ? 1 : 0] = '\0';
    }
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return good;
}

/* Fills the open temporary file and gives it its name. Unlike rename, link never replaces a file. 0 or errno. */
static int finish(int fd, const char *temporary, const char *path)
{
    uint8_t key[KEY_LEN];
    randombytes_buf(key, sizeof key);
    bool written = write_all(fd, key, sizeof key) && fsync(fd) == 0;
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
        enum result result = preset_path(preset, state_dir, diag);
        if (result != RESULT_OK) {
            return result;
        }
        path = preset;
    }
    char temporary[PATH_ROOM];
    int len = snprintf(temporary, sizeof temporary, "%s.%08x", path, randombytes_random());
    if (len < 0 || len >= PATH_ROOM) {
        return diag_fail(diag, RESULT_TOO_LONG, "the path %.64s... is too long", path);
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return diag_fail(diag, RESULT_SYSTEM, "%s: cannot be made: %s", path, strerror(errno));
    }
    errno = 0;
    int error = finish(fd, temporary, path);
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

/* Where to look when no path is given. */
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

static enum result check_file(int fd, const char *path, struct diag *diag)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return diag_fail(diag, RESULT_SYSTEM, "%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(status.st_mode) || status.st_size != KEY_LEN) {
        return diag_fail(diag, RESULT_INVALID,
                         "%s: is no sealing key: it must be a regular file of %d octets", path,
                         KEY_LEN);
    }
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return diag_fail(diag, RESULT_REFUSED,
                         "%s: others than its owner may use the sealing key (mode %04o): run "
                         "chmod 0600 on it",
                         path, (unsigned)status.st_mode & 07777U);
    }
    return RESULT_OK;
}

static enum result read_key(struct seal *seal, int fd, const char *path, struct diag *diag)
{
    uint8_t *key = sodium_malloc(KEY_LEN);
    if (key == NULL) {
        return diag_fail(diag, RESULT_NO_MEMORY, "no guarded memory for the sealing key");
    }
    seal->key = key;
    size_t have = 0;
    while (have < KEY_LEN) {
        ssize_t count = read(fd, key + have, KEY_LEN - have);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return diag_fail(diag, RESULT_SYSTEM, "%s: cannot be read: %s", path,
                             count == 0 ? "it is too short" : strerror(errno));
        }
        have += (size_t)count;
    }
    return sodium_mprotect_readonly(key) == 0
               ? RESULT_OK
               : diag_fail(diag, RESULT_SYSTEM, "the sealing key cannot be guarded");
}

enum result seal_open(struct seal **out, const char *state_dir, const char *path, struct diag *diag)
{
    if (sodium_init() < 0) {
        return diag_fail(diag, RESULT_CRYPTO, "libsodium cannot start");
    }
    char found[PATH_ROOM];
    if (path == NULL) {
        enum result result = find_path(found, state_dir, diag);
        if (result != RESULT_OK) {
            return result;
        }
        path = found;
    }
    /* Without O_NONBLOCK a FIFO in the key's place would hang us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return errno == ENOENT
                   ? diag_fail(diag, RESULT_MISSING,
                               "%s: there is no sealing key: restore it from a backup, or name "
                               "its file by seal-key",
                               path)
                   : diag_fail(diag, RESULT_SYSTEM, "%s: cannot be opened: %s", path,
                               strerror(errno));
    }
    struct seal *seal = xcalloc(1, sizeof *seal);
    enum result result = check_file(fd, path, diag);
    if (result == RESULT_OK) {
        result = read_key(seal, fd, path, diag);
    }
    (void)close(fd);
    if (result != RESULT_OK) {
        seal_free(seal);
        return result;
    }
    *out = seal;
    return RESULT_OK;
}

void seal_free(struct seal *seal)
{
    if (seal != NULL) {
        sodium_free(seal->key);
        free(seal);
    }
}

enum result seal_wrap(const struct seal *seal, const uint8_t *plain, size_t len,
                      const uint8_t *bound, size_t bound_len, uint8_t *out)
{
    /* 192 bits are enough to be drawn at random for ever (XChaCha20-Poly1305). */
    randombytes_buf(out, NONCE_LEN);
    return crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE_LEN, NULL, plain, len, bound,
                                                      bound_len, NULL, out, seal->key) == 0
               ? RESULT_OK
               : RESULT_CRYPTO;
}

enum result seal_unwrap(const struct seal *seal, const uint8_t *sealed, size_t len,
                        const uint8_t *bound, size_t bound_len, uint8_t *out)
{
    if (len < SEAL_OVERHEAD) {
        return RESULT_UNSEALABLE;
    }
    return crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed + NONCE_LEN,
                                                      len - NONCE_LEN, bound, bound_len, sealed,
                                                      seal->key) == 0
               ? RESULT_OK
               : RESULT_UNSEALABLE;
}
