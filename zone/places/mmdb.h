/* Reader of MaxMind DB files, version 2 of the format: a binary tree over addresses, whose leaves
 * point to records in a data section. It reads a whole file once, so there is no lookup.
 *
 * It uses pread with a small cache and no mapping: a file may be truncated while it is read, and a
 * city-level file is larger than the tables made of it. The file is untrusted: whatever it
 * contains, functions end, stay inside it, and report damage. */
#ifndef ZONE_MMDB_H
#define ZONE_MMDB_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/base/result.h"

enum {
    MMDB_FILE_MAX = 1 << 30,
    MMDB_BLOCK = 1 << 12,
    MMDB_BLOCKS = 4096,  /* in the cache at most, 16 MiB */
    MMDB_LOOK_MAX = 64,  /* octets that one look can return */
    MMDB_IPV4_DEPTH = 96 /* IPv4 is at ::/96 of an IPv6 tree */
};

struct mmdb {
    int fd;
    uint64_t len;
    uint32_t node_count, record_bits, ip_version; /* 24, 28, 32; 4, 6 */
    uint64_t data, data_end;                      /* bounds of the data section */
    uint32_t ipv4_root; /* root of the IPv4 part: a node, or a leaf if not below node_count */
    struct mmdb_cache *cache;
};

/* SYSTEM, or INVALID if it is not a valid file of this format. */
enum result mmdb_open(struct mmdb *out, const char *path, struct diag *diag);
void mmdb_close(struct mmdb *db);

#define MMDB_NO_RECORD UINT32_MAX

/* The parts of the address space in order, each with its record. In an IPv6 tree, the IPv4 part and
 * its aliases (::ffff:0:0/96, 6to4, Teredo) count as empty. */
struct mmdb_leaf {
    uint64_t high;   /* the prefix, left-aligned; for IPv6 its first 64 bits */
    uint32_t record; /* offset in the data section, or MMDB_NO_RECORD */
    uint8_t depth;   /* prefix length, 0-32 or 0-128 */
};
struct mmdb_walk {
    struct mmdb *db;
    bool ipv4;
    uint64_t visits_left; /* bounds the walk of a tree with a loop */
    unsigned count;
    struct mmdb_branch {
        uint64_t high;
        uint32_t value;
        uint8_t depth;
        bool zeros; /* all bits so far are 0 */
    } stack[129];
};
void mmdb_walk_begin(struct mmdb_walk *walk, struct mmdb *db, bool ipv4);
/* NOT_FOUND at the end, INVALID for a damaged tree. */
enum result mmdb_walk_next(struct mmdb_walk *walk, struct mmdb_leaf *out);

enum mmdb_type {
    MMDB_POINTER = 1,
    MMDB_TEXT = 2,
    MMDB_DOUBLE = 3,
    MMDB_U16 = 5,
    MMDB_U32 = 6,
    MMDB_MAP = 7,
    MMDB_ARRAY = 11,
    MMDB_BOOL = 14,
    MMDB_FLOAT = 15
};
struct mmdb_value {
    uint8_t type;  /* enum mmdb_type or another type; 0: absent */
    uint32_t size; /* octets of the payload; pairs of a map; items of an array */
    uint64_t at;   /* offset of the payload in the data section */
};
/* Reads the value at an offset; follows a pointer. False for damage. */
bool mmdb_value(struct mmdb *db, uint64_t offset, struct mmdb_value *out);
/* Looks up `count` keys in one pass over a map, up to the last of them. A key that the map does not
 * have becomes absent, as do all if `map` is not a map. False for damage. */
bool mmdb_pick(struct mmdb *db, const struct mmdb_value *map, const char *const *keys, size_t count,
               struct mmdb_value *out);
/* Reads the first item of an array, absent if there is none. */
bool mmdb_first(struct mmdb *db, const struct mmdb_value *array, struct mmdb_value *out);
/* The text, without NUL at its end, valid until the next call. NULL if it is not a text or longer
 * than MMDB_LOOK_MAX. */
const char *mmdb_text(struct mmdb *db, const struct mmdb_value *value);
bool mmdb_number(struct mmdb *db, const struct mmdb_value *value, double *out);

#endif
