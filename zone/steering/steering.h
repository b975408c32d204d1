/* Steering maps the cells of the location file to *steering areas* by their demand. Each area has
 * its own shares and its own deck. Pure: `ntspool explain` and `ntspool share` compute what they
 * show by the same code from the same input.
 *
 * A *cell* is an entry of the location file: a country or a subdivision (zone/places/locations.h).
 * An *area* is one cell or several that get the same answers.
 *
 * Area 0 is the world. The STEERING_BUSY_CELLS cells with the most demand have an area each. The
 * other cells of a country share one area at the location of the country's own cell. A country
 * without demand has no area: its clients get the area of the continent, or of the world. A
 * continent's area is at the mean location of its countries and takes no part in scaling. After
 * these come the areas of regions: their sets are drawn from the region's members only, by
 * capacity. */
#ifndef ZONE_STEERING_H
#define ZONE_STEERING_H

#include "zone/places/region.h"
#include "zone/steering/candidates.h"
#include "zone/steering/deck.h"

enum {
    STEERING_BUSY_CELLS = 400,
    STEERING_HASTY_CELLS = 100, /* the same of a hasty steering */
    /* more than STEERING_BUSY_CELLS and twice all countries and continents */
    STEERING_AREAS_MAX = 2048,
    /* of all decks, about; an area has at least DECK_SETS_MIN, a busy one more */
    STEERING_SETS = 12288,
    STEERING_HASTY_SETS = 1024,
    STEERING_HASTY_MEMBERS = 2048, /* about, of a country: half the places of these sets */
    STEERING_REGION_SETS = 16,
    STEERING_NONE = 0xffff
};

struct steering_input {
    const struct candidates *candidates;
    const struct cell *cells; /* locations_cells: at least the world's */
    size_t cell_count;
    const double *demand; /* by cell; NULL: the prior, by number of addresses */
    const struct settings *settings;
    uint64_t seed;
    /* the steering before; its candidate indices are those of this one
     * (zone/steering/candidates.h); NULL: none */
    const struct steering *before;
    bool keep_factors; /* take its factors as they are, without scaling */
    /* fewer areas, smaller decks, shorter lists, and of a country with very many members some
     * drawn at random: for answers right after a start, until the next deal a second or so later */
    bool hasty;
    /* answers since then, by area of `before`; NULL: not known, deficits stay as they are */
    const uint64_t *asked;
    const struct deck *const *decks; /* the decks that gave these answers, by area */
};

struct steering_area {
    struct allocation_area at;
    size_t sets; /* of its deck */
};

struct steering {
    struct steering_area *areas;
    size_t area_count;
    uint16_t *of_cell; /* the cell's area */
    size_t cell_count;
    uint16_t of_region[REGIONS]; /* the region's area, or STEERING_NONE */
    struct allocation *allocation;
    struct allocation_area *allocation_areas; /* `at` of all areas, for the allocation */
    struct allocation_member *inputs;         /* copied from the candidates */
    size_t candidate_count;
    struct share *list;      /* scratch, one per candidate */
    uint64_t *member_ids;    /* by index: the member that factor and deficit belong to */
    double *loads, *factors; /* allocation_results */
    double *deficit;         /* answers that members got less than their shares so far */
    /* the same in slots (zone/steering/apportion.h). Each deal adds to it as if areas were asked in
     * proportion to their demand. */
    double *slot_deficit;
    double slot_demand, slot_answers; /* of an average slot in a deal */
    uint64_t seed;
};

/* Scales unless told not to: some tenths of a second for 4,000 members and 400 cells. */
void steering_init(struct steering *out, const struct steering_input *input);
void steering_done(struct steering *steering);
/* The factor that scaling found for the member at this index; 1 if it was not there. */
double steering_factor(const struct steering *steering, size_t index, uint64_t member_id);
/* The area of a cell; the world's if the number is out of bounds. */
static inline uint16_t steering_area(const struct steering *steering, uint16_t cell)
{
    return cell < steering->cell_count ? steering->of_cell[cell] : 0;
}
/* Whose area a cell has: its own, or that of its country, its continent or the world. */
enum steering_extent {
    STEERING_WORLD,
    STEERING_CONTINENT,
    STEERING_COUNTRY,
    STEERING_CELL
};
enum steering_extent steering_extent(const struct steering *steering, const struct cell *cells,
                                     uint16_t cell);
/* The shares of an area, valid in steering->list until the next call. */
struct allocation_list steering_list(struct steering *steering, uint16_t area);
/* Deals an area's deck and updates the deficits, so that a member rounded up in one area is less
 * likely to be in others. Call it once per deal and area. */
struct allocation_list steering_deal(struct steering *steering, uint16_t area, uint64_t round,
                                     struct deck *out);

#endif
