/* Steering: from the cells of the location file and their demand to *areas*, each with shares and a
 * deck. Pure; what `ntspool explain` and `share` show is computed by the same code from the same
 * input.
 *
 * Area 0 is the world. The STEERING_OWN cells with the most demand have an area each; the others
 * share that of their country, at the place of the country's own cell. Where nobody asks from a
 * country, it has none, and its clients get their continent's (at the mean of its countries'
 * places, without part in the scaling), or the world's. Then come all regions: drawn from their own
 * members by capacity. */
#ifndef ZONE_STEERING_H
#define ZONE_STEERING_H

#include "zone/places/region.h"
#include "zone/steering/candidates.h"
#include "zone/steering/deck.h"

enum {
    STEERING_OWN = 400,
    STEERING_AREAS_MAX = 2048, /* over STEERING_OWN, and twice all countries and continents */
    STEERING_SETS = 12288, /* of all decks, about: each area has DECK_SETS_MIN, busy ones more */
    STEERING_REGION_SETS = 16,
    STEERING_NONE = 0xffff
};

struct steering_input {
    const struct candidates *candidates;
    const struct cell *cells; /* locations_cells: at least the world's */
    size_t cell_count;
    const double *demand; /* by cell; NULL: by the number of addresses, the prior */
    const struct settings *settings;
    uint64_t seed;
    /* whose roster's seats this one's keep (zone/steering/candidates.h); NULL: there was none */
    const struct steering *before;
    bool settled; /* take its factors as they are, do not scale */
    const uint64_t
        *asked; /* answers since by its areas; NULL: not known, so nobody is owed more or less, */
    const struct deck *const *decks; /* and the decks, by area, that they came from */
};

struct area {
    struct allocation_cell at;
    size_t sets; /* of its deck */
};

struct steering {
    struct area *areas;
    size_t area_count;
    uint16_t *of_cell; /* area by cell */
    size_t cell_count;
    uint16_t of_region[REGIONS]; /* area by region; STEERING_NONE: it is none known */
    struct allocation *allocation;
    struct allocation_cell *places;   /* the areas', for the shares */
    struct allocation_member *inputs; /* the roster's, likewise */
    size_t candidate_count;
    struct share *list;      /* scratch, of each seat */
    uint64_t *member_ids;    /* by seat: whose factors and debts these are */
    double *loads, *factors; /* allocation_results */
    double *deficit;         /* answers that it was dealt less than its shares before; */
    /* in slots (zone/steering/apportion.h), with what is dealt now, as if each area were asked in
     * proportion to its demand */
    double *reckoned;
    double slot_demand, slot_answers; /* of an average slot of a deal */
    uint64_t seed;
};

/* Scales, unless told not to: some tenths of a second for 4,000 members and 400 cells. */
void steering_init(struct steering *out, const struct steering_input *input);
void steering_done(struct steering *steering);
/* What scaling found for a member; 1 for who was not there. */
double steering_factor(const struct steering *steering, size_t index, uint64_t member_id);
/* The area of a cell; the world's for numbers out of bounds. */
uint16_t steering_area(const struct steering *steering, uint16_t cell);
/* The shares of an area, in steering->list until the next call. */
struct allocation_list steering_list(struct steering *steering, uint16_t area);
/* Deals an area's deck. Once a deal: who is rounded up in one area is so in fewer others. */
struct allocation_list steering_deal(struct steering *steering, uint16_t area, uint64_t round,
                                     struct deck *out);

#endif
