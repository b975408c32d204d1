#include "zone/places/location_records.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/array.h"
#include "zone/places/country.h"

enum {
    GRID_A_DEGREE = 10,
    GRID_WIDTH = 360 * GRID_A_DEGREE + 1,
    BUCKETS_MIN = 1024
};

static const double degree = 0.017453292519943295; /* in radians */

static uint32_t grid_index(struct position position)
{
    long row = lrint(((double)position.latitude + 90) * GRID_A_DEGREE);
    long column = lrint(((double)position.longitude + 180) * GRID_A_DEGREE);
    return (uint32_t)(1 + row * GRID_WIDTH + column);
}

uint32_t location_grid_end(void)
{
    return 1 + GRID_WIDTH * (180 * GRID_A_DEGREE + 1);
}

bool location_grid_position(uint32_t grid_index, struct position *out)
{
    if (grid_index == 0) {
        return false;
    }
    uint32_t row = (grid_index - 1) / GRID_WIDTH, column = (grid_index - 1) % GRID_WIDTH;
    out->latitude = (float)row / GRID_A_DEGREE - 90;
    out->longitude = (float)column / GRID_A_DEGREE - 180;
    return true;
}

void location_records_init(struct location_records *records)
{
    *records = (struct location_records){ .draft_count = 1, .draft_room = 64 };
    records->drafts = xcalloc(records->draft_room, sizeof(*records->drafts));
}

void location_records_begin(struct location_records *records)
{
    records->count = 0;
    records->bucket_count = BUCKETS_MIN;
    records->buckets = xcalloc(BUCKETS_MIN, sizeof(*records->buckets));
}

static void add_vector(double sum[3], struct position position, double weight)
{
    double latitude = (double)position.latitude * degree;
    double longitude = (double)position.longitude * degree;
    sum[0] += weight * cos(latitude) * cos(longitude);
    sum[1] += weight * cos(latitude) * sin(longitude);
    sum[2] += weight * sin(latitude);
}

void location_records_end(struct location_records *records)
{
    for (size_t i = 0; i < records->count; i++) {
        const struct location_record *record = &records->list[i];
        struct location_draft *draft = &records->drafts[record->cell];
        for (unsigned family = 0; family < 2; family++) {
            draft->weight[family] += (double)record->weight[family];
            struct position position;
            if (location_grid_position(record->grid_index, &position)) {
                add_vector(draft->sum[family], position, (double)record->weight[family]);
            }
        }
    }
    free(records->buckets);
    free(records->list);
    records->buckets = NULL;
    records->list = NULL;
    records->count = records->room = 0;
}

void location_records_done(struct location_records *records)
{
    free(records->buckets);
    free(records->list);
    free(records->drafts);
    free(records->numbers);
}

/* Copies a code of letters and digits in upper case; false if it is not one or its length is
 * wrong. */
static bool code_of(struct mmdb *db, const struct mmdb_value *value, uint32_t min, uint32_t max,
                    char *out)
{
    const char *text = mmdb_text(db, value);
    char code[4] = "";
    if (text == NULL || value->size < min || value->size > max) {
        return false;
    }
    for (uint32_t i = 0; i < value->size; i++) {
        char c = text[i];
        code[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
        if (!((code[i] >= 'A' && code[i] <= 'Z') || (c >= '0' && c <= '9'))) {
            return false;
        }
    }
    memcpy(out, code, max + 1);
    return true;
}

static bool country_of(struct mmdb *db, const struct mmdb_value *value, char out[3])
{
    char code[3], country[3];
    if (!code_of(db, value, 2, 2, code) || !country_code(country, code)) {
        return false;
    }
    memcpy(out, country, sizeof(country));
    return true;
}

static void continent_of(struct mmdb *db, const struct mmdb_value *value, struct cell *out)
{
    static const char known[] = "AF AN AS EU NA OC SA";
    const struct country *country = country_find(out->country);
    char code[3];
    if (code_of(db, value, 2, 2, code) && strstr(known, code) != NULL) {
        memcpy(out->continent, code, sizeof(code));
    } else if (country != NULL) {
        memcpy(out->continent, country->continent, sizeof(country->continent));
    }
}

static bool position_of(struct mmdb *db, const struct mmdb_value *latitude,
                        const struct mmdb_value *longitude, struct position *out)
{
    double north = 0, east = 0;
    if (!mmdb_number(db, latitude, &north) || !mmdb_number(db, longitude, &east) ||
        !(north >= -90 && north <= 90) || !(east >= -180 && east <= 180)) {
        return false;
    }
    *out = (struct position){ (float)north, (float)east };
    return true;
}

/* MaxMind's layout, `country.iso_code` and so on. False for damage. */
static bool read_nested(struct mmdb *db, const struct mmdb_value *record, struct cell *out)
{
    static const char *const keys[] = { "country", "continent", "location", "subdivisions" };
    static const char *const code[] = { "code" }, *const iso_code[] = { "iso_code" };
    static const char *const names[] = { "latitude", "longitude" };
    struct mmdb_value top[4], country, continent, first, subdivision, coordinates[2];
    if (!mmdb_pick(db, record, keys, 4, top) || !mmdb_pick(db, &top[0], iso_code, 1, &country) ||
        !mmdb_pick(db, &top[1], code, 1, &continent) ||
        !mmdb_pick(db, &top[2], names, 2, coordinates) || !mmdb_first(db, &top[3], &first) ||
        !mmdb_pick(db, &first, iso_code, 1, &subdivision)) {
        return false;
    }
    if (country_of(db, &country, out->country)) {
        (void)code_of(db, &subdivision, 1, 3, out->subdivision);
        continent_of(db, &continent, out);
    }
    out->placed = position_of(db, &coordinates[0], &coordinates[1], &out->position);
    return true;
}

/* The layout of other makers, `country_code` and so on. False for damage. */
static bool read_flat(struct mmdb *db, const struct mmdb_value *record, struct cell *out)
{
    static const char *const keys[] = { "country_code", "latitude", "longitude" };
    static const struct mmdb_value no_continent;
    struct mmdb_value values[3];
    if (!mmdb_pick(db, record, keys, 3, values)) {
        return false;
    }
    if (country_of(db, &values[0], out->country)) {
        continent_of(db, &no_continent, out);
    }
    out->placed = out->placed || position_of(db, &values[1], &values[2], &out->position);
    return true;
}

/* Reads a record; the cell has no country if the record has none. False for damage. */
static bool read_record(struct mmdb *db, uint32_t offset, struct cell *out)
{
    struct mmdb_value record;
    *out = (struct cell){ .country = "" };
    return mmdb_value(db, offset, &record) && read_nested(db, &record, out) &&
           (out->country[0] != '\0' || read_flat(db, &record, out));
}

static uint16_t *first_of(struct location_records *records, const char *country)
{
    return &records->first[(country[0] - 'A') * 26 + (country[1] - 'A')];
}

/* The number of a cell, created if new. Beyond the maximum all cells share one number, and the file
 * is refused in the end. */
static uint16_t draft_of(struct location_records *records, const struct cell *cell)
{
    if (cell->country[0] == '\0') {
        return LOCATIONS_WORLD;
    }
    uint16_t *first = first_of(records, cell->country);
    for (uint16_t at = *first; at != 0; at = records->drafts[at].next) {
        if (strcmp(records->drafts[at].cell.subdivision, cell->subdivision) == 0) {
            return at;
        }
    }
    if (records->draft_count > LOCATIONS_CELLS_MAX) {
        return LOCATIONS_CELLS_MAX;
    }
    ARRAY_RESERVE(records->drafts, records->draft_room, records->draft_count + 1);
    uint16_t number = (uint16_t)records->draft_count++;
    struct location_draft *draft = &records->drafts[number];
    *draft = (struct location_draft){ .number = number, .next = *first };
    memcpy(draft->cell.country, cell->country, sizeof(cell->country));
    memcpy(draft->cell.subdivision, cell->subdivision, sizeof(cell->subdivision));
    memcpy(draft->cell.continent, cell->continent, sizeof(cell->continent));
    *first = number;
    return number;
}

/* Records near each other in the file are near in the walk too, so their buckets are. */
static size_t first_bucket(const struct location_records *records, uint32_t offset)
{
    enum {
        NEAR_BITS = 12,
        RECORD_BITS = 4 /* log2 of a record's usual minimum length */
    };
    size_t part = (size_t)(((offset >> NEAR_BITS) * 0x9e3779b97f4a7c15U) >> 32);
    size_t place = (offset & ((1U << NEAR_BITS) - 1)) >> RECORD_BITS;
    return (part + place) & (records->bucket_count - 1);
}

static uint32_t *bucket_of(const struct location_records *records, uint32_t offset)
{
    size_t at = first_bucket(records, offset);
    while (records->buckets[at] != 0 && records->list[records->buckets[at] - 1].offset != offset) {
        at = (at + 1) & (records->bucket_count - 1);
    }
    return &records->buckets[at];
}

static void double_buckets(struct location_records *records)
{
    free(records->buckets);
    records->bucket_count *= 2;
    records->buckets = xcalloc(records->bucket_count, sizeof(*records->buckets));
    for (size_t i = 0; i < records->count; i++) {
        *bucket_of(records, records->list[i].offset) = (uint32_t)i + 1;
    }
}

struct location_record *location_records_get(struct location_records *records, struct mmdb *db,
                                             uint32_t offset)
{
    uint32_t *bucket = bucket_of(records, offset);
    if (*bucket != 0) {
        return &records->list[*bucket - 1];
    }
    struct cell cell;
    if (!read_record(db, offset, &cell)) {
        return NULL;
    }
    struct location_record record = { .offset = offset,
                                      .cell = draft_of(records, &cell),
                                      .grid_index = cell.placed ? grid_index(cell.position) : 0 };
    ARRAY_PUSH(records->list, records->count, records->room, record);
    *bucket = (uint32_t)records->count;
    if (records->count * 2 > records->bucket_count) {
        double_buckets(records);
    }
    return &records->list[records->count - 1];
}

/* Sets the position: the mean of the addresses, by IPv4 if there is any, else the country's. */
static void place_draft(struct location_draft *draft)
{
    struct cell *cell = &draft->cell;
    const struct country *country = country_find(cell->country);
    unsigned family = draft->weight[0] > 0 ? 0 : 1;
    const double *sum = draft->sum[family];
    cell->addresses = (uint64_t)draft->weight[family];
    if (cell->country[0] == '\0') {
        return;
    }
    if (sum[0] != 0 || sum[1] != 0 || sum[2] != 0) {
        cell->placed = true;
        cell->position = (struct position){ (float)(atan2(sum[2], hypot(sum[0], sum[1])) / degree),
                                            (float)(atan2(sum[1], sum[0]) / degree) };
    } else if (country != NULL) {
        cell->placed = true;
        cell->position = country->position;
    }
}

/* Gives each country a cell without subdivision. If the file has one subdivision only and nothing
 * else, that becomes the country. */
static void complete_countries(struct location_records *records)
{
    for (size_t i = 0; i < sizeof(records->first) / sizeof(records->first[0]); i++) {
        uint16_t first = records->first[i];
        if (first == 0) {
            continue;
        }
        struct cell whole = records->drafts[first].cell;
        if (records->drafts[first].next == 0) {
            memset(records->drafts[first].cell.subdivision, 0, sizeof(whole.subdivision));
            continue;
        }
        memset(whole.subdivision, 0, sizeof(whole.subdivision));
        (void)draft_of(records, &whole);
    }
}

static int compare_drafts(const void *a, const void *b)
{
    const struct location_draft *x = a, *y = b;
    int order = strcmp(x->cell.country, y->cell.country);
    return order != 0 ? order : strcmp(x->cell.subdivision, y->cell.subdivision);
}

bool location_records_cells(struct location_records *records, struct cell **out, size_t *count)
{
    complete_countries(records);
    if (records->draft_count > LOCATIONS_CELLS_MAX) {
        return false;
    }
    /* This ends the chains: numbers become indices in sorted order. The world has no country and
     * stays first. */
    qsort(records->drafts, records->draft_count, sizeof(*records->drafts), compare_drafts);
    records->numbers = xcalloc(records->draft_count, sizeof(*records->numbers));
    struct cell *list = xcalloc(records->draft_count, sizeof(*list));
    for (size_t i = 0; i < records->draft_count; i++) {
        struct location_draft *draft = &records->drafts[i];
        place_draft(draft);
        list[i] = draft->cell;
        records->numbers[draft->number] = (uint32_t)i;
    }
    *out = list;
    *count = records->draft_count;
    return true;
}
