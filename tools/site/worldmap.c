#include "tools/site/worldmap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/site/atlas.h"
#include "tools/site/page.h"
#include "tools/site/sitetable.h"
#include "zone/places/country.h"

enum {
    CLASSES = 6,
    SMALL_RADIUS = 3, /* of a country without an outline */
    DOT_RADIUS_MIN = 4,
    DOT_RADIUS_MAX = 20
};

/* A part of the drawing, as a view box. Circles for members get smaller by `scale`. */
static const struct view {
    const char *id, *name;
    int x, y, width, height;
    double scale;
} world_view = { "world", "The world", 0, 0, ATLAS_WIDTH, ATLAS_HEIGHT, 1 },
  europe_view = { "europe", "Europe", 885, 40, 280, 190, 0.35 };

/* Of the table. Those from COLUMN_DEMAND on need locations. */
enum map_column {
    COLUMN_MEMBERS,
    COLUMN_ELIGIBLE,
    COLUMN_CAPACITY,
    COLUMN_DEMAND,
    COLUMN_KM
};
enum {
    COLUMNS = COLUMN_KM + 1
};

/* Colours get darker from class to class (in dark pages: lighter), so they can be told apart
 * without seeing hues. Class 0 is nothing, or not known. */
static const struct kind {
    const char *file, *title, *tab, *description, *intro;
    double from[CLASSES]; /* the least value of each class but the first */
    const char *classes[CLASSES];
    enum map_column columns[COLUMNS]; /* its own one first */
    bool dots;
} kinds[WORLDMAPS] = {
    [WORLDMAP_MEMBERS] = { .file = "map.html",
                           .title = "Map of members",
                           .tab = "Members",
                           .description = "How many members each country has.",
                           .intro = "Circles are members that clients are sent to, in squares of a "
                                    "degree.",
                           .columns = { COLUMN_MEMBERS, COLUMN_ELIGIBLE, COLUMN_CAPACITY,
                                        COLUMN_DEMAND, COLUMN_KM },
                           .from = { 0, 1, 2, 5, 15, 50 },
                           .classes = { "no member", "1 member", "2 to 4", "5 to 14", "15 to 49",
                                        "50 or more" },
                           .dots = true },
    [WORLDMAP_DEMAND] = { .file = "map-demand.html",
                          .title = "Map of queries",
                          .tab = "Queries",
                          .description = "What part of the pool's queries comes from each country.",
                          .intro =
                              "Queries of the last hour or so, recent ones most. As long as few "
                              "were counted, the number of a country's addresses counts, too.",
                          .columns = { COLUMN_DEMAND, COLUMN_KM, COLUMN_MEMBERS, COLUMN_ELIGIBLE,
                                       COLUMN_CAPACITY },
                          .from = { 0, 0.0005, 0.002, 0.01, 0.03, 0.1 },
                          .classes = { "under 0.05 %", "0.05 to 0.2 %", "0.2 to 1 %", "1 to 3 %",
                                       "3 to 10 %", "10 % or more" } },
    [WORLDMAP_DISTANCE] = { .file = "map-distance.html",
                            .title = "Map of distances",
                            .tab = "Distance",
                            .description =
                                "How far the members are that each country's clients are sent to.",
                            .intro = "It is an average over the answers. Circles are members that "
                                     "clients are sent to.",
                            .columns = { COLUMN_KM, COLUMN_DEMAND, COLUMN_MEMBERS, COLUMN_ELIGIBLE,
                                         COLUMN_CAPACITY },
                            .from = { 0, 0, 300, 1000, 2500, 5000 },
                            .classes = { "not known", "under 300 km", "300 to 1,000 km",
                                         "1,000 to 2,500 km", "2,500 to 5,000 km",
                                         "5,000 km or more" },
                            .dots = true },
};

const char *worldmap_file(enum worldmap map)
{
    return kinds[map].file;
}

bool worldmap_known(enum worldmap map, const struct siteworld *world)
{
    return map == WORLDMAP_MEMBERS || world->located;
}

static double value_of(enum worldmap map, const struct siteworld_country *country)
{
    switch (map) {
    case WORLDMAP_MEMBERS:
        return country->members;
    case WORLDMAP_DEMAND:
        return country->demand;
    case WORLDMAP_DISTANCE:
        break;
    }
    return country->km;
}

static unsigned class_of(enum worldmap map, double value)
{
    unsigned class = 0;
    while (class + 1 < CLASSES && value >= kinds[map].from[class + 1]) {
        class ++;
    }
    return class;
}

/* The value as a reader wants it. */
static void put_value(struct markup *m, enum worldmap map, const struct siteworld_country *country)
{
    if (map == WORLDMAP_MEMBERS) {
        markup_put(m, "%u member%s", country->members, country->members == 1 ? "" : "s");
    } else if (map == WORLDMAP_DEMAND) {
        markup_put(m, "%.2f %% of all queries", 100 * country->demand);
    } else if (country->km < 0) {
        markup_raw(m, "not known");
    } else {
        markup_put(m, "%.0f km", country->km);
    }
}

/* The outline of the country, or a small circle at its place. */
static void draw_country(struct markup *m, enum worldmap map, const struct country *at,
                         const struct siteworld_country *country)
{
    const char *outline = atlas_outline(at->code);
    struct atlas_point point = atlas_point(at->position);
    unsigned class = class_of(map, value_of(map, country));
    if (point.y > ATLAS_HEIGHT) { /* Antarctica */
        return;
    }
    if (outline != NULL) {
        markup_put(m, "<path class=\"m%u\" d=\"%s\"><title>%s: ", class, outline,
                   atlas_name(at->code));
    } else {
        markup_put(m, "<circle class=\"m%u\" cx=\"%.0f\" cy=\"%.0f\" r=\"%d\"><title>%s: ", class,
                   (double)point.x, (double)point.y, SMALL_RADIUS, atlas_name(at->code));
    }
    put_value(m, map, country);
    markup_put(m, "</title></%s>\n", outline != NULL ? "path" : "circle");
}

/* The area of a circle is in proportion to capacity, or to the number of members. Large ones come
 * first, so that small ones are seen. */
static void draw_dots(struct markup *m, const struct siteworld *world, const struct view *view)
{
    double most = world->dot_count > 0 ? world->dots[0].weight : 1;
    const bool published = (world->view.source.settings.publish & PUBLISH_CAPACITY) != 0;
    markup_raw(m, "<g class=\"dots\">\n");
    for (size_t i = 0; i < world->dot_count; i++) {
        const struct siteworld_dot *dot = &world->dots[i];
        struct atlas_point point =
            atlas_point((struct position){ (float)dot->latitude, (float)dot->longitude });
        double x = (double)point.x - view->x, y = (double)point.y - view->y;
        double radius = DOT_RADIUS_MAX * sqrt(dot->weight / most);
        if (x >= 0 && x <= view->width && y >= 0 && y <= view->height) {
            markup_put(m, "<circle cx=\"%.0f\" cy=\"%.0f\" r=\"%.1f\"><title>%u member%s",
                       (double)point.x, (double)point.y, view->scale * fmax(radius, DOT_RADIUS_MIN),
                       dot->members, dot->members == 1 ? "" : "s");
            if (published) {
                markup_put(m, ", %.0f Mbit/s", dot->weight);
            }
            markup_raw(m, "</title></circle>\n");
        }
    }
    markup_raw(m, "</g>\n");
}

static void draw_countries(struct markup *m, enum worldmap map, const struct siteworld *world)
{
    size_t count = 0;
    const struct country *all = country_all(&count);
    markup_raw(m, "<g id=\"countries\">\n");
    for (unsigned round = 0; round < 2; round++) { /* small countries on top of large ones */
        for (size_t i = 0; i < count; i++) {
            if ((atlas_outline(all[i].code) == NULL) == (round == 1)) {
                draw_country(m, map, &all[i], &world->countries[region_of_country(all[i].code)]);
            }
        }
    }
    markup_raw(m, "</g>\n");
}

static void put_view(struct markup *m, enum worldmap map, const struct siteworld *world,
                     const struct view *view)
{
    const struct kind *kind = &kinds[map];
    markup_put(m,
               "<svg class=\"%s\" viewBox=\"%d %d %d %d\" role=\"img\" "
               "aria-labelledby=\"%s-title %s-desc\">\n<title id=\"%s-title\">%s: %s</title>\n"
               "<desc id=\"%s-desc\">%s The table says the same.</desc>\n",
               view->id, view->x, view->y, view->width, view->height, view->id, view->id, view->id,
               view->name, kind->title, view->id, kind->description);
    if (view == &world_view) {
        draw_countries(m, map, world);
    } else {
        markup_raw(m, "<use href=\"#countries\"/>\n");
    }
    if (kind->dots) {
        draw_dots(m, world, view);
    }
    markup_raw(m, "</svg>\n");
}

/* An image has its own style, for a light and a dark ground; colours as in style.css. */
static const char image_style[] =
    "<style>\npath, circle { fill-rule: evenodd; stroke: #fff; stroke-width: 0.7px; vector-effect: "
    "non-scaling-stroke }\n"
    ".m0 { fill: #e4e7eb } .m1 { fill: #c3dbef } .m2 { fill: #8dbbe0 } .m3 { fill: #4b8fc7 } "
    ".m4 { fill: #1f649f } .m5 { fill: #0b3a66 }\n"
    ".dots circle { fill: #d4570a; fill-opacity: 0.7 }\n"
    "@media (prefers-color-scheme: dark) {\npath, circle { stroke: #14181d }\n"
    ".m0 { fill: #2b323a } .m1 { fill: #24486a } .m2 { fill: #2f6a9c } .m3 { fill: #4b92cb } "
    ".m4 { fill: #85bce8 } .m5 { fill: #cfe6fa }\n"
    ".dots circle { fill: #ff9a3d }\n}\n</style>\n";

void worldmap_image(struct markup *m, const struct siteworld *world)
{
    markup_put(m,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
               "height=\"%d\" role=\"img\">\n<title>%s</title>\n<desc>%s</desc>\n",
               ATLAS_WIDTH, ATLAS_HEIGHT, ATLAS_WIDTH, ATLAS_HEIGHT, kinds[WORLDMAP_MEMBERS].title,
               kinds[WORLDMAP_MEMBERS].description);
    markup_raw(m, image_style);
    draw_countries(m, WORLDMAP_MEMBERS, world);
    draw_dots(m, world, &world_view);
    markup_raw(m, "</svg>\n");
}

static void put_figure(struct markup *m, enum worldmap map, const struct siteworld *world)
{
    const struct kind *kind = &kinds[map];
    markup_raw(m, "<figure class=\"map\">\n");
    put_view(m, map, world, &world_view);
    markup_raw(m, "<figcaption>\n<ul class=\"row\">\n");
    for (unsigned i = 0; i < CLASSES; i++) {
        markup_put(m, "<li><span class=\"key m%u\"></span>%s</li>\n", i, kind->classes[i]);
    }
    if (kind->dots) {
        markup_raw(m, "<li><span class=\"key dots\"></span>members</li>\n");
    }
    markup_raw(m, "</ul>\n</figcaption>\n</figure>\n");
}

struct row {
    char code[3];
    double order;
    const struct siteworld_country *country;
};

static int by_order(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    return left->order != right->order ? (left->order < right->order) - (left->order > right->order)
                                       : strcmp(atlas_name(left->code), atlas_name(right->code));
}

static void put_cell(struct markup *m, enum map_column column,
                     const struct siteworld_country *country)
{
    markup_raw(m, "<td class=\"number\">");
    if (column == COLUMN_MEMBERS || column == COLUMN_ELIGIBLE) {
        page_count(m, column == COLUMN_MEMBERS ? country->members : country->eligible);
    } else if (column != COLUMN_KM) {
        double part = column == COLUMN_CAPACITY ? country->capacity : country->demand;
        markup_put(m, "%.2f %%", 100 * part);
    } else if (country->km < 0) {
        markup_raw(m, "-");
    } else {
        page_count(m, (uint64_t)lround(country->km));
    }
    markup_raw(m, "</td>");
}

static void put_row(struct markup *m, const struct row *row, const enum map_column *columns,
                    unsigned count)
{
    const char *name = atlas_name(row->code);
    char file[REGION_LABEL_ROOM];
    markup_raw(m, "<tr><th scope=\"row\">");
    if (row->code[0] == 0) {
        markup_raw(m, "no known country");
    } else if (row->country->listed > 0) {
        markup_put(m, "<a href=\"countries/%s.html\">%s</a>",
                   region_label(region_of_country(row->code), file), name);
    } else {
        markup_text(m, name);
    }
    markup_raw(m, "</th>");
    for (unsigned i = 0; i < count; i++) {
        put_cell(m, columns[i], row->country);
    }
    markup_raw(m, "</tr>\n");
}

/* Countries with a member or, on maps of clients, with queries; by falling value of the map. */
static void put_table(struct markup *m, enum worldmap map, const struct siteworld *world)
{
    static const char *const names[] = { "#Members", "#Handed out", "#Capacity", "#Queries",
                                         "#km" };
    const char *heads[1 + COLUMNS] = { "Country" };
    const enum map_column *columns = kinds[map].columns;
    struct row rows[1 + REGION_COUNTRIES];
    size_t count = 0;
    unsigned width = world->located ? COLUMNS : COLUMN_DEMAND;
    for (unsigned i = 0; i < width; i++) {
        heads[1 + i] = names[columns[i]];
    }
    for (unsigned i = 0; i <= REGION_COUNTRIES; i++) {
        const struct siteworld_country *country = &world->countries[i];
        if (country->members > 0 || (map != WORLDMAP_MEMBERS && country->demand > 0)) {
            struct row *row = &rows[count++];
            siteworld_code(i, row->code);
            row->order = value_of(map, country);
            row->country = country;
        }
    }
    qsort(rows, count, sizeof(rows[0]), by_order);
    sitetable_begin(m, kinds[map].description, heads, 1 + width);
    for (size_t i = 0; i < count; i++) {
        put_row(m, &rows[i], columns, width);
    }
    sitetable_end(m);
}

static void put_tabs(struct markup *m, enum worldmap map, const struct siteworld *world)
{
    markup_raw(m, "<nav aria-label=\"Maps\">\n<ul>\n");
    for (unsigned i = 0; i < WORLDMAPS; i++) {
        if (worldmap_known((enum worldmap)i, world)) {
            markup_put(m, "<li><a href=\"%s\"", kinds[i].file);
            markup_raw(m, i == (unsigned)map ? " aria-current=\"page\">" : ">");
            markup_put(m, "%s</a></li>\n", kinds[i].tab);
        }
    }
    markup_raw(m, "</ul>\n</nav>\n");
}

void worldmap_page(struct markup *m, enum worldmap map, const struct sitepool *pool,
                   const struct siteworld *world)
{
    const struct page_head head = { .title = kinds[map].title,
                                    .root = "",
                                    .description = kinds[map].description };
    page_begin(m, pool, &head);
    put_tabs(m, map, world);
    markup_put(m, "<p>%s %s</p>\n", kinds[map].description, kinds[map].intro);
    put_figure(m, map, world);
    markup_raw(m, "<h2>Europe</h2>\n<div class=\"map\">\n");
    put_view(m, map, world, &europe_view);
    markup_raw(m, "</div>\n<h2>By country</h2>\n");
    put_table(m, map, world);
    page_end(m, pool);
}
