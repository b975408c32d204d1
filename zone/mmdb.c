#include "zone/mmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zone/wire.h"

enum {
    METADATA_MAX = 128 * 1024, /* stands in the last octets of the file */
    SEPARATOR = 16,            /* zero octets between tree and data */
    ITEMS_MAX = 4096,          /* a record is no larger */
    VISITS_A_NODE = 4          /* some writers let equal subtrees share nodes */
};

static enum result read_octets_of(struct mmdb *out, int fd, const char *path, struct diag *diag)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return diag_fail(diag, RESULT_SYSTEM, "%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(status.st_mode) || status.st_size <= 0 || status.st_size > MMDB_FILE_MAX) {
        return diag_fail(diag, RESULT_INVALID, "%s: is no location file (.mmdb)", path);
    }
    out->len = (size_t)status.st_size;
    out->octets = xmalloc(out->len);
    for (size_t at = 0; at < out->len;) {
        ssize_t count = read(fd, out->octets + at, out->len - at);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return diag_fail(diag, RESULT_SYSTEM, "%s: cannot be read: %s", path,
                             count == 0 ? "it changed meanwhile, try again" : strerror(errno));
        }
        at += (size_t)count;
    }
    return RESULT_OK;
}

static enum result read_file(struct mmdb *out, const char *path, struct diag *diag)
{
    /* Without O_NONBLOCK a FIFO would hang us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return diag_fail(diag, RESULT_SYSTEM, "%s: cannot be opened: %s", path, strerror(errno));
    }
    enum result result = read_octets_of(out, fd, path, diag);
    (void)close(fd);
    return result;
}

/* The metadata: a map behind the last marker of the file. NULL if there is none. */
static const uint8_t *find_metadata(const struct mmdb *db, size_t *marker_at)
{
    static const uint8_t marker[] = { 0xab, 0xcd, 0xef, 'M', 'a', 'x', 'M',
                                      'i',  'n',  'd',  '.', 'c', 'o', 'm' };
    size_t tried = 0;
    for (size_t at = db->len; at-- > 0 && tried < METADATA_MAX; tried++) {
        if (db->len - at >= sizeof(marker) &&
            memcmp(db->octets + at, marker, sizeof(marker)) == 0) {
            *marker_at = at;
            return db->octets + at + sizeof(marker);
        }
    }
    return NULL;
}

static bool metadata_number(const struct mmdb *section, const struct mmdb_value *value,
                            uint32_t *out)
{
    double number = 0;
    *out = mmdb_number(section, value, &number) && number >= 0 && number <= UINT32_MAX
               ? (uint32_t)number
               : 0;
    return *out > 0;
}

/* Reads the metadata and checks that tree and data section lie inside the file. */
static bool read_layout(struct mmdb *db)
{
    static const char *const keys[] = { "binary_format_major_version", "node_count", "record_size",
                                        "ip_version" };
    struct mmdb_value map, values[4];
    size_t marker_at = 0;
    uint32_t version = 0;
    const uint8_t *metadata = find_metadata(db, &marker_at);
    if (metadata == NULL) {
        return false;
    }
    const struct mmdb section = { .data = metadata,
                                  .data_len = (size_t)(db->octets + db->len - metadata) };
    if (!mmdb_value(&section, 0, &map) || map.type != MMDB_MAP ||
        !mmdb_pick(&section, &map, keys, 4, values) ||
        !metadata_number(&section, &values[0], &version) || version != 2 ||
        !metadata_number(&section, &values[1], &db->node_count) ||
        !metadata_number(&section, &values[2], &db->record_bits) ||
        !metadata_number(&section, &values[3], &db->ip_version)) {
        return false;
    }
    if ((db->record_bits != 24 && db->record_bits != 28 && db->record_bits != 32) ||
        (db->ip_version != 4 && db->ip_version != 6)) {
        return false;
    }
    uint64_t tree_len = (uint64_t)db->node_count * db->record_bits / 4;
    if (tree_len + SEPARATOR > marker_at) {
        return false;
    }
    db->data = db->octets + tree_len + SEPARATOR;
    db->data_len = marker_at - SEPARATOR - tree_len;
    return true;
}

/* What stands on one side of a node. */
static uint32_t side_of(const struct mmdb *db, uint32_t node, unsigned right)
{
    const uint8_t *p = db->octets + (size_t)node * db->record_bits / 4;
    if (db->record_bits == 24) {
        p += right * 3UL;
        return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
    }
    if (db->record_bits == 32) {
        p += right * 4UL;
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    }
    uint32_t middle = right != 0 ? p[3] & 0x0fU : p[3] >> 4;
    p += right * 4UL;
    return middle << 24 | (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

enum result mmdb_open(struct mmdb *out, const char *path, struct diag *diag)
{
    struct mmdb db = { .octets = NULL };
    enum result result = read_file(&db, path, diag);
    if (result == RESULT_OK && !read_layout(&db)) {
        result = diag_fail(diag, RESULT_INVALID, "%s: is no sound location file (.mmdb)", path);
    }
    if (result != RESULT_OK) {
        mmdb_close(&db);
        return result;
    }
    for (unsigned i = 0; db.ip_version == 6 && i < MMDB_IPV4_DEPTH; i++) {
        if (db.ipv4_root >= db.node_count) {
            break;
        }
        db.ipv4_root = side_of(&db, db.ipv4_root, 0);
    }
    *out = db;
    return RESULT_OK;
}

void mmdb_close(struct mmdb *db)
{
    free(db->octets);
    db->octets = NULL;
}

void mmdb_walk_begin(struct mmdb_walk *walk, const struct mmdb *db, bool ipv4)
{
    walk->db = db;
    walk->ipv4 = ipv4;
    walk->visits_left = (uint64_t)db->node_count * VISITS_A_NODE;
    bool none = !ipv4 && db->ip_version == 4;
    walk->count = none ? 0 : 1;
    walk->stack[0] = (struct mmdb_branch){ ipv4 ? db->ipv4_root : 0, 0, !ipv4 };
}

/* True for a part of an IPv6 tree that is IPv4's. */
static bool is_ipv4_part(const struct mmdb_walk *walk, const struct mmdb_branch *branch)
{
    const struct mmdb *db = walk->db;
    if (walk->ipv4) {
        return false;
    }
    return branch->zeros ? branch->depth == MMDB_IPV4_DEPTH
                         : branch->value == db->ipv4_root && branch->value < db->node_count;
}

enum result mmdb_walk_next(struct mmdb_walk *walk, struct mmdb_leaf *out)
{
    const struct mmdb *db = walk->db;
    const unsigned depth_max = walk->ipv4 ? 32 : 128;
    while (walk->count > 0) {
        struct mmdb_branch branch = walk->stack[--walk->count];
        if (is_ipv4_part(walk, &branch) || branch.value == db->node_count) {
            *out = (struct mmdb_leaf){ branch.depth, MMDB_NO_RECORD };
            return RESULT_OK;
        }
        if (branch.value > db->node_count) {
            uint64_t offset = (uint64_t)branch.value - db->node_count;
            if (offset < SEPARATOR || offset - SEPARATOR >= db->data_len) {
                return RESULT_INVALID;
            }
            *out = (struct mmdb_leaf){ branch.depth, (uint32_t)(offset - SEPARATOR) };
            return RESULT_OK;
        }
        if (branch.depth == depth_max || walk->visits_left-- == 0) {
            return RESULT_INVALID;
        }
        uint8_t depth = (uint8_t)(branch.depth + 1);
        walk->stack[walk->count++] =
            (struct mmdb_branch){ side_of(db, branch.value, 1), depth, false };
        walk->stack[walk->count++] =
            (struct mmdb_branch){ side_of(db, branch.value, 0), depth, branch.zeros };
    }
    return RESULT_NOT_FOUND;
}

static size_t read_pointer(struct reader *r, uint8_t control)
{
    size_t high = control & 7U;
    switch (control >> 3 & 3) {
    case 0:
        return high << 8 | read_u8(r);
    case 1:
        return (high << 16 | read_u16(r)) + 2048;
    case 2:
        high = high << 8 | read_u8(r);
        return (high << 16 | read_u16(r)) + 526336;
    default:
        return read_u32(r);
    }
}

static uint32_t read_size(struct reader *r, uint8_t control)
{
    uint32_t size = control & 31U, high = 0;
    switch (size) {
    case 29:
        return 29U + read_u8(r);
    case 30:
        return 285U + read_u16(r);
    case 31:
        high = read_u8(r);
        return 65821U + (high << 16 | read_u16(r));
    default:
        return size;
    }
}

/* Reads up to the payload; for a pointer `at` becomes where it leads. */
static void read_head(struct reader *r, struct mmdb_value *out)
{
    uint8_t control = read_u8(r);
    out->type = control >> 5;
    out->size = 0;
    if (out->type == MMDB_POINTER) {
        out->at = read_pointer(r, control);
        return;
    }
    if (out->type == 0) {
        uint8_t extended = read_u8(r);
        r->failed = r->failed || extended == 0 || extended > UINT8_MAX - 7;
        out->type = (uint8_t)(extended + 7);
    }
    out->size = read_size(r, control);
    out->at = r->at;
}

static bool is_container(const struct mmdb_value *value)
{
    return value->type == MMDB_MAP || value->type == MMDB_ARRAY;
}

/* Octets that follow the head of a value that contains no others. */
static size_t payload_len(const struct mmdb_value *value)
{
    return value->type == MMDB_POINTER || value->type == MMDB_BOOL ? 0 : value->size;
}

static void skip_value(struct reader *r)
{
    struct mmdb_value value;
    uint64_t left = 1;
    for (unsigned items = 0; left > 0 && !r->failed; items++) {
        read_head(r, &value);
        left--;
        if (is_container(&value)) {
            left += value.type == MMDB_MAP ? 2ULL * value.size : value.size;
        } else {
            (void)read_octets(r, payload_len(&value));
        }
        r->failed = r->failed || items == ITEMS_MAX;
    }
}

static struct reader reader_at(const struct mmdb *db, size_t offset)
{
    struct reader r = reader_of(db->data, db->data_len);
    r.at = offset;
    r.failed = offset > db->data_len;
    return r;
}

bool mmdb_value(const struct mmdb *db, size_t offset, struct mmdb_value *out)
{
    struct mmdb_value value;
    struct reader r = reader_at(db, offset);
    read_head(&r, &value);
    if (!r.failed && value.type == MMDB_POINTER) {
        r = reader_at(db, value.at);
        read_head(&r, &value);
        r.failed = r.failed || value.type == MMDB_POINTER;
    }
    if (!is_container(&value)) {
        (void)read_octets(&r, payload_len(&value));
    }
    *out = value;
    return !r.failed;
}

/* Which of the keys stands here; `count` if none. Goes past it. */
static size_t read_key(struct reader *r, const struct mmdb *db, const char *const *keys,
                       size_t count)
{
    struct mmdb_value key;
    if (r->failed || !mmdb_value(db, r->at, &key) || key.type != MMDB_TEXT) {
        r->failed = true;
        return count;
    }
    skip_value(r);
    size_t i = 0;
    while (i < count &&
           (strlen(keys[i]) != key.size || memcmp(keys[i], db->data + key.at, key.size) != 0)) {
        i++;
    }
    return i;
}

bool mmdb_pick(const struct mmdb *db, const struct mmdb_value *map, const char *const *keys,
               size_t count, struct mmdb_value *out)
{
    memset(out, 0, count * sizeof(*out));
    if (map->type != MMDB_MAP) {
        return true;
    }
    struct reader r = reader_at(db, map->at);
    r.failed = r.failed || map->size > ITEMS_MAX;
    for (uint32_t i = 0; i < map->size && !r.failed; i++) {
        size_t key = read_key(&r, db, keys, count);
        if (key < count && !mmdb_value(db, r.at, &out[key])) {
            return false;
        }
        skip_value(&r);
    }
    return !r.failed;
}

bool mmdb_first(const struct mmdb *db, const struct mmdb_value *array, struct mmdb_value *out)
{
    memset(out, 0, sizeof(*out));
    return array->type != MMDB_ARRAY || array->size == 0 || mmdb_value(db, array->at, out);
}

const char *mmdb_text(const struct mmdb *db, const struct mmdb_value *value)
{
    return value->type == MMDB_TEXT ? (const char *)db->data + value->at : NULL;
}

bool mmdb_number(const struct mmdb *db, const struct mmdb_value *value, double *out)
{
    struct reader r = reader_at(db, value->at);
    if (value->type == MMDB_DOUBLE && value->size == 8) {
        uint64_t bits = read_u64(&r);
        memcpy(out, &bits, sizeof(*out));
    } else if (value->type == MMDB_FLOAT && value->size == 4) {
        uint32_t bits = read_u32(&r);
        float number = 0;
        memcpy(&number, &bits, sizeof(number));
        *out = (double)number;
    } else if ((value->type == MMDB_U16 || value->type == MMDB_U32) && value->size <= 4) {
        uint32_t number = 0;
        for (uint32_t i = 0; i < value->size; i++) {
            number = number << 8 | read_u8(&r);
        }
        *out = number;
    } else {
        return false;
    }
    return !r.failed;
}
