#include "tools/site/atlas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The map is centred on this meridian, as in tools/make-worldmap. */
#define MERIDIAN 11
#define NORTH    84

/* Of the projection. */
#define A1 1.340264
#define A2 (-0.081106)
#define A3 0.000893
#define A4 0.003796

/* The code is the first member of both kinds of row. */
static int compare_codes(const void *a, const void *b)
{
    return strcmp(a, b);
}

const char *atlas_name(const char *code)
{
    const struct atlas_name *found =
        bsearch(code, atlas_names, atlas_names_count, sizeof(atlas_names[0]), compare_codes);
    return found != NULL ? found->name : code;
}

const char *atlas_outline(const char *code)
{
    const struct atlas_outline *found = bsearch(code, atlas_outlines, atlas_outlines_count,
                                                sizeof(atlas_outlines[0]), compare_codes);
    return found != NULL ? found->path : NULL;
}

/* Equal Earth (Savric, Patterson and Jenny 2018), of the unit sphere. */
static void project(double longitude, double latitude, double *x, double *y)
{
    const double root = sqrt(3), degree = acos(-1) / 180;
    double t = asin(root / 2 * sin(latitude * degree)), t2 = t * t, t6 = t2 * t2 * t2;
    double slope = 9 * A4 * t6 * t2 + 7 * A3 * t6 + 3 * A2 * t2 + A1;
    *x = 2 * root * longitude * degree * cos(t) / (3 * slope);
    *y = t * (A4 * t6 * t2 + A3 * t6 + A2 * t2 + A1);
}

struct atlas_point atlas_point(struct position position)
{
    double half, top, x, y, unused;
    project(180, 0, &half, &unused);
    project(0, NORTH, &unused, &top);
    double scale = ATLAS_WIDTH / 2.0 / half;
    project(remainder((double)position.longitude - MERIDIAN, 360), position.latitude, &x, &y);
    return (struct atlas_point){ (float)(ATLAS_WIDTH / 2.0 + x * scale),
                                 (float)((top - y) * scale) };
}
