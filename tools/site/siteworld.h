/* Where members and clients are, and which members clients get: steering, as a run has read it once
 * for the maps and the shares. It takes longer than the rest of the pool (location files are
 * compiled, steering is computed), so it need not be read in each run. */
#ifndef TOOLS_SITEWORLD_H
#define TOOLS_SITEWORLD_H

#include "tools/site/sitepool.h"
#include "tools/steershare.h"

struct siteworld_country {
    unsigned members, listed, eligible; /* registered; of these in lists; handed out */
    double capacity;                    /* part of the capacity that is handed out: 0 to 1 */
    double demand;                      /* part of all queries: 0 to 1 */
    double km; /* from its clients to the members that they get, on average; negative: not known */
};

/* Members that are handed out, in one square of a degree. */
struct siteworld_dot {
    int latitude, longitude; /* whole degrees: exact positions are nobody's business */
    unsigned members;
    double weight; /* capacity with the ramp; the number of members if capacity is not published */
};

/* Start from `{ 0 }`, end with siteworld_done. */
struct siteworld {
    struct steerview view;   /* no store is open */
    struct steershare share; /* with only `share_count` rows: of members that are not unlisted */
    size_t share_count;
    bool located; /* a location file was named: demand and distance are known */
    /* by region_of_country; 0: no country is known */
    struct siteworld_country countries[1 + REGION_COUNTRIES];
    struct siteworld_dot *dots; /* large ones first */
    size_t dot_count;
};

/* Takes the location files of --locations, else those of the configuration file. */
enum result siteworld_read(struct siteworld *out, struct cli *cli, const struct sitepool *pool);
void siteworld_done(struct siteworld *world);
/* The code of the country with this index; "" for none. Returns `out`. */
char *siteworld_code(unsigned country, char out[3]);

#endif
