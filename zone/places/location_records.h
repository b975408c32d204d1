/* The records of location files while they are compiled: each is read once, and gives a cell and a
 * position. Part of zone/places/locations.c. */
#ifndef ZONE_LOCATION_RECORDS_H
#define ZONE_LOCATION_RECORDS_H

#include "zone/places/locations.h"
#include "zone/places/mmdb.h"

struct location_record {
    uint32_t offset;     /* in the file's data section */
    uint32_t grid_place; /* of the position, 0: none */
    uint16_t cell;       /* provisional number, LOCATIONS_WORLD without country */
    float weight[2];     /* addresses of IPv4, /48s of IPv6; kept by the caller */
};

/* A cell in the making. */
struct location_draft {
    struct cell cell;
    uint16_t number, next; /* provisional; of the next cell of the same country, 0: none */
    double weight[2];      /* as of a record */
    double sum[2][3];      /* of unit vectors by weight, for IPv4 and IPv6 */
};

struct location_records {
    /* of the file at hand */
    struct location_record *list;
    uint32_t *slots; /* by hash of the offset: place in `list` + 1, 0: free */
    size_t count, room, slot_count;
    /* of all files */
    struct location_draft *drafts; /* the world first */
    size_t draft_count, draft_room;
    uint16_t first[26 * 26]; /* of a country; 0: none */
    uint32_t *numbers;       /* of each draft in the final list, from location_records_cells on */
};

void location_records_init(struct location_records *records);
/* Before and after a file. */
void location_records_begin(struct location_records *records);
void location_records_end(struct location_records *records);
/* The record at an offset; valid until the next call. NULL for damage. */
struct location_record *location_records_get(struct location_records *records, struct mmdb *db,
                                             uint32_t offset);
/* The final list of cells; false if they are too many. */
bool location_records_cells(struct location_records *records, struct cell **out, size_t *count);
void location_records_done(struct location_records *records);

/* False for place 0. */
bool location_grid_position(uint32_t grid_place, struct position *out);

#endif
