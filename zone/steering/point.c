#include "zone/steering/point.h"

#include <math.h>

#define EARTH_KM     6371.0
#define NEARNESS_MIN 1e-18 /* so that there is an answer at any distance */

struct point point_at(double latitude, double longitude)
{
    const double degree = 3.14159265358979323846 / 180;
    double around = cos(latitude * degree);
    return (struct point){ (float)(around * cos(longitude * degree)),
                           (float)(around * sin(longitude * degree)), (float)sin(latitude * degree),
                           true };
}

static float chord(const struct point *a, const struct point *b)
{
    float x = a->x - b->x, y = a->y - b->y, z = a->z - b->z;
    float length = sqrtf(x * x + y * y + z * z);
    return length < 2 ? length : 2;
}

double point_km(const struct point *a, const struct point *b)
{
    return 2 * EARTH_KM * asin(chord(a, b) / 2.0);
}

void point_nearness_init(struct point_nearness *out, double scale_km)
{
    const unsigned steps = POINT_NEARNESS_STEPS;
    for (unsigned i = 0; i <= steps; i++) {
        double km = 2 * EARTH_KM * asin((double)i / steps);
        out->steps[i] = (float)fmax(exp(-km / scale_km), NEARNESS_MIN);
    }
    out->steps[steps + 1] = out->steps[steps];
}

float point_nearness_of(const struct point_nearness *nearness, const struct point *a,
                        const struct point *b)
{
    float at = chord(a, b) * (POINT_NEARNESS_STEPS / 2.0F);
    unsigned step = (unsigned)at;
    float part = at - (float)step;
    return nearness->steps[step] + part * (nearness->steps[step + 1] - nearness->steps[step]);
}
