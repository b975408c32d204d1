/* Location files written octet by octet, for tests of zone/places/mmdb.c. */
#ifndef TESTS_UNIT_MMDB_MADE_H
#define TESTS_UNIT_MMDB_MADE_H

#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "zone/base/wire.h"
#include "zone/places/mmdb.h"

enum {
    FILE_ROOM = 1 << 20,
    NODES_MAX = 128,
    SEPARATOR = 16
};

static int fd;
static char path[64];

/* A file in the making: tree, separator, data section, metadata. */
static struct {
    uint32_t sides[NODES_MAX][2];
    uint32_t node_count, record_bits, ip_version;
    uint8_t data[80000], metadata[512], whole[FILE_ROOM];
    size_t data_len, metadata_len, len;
} made;

static inline int make_file(void **)
{
    fd = memfd_create("test_mmdb", MFD_CLOEXEC);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return fd < 0 ? -1 : 0;
}

static inline int remove_file(void **)
{
    return close(fd);
}

static inline void write_file(const uint8_t *octets, size_t len)
{
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(pwrite(fd, octets, len, 0), len);
}

/* Appends octets to the data section; returns their offset. */
static inline uint32_t put(const void *octets, size_t len)
{
    size_t at = made.data_len;
    assert_true(len <= sizeof(made.data) - at);
    memcpy(made.data + at, octets, len);
    made.data_len += len;
    return (uint32_t)at;
}

#define PUT(text) put(text, sizeof(text) - 1)

static inline void add_metadata(const char *key, uint8_t type, uint32_t value)
{
    uint8_t *p = made.metadata + made.metadata_len;
    *p++ = (uint8_t)(2 << 5 | strlen(key));
    for (size_t i = 0; key[i] != '\0'; i++) {
        *p++ = (uint8_t)key[i];
    }
    *p++ = (uint8_t)(type << 5 | 4);
    wire_put_u32(p, value);
    made.metadata_len = (size_t)(p + 4 - made.metadata);
}

static inline void put_sides(uint8_t *p, const uint32_t side[2])
{
    if (made.record_bits == 32) {
        wire_put_u32(p, side[0]);
        wire_put_u32(p + 4, side[1]);
        return;
    }
    for (size_t i = 0; i < 3; i++) {
        p[i] = (uint8_t)(side[0] >> (16 - 8 * i));
        p[(made.record_bits + 7) / 8 + i] = (uint8_t)(side[1] >> (16 - 8 * i));
    }
    if (made.record_bits == 28) {
        p[3] = (uint8_t)((side[0] >> 24) << 4 | side[1] >> 24);
    }
}

/* Joins the parts and writes the file. */
static inline void finish(void)
{
    size_t at = 0;
    for (uint32_t i = 0; i < made.node_count && i < NODES_MAX; i++, at += made.record_bits / 4) {
        put_sides(made.whole + at, made.sides[i]);
    }
    memset(made.whole + at, 0, SEPARATOR);
    memcpy(made.whole + at + SEPARATOR, made.data, made.data_len);
    at += SEPARATOR + made.data_len;
    memcpy(made.whole + at, "\xab\xcd\xefMaxMind.com", 14);
    memcpy(made.whole + at + 14, made.metadata, made.metadata_len);
    made.len = at + 14 + made.metadata_len;
    write_file(made.whole, made.len);
}

/* A tree of `nodes` nodes, with all records empty. */
static inline void begin(uint32_t nodes, uint32_t bits, uint32_t version)
{
    memset(&made, 0, sizeof(made));
    made.node_count = nodes;
    made.record_bits = bits;
    made.ip_version = version;
    for (size_t i = 0; i < NODES_MAX; i++) {
        made.sides[i][0] = made.sides[i][1] = nodes;
    }
    made.metadata[made.metadata_len++] = 7 << 5 | 4;
    add_metadata("binary_format_major_version", 6, 2);
    add_metadata("node_count", 6, nodes);
    add_metadata("record_size", 6, bits);
    add_metadata("ip_version", 6, version);
}

static inline uint32_t leaf_to(uint32_t offset)
{
    return made.node_count + SEPARATOR + offset;
}

static inline struct mmdb open_made(void)
{
    struct mmdb db;
    struct diag diag = { "" };
    finish();
    assert_ok(mmdb_open(&db, path, &diag));
    return db;
}

static inline void expect_refused(void)
{
    struct mmdb db = { .fd = -1 };
    struct diag diag = { "" };
    assert_int_equal(mmdb_open(&db, path, &diag), RESULT_INVALID);
    assert_non_null(strstr(diag.text, path));
    assert_int_equal(db.fd, -1);
    assert_null(db.cache);
}

static inline void expect_leaf(struct mmdb_walk *walk, uint64_t high, uint8_t depth,
                               uint32_t record)
{
    struct mmdb_leaf leaf;
    assert_ok(mmdb_walk_next(walk, &leaf));
    assert_int_equal(leaf.high, high);
    assert_int_equal(leaf.depth, depth);
    assert_int_equal(leaf.record, record);
}

static inline void expect_end(struct mmdb_walk *walk, enum result result)
{
    struct mmdb_leaf leaf;
    assert_int_equal(mmdb_walk_next(walk, &leaf), result);
}

static inline struct mmdb_value value_at(struct mmdb *db, uint32_t offset)
{
    struct mmdb_value value;
    assert_true(mmdb_value(db, offset, &value));
    return value;
}

/* A map {"a": "1", "bc": {"d": "2"}, "e": ["3", "4"]}. Some keys and values are pointers. */
static inline uint32_t put_map(void)
{
    uint32_t key = PUT("\x41"
                       "a"),
             inner = PUT("\xe1\x41"
                         "d\x41"
                         "2");
    uint8_t map[] = { 0xe3, 0x20, (uint8_t)key, 0x41, '1',            /* the key by a pointer */
                      0x42, 'b',  'c',          0x20, (uint8_t)inner, /* the value */
                      0x41, 'e',  0x02,         0x04, 0x41,
                      '3',  0x41, '4' };
    return put(map, sizeof(map));
}

#endif
