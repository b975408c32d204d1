/* The file is copied into sealed memory before libmaxminddb maps it: an operator who writes a new file over the old one would
 * otherwise truncate the mapping under our feet, and the next lookup would end in SIGBUS. */
#include "zone/geo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <maxminddb.h>

enum {
    FILE_MAX = 1 << 30,
    COUNTRY_TRIES = 100000, /* records without a country before the file is said to have none */
    IPV4_IN_IPV6 = 96       /* IPv4 lies at ::/96 in an IPv6 tree */
};

struct geo {
    MMDB_s mmdb;
};

static enum result copy_file(int from, int to, const char *path, struct diag *diag)
{
    struct stat status;
    if (fstat(from, &status) != 0) {
        return diag_fail(diag, RESULT_SYSTEM, "%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(status.st_mode) || status.st_size <= 0 || status.st_size > FILE_MAX) {
        return diag_fail(diag, RESULT_INVALID, "%s: is no location file (.mmdb)", path);
    }
    for (off_t left = status.st_size; left > 0;) {
        ssize_t count = sendfile(to, from, NULL, (size_t)left);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return diag_fail(diag, RESULT_SYSTEM, "%s: cannot be read: %s", path,
                             count == 0 ? "it changed meanwhile, try again" : strerror(errno));
        }
        left -= count;
    }
    if (fcntl(to, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
        return diag_fail(diag, RESULT_SYSTEM, "%s: cannot be kept in memory: %s", path,
                         strerror(errno));
    }
    return RESULT_OK;
}

static enum result open_copy(MMDB_s *out, int from, int to, const char *path, struct diag *diag)
{
    enum result result = copy_file(from, to, path, diag);
    if (result != RESULT_OK) {
        return result;
    }
    char copy[64];
    (void)snprintf(copy, sizeof copy, "/proc/self/fd/%d", to);
    int error = MMDB_open(copy, MMDB_MODE_MMAP, out);
    if (error != MMDB_SUCCESS) {
        return diag_fail(diag, RESULT_INVALID, "%s: is no sound location file (.mmdb): %s", path,
                         MMDB_strerror(error));
    }
    return RESULT_OK;
}

static enum result open_file(MMDB_s *out, const char *path, struct diag *diag)
{
    /* Without O_NONBLOCK a FIFO would hang us. */
    int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (from < 0) {
        return diag_fail(diag, RESULT_SYSTEM, "%s: cannot be opened: %s", path, strerror(errno));
    }
    int to = memfd_create("locations", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    enum result result = to < 0 ? diag_fail(diag, RESULT_SYSTEM, "%s: no memory to read it: %s",
                                            path, strerror(errno))
                                : open_copy(out, from, to, path, diag);
    (void)close(from);
    if (to >= 0) {
        (void)close(to); /* the mapping stays */
    }
    return result;
}

static bool letter(char c, char *out)
{
    if (c >= 'a' && c <= 'z') {
        c = (char)(c - 'a' + 'A');
    }
    *out = c;
    return c >= 'A' && c <= 'Z';
}

static bool country_by(MMDB_entry_s *entry, const char *const *keys, char out[3])
{
    MMDB_entry_data_s value;
    char code[3] = "";
    if (MMDB_aget_value(entry, &value, keys) != MMDB_SUCCESS || !value.has_data ||
        value.type != MMDB_DATA_TYPE_UTF8_STRING || value.data_size != 2 ||
        !letter(value.utf8_string[0], &code[0]) || !letter(value.utf8_string[1], &code[1])) {
        return false;
    }
    memcpy(out, code, sizeof code);
    return true;
}

static bool country_of(MMDB_entry_s *entry, char out[3])
{
    const char *const nested[] = { "country", "iso_code", NULL };
    const char *const flat[] = { "country_code", NULL };
    return country_by(entry, nested, out) || country_by(entry, flat, out);
}

/* Whether one side of a node is sound; counts the records and notes whether one of them has a country. */
static bool check_side(uint8_t type, MMDB_entry_s *entry, unsigned *tries, bool *has_country)
{
    if (type == MMDB_RECORD_TYPE_DATA && !*has_country && *tries < COUNTRY_TRIES) {
        char country[3];
        (*tries)++;
        *has_country = country_of(entry, country);
    }
    return type != MMDB_RECORD_TYPE_INVALID;
}

/* Looks at every node once, so that a file damaged in transfer is refused now instead of giving holes later. */
static enum result check_tree(const MMDB_s *mmdb, const char *path, struct diag *diag)
{
    unsigned tries = 0;
    bool has_country = false;
    for (uint32_t number = 0; number < mmdb->metadata.node_count; number++) {
        MMDB_search_node_s node;
        if (MMDB_read_node(mmdb, number, &node) != MMDB_SUCCESS ||
            !check_side(node.left_record_type, &node.left_record_entry, &tries, &has_country) ||
            !check_side(node.right_record_type, &node.right_record_entry, &tries, &has_country)) {
            return diag_fail(diag, RESULT_INVALID, "%s: is damaged: fetch it again", path);
        }
    }
    if (!has_country) {
        return diag_fail(diag, RESULT_INVALID,
                         "%s: has no countries: neither country.iso_code nor country_code", path);
    }
    return RESULT_OK;
}

enum result geo_open(struct geo **out, const char *path, struct diag *diag)
{
    MMDB_s mmdb = { 0 };
    enum result result = open_file(&mmdb, path, diag);
    if (result != RESULT_OK) {
        return result;
    }
    result = check_tree(&mmdb, path, diag);
    if (result != RESULT_OK) {
        MMDB_close(&mmdb);
        return result;
    }
    struct geo *geo = xcalloc(1, sizeof *geo);
    geo->mmdb = mmdb;
    *out = geo;
    return RESULT_OK;
}

void geo_close(struct geo *geo)
{
    if (geo != NULL) {
        MMDB_close(&geo->mmdb);
        free(geo);
    }
}

struct geo_place geo_find(const struct geo *geo, const struct address *address)
{
    struct geo_place place = { .country = "" };
    if (geo == NULL) {
        return place;
    }
    struct endpoint endpoint = { .address = *address };
    struct sockaddr_storage storage;
    (void)endpoint_to_sockaddr(&endpoint, &storage);
    int error = MMDB_SUCCESS;
    MMDB_lookup_result_s found =
        MMDB_lookup_sockaddr(&geo->mmdb, (const struct sockaddr *)&storage, &error);
    if (error != MMDB_SUCCESS) {
        return place; /* damage, or an IPv6 address in a file of IPv4 */
    }
    unsigned prefix = found.netmask;
    if (address_is_ipv4(address) && geo->mmdb.metadata.ip_version == 6) {
        prefix = prefix > IPV4_IN_IPV6 ? prefix - IPV4_IN_IPV6 : 0;
    }
    place.prefix = (uint8_t)prefix;
    if (found.found_entry) {
        (void)country_of(&found.entry, place.country);
    }
    return place;
}
