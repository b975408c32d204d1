/* The world's countries on a drawing: names, outlines, and where a position is.
 *
 * Outlines come from Natural Earth by tools/make-worldmap, in the Equal Earth projection: equal
 * areas, so that a large country looks no larger than it is. Antarctica is left out. */
#ifndef TOOLS_ATLAS_H
#define TOOLS_ATLAS_H

#include <stddef.h>

#include "zone/places/position.h"

enum {
    /* of the drawing, in its units; tools/make-worldmap says the same */
    ATLAS_WIDTH = 2000,
    ATLAS_HEIGHT = 867
};

struct atlas_name {
    char code[3]; /* ISO 3166 alpha-2, or XK */
    const char *name;
};
struct atlas_outline {
    char code[3];
    const char *path; /* of an SVG path: M, l and z, in whole units */
};
struct atlas_point {
    float x, y;
};

/* Both in order of code. All countries have a name; the small ones have no outline. */
extern const struct atlas_name atlas_names[];
extern const size_t atlas_names_count;
extern const struct atlas_outline atlas_outlines[];
extern const size_t atlas_outlines_count;

/* The name in English; the code itself if it is not known. */
const char *atlas_name(const char *code);
/* NULL if the country has none. */
const char *atlas_outline(const char *code);
/* Where a position is on the drawing; below its lower edge for Antarctica. */
struct atlas_point atlas_point(struct position position);

#endif
