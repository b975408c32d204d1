/* Where addresses are: tables compiled from location files (.mmdb) when they are loaded. The files
 * themselves are not kept.
 *
 * The unit of steering is the *cell*: a country, or one of its subdivisions where the file knows
 * these. Neighbouring prefixes of one cell are merged, so a found scope is the shortest that is
 * true (RFC 7871 7.2.1). A struct locations is immutable and may be shared by threads. Functions
 * that take a const struct locations * take NULL too: nothing is known then. */
#ifndef ZONE_LOCATIONS_H
#define ZONE_LOCATIONS_H

#include "zone/base/address.h"
#include "zone/places/position.h"

enum {
    LOCATIONS_FILES_MAX = 4,
    LOCATIONS_CELLS_MAX = 65000,
    LOCATIONS_WORLD = 0 /* the cell of everybody whose country is not known */
};

struct cell {
    char country[3];          /* ISO 3166 alpha-2, upper case; empty: the world */
    char subdivision[4];      /* ISO 3166-2 after the hyphen, upper case, or empty */
    char continent[3];        /* AF AN AS EU NA OC SA, or empty */
    bool placed;              /* position is known */
    struct position position; /* mean of its addresses', else its country's */
    uint64_t addresses;       /* IPv4 addresses in it; without any, its IPv6 /48s */
};

struct location {
    uint16_t cell;
    /* every address that shares this many leading bits is in the cell: 0-32 for IPv4, 0-128 for
     * IPv6 */
    uint8_t scope;
};

struct locations;

/* Compiles one or several files, nested layout (`country.iso_code`) or flat (`country_code`). The
 * makers of some ship IPv4 and IPv6 apart: each family is taken from the first file that knows
 * anything of it. SYSTEM, or INVALID for what is no sound location file, has no countries, is over
 * 1 GiB, or is too finely divided. */
enum result locations_load(struct locations **out, const char *const *paths, size_t count,
                           struct diag *diag);
void locations_free(struct locations *locations);

/* Never fails; in the hot path. What the file doesn't know is in the world's cell. */
struct location locations_find(const struct locations *locations, const struct address *address);

/* All cells: the world first, then in order of country and subdivision; every country has one
 * without subdivision. At least one. Numbers hold for this struct locations only: what outlives it
 * goes by country and subdivision. */
const struct cell *locations_cells(const struct locations *locations, size_t *count);
/* LOCATIONS_WORLD if there is no such cell. */
uint16_t locations_cell_number(const struct locations *locations, const char *country,
                               const char *subdivision);

/* The file's position for this very address, to a tenth of a degree; false if it gives none. For
 * members. */
bool locations_position(const struct locations *locations, const struct address *address,
                        struct position *out);

#endif
