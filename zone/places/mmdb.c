#include "zone/places/mmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zone/base/wire.h"

enum {
    METADATA_MAX = 128 * 1024, /* in the last octets of the file */
    SEPARATOR = 16,            /* zero octets between the tree and the data */
    ITEMS_MAX = 4096,          /* at most in a record */
    VISITS_A_NODE = 4,         /* some writers share nodes among equal subtrees */
    MARKER_LEN = 14
};

static const char marker[] = "\xab\xcd\xefMaxMind.com";

/* Blocks of the file, in a direct-mapped cache. Neighbours overlap, so one look never needs two. */
struct mmdb_cache {
    size_t count;
    struct block {
        uint64_t number; /* + 1; 0: empty */
        size_t len;
        uint8_t octets[MMDB_BLOCK + MMDB_LOOK_MAX];
    } blocks[];
};

static const uint8_t no_octets[MMDB_LOOK_MAX];

static size_t read_fully(int fd, uint8_t *out, size_t len, uint64_t offset)
{
    size_t at = 0;
    while (at < len) {
        ssize_t count = pread(fd, out + at, len - at, (off_t)(offset + at));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            break;
        }
        at += (size_t)count;
    }
    return at;
}

static void load_block(struct mmdb *db, struct block *block, uint64_t number)
{
    block->number = number + 1;
    block->len = read_fully(db->fd, block->octets, sizeof(block->octets), number * MMDB_BLOCK);
}

/* Returns `len` octets (at most MMDB_LOOK_MAX) of the file, valid until the next look; NULL if the
 * file does not have them. */
static inline const uint8_t *look(struct mmdb *db, uint64_t offset, size_t len)
{
    uint64_t number = offset / MMDB_BLOCK;
    size_t at = offset % MMDB_BLOCK;
    struct block *block = &db->cache->blocks[number % db->cache->count];
    if (block->number != number + 1) {
        load_block(db, block, number);
    }
    return at + len <= block->len ? block->octets + at : NULL;
}

/* A cursor over a part of the file. It fails once and stays failed, as struct reader does. */
struct cursor {
    struct mmdb *db;
    uint64_t at, end;
    bool failed;
};

static struct cursor cursor_at(struct mmdb *db, uint64_t offset)
{
    bool inside = offset <= db->data_end - db->data;
    return (struct cursor){ db, db->data + (inside ? offset : 0), db->data_end, !inside };
}

static void skip(struct cursor *c, uint64_t count)
{
    c->failed = c->failed || c->end - c->at < count;
    c->at += c->failed ? 0 : count;
}

/* Reads the next octets; zeros on failure. */
static inline const uint8_t *take(struct cursor *c, size_t count)
{
    const uint8_t *p = !c->failed && c->end - c->at >= count ? look(c->db, c->at, count) : NULL;
    c->failed = p == NULL;
    c->at += c->failed ? 0 : count;
    return c->failed ? no_octets : p;
}

/* Reads a number of 1 to 4 octets. */
static inline uint32_t take_number(struct cursor *c, size_t count)
{
    const uint8_t *p = take(c, count);
    uint32_t number = 0;
    for (size_t i = 0; i < count; i++) {
        number = number << 8 | p[i];
    }
    return number;
}

static enum result open_file(struct mmdb *out, const char *path, struct diag *diag)
{
    struct stat status;
    /* Without O_NONBLOCK a FIFO would block. */
    out->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (out->fd < 0 || fstat(out->fd, &status) != 0) {
        return diag_fail(diag, RESULT_SYSTEM, "%s: cannot be opened: %s", path, strerror(errno));
    }
    if (!S_ISREG(status.st_mode) || status.st_size <= 0 || status.st_size > MMDB_FILE_MAX) {
        return diag_fail(diag, RESULT_INVALID, "%s: is no location file (.mmdb)", path);
    }
    out->len = (uint64_t)status.st_size;
    size_t count = (size_t)(out->len / MMDB_BLOCK + 1);
    count = count < MMDB_BLOCKS ? count : MMDB_BLOCKS;
    out->cache = xcalloc(1, sizeof(*out->cache) + count * sizeof(out->cache->blocks[0]));
    out->cache->count = count;
    return RESULT_OK;
}

/* The offset of the last metadata marker in the file; `len` if there is none. */
static uint64_t find_marker(struct mmdb *db)
{
    uint64_t last = db->len > METADATA_MAX ? db->len - METADATA_MAX : 0;
    for (uint64_t at = db->len - (db->len < MARKER_LEN ? db->len : MARKER_LEN); at > last; at--) {
        const uint8_t *p = look(db, at, MARKER_LEN);
        if (p != NULL && memcmp(p, marker, MARKER_LEN) == 0) {
            return at;
        }
    }
    return db->len;
}

static bool metadata_number(struct mmdb *db, const struct mmdb_value *value, uint32_t *out)
{
    double number = 0;
    *out = mmdb_number(db, value, &number) && number >= 0 && number <= UINT32_MAX ? (uint32_t)number
                                                                                  : 0;
    return *out > 0;
}

/* Reads the metadata and checks that tree and data section lie inside the file. */
static bool read_layout(struct mmdb *db)
{
    static const char *const keys[] = { "binary_format_major_version", "node_count", "record_size",
                                        "ip_version" };
    struct mmdb_value map, values[4];
    uint32_t version = 0;
    uint64_t marker_at = find_marker(db);
    if (marker_at == db->len) {
        return false;
    }
    /* The metadata is a data section of its own. */
    db->data = marker_at + MARKER_LEN;
    db->data_end = db->len;
    if (!mmdb_value(db, 0, &map) || map.type != MMDB_MAP || !mmdb_pick(db, &map, keys, 4, values) ||
        !metadata_number(db, &values[0], &version) || version != 2 ||
        !metadata_number(db, &values[1], &db->node_count) ||
        !metadata_number(db, &values[2], &db->record_bits) ||
        !metadata_number(db, &values[3], &db->ip_version)) {
        return false;
    }
    if ((db->record_bits != 24 && db->record_bits != 28 && db->record_bits != 32) ||
        (db->ip_version != 4 && db->ip_version != 6)) {
        return false;
    }
    db->data = (uint64_t)db->node_count * db->record_bits / 4 + SEPARATOR;
    db->data_end = marker_at;
    return db->data <= db->data_end;
}

/* The value on one side of a node. If the file was truncated meanwhile, an impossible one. */
static uint32_t side_of(struct mmdb *db, uint32_t node, unsigned right)
{
    const uint8_t *p = look(db, (uint64_t)node * db->record_bits / 4, (size_t)db->record_bits / 4);
    if (p == NULL) {
        return UINT32_MAX;
    }
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
    struct mmdb db = { .fd = -1 };
    enum result result = open_file(&db, path, diag);
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
    if (db->fd >= 0) {
        (void)close(db->fd);
    }
    free(db->cache);
    *db = (struct mmdb){ .fd = -1 };
}

void mmdb_walk_begin(struct mmdb_walk *walk, struct mmdb *db, bool ipv4)
{
    walk->db = db;
    walk->ipv4 = ipv4;
    walk->visits_left = (uint64_t)db->node_count * VISITS_A_NODE;
    bool none = !ipv4 && db->ip_version == 4;
    walk->count = none ? 0 : 1;
    walk->stack[0] = (struct mmdb_branch){ 0, ipv4 ? db->ipv4_root : 0, 0, !ipv4 };
}

/* True for the IPv4 part of an IPv6 tree. */
static bool is_ipv4_part(const struct mmdb_walk *walk, const struct mmdb_branch *branch)
{
    struct mmdb *db = walk->db;
    if (walk->ipv4) {
        return false;
    }
    return branch->zeros ? branch->depth == MMDB_IPV4_DEPTH
                         : branch->value == db->ipv4_root && branch->value < db->node_count;
}

/* True at a leaf, with its record; `failed` if the record is out of bounds. */
static bool is_leaf(const struct mmdb_walk *walk, const struct mmdb_branch *branch,
                    uint32_t *record, bool *failed)
{
    const struct mmdb *db = walk->db;
    *record = MMDB_NO_RECORD;
    if (is_ipv4_part(walk, branch) || branch->value == db->node_count) {
        return true;
    }
    if (branch->value < db->node_count) {
        return false;
    }
    uint64_t offset = (uint64_t)branch->value - db->node_count;
    *failed = offset < SEPARATOR || offset - SEPARATOR >= db->data_end - db->data;
    *record = (uint32_t)(offset - SEPARATOR);
    return true;
}

enum result mmdb_walk_next(struct mmdb_walk *walk, struct mmdb_leaf *out)
{
    const unsigned depth_max = walk->ipv4 ? 32 : 128;
    bool failed = false;
    while (walk->count > 0) {
        struct mmdb_branch branch = walk->stack[--walk->count];
        if (is_leaf(walk, &branch, &out->record, &failed)) {
            out->high = branch.high;
            out->depth = branch.depth;
            return failed ? RESULT_INVALID : RESULT_OK;
        }
        if (branch.depth == depth_max || walk->visits_left-- == 0) {
            return RESULT_INVALID;
        }
        uint64_t bit = branch.depth < 64 ? (uint64_t)1 << (63 - branch.depth) : 0;
        uint8_t depth = (uint8_t)(branch.depth + 1);
        walk->stack[walk->count++] =
            (struct mmdb_branch){ branch.high | bit, side_of(walk->db, branch.value, 1), depth,
                                  false };
        walk->stack[walk->count++] =
            (struct mmdb_branch){ branch.high, side_of(walk->db, branch.value, 0), depth,
                                  branch.zeros };
    }
    return RESULT_NOT_FOUND;
}

static uint32_t read_number(struct reader *r, size_t count)
{
    uint32_t number = 0;
    for (size_t i = 0; i < count; i++) {
        number = number << 8 | read_u8(r);
    }
    return number;
}

static uint64_t read_pointer(struct reader *r, uint8_t control)
{
    uint64_t high = control & 7U;
    switch (control >> 3 & 3) {
    case 0:
        return high << 8 | read_number(r, 1);
    case 1:
        return (high << 16 | read_number(r, 2)) + 2048;
    case 2:
        return (high << 24 | read_number(r, 3)) + 526336;
    default:
        return read_number(r, 4);
    }
}

static uint32_t read_size(struct reader *r, uint8_t control)
{
    uint32_t size = control & 31U;
    switch (size) {
    case 29:
        return 29 + read_number(r, 1);
    case 30:
        return 285 + read_number(r, 2);
    case 31:
        return 65821 + read_number(r, 3);
    default:
        return size;
    }
}

/* Reads up to the payload; for a pointer, `at` becomes its target. */
static void take_head(struct cursor *c, struct mmdb_value *out)
{
    enum {
        HEAD_MAX = 5
    };
    uint64_t left = c->failed ? 0 : c->end - c->at;
    size_t len = left < HEAD_MAX ? (size_t)left : HEAD_MAX;
    const uint8_t *head = look(c->db, c->at, len);
    struct reader r = reader_of(head, head == NULL ? 0 : len);
    uint8_t control = read_u8(&r);
    bool pointer = control >> 5 == MMDB_POINTER;
    out->type = control >> 5;
    out->size = 0;
    out->at = pointer ? read_pointer(&r, control) : 0;
    if (out->type == 0) {
        uint8_t extended = read_u8(&r);
        r.failed = r.failed || extended == 0 || extended > UINT8_MAX - 7;
        out->type = (uint8_t)(extended + 7);
    }
    if (!pointer) {
        out->size = read_size(&r, control);
    }
    c->failed = c->failed || r.failed;
    c->at += c->failed ? 0 : r.at;
    out->at = pointer ? out->at : c->at - c->db->data;
}

static bool is_container(const struct mmdb_value *value)
{
    return value->type == MMDB_MAP || value->type == MMDB_ARRAY;
}

/* Length of the payload after the head of a value that is not a container. */
static uint32_t payload_len(const struct mmdb_value *value)
{
    return value->type == MMDB_POINTER || value->type == MMDB_BOOL ? 0 : value->size;
}

static void skip_value(struct cursor *c)
{
    struct mmdb_value value;
    uint64_t left = 1;
    for (unsigned items = 0; left > 0 && !c->failed; items++) {
        take_head(c, &value);
        left--;
        if (is_container(&value)) {
            left += value.type == MMDB_MAP ? 2ULL * value.size : value.size;
        } else {
            skip(c, payload_len(&value));
        }
        c->failed = c->failed || items == ITEMS_MAX;
    }
}

/* Reads a value, a container without its items, and follows a pointer. The cursor then stands after
 * the value's own place in the file. */
static void take_value(struct cursor *c, struct mmdb_value *out)
{
    take_head(c, out);
    if (c->failed || out->type != MMDB_POINTER) {
        skip(c, is_container(out) ? 0 : payload_len(out));
        return;
    }
    struct cursor there = cursor_at(c->db, out->at);
    take_head(&there, out);
    skip(&there, is_container(out) ? 0 : payload_len(out));
    c->failed = there.failed || out->type == MMDB_POINTER;
}

bool mmdb_value(struct mmdb *db, uint64_t offset, struct mmdb_value *out)
{
    struct cursor c = cursor_at(db, offset);
    take_value(&c, out);
    return !c.failed;
}

/* Reads a key. Returns which one of `keys` it is, or `count`. */
static size_t take_key(struct cursor *c, const char *const *keys, size_t count)
{
    struct mmdb_value key;
    take_value(c, &key);
    const char *text = c->failed ? NULL : mmdb_text(c->db, &key);
    size_t i = 0;
    c->failed = c->failed || key.type != MMDB_TEXT;
    while (i < count &&
           (text == NULL || strlen(keys[i]) != key.size || memcmp(keys[i], text, key.size) != 0)) {
        i++;
    }
    return i;
}

bool mmdb_pick(struct mmdb *db, const struct mmdb_value *map, const char *const *keys, size_t count,
               struct mmdb_value *out)
{
    memset(out, 0, count * sizeof(*out));
    if (map->type != MMDB_MAP) {
        return true;
    }
    struct cursor c = cursor_at(db, map->at);
    size_t found = 0;
    c.failed = c.failed || map->size > ITEMS_MAX;
    for (uint32_t i = 0; i < map->size && found < count && !c.failed; i++) {
        size_t key = take_key(&c, keys, count);
        if (key < count && !c.failed) {
            found += out[key].type == 0;
            c.failed = !mmdb_value(db, c.at - db->data, &out[key]);
        }
        skip_value(&c);
    }
    return !c.failed;
}

bool mmdb_first(struct mmdb *db, const struct mmdb_value *array, struct mmdb_value *out)
{
    memset(out, 0, sizeof(*out));
    return array->type != MMDB_ARRAY || array->size == 0 || mmdb_value(db, array->at, out);
}

const char *mmdb_text(struct mmdb *db, const struct mmdb_value *value)
{
    return value->type == MMDB_TEXT && value->size <= MMDB_LOOK_MAX
               ? (const char *)look(db, db->data + value->at, value->size)
               : NULL;
}

bool mmdb_number(struct mmdb *db, const struct mmdb_value *value, double *out)
{
    struct cursor c = cursor_at(db, value->at);
    if (value->type == MMDB_DOUBLE && value->size == 8) {
        uint64_t high = take_number(&c, 4);
        uint64_t bits = high << 32 | take_number(&c, 4);
        memcpy(out, &bits, sizeof(*out));
    } else if (value->type == MMDB_FLOAT && value->size == 4) {
        uint32_t bits = take_number(&c, 4);
        float number = 0;
        memcpy(&number, &bits, sizeof(number));
        *out = (double)number;
    } else if ((value->type == MMDB_U16 || value->type == MMDB_U32) && value->size <= 4) {
        *out = take_number(&c, value->size);
    } else {
        return false;
    }
    return !c.failed;
}
