#include "zone/steering/steering.h"

#include <math.h>
#include <stdlib.h>

#include "zone/base/splitmix.h"
#include "zone/places/country.h"
#include "zone/steering/apportion.h"

enum {
    /* the weight of the last deal in the average answers per slot is 1 / DEALS_AVERAGED */
    DEALS_AVERAGED = 16,
    HASTE = 8 /* a hasty deal considers this part of the pairs of area and member */
};

/* A weighted sum of points on the unit sphere. */
struct centroid {
    double x, y, z;
};

struct mapping {
    const struct steering_input *input;
    struct steering *steering;
    double *demand;                      /* by cell */
    uint16_t of_country[REGIONS];        /* area of a country or continent */
    struct centroid continents[REGIONS]; /* of continents only */
    double total;                        /* of all cells */
};

static struct point point_of(const struct cell *cell)
{
    return cell->placed
               ? point_at((double)cell->position.latitude, (double)cell->position.longitude)
               : (struct point){ .placed = false };
}

static uint16_t add_area(struct steering *s, struct point point, double demand, uint16_t region)
{
    ASSERT(s->area_count < STEERING_AREAS_MAX);
    s->areas[s->area_count] =
        (struct steering_area){ .at = { .point = point, .demand = demand, .region = region } };
    return (uint16_t)s->area_count++;
}

static void take_demand(struct mapping *m)
{
    for (size_t c = 0; c < m->input->cell_count; c++) {
        const double *measured = m->input->demand;
        double demand = measured != NULL ? measured[c] : (double)m->input->cells[c].addresses;
        m->demand[c] = demand > 0 ? demand : 0;
        m->total += m->demand[c];
    }
}

static int compare_down(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left < right) - (left > right);
}

/* A cell has an area of its own if its demand is above this. */
static double busy_threshold(const struct mapping *m)
{
    size_t count = m->input->cell_count;
    size_t busy = m->input->hasty ? STEERING_HASTY_CELLS : STEERING_BUSY_CELLS;
    if (count <= busy) {
        return 0;
    }
    double *sorted = xcalloc(count, sizeof(*sorted));
    memcpy(sorted, m->demand, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare_down);
    double from = sorted[busy];
    free(sorted);
    return from;
}

/* Makes areas for the busy cells. The demand of the others is added to their country's own cell. */
static void map_busy(struct mapping *m)
{
    struct steering *s = m->steering;
    const struct cell *cells = m->input->cells;
    double from = busy_threshold(m);
    uint16_t of_country[REGIONS] = { 0 }; /* the cell of the whole country */
    for (size_t c = 1; c < s->cell_count; c++) {
        if (cells[c].subdivision[0] == '\0') {
            of_country[region_of_country(cells[c].country)] = (uint16_t)c;
        }
    }
    for (size_t c = 1; c < s->cell_count; c++) {
        uint16_t own = of_country[region_of_country(cells[c].country)];
        if (m->demand[c] > from) {
            s->of_cell[c] = add_area(s, point_of(&cells[c]), m->demand[c], REGION_NONE);
        } else if (own != c) {
            m->demand[own] += m->demand[c];
        }
    }
}

/* Makes areas for countries whose other cells have demand. */
static void map_countries(struct mapping *m)
{
    struct steering *s = m->steering;
    const struct cell *cells = m->input->cells;
    for (size_t c = 1; c < s->cell_count; c++) {
        uint16_t country = region_of_country(cells[c].country);
        if (cells[c].subdivision[0] != '\0' || country == REGION_NONE) {
            continue;
        }
        if (s->of_cell[c] != STEERING_NONE) {
            s->areas[s->of_cell[c]].at.demand = m->demand[c];
        } else if (m->demand[c] > 0) {
            s->of_cell[c] = add_area(s, point_of(&cells[c]), m->demand[c], REGION_NONE);
        }
        m->of_country[country] = s->of_cell[c];
    }
}

static void find_continents(struct mapping *m)
{
    for (size_t c = 1; c < m->input->cell_count; c++) {
        const struct cell *cell = &m->input->cells[c];
        uint16_t continent = region_around(cell->country);
        struct point point = point_of(cell);
        if (continent != REGION_NONE && point.placed && cell->subdivision[0] == '\0') {
            m->continents[continent].x += (double)point.x;
            m->continents[continent].y += (double)point.y;
            m->continents[continent].z += (double)point.z;
        }
    }
}

/* The area of a continent, made when the first country without an area needs it. */
static uint16_t continent_area(struct mapping *m, uint16_t continent)
{
    const struct centroid *at = &m->continents[continent];
    double length = sqrt(at->x * at->x + at->y * at->y + at->z * at->z);
    if (continent == REGION_NONE || length < 1e-6) {
        return 0;
    }
    if (m->of_country[continent] == STEERING_NONE) {
        struct point point = { (float)(at->x / length), (float)(at->y / length),
                               (float)(at->z / length), true };
        m->of_country[continent] = add_area(m->steering, point, 0, REGION_NONE);
    }
    return m->of_country[continent];
}

static void map_rest(struct mapping *m)
{
    struct steering *s = m->steering;
    find_continents(m);
    for (size_t c = 1; c < s->cell_count; c++) {
        const char *code = m->input->cells[c].country;
        if (s->of_cell[c] != STEERING_NONE) {
            continue;
        }
        uint16_t country = m->of_country[region_of_country(code)];
        s->of_cell[c] = country != STEERING_NONE ? country : continent_area(m, region_around(code));
    }
}

static void map_region(struct mapping *m, uint16_t region)
{
    struct steering *s = m->steering;
    if (region != REGION_NONE && s->of_region[region] == STEERING_NONE) {
        s->of_region[region] = add_area(s, (struct point){ .placed = false }, 0, region);
    }
}

/* Makes areas for all countries and continents, so that the first member there finds one, and for
 * all other regions of members. */
static void map_regions(struct mapping *m)
{
    const struct candidates *candidates = m->input->candidates;
    size_t count = 0;
    const struct country *countries = country_all(&count);
    for (size_t i = 0; i < count; i++) {
        map_region(m, region_of_country(countries[i].code));
        map_region(m, region_around(countries[i].code));
    }
    for (size_t index = 0; index < candidates->count; index++) {
        for (unsigned i = 0; candidates->list[index].member_id != 0 && i < 2; i++) {
            map_region(m, candidates->inputs[index].regions[i]);
        }
    }
}

static void map_areas(struct steering *s, const struct steering_input *input)
{
    struct mapping *m = xcalloc(1, sizeof(*m));
    *m = (struct mapping){ .input = input, .steering = s };
    m->demand = xcalloc(input->cell_count, sizeof(*m->demand));
    memset(m->of_country, 0xff, sizeof(m->of_country));
    memset(s->of_region, 0xff, sizeof(s->of_region));
    memset(s->of_cell, 0xff, s->cell_count * sizeof(*s->of_cell));
    take_demand(m);
    s->of_cell[0] = add_area(s, (struct point){ .placed = false }, m->demand[0], REGION_NONE);
    map_busy(m);
    map_countries(m);
    map_rest(m);
    map_regions(m);
    size_t sets = input->hasty ? STEERING_HASTY_SETS : STEERING_SETS;
    for (size_t a = 0; a < s->area_count; a++) {
        struct steering_area *area = &s->areas[a];
        double part = m->total > 0 ? area->at.demand / m->total : a == 0 ? 1 : 0;
        area->sets =
            area->at.region != REGION_NONE ? (size_t)STEERING_REGION_SETS : deck_size(part, sets);
    }
    free(m->demand);
    free(m);
}

/* True if the same member had this index before, and could be handed out then and now. */
static bool stayed(const struct steering *s, const struct steering *before, size_t index)
{
    return index < before->candidate_count && before->member_ids[index] == s->member_ids[index] &&
           before->inputs[index].capacity > 0 && s->inputs[index].capacity > 0;
}

/* The number of sets in areas with demand. Without any demand, the world's. */
static double sets_asked_for(const struct steering *s)
{
    double sets = 0;
    for (size_t a = 0; a < s->area_count; a++) {
        sets += s->areas[a].at.demand > 0 ? (double)s->areas[a].sets : 0;
    }
    return sets > 0 ? sets : (double)s->areas[0].sets;
}

static double demand_of(const struct steering *s)
{
    double demand = 0;
    for (size_t a = 0; a < s->area_count; a++) {
        demand += s->areas[a].at.demand;
    }
    return demand;
}

/* The answers per slot of a deal, a moving average over recent deals. */
static double measure_slot(const struct steering *before, const uint64_t *asked)
{
    double answers = 0, known = before->slot_answers;
    for (size_t a = 0; asked != NULL && a < before->area_count; a++) {
        answers += (double)asked[a];
    }
    if (answers <= 0) {
        return known;
    }
    double now = answers / sets_asked_for(before);
    return known > 0 ? known + (now - known) / DEALS_AVERAGED : now;
}

static bool all_in_range(const struct deck *deck, size_t candidate_count)
{
    bool in_range = true;
    for (size_t k = 0; k < deck->count; k++) {
        for (unsigned i = 0; i < deck->sets[k].count; i++) {
            in_range = in_range && deck->sets[k].members[i] < candidate_count;
        }
    }
    return in_range;
}

/* Adds the answers since the last deal to the deficits, by the shares as they are now. */
static void add_answered(struct steering *s, const struct steering_input *input)
{
    const struct steering *before = input->before;
    for (size_t a = 0; a < before->area_count; a++) {
        const struct deck *deck = input->decks[a];
        if (input->asked[a] > 0 && deck->count > 0) {
            ASSERT(all_in_range(deck, s->candidate_count));
            struct allocation_list got =
                allocation_of(s->allocation, &before->areas[a].at, s->list);
            deck_update_deficit(deck, s->list, got.count, (double)input->asked[a], s->deficit);
        }
    }
}

/* Carries over the deficits of members that stayed. */
static void carry_deficit(struct steering *s, const struct steering_input *input)
{
    const struct steering *before = input->before;
    if (before == NULL) {
        return;
    }
    s->slot_answers = measure_slot(before, input->asked);
    if (s->slot_answers <= 0) {
        return;
    }
    double most = APPORTION_DEFICIT_MAX * s->slot_answers;
    for (size_t i = 0; i < s->candidate_count && i < before->candidate_count; i++) {
        s->deficit[i] = before->deficit[i];
    }
    if (input->asked != NULL) {
        add_answered(s, input);
    }
    for (size_t i = 0; i < s->candidate_count; i++) {
        s->deficit[i] = stayed(s, before, i) ? fmin(fmax(s->deficit[i], -most), most) : 0;
        s->slot_deficit[i] = s->deficit[i] / s->slot_answers;
    }
}

/* The factors found before, as a start for scaling. */
static double *factors_before(const struct steering *s, const struct steering *before)
{
    double *factors = xcalloc(s->candidate_count + 1, sizeof(*factors));
    for (size_t i = 0; i < s->candidate_count; i++) {
        factors[i] = steering_factor(before, i, s->member_ids[i]);
    }
    return factors;
}

static void take_candidates(struct steering *s, const struct candidates *candidates)
{
    size_t room = candidates->count + 1;
    s->candidate_count = candidates->count;
    s->list = xcalloc(room, sizeof(*s->list));
    s->inputs = xcalloc(room, sizeof(*s->inputs));
    s->member_ids = xcalloc(room, sizeof(*s->member_ids));
    s->loads = xcalloc(room, sizeof(*s->loads));
    s->factors = xcalloc(room, sizeof(*s->factors));
    s->deficit = xcalloc(room, sizeof(*s->deficit));
    s->slot_deficit = xcalloc(room, sizeof(*s->slot_deficit));
    if (s->candidate_count > 0) {
        memcpy(s->inputs, candidates->inputs, s->candidate_count * sizeof(*s->inputs));
    }
    for (size_t i = 0; i < s->candidate_count; i++) {
        s->member_ids[i] = candidates->list[i].member_id;
    }
}

/* The members drawn in a country with many stand for the others there. */
static void draw_some(struct steering *s)
{
    uint32_t members[REGIONS] = { 0 };
    uint64_t random = s->seed;
    for (size_t i = 0; i < s->candidate_count; i++) {
        members[s->inputs[i].regions[0]] += s->inputs[i].capacity > 0 ? 1 : 0;
    }
    for (size_t i = 0; i < s->candidate_count; i++) {
        struct allocation_member *input = &s->inputs[i];
        uint32_t there = members[input->regions[0]];
        if (there > STEERING_HASTY_MEMBERS) {
            bool drawn = splitmix(&random) % there < STEERING_HASTY_MEMBERS;
            input->capacity *= drawn ? (double)there / STEERING_HASTY_MEMBERS : 0;
        }
    }
}

void steering_init(struct steering *out, const struct steering_input *input)
{
    struct steering s = { .cell_count = input->cell_count, .seed = input->seed };
    s.areas = xcalloc(STEERING_AREAS_MAX, sizeof(*s.areas));
    s.of_cell = xcalloc(input->cell_count, sizeof(*s.of_cell));
    map_areas(&s, input);
    s.allocation_areas = xcalloc(s.area_count, sizeof(*s.allocation_areas));
    for (size_t a = 0; a < s.area_count; a++) {
        s.allocation_areas[a] = s.areas[a].at;
    }
    take_candidates(&s, input->candidates);
    if (input->hasty) {
        draw_some(&s);
    }
    double *factors = input->before == NULL ? NULL : factors_before(&s, input->before);
    const struct allocation_problem problem = {
        .areas = s.allocation_areas,
        .area_count = s.area_count,
        .members = s.inputs,
        .member_count = s.candidate_count,
        .per_set = input->settings->srv_count,
        .max_overload = input->settings->max_overload_milli / 1000.0,
        .scale_km = input->settings->scale_km,
        .entries = input->hasty ? ALLOCATION_ENTRIES / HASTE : ALLOCATION_ENTRIES,
        .seed = input->seed,
        .factors = factors,
        .keep_factors = input->keep_factors,
    };
    s.allocation = allocation_new(&problem);
    free(factors);
    allocation_results(s.allocation, s.loads, s.factors);
    s.slot_demand = demand_of(&s) / sets_asked_for(&s);
    carry_deficit(&s, input);
    *out = s;
}

void steering_done(struct steering *steering)
{
    free(steering->areas);
    free(steering->of_cell);
    free(steering->allocation_areas);
    free(steering->list);
    free(steering->inputs);
    free(steering->member_ids);
    free(steering->loads);
    free(steering->factors);
    free(steering->deficit);
    free(steering->slot_deficit);
    allocation_free(steering->allocation);
    memset(steering, 0, sizeof(*steering));
}

enum steering_extent steering_extent(const struct steering *steering, const struct cell *cells,
                                     uint16_t cell)
{
    uint16_t area = steering_area(steering, cell);
    if (area == 0) {
        return STEERING_WORLD;
    }
    if (steering->areas[area].at.demand <= 0) {
        return STEERING_CONTINENT;
    }
    uint16_t country = cell_number(cells, steering->cell_count, cells[cell].country, "");
    return country != cell && steering_area(steering, country) == area ? STEERING_COUNTRY
                                                                       : STEERING_CELL;
}

double steering_factor(const struct steering *steering, size_t index, uint64_t member_id)
{
    bool known = index < steering->candidate_count && steering->member_ids[index] == member_id;
    return known ? steering->factors[index] : 1;
}

struct allocation_list steering_list(struct steering *steering, uint16_t area)
{
    return allocation_of(steering->allocation, &steering->areas[area].at, steering->list);
}

struct allocation_list steering_deal(struct steering *steering, uint16_t area, uint64_t round,
                                     struct deck *out)
{
    struct allocation_list list = steering_list(steering, area);
    const struct steering_area *at = &steering->areas[area];
    double each = at->at.demand / (double)at->sets; /* demand per set of this area */
    const struct deck_plan plan = { .list = steering->list,
                                    .list_count = list.count,
                                    .per_set = list.per_set,
                                    .sets = steering->areas[area].sets,
                                    .members = steering->inputs,
                                    .seed = steering->seed + area,
                                    .round = round,
                                    .deficit = steering->slot_deficit,
                                    .value = steering->slot_demand > 0
                                                 ? each / steering->slot_demand
                                                 : 1 };
    deck_deal(out, &plan);
    return list;
}
