/* The location of addresses: tables compiled from location files (.mmdb) at load. The files
 * themselves are not kept.
 *
 * The unit of steering is the *cell*: a country or, where the file knows them, one of its
 * subdivisions. Neighbouring prefixes of one cell are merged, so a scope found here is the shortest
 * true one (RFC 7871 7.2.1). A struct locations is immutable and may be shared by threads. A NULL
 * struct locations is valid and knows nothing. */
#ifndef ZONE_LOCATIONS_H
#define ZONE_LOCATIONS_H

#include "zone/base/address.h"
#include "zone/places/cell.h"

enum {
    LOCATIONS_FILES_MAX = 4,
    LOCATIONS_AT_ONCE = 16
};

struct location {
    uint16_t cell;
    /* all addresses with the same leading bits, this many, are in the cell: 0-32 for IPv4, 0-128
     * for IPv6 */
    uint8_t scope;
};

struct locations;

/* Takes one or several files, of nested layout (`country.iso_code`) or flat (`country_code`).
 * Some makers ship IPv4 and IPv6 apart: each family is taken from the first file that knows
 * anything of it. SYSTEM, or INVALID for a file that is no valid location file, has no countries,
 * is larger than 1 GiB, or is too finely divided.
 *
 * `directory`, unless it is NULL, is where locations_keep keeps the compiled tables: if those of
 * these very files are there, they are read instead. A file counts as the same if its inode and
 * times are, or else its contents. */
enum result locations_load(struct locations **out, const char *const *paths, size_t count,
                           const char *directory, struct diag *diag);
/* Keeps the tables in that directory, in a file of their size, unless they are there. Takes part of
 * a second. Nothing is lost if it fails (SYSTEM) or is interrupted. */
enum result locations_keep(const struct locations *locations, const char *directory,
                           struct diag *diag);
void locations_free(struct locations *locations);

/* Used for each query. Never fails: an address that the file does not know is in the world's
 * cell. */
struct location locations_find(const struct locations *locations, const struct address *address);

/* The same for at most LOCATIONS_AT_ONCE addresses, level by level: so that one lookup waits for
 * memory while others do. */
void locations_find_many(const struct locations *locations, const struct address *const *addresses,
                         size_t count, struct location *out);

/* All cells, at least one: the world first, then in order of country and subdivision. Each country
 * has a cell without subdivision. Numbers hold for this struct locations only: longer-lived data is
 * kept by country and subdivision. */
const struct cell *locations_cells(const struct locations *locations, size_t *count);
/* The number of a cell in that list; LOCATIONS_WORLD if the list has none. */
uint16_t cell_number(const struct cell *cells, size_t count, const char *country,
                     const char *subdivision);

/* The file's position for this very address, to a tenth of a degree; false if it has none. Used for
 * members. */
bool locations_position(const struct locations *locations, const struct address *address,
                        struct position *out);

#endif
