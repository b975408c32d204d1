/* Each file's tree is walked once, in order of addresses. It goes into two tables per family:
 * prefixes (zone/places/prefixes.h) with the cell, for clients, and ranges (zone/places/ranges.h)
 * with the position, for members. A position is stored as a number, its index in a grid of tenths
 * of a degree, so that neighbours of one town merge. */
#include "zone/places/locations.h"

#include <endian.h>
#include <stdlib.h>

#include "zone/base/array.h"
#include "zone/places/location_records.h"
#include "zone/places/location_table.h"

static const struct cell world = { .country = "" };

/* State during compilation. */
struct compiler {
    struct location_records records;
    struct prefixes_maker cells[2];
    struct ranges positions[2];
    bool known[2]; /* a file had data of IPv4, of IPv6 */
};

/* The number of addresses in a prefix: of IPv4, or of IPv6 in /48s, the size of a site; at least
 * one. */
static uint64_t weight_of(unsigned depth, bool ipv6)
{
    unsigned bits = ipv6 ? 48 : 32;
    return depth > bits ? 1 : (uint64_t)1 << (bits - depth);
}

/* Compiles one family of a file. NOT_FOUND if the file has nothing of it. */
static enum result compile_family(struct compiler *compiler, struct mmdb *db, unsigned family)
{
    struct mmdb_walk walk;
    struct mmdb_leaf leaf;
    bool known = false;
    prefixes_begin(&compiler->cells[family]);
    ranges_begin(&compiler->positions[family]);
    mmdb_walk_begin(&walk, db, family == 0);
    enum result result = mmdb_walk_next(&walk, &leaf);
    for (; result == RESULT_OK; result = mmdb_walk_next(&walk, &leaf)) {
        struct location_record *record = NULL;
        if (leaf.record != MMDB_NO_RECORD) {
            record = location_records_get(&compiler->records, db, leaf.record);
            if (record == NULL) {
                return RESULT_INVALID;
            }
            record->weight[family] += (float)weight_of(leaf.depth, family == 1);
            known = known || record->cell != LOCATIONS_WORLD;
        }
        prefixes_add(&compiler->cells[family], leaf.depth, record == NULL ? 0 : record->cell);
        ranges_add(&compiler->positions[family], leaf.high,
                   record == NULL ? 0 : record->grid_index);
    }
    if (result == RESULT_NOT_FOUND && known) {
        compiler->known[family] = true;
        ranges_end(&compiler->positions[family]);
        return RESULT_OK;
    }
    prefixes_drop(&compiler->cells[family]);
    ranges_done(&compiler->positions[family]);
    return result;
}

static enum result compile_file(struct compiler *compiler, struct mmdb *db, const char *path,
                                struct diag *diag)
{
    enum result result = RESULT_OK;
    bool useful = false;
    location_records_begin(&compiler->records);
    for (unsigned family = 0; family < 2 && result != RESULT_INVALID; family++) {
        if (compiler->known[family]) {
            continue;
        }
        result = compile_family(compiler, db, family);
        useful = useful || result == RESULT_OK;
    }
    if (result == RESULT_INVALID) {
        return diag_fail(diag, RESULT_INVALID, "%s: is damaged: fetch it again", path);
    }
    if (!useful) {
        return diag_fail(diag, RESULT_INVALID,
                         "%s: has no countries%s: neither country.iso_code nor country_code", path,
                         compiler->known[0] || compiler->known[1] ? " the other files don't have"
                                                                  : "");
    }
    location_records_end(&compiler->records);
    return RESULT_OK;
}

/* Packs the tables; drops all of them if one is too large. */
static bool pack(struct compiler *compiler, struct locations *out)
{
    bool fits = true;
    for (unsigned family = 0; family < 2; family++) {
        if (compiler->known[family]) {
            prefixes_renumber(&compiler->cells[family], compiler->records.numbers);
        } else {
            prefixes_begin(&compiler->cells[family]);
            ranges_begin(&compiler->positions[family]);
        }
        fits = prefixes_end(&compiler->cells[family], &out->cells[family]) && fits;
        out->positions[family] = compiler->positions[family];
        ranges_begin(&compiler->positions[family]);
    }
    return fits;
}

static enum result pack_all(struct compiler *compiler, struct locations *out, const char *path,
                            struct diag *diag)
{
    if (!location_records_cells(&compiler->records, &out->list, &out->count) ||
        !pack(compiler, out)) {
        return diag_fail(diag, RESULT_INVALID,
                         "%s: is too finely divided: take a country-level or city-level file",
                         path);
    }
    return RESULT_OK;
}

static enum result compile(struct locations *out, struct mmdb *files, const char *const *paths,
                           size_t count, struct diag *diag)
{
    struct compiler *compiler = xcalloc(1, sizeof(*compiler));
    enum result result = RESULT_OK;
    location_records_init(&compiler->records);
    for (size_t i = 0; i < count && result == RESULT_OK; i++) {
        result = compile_file(compiler, &files[i], paths[i], diag);
    }
    if (result == RESULT_OK) {
        result = pack_all(compiler, out, paths[count - 1], diag);
    }
    for (unsigned family = 0; family < 2; family++) {
        prefixes_drop(&compiler->cells[family]);
        ranges_done(&compiler->positions[family]);
    }
    location_records_done(&compiler->records);
    free(compiler);
    return result;
}

/* The hash and the tables come from the same open files, even if one is replaced meanwhile. */
static enum result take(struct locations *out, struct mmdb *files, const char *const *paths,
                        size_t count, const char *directory, struct diag *diag)
{
    struct location_hash hash;
    bool kept = false, hashed = false;
    if (directory != NULL) {
        location_table_identify(&hash, files, count);
        kept = location_table_read(out, directory, &hash);
        hashed = !kept && location_table_hash(&hash, files, count);
        kept = kept || (hashed && location_table_read(out, directory, &hash));
    }
    if (!kept) {
        TRY(compile(out, files, paths, count, diag));
    }
    out->kept = kept;
    out->hashed = hashed;
    out->hash = hashed ? hash : out->hash;
    return RESULT_OK;
}

enum result locations_load(struct locations **out, const char *const *paths, size_t count,
                           const char *directory, struct diag *diag)
{
    struct mmdb files[LOCATIONS_FILES_MAX];
    struct locations *locations = xcalloc(1, sizeof(*locations));
    enum result result = RESULT_OK;
    size_t opened = 0;
    ASSERT(count >= 1 && count <= LOCATIONS_FILES_MAX);
    while (opened < count && result == RESULT_OK) {
        result = mmdb_open(&files[opened], paths[opened], diag);
        opened += result == RESULT_OK;
    }
    if (result == RESULT_OK) {
        result = take(locations, files, paths, count, directory, diag);
    }
    for (size_t i = 0; i < opened; i++) {
        mmdb_close(&files[i]);
    }
    if (result != RESULT_OK) {
        locations_free(locations);
        return result;
    }
    *out = locations;
    return RESULT_OK;
}

enum result locations_keep(const struct locations *locations, const char *directory,
                           struct diag *diag)
{
    return locations->hashed ? location_table_write(locations, directory, diag) : RESULT_OK;
}

void locations_free(struct locations *locations)
{
    if (locations == NULL) {
        return;
    }
    location_table_done(locations);
    free(locations);
}

static uint64_t word(const uint8_t *octets)
{
    uint64_t value;
    memcpy(&value, octets, sizeof(value));
    return be64toh(value);
}

/* The key of an address in the tables of its family. IPv4 is left-aligned: it is the last four
 * octets of the mapped form. */
struct key {
    unsigned family;
    uint64_t high, low;
};

static inline struct key key_of(const struct address *address)
{
    uint64_t high = word(address->octets), low = word(address->octets + 8);
    return high == 0 && low >> 32 == 0xffff ? (struct key){ 0, low << 32, 0 }
                                            : (struct key){ 1, high, low };
}

struct location locations_find(const struct locations *locations, const struct address *address)
{
    struct location found;
    locations_find_many(locations, &address, 1, &found);
    return found;
}

void locations_find_many(const struct locations *locations, const struct address *const *addresses,
                         size_t count, struct location *out)
{
    struct prefixes_lookup at[LOCATIONS_AT_ONCE];
    ASSERT(count <= LOCATIONS_AT_ONCE);
    for (size_t i = 0; i < count; i++) {
        struct key key = key_of(addresses[i]);
        at[i] = locations == NULL
                    ? (struct prefixes_lookup){ .entry = PREFIXES_LEAF } /* the world */
                    : prefixes_lookup(&locations->cells[key.family], key.high, key.low);
    }
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < count; i++) {
            more = prefixes_step(&at[i]) || more;
        }
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = (struct location){ (uint16_t)prefixes_number(at[i].entry),
                                    prefixes_length(at[i].entry) };
    }
}

const struct cell *locations_cells(const struct locations *locations, size_t *count)
{
    *count = locations == NULL ? 1 : locations->count;
    return locations == NULL ? &world : locations->list;
}

struct wanted_cell {
    const struct cell *cells;
    const char *country, *subdivision;
};

static int compare_cell(const struct wanted_cell *wanted, size_t i)
{
    int order = strcmp(wanted->cells[i].country, wanted->country);
    return order != 0 ? order : strcmp(wanted->cells[i].subdivision, wanted->subdivision);
}

static bool is_before(const void *context, size_t i)
{
    return compare_cell(context, i) < 0;
}

uint16_t cell_number(const struct cell *cells, size_t count, const char *country,
                     const char *subdivision)
{
    const struct wanted_cell wanted = { cells, country, subdivision };
    size_t number = array_count_before(count, is_before, &wanted);
    return number < count && compare_cell(&wanted, number) == 0 ? (uint16_t)number
                                                                : LOCATIONS_WORLD;
}

bool locations_position(const struct locations *locations, const struct address *address,
                        struct position *out)
{
    struct key key = key_of(address);
    return locations != NULL &&
           location_grid_position(ranges_find(&locations->positions[key.family], key.high), out);
}
