/* Cursors over wire data in network byte order. A failure sticks.
 *
 * Read or write the whole layout, then check `failed` once. A reader that ran past its end returns
 * zeros from then on; a writer that ran out of room writes nothing more. Neither touches memory
 * outside [data, data + len). A writer can be rolled back to a mark (wire_mark), failure
 * included. */
#ifndef ZONE_WIRE_H
#define ZONE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A run of octets that somebody else owns. */
struct octets {
    const uint8_t *data;
    size_t len;
};

struct reader {
    const uint8_t *data;
    size_t len;
    size_t at;
    bool failed;
};

struct writer {
    uint8_t *data;
    size_t len; /* room */
    size_t at;  /* octets written */
    bool failed;
};

static inline struct reader reader_of(const void *data, size_t len)
{
    return (struct reader){ .data = data, .len = len };
}

static inline size_t reader_left(const struct reader *r)
{
    return r->failed ? 0 : r->len - r->at;
}

/* The next `count` octets, or NULL on failure. A `count` of 0 gives a pointer too. */
static inline const uint8_t *read_octets(struct reader *r, size_t count)
{
    if (r->failed || r->len - r->at < count) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->data + r->at;
    r->at += count;
    return p;
}

/* Copies `count` octets to `out`; `out` is left alone on failure. */
static inline void read_into(struct reader *r, void *out, size_t count)
{
    const uint8_t *p = read_octets(r, count);
    if (p != NULL && count > 0) {
        memcpy(out, p, count);
    }
}

static inline uint16_t wire_get_u16(const uint8_t *p)
{
    return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

static inline uint8_t read_u8(struct reader *r)
{
    const uint8_t *p = read_octets(r, 1);
    return p == NULL ? 0 : p[0];
}

static inline uint16_t read_u16(struct reader *r)
{
    const uint8_t *p = read_octets(r, 2);
    return p == NULL ? 0 : wire_get_u16(p);
}

static inline uint32_t read_u32(struct reader *r)
{
    const uint8_t *p = read_octets(r, 4);
    return p == NULL ? 0 : (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t read_u64(struct reader *r)
{
    uint64_t high = read_u32(r);
    return high << 32 | read_u32(r);
}

/* Reads a text of [u16 length][octets] into a char array of `room` octets and ends it with NUL.
 * Fails if it does not fit or holds a NUL. */
void read_text(struct reader *r, char *out, size_t room);

/* True if everything was read and nothing failed. A decoder checks this at its end. */
static inline bool reader_done(const struct reader *r)
{
    return !r->failed && r->at == r->len;
}

static inline struct writer writer_of(void *data, size_t len)
{
    return (struct writer){ .data = data, .len = len };
}

/* `count` octets for the caller to fill, or NULL on failure. */
static inline uint8_t *write_room(struct writer *w, size_t count)
{
    if (w->failed || w->len - w->at < count) {
        w->failed = true;
        return NULL;
    }
    uint8_t *p = w->data + w->at;
    w->at += count;
    return p;
}

static inline void write_octets(struct writer *w, const void *data, size_t count)
{
    uint8_t *p = write_room(w, count);
    if (p != NULL && count > 0) {
        memcpy(p, data, count);
    }
}

static inline void write_u8(struct writer *w, uint8_t value)
{
    uint8_t *p = write_room(w, 1);
    if (p != NULL) {
        p[0] = value;
    }
}

static inline void wire_put_u16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static inline void wire_put_u32(uint8_t *p, uint32_t value)
{
    wire_put_u16(p, (uint16_t)(value >> 16));
    wire_put_u16(p + 2, (uint16_t)value);
}

static inline void write_u16(struct writer *w, uint16_t value)
{
    uint8_t *p = write_room(w, 2);
    if (p != NULL) {
        wire_put_u16(p, value);
    }
}

static inline void write_u32(struct writer *w, uint32_t value)
{
    uint8_t *p = write_room(w, 4);
    if (p != NULL) {
        wire_put_u32(p, value);
    }
}

static inline void write_u64(struct writer *w, uint64_t value)
{
    write_u32(w, (uint32_t)(value >> 32));
    write_u32(w, (uint32_t)value);
}

/* The counterpart of read_text. */
void write_text(struct writer *w, const char *text);

/* For wire_rollback. */
static inline size_t wire_mark(const struct writer *w)
{
    return w->at;
}

/* Undoes everything written since the mark, and a failure since then. The mark must have been taken
 * before any failure. */
static inline void wire_rollback(struct writer *w, size_t mark)
{
    w->at = mark;
    w->failed = false;
}

#endif
