/* Water-filling: divides the slots of a set among members by weight, when neither a member nor two
 * of one failure domain may be in a set twice. Pure. It is the inner loop of
 * zone/steering/allocation.h, whose rules for failure domains and address families it implements.
 *
 * Weights become the expected number of times a member is in a set: in proportion, but at most 1
 * per failure domain. What the cap cuts off goes to the others in proportion, again and again. */
#ifndef ZONE_WATER_FILL_H
#define ZONE_WATER_FILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WATER_FILL_SET_MAX = 8,
    WATER_FILL_IPV4 = 1, /* address families, as bits */
    WATER_FILL_IPV6 = 2
};

/* A member that may be in the set. */
struct water_fill_entry {
    uint32_t at;  /* index into group, family and factor */
    float weight; /* above 0 */
};

struct water_fill {
    const struct water_fill_entry *list; /* members of one group are neighbours */
    size_t count;
    const uint32_t *group;
    const uint8_t *family;
    const double *factor; /* multiplies the weights, or NULL */
    unsigned per_set;     /* in: 1 to WATER_FILL_SET_MAX; out: at most `count` */
    double *weights;      /* scratch, `count` elements */
    double *expected;     /* out: 0 to 1 each, per_set in all */
    double level;         /* out: ratio of expected to weight below the cap */
};

void water_fill_set(struct water_fill *fill);

#endif
