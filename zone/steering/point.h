/* Points on the globe, and how near two of them are. */
#ifndef ZONE_POINT_H
#define ZONE_POINT_H

#include <stdbool.h>

enum {
    POINT_NEARNESS_STEPS = 4096 /* 3 km each */
};

/* A point on the unit sphere. */
struct point {
    float x, y, z;
    bool placed;
};

/* exp(-km / scale) by the length of the chord, in steps. */
struct point_nearness {
    float steps[POINT_NEARNESS_STEPS + 2];
};

struct point point_at(double latitude, double longitude);
double point_km(const struct point *a, const struct point *b);
void point_nearness_init(struct point_nearness *out, double scale_km);
/* From 1 at the same point down to 1e-18. Both are placed. */
float point_nearness_of(const struct point_nearness *nearness, const struct point *a,
                        const struct point *b);

#endif
