/* Records of location files during compilation. Each is read once and gives a cell and a position.
 * Part of zone/places/locations.c. */
#ifndef ZONE_LOCATION_RECORDS_H
#define ZONE_LOCATION_RECORDS_H

#include "zone/places/cell.h"
#include "zone/places/mmdb.h"

struct location_record {
    uint32_t offset;     /* in the file's data section */
    uint32_t grid_index; /* of the position; 0: none */
    uint16_t cell;       /* provisional number; LOCATIONS_WORLD without country */
    float weight[2];     /* addresses of IPv4, /48s of IPv6; set by the caller */
};

/* A cell under construction. */
struct location_draft {
    struct cell cell;
    /* provisional number; number of the next cell of the same country, 0: none */
    uint16_t number, next;
    double weight[2]; /* as in a record */
    double sum[2][3]; /* of unit vectors times weight, for IPv4 and IPv6 */
};

struct location_records {
    /* of the current file */
    struct location_record *list;
    uint32_t *buckets; /* hash table by offset: index into `list` plus 1, 0: free */
    size_t count, room, bucket_count;
    /* of all files */
    struct location_draft *drafts; /* the world first */
    size_t draft_count, draft_room;
    uint16_t first[26 * 26]; /* by country: its first cell; 0: none */
    uint32_t *numbers;       /* by draft: number in the final list, set by location_records_cells */
};

void location_records_init(struct location_records *records);
/* Called before and after each file. */
void location_records_begin(struct location_records *records);
void location_records_end(struct location_records *records);
/* The record at an offset, valid until the next call. NULL for damage. */
struct location_record *location_records_get(struct location_records *records, struct mmdb *db,
                                             uint32_t offset);
/* Makes the final list of cells; false if there are too many. */
bool location_records_cells(struct location_records *records, struct cell **out, size_t *count);
void location_records_done(struct location_records *records);

/* All indices are below it. */
uint32_t location_grid_end(void);
/* False for index 0. */
bool location_grid_position(uint32_t grid_index, struct position *out);

#endif
