/* The world in three maps: where members are, where queries come from, and how far the members are
 * that clients get. Each is a drawing without script, whose shapes have titles, and the same as a
 * table. */
#ifndef TOOLS_WORLDMAP_H
#define TOOLS_WORLDMAP_H

#include "tools/site/markup.h"
#include "tools/site/siteworld.h"

enum worldmap {
    WORLDMAP_MEMBERS,
    WORLDMAP_DEMAND,
    WORLDMAP_DISTANCE
};
enum {
    WORLDMAPS = WORLDMAP_DISTANCE + 1
};

/* The page's file, at the root of the site. */
const char *worldmap_file(enum worldmap map);
/* Without locations, only the map of the members is known. */
bool worldmap_known(enum worldmap map, const struct siteworld *world);
/* The map of the members as a file of its own, an image of other pages. */
void worldmap_image(struct markup *m, const struct siteworld *world);
void worldmap_page(struct markup *m, enum worldmap map, const struct sitepool *pool,
                   const struct siteworld *world);

#endif
