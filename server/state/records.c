#include "server/state/records.h"

enum {
    POINTER = 0xc000,
    POINTER_MAX = 0x3fff,
    QUESTION_AT = 12,
    TO_OWNER = 0x8000 /* of a patch: it points to the block's first owner, not to the apex */
};

/* Where to write, and the block (or NULL) that notes where the pointers are. */
struct sink {
    struct writer *w;
    const struct records_frame *frame;
    struct block *block;
    const struct dname *first_owner; /* of a block, if it is longer than a pointer; else NULL */
};

static uint16_t apex_pointer(const struct records_frame *frame)
{
    return (uint16_t)(POINTER | (QUESTION_AT + frame->qname->len - frame->apex->len));
}

/* A pointer that is patched when the block is written. */
static void write_patched(const struct sink *sink, uint16_t flag)
{
    struct block *block = sink->block;
    if (block != NULL && block->patch_count[1] < BLOCK_PATCHES && sink->w->at < TO_OWNER) {
        block->patches[block->patch_count[1]++] = (uint16_t)(sink->w->at | flag);
    } else if (block != NULL) {
        sink->w->failed = true;
    }
    write_u16(sink->w, apex_pointer(sink->frame));
}

static void write_name(const struct sink *sink, const struct dname *name)
{
    struct writer *w = sink->w;
    if (name == sink->frame->qname) {
        write_u16(w, POINTER | QUESTION_AT);
    } else if (name == sink->first_owner && w->at > 0) {
        write_patched(sink, TO_OWNER);
    } else {
        write_octets(w, name->wire, (size_t)name->len - sink->frame->apex->len);
        write_patched(sink, 0);
    }
}

/* Writes a name of the rdata, compressed like an owner if it is in the zone. Returns its length in
 * `rdata`, 0 if there is none. */
static size_t write_rdata_name(const struct sink *sink, const uint8_t *rdata, size_t len)
{
    struct reader r = reader_of(rdata, len);
    struct dname name;
    dname_read(&r, &name);
    if (r.failed) { /* a damaged row is written as it is */
        return 0;
    }
    if (dname_under(&name, sink->frame->apex)) {
        write_name(sink, &name);
    } else {
        dname_write(sink->w, &name);
    }
    return r.at;
}

/* Only types of RFC 1035 may have compressed names in their rdata (RFC 3597 4). These are the ones
 * that pools have. */
static void write_rdata(const struct sink *sink, uint16_t type, const uint8_t *rdata, size_t len)
{
    size_t at = 0;
    if (type == RR_SOA || type == RR_NS || type == RR_CNAME) {
        at = write_rdata_name(sink, rdata, len);
    }
    if (type == RR_SOA) {
        at += write_rdata_name(sink, rdata + at, len - at);
    }
    write_octets(sink->w, rdata + at, len - at);
}

static void write_record(const struct sink *sink, const struct dname *owner,
                         const struct rrset *set, const uint8_t *rdata, uint16_t len)
{
    struct writer *w = sink->w;
    write_name(sink, owner);
    uint8_t *fixed = write_room(w, 10);
    if (fixed == NULL) {
        return;
    }
    size_t begin = wire_mark(w);
    write_rdata(sink, set->type, rdata, len);
    wire_put_u16(fixed, set->type);
    wire_put_u16(fixed + 2, RR_CLASS_IN);
    wire_put_u32(fixed + 4, set->ttl);
    wire_put_u16(fixed + 8, (uint16_t)(w->at - begin));
}

static uint16_t write_set(const struct sink *sink, const struct dname *owner,
                          const struct rrset *set, uint16_t first)
{
    const uint8_t *rdata = NULL;
    uint16_t len = 0;
    size_t at = 0;
    for (uint16_t i = 0; i < first && rrset_next(set, &at, &rdata, &len); i++) {
    }
    size_t begin = at;
    while (rrset_next(set, &at, &rdata, &len)) {
        write_record(sink, owner, set, rdata, len);
    }
    at = 0;
    while (at < begin && rrset_next(set, &at, &rdata, &len)) {
        write_record(sink, owner, set, rdata, len);
    }
    return set->count;
}

uint16_t records_write(struct writer *w, const struct records_frame *frame,
                       const struct dname *owner, const struct rrset *set, uint16_t first)
{
    const struct sink sink = { w, frame, NULL, NULL };
    return write_set(&sink, owner, set, first);
}

bool block_make(struct block *out, uint8_t *room, size_t room_len, const struct dname *apex,
                const struct block_parts *parts)
{
    struct block block = { .wire = room };
    struct writer w = writer_of(room, room_len < UINT16_MAX ? room_len : UINT16_MAX);
    /* Made for a qname as long as the apex. The pointers are patched when the block is written. */
    const struct dname anyone = { .len = apex->len };
    const struct records_frame frame = { &anyone, apex };
    const struct dname *owner = parts->owner == NULL ? &anyone : parts->owner;
    const struct sink sink = { &w, &frame, &block, owner->len > apex->len ? owner : NULL };
    block.count[0] = write_set(&sink, owner, parts->set, parts->first);
    block.len[0] = (uint16_t)w.at;
    block.patch_count[0] = block.patch_count[1];
    block.count[1] = (uint16_t)(block.count[0] + write_set(&sink, owner, parts->signatures, 0));
    block.len[1] = (uint16_t)w.at;
    if (!w.failed) {
        *out = block;
    }
    return !w.failed;
}

uint16_t block_write(struct writer *w, const struct records_frame *frame, const struct block *block,
                     bool with_rrsigs)
{
    size_t begin = wire_mark(w);
    uint8_t *p = write_room(w, block->len[with_rrsigs]);
    if (p == NULL) {
        return 0;
    }
    memcpy(p, block->wire, block->len[with_rrsigs]);
    /* Only after CNAMEs whose names and signatures fill 16 KiB. */
    w->failed = begin > POINTER_MAX;
    uint16_t pointers[2] = { apex_pointer(frame), (uint16_t)(POINTER | (begin & POINTER_MAX)) };
    for (unsigned i = 0; i < block->patch_count[with_rrsigs]; i++) {
        uint16_t patch = block->patches[i];
        wire_put_u16(p + (patch & ~TO_OWNER), pointers[patch / TO_OWNER]);
    }
    return block->count[with_rrsigs];
}
