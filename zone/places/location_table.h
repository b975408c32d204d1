/* Compiled locations in a file, so that a start need not compile them again: a city-level file
 * takes over a second to compile, its table a tenth of that to read. Part of
 * zone/places/locations.c.
 *
 * The table belongs to the contents of the location files, by their hash. Files that the file
 * system says are the same as then need not be read. Hashes, and a checksum against damage, are
 * Poly1305 under a key that is no secret: other contents have another hash, unless their maker
 * takes pains; then the tables of the earlier file stay in use. Whoever can write it can make the
 * server give wrong locations, as with the location files themselves, and no more: whatever it
 * contains, lookups end and stay inside the tables. */
#ifndef ZONE_LOCATION_TABLE_H
#define ZONE_LOCATION_TABLE_H

#include "zone/places/cell.h"
#include "zone/places/mmdb.h"
#include "zone/places/prefixes.h"
#include "zone/places/ranges.h"

enum {
    LOCATION_HASH_LEN = 16
};

/* All zeros: not known. */
struct location_hash {
    uint8_t octets[LOCATION_HASH_LEN]; /* of the contents */
    uint8_t files[LOCATION_HASH_LEN];  /* of what the file system says of the files */
};

struct locations {
    struct prefixes cells[2];   /* of IPv4, of IPv6 */
    struct ranges positions[2]; /* grid indices */
    struct cell *list;
    size_t count;
    bool kept;   /* they were read from a table */
    bool hashed; /* `hash` is that of the files, and no table has it yet */
    struct location_hash hash;
};

void location_table_done(struct locations *locations);

/* Hashes device, inode, size and times of the files; not known if one has changed in the last
 * seconds, since a clock may be too coarse to show another change. The contents are not known
 * then. */
void location_table_identify(struct location_hash *out, const struct mmdb *files, size_t count);
/* Adds the hash of the files' contents. False if one can't be read. */
bool location_table_hash(struct location_hash *out, const struct mmdb *files, size_t count);
/* Reads the table in the directory. False if there is none, or it is of other location files by
 * both hashes, of another version or machine, or damaged. */
bool location_table_read(struct locations *out, const char *directory,
                         const struct location_hash *hash);
/* The same from an open file at its start. */
bool location_table_read_fd(struct locations *out, int fd, const struct location_hash *hash);
/* Writes it, unless another process is doing so. SYSTEM. */
enum result location_table_write(const struct locations *locations, const char *directory,
                                 struct diag *diag);

#endif
