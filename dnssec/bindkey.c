#include "dnssec/bindkey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "dnssec/pem.h"

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
               "both halves fit");

static const char public_end[] = ".key", private_end[] = ".private";

/* The whole file as text. */
static enum result slurp(char out[FILE_ROOM], const char *path, struct diag *diag)
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
        return diag_fail(diag, RESULT_INVALID, "%s: is no key file", path);
    }
    out[have] = 0;
    return RESULT_OK;
}

static bool decode(const char *text, size_t len, uint8_t *out, size_t room, size_t *out_len)
{
    return sodium_base642bin(out, room, text, len, " \t\r\n", out_len, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0;
}

/* The rest of the line that begins with `name`; its length in `len`. NULL if there is none. */
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

/* BIND notes in the private file when a key has gone; one that has must not come back (RFC 5011 2.1: a revoked one never). */
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
                             "%s: is the file of a key that is used no longer: its line \"%.*s\" "
                             "is of the past",
                             path, (int)(len + strlen(ends[i])), at - strlen(ends[i]));
        }
    }
    return RESULT_OK;
}

struct halves {
    uint8_t public_key[KEY_PUBLIC_MAX + 1], private_key[KEY_PRIVATE_MAX + 1];
    size_t public_len, private_len;
    unsigned algorithm, flags;
};

/* BIND's private file, of format 1. */
static enum result read_fields(struct halves *out, const char *text, const char *path, uint64_t now,
                               struct diag *diag)
{
    size_t len = 0;
    const char *algorithm = field_of(text, "Algorithm:", &len);
    unsigned number = algorithm != NULL ? (unsigned)strtoul(algorithm, NULL, 10) : 0;
    const char *half = field_of(text, "PrivateKey:", &len);
    if (number != out->algorithm) {
        return diag_fail(diag, RESULT_INVALID,
                         "%s: is for algorithm %u, but the .key file for algorithm %u", path,
                         number, out->algorithm);
    }
    if (half == NULL ||
        !decode(half, len, out->private_key, sizeof out->private_key, &out->private_len)) {
        return diag_fail(diag, RESULT_INVALID, "%s: has no line PrivateKey: in base64", path);
    }
    return check_times(text, path, now, diag);
}

/* Knot's. */
static enum result read_pem(struct halves *out, const char *text, const char *path,
                            struct diag *diag)
{
    out->private_len = KEY_PRIVATE_MAX;
    return pem_private(text, out->private_key)
               ? RESULT_OK
               : diag_fail(diag, RESULT_INVALID,
                           "%s: has no private key of P-256 or Ed25519 that is not encrypted",
                           path);
}

static enum result read_private(struct halves *out, const char *path, uint64_t now,
                                struct diag *diag)
{
    char text[FILE_ROOM] = "";
    enum result result = slurp(text, path, diag);
    if (result == RESULT_OK) {
        result = pem_is_there(text) ? read_pem(out, text, path, diag)
                                    : read_fields(out, text, path, now, diag);
    }
    sodium_memzero(text, sizeof text);
    return result;
}

/* The next word of the record, without comments and parentheses. NULL at the end. */
static char *next_word(char **at)
{
    static const char between[] = " \t\r\n();";
    char *word = *at;
    while (*word != 0 && strchr(between, *word) != NULL) {
        word += *word == ';' ? strcspn(word, "\n") : 1;
    }
    size_t len = strcspn(word, between);
    *at = word + len;
    if (**at !=
        0) { /* what ends the word gives its place to a NUL; a comment is over with its line */
        size_t skip = **at == ';' ? strcspn(*at, "\n") : 1;
        **at = 0;
        *at += skip;
    }
    return len > 0 ? word : NULL;
}

/* `<owner> [TTL] IN DNSKEY <flags> 3 <algorithm> <base64>` */
static enum result read_public(struct halves *out, const char *path, const struct dname *zone,
                               struct diag *diag)
{
    char text[FILE_ROOM] = "", joined[BASE64_ROOM * 4] = "";
    struct dname owner;
    enum result result = slurp(text, path, diag);
    if (result != RESULT_OK) {
        return result;
    }
    char *at = text, *word = next_word(&at);
    bool named = word != NULL && dname_parse(&owner, word, NULL) == RESULT_OK;
    while (word != NULL && strcmp(word, "DNSKEY") != 0) {
        word = next_word(&at);
    }
    unsigned long numbers[3] = { 0 };
    for (size_t i = 0; word != NULL && i < 3; i++) {
        word = next_word(&at);
        numbers[i] = word != NULL ? strtoul(word, NULL, 10) : 0;
    }
    while (word != NULL && (word = next_word(&at)) != NULL &&
           strlen(joined) + strlen(word) < sizeof joined) {
        strncat(joined, word, sizeof joined - strlen(joined) - 1);
    }
    out->flags = (unsigned)numbers[0];
    out->algorithm = (unsigned)numbers[2];
    if (!named || numbers[1] != 3) {
        return diag_fail(diag, RESULT_INVALID, "%s: has no DNSKEY record", path);
    }
    if (!dname_equal(&owner, zone)) {
        char theirs[DNAME_TEXT_MAX], ours[DNAME_TEXT_MAX];
        return diag_fail(diag, RESULT_INVALID, "%s: is a key of %.80s, not of %.80s", path,
                         dname_text(&owner, theirs), dname_text(zone, ours));
    }
    if (key_public_len((enum algorithm)out->algorithm) == 0) {
        return diag_fail(diag, RESULT_INVALID,
                         "%s: algorithm %u is not supported: use 13 (ecdsap256) or 15 (ed25519)",
                         path, out->algorithm);
    }
    if ((out->flags & ~(unsigned)SEP) != ZONE) {
        return diag_fail(
            diag, RESULT_INVALID, "%s: %s (flags %u): a zone is signed with flags 256 or 257", path,
            (out->flags & REVOKE) != 0 ? "was revoked" : "is no zone's key", out->flags);
    }
    return decode(joined, strlen(joined), out->public_key, sizeof out->public_key, &out->public_len)
               ? RESULT_OK
               : diag_fail(diag, RESULT_INVALID, "%s: has no public half in base64", path);
}

/* The path of one file of the pair, from either. */
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

enum result bindkey_read(struct key **out, const char *path, const struct dname *zone,
                         bool sep_is_csk, uint64_t now, struct diag *diag)
{
    char public_path[PATH_ROOM], private_path[PATH_ROOM];
    struct halves halves = { .flags = 0 };
    struct diag why = { "" };
    enum result result = path_of(public_path, path, public_end, diag);
    if (result == RESULT_OK) {
        result = path_of(private_path, path, private_end, diag);
    }
    if (result == RESULT_OK) {
        result = read_public(&halves, public_path, zone, diag);
    }
    if (result == RESULT_OK) {
        result = read_private(&halves, private_path, now, diag);
    }
    if (result != RESULT_OK) {
        sodium_memzero(&halves, sizeof halves);
        return result;
    }
    const struct key_parts parts = { .algorithm = (enum algorithm)halves.algorithm,
                                     .role = (halves.flags & SEP) == 0 ? KEY_ZSK
                                             : sep_is_csk              ? KEY_CSK
                                                                       : KEY_KSK,
                                     .public_key = halves.public_key,
                                     .public_len = halves.public_len,
                                     .private_key = halves.private_key,
                                     .private_len = halves.private_len };
    result = key_from_parts(out, &parts, &why);
    sodium_memzero(&halves, sizeof halves);
    return result == RESULT_OK ? result : diag_fail(diag, result, "%s: %s", path, why.text);
}

enum result bindkey_read_public(struct key **out, const char *path, const struct dname *zone,
                                struct diag *diag)
{
    char public_path[PATH_ROOM];
    struct halves halves = { .flags = 0 };
    enum result result = path_of(public_path, path, public_end, diag);
    if (result == RESULT_OK) {
        result = read_public(&halves, public_path, zone, diag);
    }
    if (result == RESULT_OK && (halves.flags & SEP) == 0) {
        result = diag_fail(diag, RESULT_INVALID,
                           "%s: is no key-signing key (flags %u): only these can be elsewhere",
                           path, halves.flags);
    }
    if (result != RESULT_OK) {
        return result;
    }
    const struct key_parts parts = { .algorithm = (enum algorithm)halves.algorithm,
                                     .role = KEY_KSK,
                                     .public_key = halves.public_key,
                                     .public_len = halves.public_len };
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
    uint8_t half[KEY_PRIVATE_MAX];
    char base64[BASE64_ROOM];
    bool edwards = key_algorithm(key) == ALGORITHM_ED25519;
    key_private(key, half);
    (void)sodium_bin2base64(base64, sizeof base64, half, sizeof half,
                            sodium_base64_VARIANT_ORIGINAL);
    (void)snprintf(out, FILE_ROOM, "Private-key-format: v1.3\nAlgorithm: %d (%s)\nPrivateKey: %s\n",
                   (int)key_algorithm(key), edwards ? "ED25519" : "ECDSAP256SHA256", base64);
    sodium_memzero(half, sizeof half);
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
    enum result result = write_file(path, text, 0644, diag);
    if (result == RESULT_OK && key_is_whole(key)) {
        char private_path[PATH_ROOM];
        print_private(text, key);
        result = path_of(private_path, path, private_end, diag);
        if (result == RESULT_OK) {
            result = write_file(private_path, text, 0600, diag);
        }
        sodium_memzero(text, sizeof text);
    }
    return result;
}
