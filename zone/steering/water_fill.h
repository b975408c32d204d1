/* How the places of a set are shared out among members of given weights, when neither a member nor
 * two of a group can be in a set twice. Pure; the inner loop of zone/steering/allocation.h, whose
 * rules for groups and families are kept here.
 *
 * Weights make the expected number of times that a member is in a set: in proportion, but at most 1
 * for a group; what is cut off there goes to the others in proportion again. */
#ifndef ZONE_WATER_FILL_H
#define ZONE_WATER_FILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WATER_FILL_SET_MAX = 8,
    WATER_FILL_IPV4 = 1, /* families, bits */
    WATER_FILL_IPV6 = 2
};

/* One who may be in the set. */
struct water_fill_entry {
    uint32_t at;  /* its place in group, family and factor */
    float weight; /* over 0 */
};

struct water_fill {
    const struct water_fill_entry *list; /* those of one group together */
    size_t count;
    const uint32_t *group;
    const uint8_t *family;
    const double *factor; /* that weights are multiplied with, or NULL */
    unsigned per_set;     /* in: 1 to WATER_FILL_SET_MAX; out: at most `count` */
    double *weights;      /* scratch, `count` of them */
    double *expected;     /* out: 0 to 1 each, in all per_set */
    double level;         /* out: expected by weight for those below their cap */
};

void water_fill_set(struct water_fill *fill);

#endif
