#include "zone/places/location_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "zone/base/clock.h"
#include "zone/base/file.h"
#include "zone/base/user.h"
#include "zone/places/location_records.h"

enum {
    MODE = 0640,     /* as the stores: some makers forbid to pass their data on */
    CHUNK = 1 << 18, /* stays in a core's cache */
    FAMILIES = 2,
    SETTLED_S = 2 /* a file that has not changed for this long shows a change by its times */
};

/* The numbers below are in the order of the machine, which is part of the magic: a table is for the
 * machine that made it. */
#define MAGIC 0x6e7473706c6f6332U /* "ntsploc2" */
_Static_assert(sizeof(struct location_hash) == (size_t)2 * LOCATION_HASH_LEN,
               "it is part of the file");

struct head {
    uint64_t magic;
    struct location_hash hash;      /* of the location files */
    uint8_t sum[LOCATION_HASH_LEN]; /* of all else, with zeros in its place */
    uint64_t cells;
    struct {
        uint64_t root, entries; /* of the prefixes */
        uint64_t ranges, octets;
    } family[FAMILIES];
};

/* A cell without the padding of struct cell. */
struct row {
    uint64_t addresses;
    float latitude, longitude;
    char country[3], subdivision[4], continent[3];
    uint8_t placed;
    uint8_t zeros[5];
};

static bool read_all(int fd, void *out, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t got = read(fd, (uint8_t *)out + at, len - at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        at += (size_t)got;
    }
    return true;
}

static void hash_begin(crypto_onetimeauth_state *state)
{
    static const uint8_t key[] = "location files and their tables.";
    _Static_assert(sizeof(key) == crypto_onetimeauth_KEYBYTES + 1, "a key of this length");
    CHECK(crypto_onetimeauth_init(state, key) == 0);
}

static void hash_add(crypto_onetimeauth_state *state, const void *data, size_t len)
{
    CHECK(crypto_onetimeauth_update(state, data, len) == 0);
}

static void hash_end(crypto_onetimeauth_state *state, uint8_t out[LOCATION_HASH_LEN])
{
    CHECK(crypto_onetimeauth_final(state, out) == 0);
}

void location_table_identify(struct location_hash *out, const struct mmdb *files, size_t count)
{
    crypto_onetimeauth_state state;
    hash_begin(&state);
    *out = (struct location_hash){ { 0 }, { 0 } };
    for (size_t i = 0; i < count; i++) {
        struct stat file;
        if (fstat(files[i].fd, &file) != 0 ||
            (uint64_t)file.st_ctim.tv_sec + SETTLED_S > clock_now()) {
            return;
        }
        const uint64_t facts[] = { file.st_dev,
                                   file.st_ino,
                                   (uint64_t)file.st_size,
                                   (uint64_t)file.st_mtim.tv_sec,
                                   (uint64_t)file.st_mtim.tv_nsec,
                                   (uint64_t)file.st_ctim.tv_sec,
                                   (uint64_t)file.st_ctim.tv_nsec };
        hash_add(&state, facts, sizeof(facts));
    }
    hash_end(&state, out->files);
}

bool location_table_hash(struct location_hash *out, const struct mmdb *files, size_t count)
{
    crypto_onetimeauth_state state;
    uint8_t *chunk = xmalloc(CHUNK);
    bool good = true;
    hash_begin(&state);
    for (size_t i = 0; i < count && good; i++) {
        uint64_t len = files[i].len;
        hash_add(&state, &len, sizeof(len));
        for (uint64_t at = 0; at < len && good;) {
            ssize_t got = pread(files[i].fd, chunk, CHUNK, (off_t)at);
            good = got > 0 || (got < 0 && errno == EINTR);
            if (got > 0) {
                hash_add(&state, chunk, (size_t)got);
                at += (uint64_t)got;
            }
        }
    }
    hash_end(&state, out->octets);
    free(chunk);
    return good;
}

void location_table_done(struct locations *locations)
{
    for (unsigned i = 0; i < FAMILIES; i++) {
        prefixes_done(&locations->cells[i]);
        ranges_done(&locations->positions[i]);
    }
    free(locations->list);
}

static size_t blocks_of(const struct ranges *ranges)
{
    return (ranges->count + RANGES_A_BLOCK - 1) / RANGES_A_BLOCK;
}

/* The parts of the file behind the head, in order. */
struct part {
    void *data;
    size_t len;
};
enum {
    PARTS = 1 + FAMILIES * 3
};

static void parts_of(struct part out[PARTS], const struct locations *locations, struct row *rows)
{
    *out++ = (struct part){ rows, locations->count * sizeof(*rows) };
    for (unsigned i = 0; i < FAMILIES; i++) {
        const struct prefixes *cells = &locations->cells[i];
        const struct ranges *ranges = &locations->positions[i];
        *out++ = (struct part){ cells->entries, cells->count * sizeof(*cells->entries) };
        *out++ = (struct part){ ranges->octets, ranges->len };
        *out++ = (struct part){ ranges->blocks, blocks_of(ranges) * sizeof(*ranges->blocks) };
    }
}

/* `head->sum` is zeros. */
static void sum_up(uint8_t out[LOCATION_HASH_LEN], const struct head *head,
                   const struct part parts[PARTS])
{
    crypto_onetimeauth_state state;
    hash_begin(&state);
    hash_add(&state, head, sizeof(*head));
    for (unsigned i = 0; i < PARTS; i++) {
        hash_add(&state, parts[i].data, parts[i].len);
    }
    hash_end(&state, out);
}

static void write_row(struct row *out, const struct cell *cell)
{
    *out = (struct row){ .addresses = cell->addresses,
                         .latitude = cell->position.latitude,
                         .longitude = cell->position.longitude,
                         .placed = cell->placed };
    memcpy(out->country, cell->country, sizeof(out->country));
    memcpy(out->subdivision, cell->subdivision, sizeof(out->subdivision));
    memcpy(out->continent, cell->continent, sizeof(out->continent));
}

/* An empty code, or capital letters and, with `digits`, digits. */
static bool is_code(const char *code, size_t room, bool digits)
{
    size_t len = strnlen(code, room);
    for (size_t i = 0; i < len; i++) {
        bool letter = code[i] >= 'A' && code[i] <= 'Z';
        if (!letter && !(digits && code[i] >= '0' && code[i] <= '9')) {
            return false;
        }
    }
    return len < room;
}

static bool read_row(struct cell *out, const struct row *row)
{
    *out = (struct cell){ .addresses = row->addresses,
                          .placed = row->placed == 1,
                          .position = { row->latitude, row->longitude } };
    memcpy(out->country, row->country, sizeof(out->country));
    memcpy(out->subdivision, row->subdivision, sizeof(out->subdivision));
    memcpy(out->continent, row->continent, sizeof(out->continent));
    return row->placed <= 1 && row->latitude >= -90 && row->latitude <= 90 &&
           row->longitude >= -180 && row->longitude <= 180 &&
           is_code(out->country, sizeof(out->country), false) &&
           is_code(out->subdivision, sizeof(out->subdivision), true) &&
           is_code(out->continent, sizeof(out->continent), false);
}

/* The list begins with the world and is in order, which cell_number relies on. */
static bool read_rows(struct locations *out, const struct row *rows)
{
    for (size_t i = 0; i < out->count; i++) {
        struct cell *cell = &out->list[i];
        int order = 0;
        if (!read_row(cell, &rows[i])) {
            return false;
        }
        if (i > 0) {
            order = strcmp(cell[-1].country, cell->country);
            order = order != 0 ? order : strcmp(cell[-1].subdivision, cell->subdivision);
        }
        if (i == 0 ? cell->country[0] != 0 || cell->subdivision[0] != 0 : order >= 0) {
            return false;
        }
    }
    return true;
}

static bool is_sound(const struct locations *locations)
{
    for (unsigned i = 0; i < FAMILIES; i++) {
        if (!prefixes_are_sound(&locations->cells[i], (uint32_t)locations->count,
                                i == 0 ? 32 : 128) ||
            !ranges_are_sound(&locations->positions[i], location_grid_end())) {
            return false;
        }
    }
    return true;
}

/* Takes the sizes; false if they are out of bounds or not those of the file. */
static bool take_sizes(struct locations *out, const struct head *head, uint64_t file_len)
{
    uint64_t len = sizeof(*head) + head->cells * sizeof(struct row);
    if (head->cells < 1 || head->cells > LOCATIONS_CELLS_MAX) {
        return false;
    }
    out->count = head->cells;
    for (unsigned i = 0; i < FAMILIES; i++) {
        struct prefixes *cells = &out->cells[i];
        struct ranges *ranges = &out->positions[i];
        uint64_t octets = head->family[i].octets, count = head->family[i].ranges;
        if (head->family[i].entries > PREFIXES_ENTRIES_MAX || head->family[i].root > UINT32_MAX ||
            octets > file_len || count > octets) {
            return false;
        }
        *cells = (struct prefixes){ .root = (uint32_t)head->family[i].root,
                                    .count = head->family[i].entries };
        *ranges = (struct ranges){ .len = octets, .count = count };
        len += cells->count * sizeof(*cells->entries) + octets +
               blocks_of(ranges) * sizeof(*ranges->blocks);
    }
    return len == file_len;
}

static void make_room(struct locations *out)
{
    out->list = xcalloc(out->count, sizeof(*out->list));
    for (unsigned i = 0; i < FAMILIES; i++) {
        struct prefixes *cells = &out->cells[i];
        struct ranges *ranges = &out->positions[i];
        ranges->room = ranges->len;
        ranges->block_room = blocks_of(ranges);
        cells->entries = xmalloc_huge(cells->count * sizeof(*cells->entries) + 1);
        ranges->octets = xmalloc(ranges->len + 1);
        ranges->blocks = xmalloc(ranges->block_room * sizeof(*ranges->blocks) + 1);
    }
}

static bool read_parts(struct locations *out, int fd, struct head *head)
{
    struct part parts[PARTS];
    uint8_t sum[LOCATION_HASH_LEN], told[LOCATION_HASH_LEN];
    struct row *rows = xcalloc(out->count, sizeof(*rows));
    bool good = true;
    parts_of(parts, out, rows);
    for (unsigned i = 0; i < PARTS && good; i++) {
        good = read_all(fd, parts[i].data, parts[i].len);
    }
    if (good) {
        memcpy(told, head->sum, sizeof(told));
        memset(head->sum, 0, sizeof(head->sum));
        sum_up(sum, head, parts);
        good = memcmp(sum, told, sizeof(sum)) == 0 && read_rows(out, rows) && is_sound(out);
    }
    free(rows);
    return good;
}

static bool is_known(const uint8_t hash[LOCATION_HASH_LEN])
{
    const uint8_t unknown[LOCATION_HASH_LEN] = { 0 };
    return memcmp(hash, unknown, sizeof(unknown)) != 0;
}

static bool is_of(const struct head *head, const struct location_hash *hash)
{
    return (is_known(hash->files) &&
            memcmp(head->hash.files, hash->files, sizeof(hash->files)) == 0) ||
           (is_known(hash->octets) &&
            memcmp(head->hash.octets, hash->octets, sizeof(hash->octets)) == 0);
}

static bool read_table(struct locations *out, int fd, const struct location_hash *hash)
{
    struct stat file;
    struct head head;
    if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode) || file.st_size > MMDB_FILE_MAX ||
        !read_all(fd, &head, sizeof(head)) || head.magic != MAGIC || !is_of(&head, hash) ||
        !take_sizes(out, &head, (uint64_t)file.st_size)) {
        return false;
    }
    make_room(out);
    return read_parts(out, fd, &head);
}

bool location_table_read_fd(struct locations *out, int fd, const struct location_hash *hash)
{
    struct locations locations = { .count = 0 };
    if (!read_table(&locations, fd, hash)) {
        location_table_done(&locations);
        return false;
    }
    *out = locations;
    return true;
}

static char *path_in(const char *directory, const char *suffix)
{
    char *path = NULL;
    CHECK(asprintf(&path, "%s/locations.table%s", directory, suffix) >= 0);
    return path;
}

bool location_table_read(struct locations *out, const char *directory,
                         const struct location_hash *hash)
{
    char *path = path_in(directory, "");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool good = fd >= 0 && location_table_read_fd(out, fd, hash);
    if (fd >= 0) {
        (void)close(fd);
    }
    free(path);
    return good;
}

/* Opens the temporary file. NOT_FOUND if another process writes a table, or has just done so. */
static enum result open_new(int *out, const char *path, struct diag *diag)
{
    struct stat opened, named;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, MODE);
    if (fd < 0 || fstat(fd, &opened) != 0 || !S_ISREG(opened.st_mode)) {
        int error = fd < 0 ? errno : EINVAL;
        if (fd >= 0) {
            (void)close(fd);
        }
        return diag_fail(diag, RESULT_SYSTEM, "can't write %s: %s", path, strerror(error));
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 || lstat(path, &named) != 0 ||
        named.st_ino != opened.st_ino || named.st_dev != opened.st_dev) {
        (void)close(fd);
        return RESULT_NOT_FOUND;
    }
    *out = fd;
    return RESULT_OK;
}

static bool write_parts(int fd, const struct locations *locations)
{
    struct head head = { .magic = MAGIC, .hash = locations->hash, .cells = locations->count };
    struct row *rows = xcalloc(locations->count, sizeof(*rows));
    struct part parts[PARTS];
    for (size_t i = 0; i < locations->count; i++) {
        write_row(&rows[i], &locations->list[i]);
    }
    for (unsigned i = 0; i < FAMILIES; i++) {
        head.family[i].root = locations->cells[i].root;
        head.family[i].entries = locations->cells[i].count;
        head.family[i].ranges = locations->positions[i].count;
        head.family[i].octets = locations->positions[i].len;
    }
    parts_of(parts, locations, rows);
    uint8_t sum[LOCATION_HASH_LEN];
    sum_up(sum, &head, parts);
    memcpy(head.sum, sum, sizeof(sum));
    bool good = ftruncate(fd, 0) == 0 && file_write_all(fd, &head, sizeof(head));
    for (unsigned i = 0; i < PARTS && good; i++) {
        good = file_write_all(fd, parts[i].data, parts[i].len);
    }
    free(rows);
    return good;
}

enum result location_table_write(const struct locations *locations, const char *directory,
                                 struct diag *diag)
{
    char *fresh = path_in(directory, ".new"), *path = path_in(directory, "");
    int fd = -1;
    enum result result = open_new(&fd, fresh, diag);
    if (result == RESULT_OK) {
        (void)user_hand_over_fd(fd, AT_FDCWD, directory);
        /* No fsync: a table that a crash has torn has another sum. */
        if (!write_parts(fd, locations) || rename(fresh, path) != 0) {
            result = diag_fail(diag, RESULT_SYSTEM, "can't write %s: %s", fresh, strerror(errno));
            (void)unlink(fresh);
        }
        (void)close(fd);
    }
    free(fresh);
    free(path);
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}
