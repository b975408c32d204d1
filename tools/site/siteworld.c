#include "tools/site/siteworld.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

char *siteworld_code(unsigned country, char out[3])
{
    memset(out, 0, 3);
    if (country >= 1 && country <= REGION_COUNTRIES) {
        out[0] = (char)('A' + (country - 1) / 26);
        out[1] = (char)('A' + (country - 1) % 26);
    }
    return out;
}

static void count_members(struct siteworld *world, const struct sitepool *pool)
{
    double weight = 0;
    for (size_t i = 0; i < pool->count; i++) {
        const struct sitepool_member *member = &pool->members[i];
        struct siteworld_country *country = &world->countries[region_of_country(member->country)];
        country->members++;
        country->listed += !member->unlisted;
        country->eligible += member->weight > 0;
        country->capacity += member->weight;
        weight += member->weight;
    }
    for (unsigned i = 0; i <= REGION_COUNTRIES && weight > 0; i++) {
        world->countries[i].capacity /= weight;
    }
}

/* Leaves out the rows of unlisted members, and of those that are newer than the pool was read. */
static void keep_listed(struct siteworld *world, const struct sitepool *pool)
{
    for (size_t i = 0; i < world->view.count; i++) {
        const struct steershare_row row = world->share.rows[i];
        const struct sitepool_member *member = sitepool_find(pool, row.member->label);
        if (member != NULL && !member->unlisted) {
            world->share.rows[world->share_count++] = row;
        }
    }
}

static int by_place(const void *a, const void *b)
{
    const struct siteworld_dot *left = a, *right = b;
    int order = left->latitude - right->latitude;
    return order != 0 ? order : left->longitude - right->longitude;
}

static int by_weight(const void *a, const void *b)
{
    const struct siteworld_dot *left = a, *right = b;
    return left->weight != right->weight
               ? (left->weight < right->weight) - (left->weight > right->weight)
               : by_place(a, b);
}

/* Members that get no dot: where they are is not published. Returns their number; the caller frees
 * the ids. */
static size_t find_unlisted(uint64_t **out, const struct sitepool *pool)
{
    size_t count = 0;
    *out = xcalloc(pool->count + 1, sizeof(**out));
    for (size_t i = 0; i < pool->count; i++) {
        if (pool->members[i].unlisted) {
            (*out)[count++] = pool->members[i].id;
        }
    }
    return count;
}

static bool is_among(const uint64_t *ids, size_t count, uint64_t id)
{
    size_t at = 0;
    while (at < count && ids[at] != id) {
        at++;
    }
    return at < count;
}

static void find_dots(struct siteworld *world, const struct sitepool *pool)
{
    const bool published = (world->view.source.settings.publish & PUBLISH_CAPACITY) != 0;
    const struct candidates *candidates = &world->view.candidates;
    const double degree = acos(-1) / 180;
    uint64_t *unlisted;
    const size_t unlisted_count = find_unlisted(&unlisted, pool);
    size_t found = 0;
    world->dots = xcalloc(candidates->count + 1, sizeof(world->dots[0]));
    for (size_t i = 0; i < candidates->count; i++) {
        const struct point *point = &candidates->inputs[i].point;
        uint64_t id = candidates->list[i].member_id;
        if (id != 0 && point->placed && !is_among(unlisted, unlisted_count, id)) {
            world->dots[found++] = (struct siteworld_dot){
                .latitude = (int)lround(asin((double)point->z) / degree),
                .longitude = (int)lround(atan2((double)point->y, (double)point->x) / degree),
                .members = 1,
                .weight = published ? candidates->list[i].weight : 1
            };
        }
    }
    free(unlisted);
    qsort(world->dots, found, sizeof(world->dots[0]), by_place);
    for (size_t i = 0; i < found; i++) {
        struct siteworld_dot *last = &world->dots[world->dot_count - (world->dot_count > 0)];
        if (i > 0 && by_place(last, &world->dots[i]) == 0) {
            last->members++;
            last->weight += world->dots[i].weight;
        } else {
            world->dots[world->dot_count++] = world->dots[i];
        }
    }
    qsort(world->dots, world->dot_count, sizeof(world->dots[0]), by_weight);
}

/* The mean distance from a point to the members of an area's answers; negative if it is not
 * known. */
static double mean_km(struct siteworld *world, uint16_t area, const struct point *from)
{
    struct steering *steering = &world->view.steering;
    double expected = 0, km = 0;
    struct allocation_list list = steering_list(steering, area);
    for (size_t i = 0; from->placed && i < list.count; i++) {
        const struct share *share = &steering->list[i];
        const struct point *to = &world->view.candidates.inputs[share->member].point;
        if (to->placed) {
            expected += share->expected;
            km += share->expected * point_km(from, to);
        }
    }
    return expected > 0 ? km / expected : -1;
}

/* The distance of a cell's clients. Cells that share their country's area count from its place. */
static double cell_km(struct siteworld *world, double *area_km, uint16_t cell)
{
    const struct steering *steering = &world->view.steering;
    const struct position at = world->view.cells[cell].position;
    uint16_t area = steering_area(steering, cell);
    if (area == 0 || steering->areas[area].at.demand <= 0) { /* of a continent, or the world */
        struct point point = point_at((double)at.latitude, (double)at.longitude);
        point.placed = world->view.cells[cell].placed;
        return mean_km(world, area, &point);
    }
    if (isnan(area_km[area])) {
        area_km[area] = mean_km(world, area, &steering->areas[area].at.point);
    }
    return area_km[area];
}

/* Demand, and distance as a mean over the country's cells by demand. A country without demand has
 * the distance of its whole. */
static void find_demand(struct siteworld *world)
{
    const struct steerview *view = &world->view;
    double total = 0, *area_km = xcalloc(view->steering.area_count, sizeof(*area_km)),
           *weights = xcalloc(1 + REGION_COUNTRIES, sizeof(*weights));
    for (size_t i = 0; i < view->steering.area_count; i++) {
        area_km[i] = NAN;
    }
    for (size_t i = 0; i < view->cell_count; i++) {
        const struct cell *cell = &view->cells[i];
        uint16_t index = region_of_country(cell->country);
        struct siteworld_country *country = &world->countries[index];
        double weight = view->demand[i] > 0         ? view->demand[i]
                        : cell->subdivision[0] == 0 ? 1e-9
                                                    : 0;
        double km = index != REGION_NONE && weight > 0 ? cell_km(world, area_km, (uint16_t)i) : -1;
        country->demand += view->demand[i];
        total += view->demand[i];
        if (km >= 0) {
            country->km += km * weight;
            weights[index] += weight;
        }
    }
    for (unsigned i = 0; i <= REGION_COUNTRIES; i++) {
        struct siteworld_country *country = &world->countries[i];
        country->demand = total > 0 ? country->demand / total : 0;
        country->km = weights[i] > 0 ? country->km / weights[i] : -1;
    }
    free(area_km);
    free(weights);
}

enum result siteworld_read(struct siteworld *out, struct cli *cli, const struct sitepool *pool)
{
    out->view.session.taken_in = true; /* a site changes no store */
    enum result result = steerview_begin(&out->view, cli);
    session_done(&out->view.session);
    TRY(result);
    out->view.source.health = NULL;
    out->located = out->view.locations != NULL;
    steershare_of(&out->share, &out->view);
    keep_listed(out, pool);
    count_members(out, pool);
    find_dots(out, pool);
    if (out->located) {
        find_demand(out);
    }
    return RESULT_OK;
}

void siteworld_done(struct siteworld *world)
{
    free(world->dots);
    steershare_done(&world->share);
    steerview_done(&world->view);
    world->dots = NULL;
    world->dot_count = 0;
}
