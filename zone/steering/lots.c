#include "zone/steering/lots.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/result.h"
#include "zone/base/splitmix.h"

enum {
    GRID = 32, /* steps from the middle of the globe to its surface: 200 km each */
    BUCKETS = 4096,
    DIGIT_BITS = 11,
    DIGITS = 1 << DIGIT_BITS
};

/* Lots while they are made. */
struct making {
    struct lots *lots;
    uint32_t *of_member; /* number of its lot */
    uint64_t *keys;      /* by lot */
    uint32_t *table;     /* by hash of the key: number of the lot plus one; 0: none */
    size_t table_size;   /* a power of two */
};

static uint64_t grid_step(float coordinate)
{
    return (uint64_t)((coordinate + 1) * GRID);
}

/* Place, regions and capacity as one number, equal for members of one lot. */
static uint64_t key_of(const struct lots_member *member)
{
    float capacity = (float)member->capacity;
    uint32_t bits = 0;
    memcpy(&bits, &capacity, sizeof(bits));
    const struct point *at = &member->point;
    uint64_t place =
        at->placed ? 1 | grid_step(at->x) << 1 | grid_step(at->y) << 8 | grid_step(at->z) << 15 : 0;
    /* of the capacity the exponent and one bit of the fraction */
    return place << 41 | (uint64_t)member->regions[0] << 25 | (uint64_t)member->regions[1] << 9 |
           bits >> 22;
}

/* The number of the lot with this key, which is made if there is none. */
static uint32_t lot_of(struct making *m, uint64_t key)
{
    uint64_t hash = key;
    size_t slot = splitmix(&hash) & (m->table_size - 1);
    while (m->table[slot] != 0 && m->keys[m->table[slot] - 1] != key) {
        slot = (slot + 1) & (m->table_size - 1);
    }
    if (m->table[slot] == 0) {
        m->keys[m->lots->count] = key;
        m->table[slot] = (uint32_t)++m->lots->count;
    }
    return m->table[slot] - 1;
}

/* The sums of the points of a lot. */
struct middle {
    double x, y, z;
};

static struct point point_of(const struct middle *middle)
{
    double x = middle->x, y = middle->y, z = middle->z, length = sqrt(x * x + y * y + z * z);
    return (struct point){ (float)(x / length), (float)(y / length), (float)(z / length), true };
}

/* Fills the lots from the number of each member's. */
static void fill(struct lots *lots, const uint32_t *of_member)
{
    struct middle *middles = xcalloc(lots->count + 1, sizeof(*middles));
    for (size_t i = 0; i < lots->member_count; i++) {
        const struct lots_member *member = &lots->members[i];
        struct lot *lot = &lots->list[of_member[i]];
        struct middle *middle = &middles[of_member[i]];
        lot->point.placed = member->point.placed;
        memcpy(lot->regions, member->regions, sizeof(lot->regions));
        lot->capacity += member->capacity;
        lot->end++; /* their number, as yet */
        middle->x += (double)member->point.x;
        middle->y += (double)member->point.y;
        middle->z += (double)member->point.z;
    }
    uint32_t at = 0;
    for (size_t k = 0; k < lots->count; k++) {
        struct lot *lot = &lots->list[k];
        uint32_t size = lot->end;
        lot->point = lot->point.placed ? point_of(&middles[k]) : lot->point;
        lot->first = lot->end = at;
        at += size;
    }
    for (size_t i = 0; i < lots->member_count; i++) {
        lots->order[lots->list[of_member[i]].end++] = (uint32_t)i;
    }
    free(middles);
}

void lots_init(struct lots *out, struct lots_member *members, size_t count, double scale_km)
{
    *out = (struct lots){ .members = members, .member_count = count };
    struct making m = { .lots = out, .table_size = 2 };
    while (m.table_size < 2 * count) {
        m.table_size *= 2;
    }
    m.of_member = xmalloc((count + 1) * sizeof(*m.of_member));
    m.keys = xmalloc((count + 1) * sizeof(*m.keys));
    m.table = xcalloc(m.table_size, sizeof(*m.table));
    for (size_t i = 0; i < count; i++) {
        m.of_member[i] = lot_of(&m, key_of(&members[i]));
    }
    point_nearness_init(&out->nearness, scale_km);
    out->list = xcalloc(out->count + 1, sizeof(*out->list));
    out->order = xmalloc((count + 1) * sizeof(*out->order));
    out->weights = xmalloc((out->count + 1) * sizeof(*out->weights));
    out->sorted = xmalloc((count + 1) * sizeof(*out->sorted));
    fill(out, m.of_member);
    free(m.of_member);
    free(m.keys);
    free(m.table);
}

void lots_done(struct lots *lots)
{
    free(lots->members);
    free(lots->list);
    free(lots->order);
    free(lots->weights);
    free(lots->sorted);
}

static double mean_nearness(const struct lots *lots, const struct point *area)
{
    double sum = 0, capacity = 0;
    for (size_t k = 0; k < lots->count; k++) {
        const struct lot *lot = &lots->list[k];
        if (lot->point.placed) {
            sum += lot->capacity * (double)point_nearness_of(&lots->nearness, area, &lot->point);
            capacity += lot->capacity;
        }
    }
    return capacity > 0 ? sum / capacity : 1;
}

double lots_nearness(const struct lots *lots, const struct point *area, const struct point *member)
{
    return member->placed ? (double)point_nearness_of(&lots->nearness, area, member)
                          : mean_nearness(lots, area);
}

/* A list while it is made. */
struct picking {
    struct lots *lots;
    const struct lots_wish *wish;
    double mean; /* nearness of members that are not placed; below 0: not computed yet */
    struct water_fill_entry *out;
    size_t count;
};

static double nearness(struct picking *p, const struct point *point)
{
    if (!p->wish->point.placed) {
        return 1;
    }
    if (point->placed) {
        return (double)point_nearness_of(&p->lots->nearness, &p->wish->point, point);
    }
    p->mean = p->mean < 0 ? mean_nearness(p->lots, &p->wish->point) : p->mean;
    return p->mean;
}

static uint32_t size_of(const struct lot *lot)
{
    return lot->end - lot->first;
}

static bool belongs(const struct lot *lot, uint16_t region)
{
    return region == 0 || lot->regions[0] == region || lot->regions[1] == region;
}

/* Weighs all lots. Returns how many members those of the region have. */
static size_t weigh(struct picking *p)
{
    size_t members = 0;
    for (size_t k = 0; k < p->lots->count; k++) {
        const struct lot *lot = &p->lots->list[k];
        bool in = belongs(lot, p->wish->region);
        double mean = lot->capacity / size_of(lot);
        p->lots->weights[k] = in ? (float)(mean * nearness(p, &lot->point)) : 0;
        members += in ? size_of(lot) : 0;
    }
    return members;
}

/* A coarse logarithm that orders positive floats: the exponent and the upper bits of the
 * fraction. */
static unsigned bucket_of(float weight)
{
    uint32_t bits = 0;
    memcpy(&bits, &weight, sizeof(bits));
    return bits >> 19;
}

/* The lowest bucket such that at most `most` members are in lots of it and above. Their number is
 * written to `above`. */
static unsigned heavy_from(const struct lots *lots, size_t most, size_t *above)
{
    uint32_t counts[BUCKETS] = { 0 };
    for (size_t k = 0; k < lots->count; k++) {
        counts[bucket_of(lots->weights[k])] += size_of(&lots->list[k]);
    }
    unsigned from = BUCKETS;
    *above = 0;
    while (from > 1 && *above + counts[from - 1] <= most) {
        *above += counts[--from];
    }
    return from;
}

/* Adds the member at a position of `order`, with `times` its weight. */
static void add(struct picking *p, uint32_t position, double times)
{
    uint32_t index = p->lots->order[position];
    const struct lots_member *member = &p->lots->members[index];
    float weight = (float)(member->capacity * nearness(p, &member->point));
    p->out[p->count++] = (struct water_fill_entry){ index, (float)((double)weight * times) };
}

/* Adds the members of a lot on which the points `drawn` to `points` fall. Point n is `step` * n +
 * `offset` behind the lot's start, whose capacity is spread evenly over its members. */
static void draw(struct picking *p, const struct lot *lot, double offset, double step, double drawn,
                 double points)
{
    double each = lot->capacity / size_of(lot), last = size_of(lot) - 1.0, next = 0;
    for (double n = drawn; n < points;) {
        double position = fmin(fmax(floor((step * n + offset) / each), next), last), first = n;
        double end = position < last ? (position + 1) * each : HUGE_VAL;
        do {
            n++;
        } while (n < points && step * n + offset < end);
        add(p, lot->first + (uint32_t)position, (n - first) * step / each);
        next = position + 1;
    }
}

/* Adds all members of heavy lots, and draws from the others: their capacities lie end to end, and
 * each point `start` + n of this line, in steps, draws a member. */
static void take(struct picking *p, unsigned heavy, size_t sample)
{
    const struct lots *lots = p->lots;
    double rest = 0;
    for (size_t k = 0; k < lots->count; k++) {
        bool light = lots->weights[k] > 0 && bucket_of(lots->weights[k]) < heavy;
        rest += light ? lots->list[k].capacity : 0;
    }
    double step = rest / (double)sample, start = p->wish->start, along = 0, drawn = 0;
    for (size_t k = 0; k < lots->count; k++) {
        const struct lot *lot = &lots->list[k];
        if (lots->weights[k] > 0 && bucket_of(lots->weights[k]) >= heavy) {
            for (uint32_t i = lot->first; i < lot->end; i++) {
                add(p, i, 1);
            }
        } else if (lots->weights[k] > 0) {
            double offset = start * step - along;
            along += lot->capacity;
            double points = ceil(along / step - start); /* drawn up to here */
            draw(p, lot, offset, step, drawn, points);
            drawn = fmax(points, drawn);
        }
    }
}

/* Sorts a list by index, digit by digit from the lowest. */
static void sort(struct picking *p)
{
    struct water_fill_entry *from = p->out, *to = p->lots->sorted;
    for (unsigned shift = 0; p->lots->member_count >> shift > 0; shift += DIGIT_BITS) {
        uint32_t at[DIGITS + 1] = { 0 };
        for (size_t i = 0; i < p->count; i++) {
            at[(from[i].at >> shift) % DIGITS + 1]++;
        }
        for (size_t digit = 0; digit < DIGITS; digit++) {
            at[digit + 1] += at[digit];
        }
        for (size_t i = 0; i < p->count; i++) {
            to[at[(from[i].at >> shift) % DIGITS]++] = from[i];
        }
        struct water_fill_entry *swapped = from;
        from = to;
        to = swapped;
    }
    if (from != p->out) {
        memcpy(p->out, from, p->count * sizeof(*from));
    }
}

size_t lots_pick(struct lots *lots, const struct lots_wish *wish, struct water_fill_entry *out)
{
    struct picking p = { .lots = lots, .wish = wish, .mean = -1, .out = out };
    size_t members = weigh(&p), above = 0;
    if (members <= wish->most) {
        take(&p, 0, 1);
    } else {
        unsigned heavy = heavy_from(lots, wish->most / 2, &above);
        take(&p, heavy, wish->most - above);
    }
    sort(&p);
    return p.count;
}
