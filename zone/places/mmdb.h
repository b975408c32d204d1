/* MaxMind DB files, version 2 of the format: a binary tree over addresses, whose leaves point to
 * records in a data section. Made for reading a whole file once, so there is no lookup. It is read
 * by pread through a small cache, not mapped: a file may be cut short under our feet, and a
 * city-level one is larger than all we make of it. All of it is untrusted: whatever stands there,
 * functions end, stay inside the file, and say so. */
#ifndef ZONE_MMDB_H
#define ZONE_MMDB_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/base/result.h"

enum {
    MMDB_FILE_MAX = 1 << 30,
    MMDB_BLOCK = 1 << 12,
    MMDB_BLOCKS = 4096,  /* cached at most, 16 MiB */
    MMDB_LOOK_MAX = 64,  /* octets that can be looked at in one piece */
    MMDB_IPV4_DEPTH = 96 /* IPv4 lies at ::/96 of an IPv6 tree */
};

struct mmdb {
    int fd;
    uint64_t len;
    uint32_t node_count, record_bits, ip_version; /* 24, 28, 32; 4, 6 */
    uint64_t data, data_end;                      /* section */
    uint32_t ipv4_root; /* what stands for all of IPv4: a node, or a leaf if not below node_count */
    struct mmdb_cache *cache;
};

/* SYSTEM, or INVALID for what is no sound file of this format. */
enum result mmdb_open(struct mmdb *out, const char *path, struct diag *diag);
void mmdb_close(struct mmdb *db);

#define MMDB_NO_RECORD UINT32_MAX

/* The parts of the address space in order, each with the record it has. Of an IPv6 tree those of
 * IPv6 come with IPv4's part and its aliases (::ffff:0:0/96, 6to4, Teredo) left blank. */
struct mmdb_leaf {
    uint64_t high;   /* the prefix, left-aligned; of IPv6 its first 64 bits */
    uint32_t record; /* offset in the data section, or MMDB_NO_RECORD */
    uint8_t depth;   /* prefix length, 0-32 or 0-128 */
};
struct mmdb_walk {
    struct mmdb *db;
    bool ipv4;
    uint64_t visits_left; /* a tree that loops is wound up by then */
    unsigned count;
    struct mmdb_branch {
        uint64_t high;
        uint32_t value;
        uint8_t depth;
        bool zeros; /* no bit set on the way here */
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
    uint8_t type;  /* enum mmdb_type or one of no interest; 0: absent */
    uint32_t size; /* octets of the payload; pairs of a map, items of an array */
    uint64_t at;   /* of the payload, in the data section */
};
/* The value at an offset, pointer followed. False for damage. */
bool mmdb_value(struct mmdb *db, uint64_t offset, struct mmdb_value *out);
/* Looks up `count` keys in a map in one pass, which ends with the last of them; what the map
 * doesn't have, or all if `map` is none, becomes absent. False for damage. */
bool mmdb_pick(struct mmdb *db, const struct mmdb_value *map, const char *const *keys, size_t count,
               struct mmdb_value *out);
/* The first item of an array, absent if there is none. */
bool mmdb_first(struct mmdb *db, const struct mmdb_value *array, struct mmdb_value *out);
/* The text, not ended by NUL, until the next call. NULL if it is none, or longer than
 * MMDB_LOOK_MAX. */
const char *mmdb_text(struct mmdb *db, const struct mmdb_value *value);
bool mmdb_number(struct mmdb *db, const struct mmdb_value *value, double *out);

#endif
