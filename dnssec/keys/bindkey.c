#include "dnssec/keys/bindkey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "dnssec/keys/pem.h"
#include "zone/names/zonefile.h"

enum {
    FILE_ROOM = 4096, /* a key file has some hundred octets */
    PATH_ROOM = 4096,
    BASE64_ROOM = 128,
    SEP = 1,
    REVOKE = 128,
    ZONE = 256
};
_Static_assert(sodium_base64_ENCODED_LEN(KEY_PUBLIC_MAX, sodium_base64_VARIANT_ORIGINAL) <=
                   BASE64_ROOM,
               "both keys fit");

static const char public_end[] = ".key", private_end[] = ".private";

static enum result read_text_file(char out[FILE_ROOM], const char *path, struct diag *diag)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    size_t have = 0;
    ssize_t count = fd < 0 ? -1 : 1;
    while (count > 0 && have < FILE_ROOM - 1) {
        count = read(fd, out + have, FILE_ROOM - 1 - have);
        have += count > 0 ? (size_t)count : 0;
    }
    int error = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (count < 0) {
        return diag_fail(diag, RESULT_SYSTEM, "%s: %s", path, strerror(error));
    }
    if (have == FILE_ROOM - 1 || memchr(out, 0, have) != NULL) {
        return diag_fail(diag, RESULT_INVALID, "%s: is not a key file", path);
    }
    out[have] = 0;
    return RESULT_OK;
}

static bool decode(const char *text, size_t len, uint8_t *out, size_t room, size_t *out_len)
{
    return sodium_base642bin(out, room, text, len, " \t\r\n", out_len, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0;
}

/* The rest of the line that begins with `name`, its length in `len`; NULL if there is none. */
static const char *field_of(const char *text, const char *name, size_t *len)
{
    for (const char *line = text; line != NULL && *line != 0;
         line = strchr(line, '\n'), line += line != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            line += strlen(name);
            *len = strcspn(line, "\r\n");
            return line;
        }
    }
    return NULL;
}

/* BIND writes into the private file when a key is deleted or revoked. Such a key must not come back
 * (RFC 5011 2.1: a revoked one never). */
static enum result check_times(const char *text, const char *path, uint64_t now, struct diag *diag)
{
    static const char *const ends[] = { "Delete:", "Revoke:" };
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t len = 0;
        struct tm tm = { .tm_sec = 0 };
        const char *at = field_of(text, ends[i], &len);
        if (at != NULL && strptime(at, " %Y%m%d%H%M%S", &tm) != NULL &&
            (uint64_t)timegm(&tm) <= now) {
            return diag_fail(diag, RESULT_REFUSED,
                             "%s: the key is no longer in use: its line \"%.*s\" is in the past",
                             path, (int)(len + strlen(ends[i])), at - strlen(ends[i]));
        }
    }
    return RESULT_OK;
}

struct key_files {
    uint8_t public_key[KEY_PUBLIC_MAX + 1], private_key[KEY_PRIVATE_MAX + 1];
    size_t public_len, private_len;
    unsigned algorithm, flags;
};

/* RFC 6605 4 leaves open how the scalar is written: BIND 9.18 and ldns drop leading zero octets,
 * others may add one. */
static void pad_private(struct key_files *files)
{
    uint8_t scalar[KEY_PRIVATE_MAX] = { 0 };
    const uint8_t *at = files->private_key;
    size_t len = files->private_len;
    for (; len > 0 && *at == 0; at++) {
        len--;
    }
    if (len > 0 && len <= sizeof scalar) {
        memcpy(scalar + sizeof scalar - len, at, len);
        memcpy(files->private_key, scalar, sizeof scalar);
        files->private_len = sizeof scalar;
    }
    sodium_memzero(scalar, sizeof scalar);
}

/* BIND's private file, format 1. */
static enum result read_fields(struct key_files *out, const char *text, const char *path,
                               uint64_t now, struct diag *diag)
{
    size_t len = 0;
    const char *algorithm = field_of(text, "Algorithm:", &len);
    unsigned number = algorithm != NULL ? (unsigned)strtoul(algorithm, NULL, 10) : 0;
    const char *private_key = field_of(text, "PrivateKey:", &len);
    if (number != out->algorithm) {
        return diag_fail(diag, RESULT_INVALID,
                         "%s: is for algorithm %u, but the .key file for algorithm %u", path,
                         number, out->algorithm);
    }
    if (private_key == NULL ||
        !decode(private_key, len, out->private_key, sizeof out->private_key, &out->private_len)) {
        return diag_fail(diag, RESULT_INVALID, "%s: has no line PrivateKey: in base64", path);
    }
    if (number == ALGORITHM_ECDSAP256SHA256) {
        pad_private(out);
    }
    return check_times(text, path, now, diag);
}

/* Knot's private file. */
static enum result read_pem(struct key_files *out, const char *text, const char *path,
                            struct diag *diag)
{
    out->private_len = KEY_PRIVATE_MAX;
    return pem_private(text, out->private_key)
               ? RESULT_OK
               : diag_fail(diag, RESULT_INVALID,
                           "%s: has no unencrypted private key of P-256 or Ed25519", path);
}

static enum result read_private(struct key_files *out, const char *path, uint64_t now,
                                struct diag *diag)
{
    char text[FILE_ROOM] = "";
    enum result result = read_text_file(text, path, diag);
    if (result == RESULT_OK) {
        result = pem_is_there(text) ? read_pem(out, text, path, diag)
                                    : read_fields(out, text, path, now, diag);
    }
    sodium_memzero(text, sizeof text);
    return result;
}

/* The contents of a .key file. */
struct dnskey_file {
    struct dname owner;
    size_t count; /* of DNSKEY records */
    size_t len;
    uint8_t rdata[KEY_DNSKEY_MAX + 1];
};

static enum result find_dnskey(const struct zonefile_record *record, void *arg, struct diag *)
{
    struct dnskey_file *found = arg;
    if (record->type == RR_DNSKEY) {
        found->owner = record->owner;
        found->count++;
        found->len =
            record->rdata_len < sizeof found->rdata ? record->rdata_len : sizeof found->rdata;
        memcpy(found->rdata, record->rdata, found->len);
    }
    return RESULT_OK;
}

static enum result check_public(const struct key_files *files, const char *path, struct diag *diag)
{
    size_t wanted = key_public_len((enum algorithm)files->algorithm);
    if (wanted == 0) {
        return diag_fail(diag, RESULT_INVALID,
                         "%s: algorithm %u is not supported: use 13 (ecdsap256) or 15 (ed25519)",
                         path, files->algorithm);
    }
    if ((files->flags & ~(unsigned)SEP) != ZONE) {
        return diag_fail(
            diag, RESULT_INVALID, "%s: %s (flags %u): a zone is signed with flags 256 or 257", path,
            (files->flags & REVOKE) != 0 ? "was revoked" : "is not a zone key", files->flags);
    }
    return files->public_len == wanted
               ? RESULT_OK
               : diag_fail(diag, RESULT_INVALID,
                           "%s: the length of the public key is wrong for algorithm %u", path,
                           files->algorithm);
}

/* A zone file with one DNSKEY record. */
static enum result read_public(struct key_files *out, const char *path, const struct dname *zone,
                               struct diag *diag)
{
    char text[FILE_ROOM] = "";
    struct dnskey_file found = { .count = 0 };
    TRY(read_text_file(text, path, diag));
    FILE *file = fmemopen(text, strlen(text) + (text[0] == 0), "r");
    ASSERT(file != NULL);
    const struct dname root = { .len = 1 };
    const struct zonefile_source from = { .file = file, .path = path, .origin = root };
    enum result result = text[0] == 0 ? RESULT_OK : zonefile_read(&from, find_dnskey, &found, diag);
    (void)fclose(file);
    TRY(result);
    struct reader r = reader_of(found.rdata, found.len);
    out->flags = read_u16(&r);
    unsigned protocol = read_u8(&r);
    out->algorithm = read_u8(&r);
    if (found.count != 1 || r.failed || protocol != 3) {
        return diag_fail(diag, RESULT_INVALID, "%s: %s", path,
                         found.count > 1 ? "has more than one DNSKEY record"
                                         : "has no DNSKEY record");
    }
    out->public_len = reader_left(&r);
    read_into(&r, out->public_key, out->public_len);
    if (!dname_equal(&found.owner, zone)) {
        char theirs[DNAME_TEXT_MAX], ours[DNAME_TEXT_MAX];
        return diag_fail(diag, RESULT_INVALID, "%s: is a key of %.80s, not of %.80s", path,
                         dname_text(&found.owner, theirs), dname_text(zone, ours));
    }
    return check_public(out, path, diag);
}

/* The path of the pair's file with this ending; `path` is either file. */
static enum result path_of(char out[PATH_ROOM], const char *path, const char *end,
                           struct diag *diag)
{
    size_t len = strlen(path);
    size_t stem = len;
    const char *ends[] = { public_end, private_end };
    for (size_t i = 0; i < 2; i++) {
        if (len > strlen(ends[i]) && strcmp(path + len - strlen(ends[i]), ends[i]) == 0) {
            stem = len - strlen(ends[i]);
        }
    }
    int written = snprintf(out, PATH_ROOM, "%.*s%s", (int)stem, path, end);
    return written > 0 && written < PATH_ROOM
               ? RESULT_OK
               : diag_fail(diag, RESULT_TOO_LONG, "the path %.64s... is too long", path);
}

/* A key that signs a zone must keep its flags, or its tag and DS would change. Here a CSK has SEP
 * set. */
static enum result find_role(enum key_role *out, const struct key_files *files, const char *path,
                             enum bindkey_use use, struct diag *diag)
{
    bool sep = (files->flags & SEP) != 0;
    if (use == BINDKEY_OLD_CSK && !sep) {
        return diag_fail(diag, RESULT_REFUSED,
                         "%s: has flags 256, and a CSK has 257 here: for caches and the parent "
                         "zone it would be another key. Where it signs now, roll to a key with "
                         "flags 257 first, or give its KSK with it",
                         path);
    }
    bool csk =
        use == BINDKEY_NEW_CSK || use == BINDKEY_OLD_CSK || (sep && use == BINDKEY_SEP_IS_CSK);
    *out = csk ? KEY_CSK : sep ? KEY_KSK : KEY_ZSK;
    return RESULT_OK;
}

enum result bindkey_read(struct key **out, const char *path, const struct dname *zone,
                         enum bindkey_use use, uint64_t now, struct diag *diag)
{
    char public_path[PATH_ROOM], private_path[PATH_ROOM];
    struct key_files files = { .flags = 0 };
    struct key_parts parts = { .public_key = files.public_key, .private_key = files.private_key };
    struct diag why = { "" };
    TRY(path_of(public_path, path, public_end, diag));
    TRY(path_of(private_path, path, private_end, diag));
    TRY(read_public(&files, public_path, zone, diag));
    TRY(find_role(&parts.role, &files, public_path, use, diag));
    enum result result = read_private(&files, private_path, now, diag);
    if (result == RESULT_OK) {
        parts.algorithm = (enum algorithm)files.algorithm;
        parts.public_len = files.public_len;
        parts.private_len = files.private_len;
        result = key_from_parts(out, &parts, &why);
    }
    sodium_memzero(&files, sizeof files);
    return why.text[0] == 0 ? result : diag_fail(diag, result, "%s: %s", path, why.text);
}

enum result bindkey_read_public(struct key **out, const char *path, const struct dname *zone,
                                struct diag *diag)
{
    char public_path[PATH_ROOM];
    struct key_files files = { .flags = 0 };
    TRY(path_of(public_path, path, public_end, diag));
    TRY(read_public(&files, public_path, zone, diag));
    if ((files.flags & SEP) == 0) {
        return diag_fail(diag, RESULT_INVALID,
                         "%s: is not a KSK (flags %u), and only a KSK can be offline", path,
                         files.flags);
    }
    const struct key_parts parts = { .algorithm = (enum algorithm)files.algorithm,
                                     .role = KEY_KSK,
                                     .public_key = files.public_key,
                                     .public_len = files.public_len };
    return key_from_parts(out, &parts, diag);
}

static enum result write_file(const char *path, const char *text, mode_t mode, struct diag *diag)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    size_t len = strlen(text);
    bool good = fd >= 0 && write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (good) {
        return RESULT_OK;
    }
    if (fd >= 0) {
        (void)unlink(path);
    }
    return diag_fail(diag, error == EEXIST ? RESULT_EXISTS : RESULT_SYSTEM, "%s: %s", path,
                     strerror(error));
}

static void print_private(char out[FILE_ROOM], const struct key *key)
{
    uint8_t private_key[KEY_PRIVATE_MAX];
    char base64[BASE64_ROOM];
    bool ed25519 = key_algorithm(key) == ALGORITHM_ED25519;
    key_private(key, private_key);
    (void)sodium_bin2base64(base64, sizeof base64, private_key, sizeof private_key,
                            sodium_base64_VARIANT_ORIGINAL);
    (void)snprintf(out, FILE_ROOM, "Private-key-format: v1.3\nAlgorithm: %d (%s)\nPrivateKey: %s\n",
                   (int)key_algorithm(key), ed25519 ? "ED25519" : "ECDSAP256SHA256", base64);
    sodium_memzero(private_key, sizeof private_key);
    sodium_memzero(base64, sizeof base64);
}

enum result bindkey_write(const struct key *key, const char *directory, const struct dname *zone,
                          struct diag *diag)
{
    char name[DNAME_TEXT_MAX], path[PATH_ROOM], text[FILE_ROOM], base64[BASE64_ROOM];
    uint8_t dnskey[KEY_DNSKEY_MAX];
    size_t len = key_dnskey(key, dnskey);
    (void)dname_text(zone, name);
    (void)sodium_bin2base64(base64, sizeof base64, dnskey + 4, len - 4,
                            sodium_base64_VARIANT_ORIGINAL);
    int written = snprintf(path, sizeof path, "%s/K%s+%03d+%05u%s", directory, name,
                           (int)key_algorithm(key), key_tag(key), public_end);
    if (written < 0 || written >= PATH_ROOM - (int)sizeof private_end) {
        return diag_fail(diag, RESULT_TOO_LONG, "the path %.64s... is too long", directory);
    }
    (void)snprintf(text, sizeof text, "%s IN DNSKEY %u 3 %d %s\n", name,
                   (unsigned)dnskey[0] << 8 | dnskey[1], (int)key_algorithm(key), base64);
    TRY(write_file(path, text, 0644, diag));
    if (!key_has_private(key)) {
        return RESULT_OK;
    }
    char private_path[PATH_ROOM];
    TRY(path_of(private_path, path, private_end, diag));
    print_private(text, key);
    enum result result = write_file(private_path, text, 0600, diag);
    sodium_memzero(text, sizeof text);
    return result;
}
