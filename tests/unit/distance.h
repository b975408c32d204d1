/* The distance between two positions, for tests. */
#ifndef TESTS_UNIT_DISTANCE_H
#define TESTS_UNIT_DISTANCE_H

#include <math.h>

#include "zone/places/position.h"

/* Great-circle distance on a sphere of the Earth's mean radius, by the haversine formula, which
 * stays accurate for near points. */
static inline double position_km(struct position a, struct position b)
{
    const double radius_km = 6371.0, degree = 0.017453292519943295;
    double lat = sin(((double)b.latitude - (double)a.latitude) * degree / 2);
    double lon = sin(((double)b.longitude - (double)a.longitude) * degree / 2);
    double h =
        lat * lat + cos((double)a.latitude * degree) * cos((double)b.latitude * degree) * lon * lon;
    return 2 * radius_km * asin(sqrt(h < 1 ? h : 1));
}

#endif
