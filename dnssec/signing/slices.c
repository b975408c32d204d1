/* The store's form of slices: rows of TABLE_META. `slices`: u8 layout, u64 made_at, u64 begin_at.
 * `slice:` and u64 from: u64 inception, u64 expiration, u32 ttl_s, u8 number of keys; for each: u8
 * algorithm, u16 tag, the first 8 octets of the public key, u8 flags (1: in CDS, 2: wanted, 4:
 * signs) and, if it signs, the signatures over slice_types. Rows name keys, since the numbers of
 * keys change as keys come and go. */
#include "dnssec/signing/slices.h"

#include <stdlib.h>

#include "zone/base/array.h"

enum {
    LAYOUT = 1,
    HEAD_LEN = 1 + 2 * 8,
    NAME_LEN = 8,
    FLAG_DS = 1,
    FLAG_WANTED = 2,
    FLAG_SIGNS = 4,
    ROW_KEY_LEN = 6 + 8,
    ROW_MAX = 8 + 8 + 4 + 1 + KEYSTORE_MAX * (1 + 2 + NAME_LEN + 1) +
              SLICE_SIGNERS_MAX * SLICE_TYPES * KEY_SIGNATURE_LEN
};

static const char head_key[] = "slices", row_prefix[] = "slice:";

void slices_done(struct slices *slices)
{
    free(slices->list);
    *slices = (struct slices){ .list = NULL };
}

bool slices_add(struct slices *slices, const struct slice *slice)
{
    if (slices->count == SLICES_MAX) {
        return false;
    }
    ARRAY_PUSH(slices->list, slices->count, slices->room, *slice);
    return true;
}

static void write_key(struct writer *w, const struct slice *slice, const struct key_record *key,
                      size_t i)
{
    bool signs = key_bits_have(slice->signed_by, i);
    write_u8(w, (uint8_t)key->algorithm);
    write_u16(w, key->tag);
    write_octets(w, key->public_key, NAME_LEN);
    write_u8(w, (uint8_t)((key_bits_have(slice->aim.ds, i) ? FLAG_DS : 0) |
                          (key_bits_have(slice->aim.wanted, i) ? FLAG_WANTED : 0) |
                          (signs ? FLAG_SIGNS : 0)));
    for (size_t type = 0; signs && type < SLICE_TYPES; type++) {
        write_octets(w, slice_signature(slice, i, type), KEY_SIGNATURE_LEN);
    }
}

static void make_row_key(uint8_t out[ROW_KEY_LEN], uint64_t from)
{
    struct writer w = writer_of(out, ROW_KEY_LEN);
    write_octets(&w, row_prefix, sizeof row_prefix - 1);
    write_u64(&w, from);
}

static enum result write_slice(const struct slice *slice, struct store_txn *txn,
                               const struct key_set *keys)
{
    uint8_t id[ROW_KEY_LEN], row[ROW_MAX];
    struct writer w = writer_of(row, sizeof row);
    uint8_t count = 0;
    for (size_t i = 0; i < keys->count; i++) {
        count = (uint8_t)(count + key_bits_have(slice->aim.dnskey, i));
    }
    write_u64(&w, slice->inception);
    write_u64(&w, slice->expiration);
    write_u32(&w, slice->ttl_s);
    write_u8(&w, count);
    for (size_t i = 0; i < keys->count; i++) {
        if (key_bits_have(slice->aim.dnskey, i)) {
            write_key(&w, slice, &keys->list[i], i);
        }
    }
    ASSERT(!w.failed);
    make_row_key(id, slice->from);
    return store_put(txn, TABLE_META, id, sizeof id, row, w.at);
}

static enum result remove_all(struct store_txn *txn)
{
    uint8_t id[STORE_KEY_MAX];
    for (;;) {
        struct store_item key = { .data = id, .len = sizeof row_prefix - 1, .room = sizeof id };
        memcpy(id, row_prefix, key.len);
        enum result result = store_find(txn, TABLE_META, SEEK_AT_OR_AFTER, &key, NULL);
        if (result == RESULT_NOT_FOUND) {
            return RESULT_OK;
        }
        TRY(result);
        if (key.len != ROW_KEY_LEN || memcmp(id, row_prefix, sizeof row_prefix - 1) != 0) {
            return RESULT_OK;
        }
        TRY(store_delete(txn, TABLE_META, id, key.len));
    }
}

static enum result write_all(const struct slices *slices, struct store_txn *txn,
                             const struct key_set *keys)
{
    uint8_t head[HEAD_LEN];
    struct writer w = writer_of(head, sizeof head);
    write_u8(&w, LAYOUT);
    write_u64(&w, slices->made_at);
    write_u64(&w, slices->begin_at);
    TRY(remove_all(txn));
    TRY(store_put(txn, TABLE_META, head_key, sizeof head_key - 1, head, sizeof head));
    for (size_t i = 0; i < slices->count; i++) {
        TRY(write_slice(&slices->list[i], txn, keys));
    }
    return RESULT_OK;
}

enum result slices_write(const struct slices *slices, struct store_txn *txn,
                         const struct key_set *keys, struct diag *diag)
{
    enum result result = write_all(slices, txn, keys);
    return result == RESULT_OK
               ? result
               : diag_fail(diag, result, "the bundle can't be stored: %s", result_text(result));
}

/* The index of a named key; keys->count if there is none. */
static size_t find_key(const struct key_set *keys, unsigned algorithm, uint16_t tag,
                       const uint8_t name[NAME_LEN])
{
    size_t i = 0;
    while (i < keys->count &&
           ((unsigned)keys->list[i].algorithm != algorithm || keys->list[i].tag != tag ||
            memcmp(keys->list[i].public_key, name, NAME_LEN) != 0)) {
        i++;
    }
    return i;
}

/* Reads one key of a row. Notes where its signatures are; they are copied when all keys are known.
 * False if the key is not one of `keys`. */
static bool read_key(struct reader *r, struct slice *out, const struct key_set *keys,
                     const uint8_t *signatures[KEYSTORE_MAX])
{
    unsigned algorithm = read_u8(r);
    uint16_t tag = read_u16(r);
    const uint8_t *name = read_octets(r, NAME_LEN);
    uint8_t flags = read_u8(r);
    const uint8_t *own =
        (flags & FLAG_SIGNS) != 0 ? read_octets(r, (size_t)SLICE_TYPES * KEY_SIGNATURE_LEN) : NULL;
    size_t i = r->failed ? keys->count : find_key(keys, algorithm, tag, name);
    if (i == keys->count) {
        return false;
    }
    uint32_t bit = key_bit(i);
    out->aim.dnskey |= bit;
    out->aim.ds |= (flags & FLAG_DS) != 0 ? bit : 0;
    out->aim.wanted |= (flags & FLAG_WANTED) != 0 ? bit : 0;
    signatures[i] = own;
    return true;
}

/* Reads a row. NOT_FOUND if it names a key that is not one of `keys`. */
static enum result read_slice(struct slice *out, const uint8_t *row, size_t len,
                              const struct key_set *keys)
{
    const uint8_t *signatures[KEYSTORE_MAX] = { NULL };
    struct reader r = reader_of(row, len);
    bool known = true;
    out->inception = read_u64(&r);
    out->expiration = read_u64(&r);
    out->ttl_s = read_u32(&r);
    for (unsigned left = read_u8(&r); left > 0 && !r.failed; left--) {
        known = read_key(&r, out, keys, signatures) && known;
    }
    for (size_t i = 0; i < keys->count; i++) {
        for (size_t type = 0; signatures[i] != NULL && type < SLICE_TYPES; type++) {
            uint8_t *room = slice_sign(out, i, type);
            if (room == NULL) {
                return RESULT_DAMAGED;
            }
            memcpy(room, signatures[i] + type * KEY_SIGNATURE_LEN, KEY_SIGNATURE_LEN);
        }
    }
    return !reader_done(&r) ? RESULT_DAMAGED : known ? RESULT_OK : RESULT_NOT_FOUND;
}

struct reading {
    struct slices slices;
    const struct key_set *keys;
};

static enum result visit_row(const uint8_t *key, size_t key_len, const uint8_t *value,
                             size_t value_len, void *arg)
{
    struct reading *reading = arg;
    struct slice slice = { .from = 0 };
    struct reader r = reader_of(key, key_len);
    const uint8_t *prefix = read_octets(&r, sizeof row_prefix - 1);
    if (prefix == NULL || memcmp(prefix, row_prefix, sizeof row_prefix - 1) != 0) {
        return RESULT_OK;
    }
    slice.from = read_u64(&r);
    enum result result =
        reader_done(&r) ? read_slice(&slice, value, value_len, reading->keys) : RESULT_DAMAGED;
    if (result == RESULT_OK && !slices_add(&reading->slices, &slice)) {
        result = RESULT_DAMAGED;
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

static enum result read_head(struct slices *out, struct store_txn *txn)
{
    uint8_t head[HEAD_LEN];
    struct store_item value = { .data = head, .room = sizeof head };
    TRY(store_get(txn, TABLE_META, head_key, sizeof head_key - 1, &value));
    struct reader r = reader_of(head, value.len);
    uint8_t layout = read_u8(&r);
    out->made_at = read_u64(&r);
    out->begin_at = read_u64(&r);
    if (layout > LAYOUT) {
        return RESULT_NEWER;
    }
    return reader_done(&r) && layout == LAYOUT ? RESULT_OK : RESULT_DAMAGED;
}

enum result slices_read(struct slices *out, struct store_txn *txn, const struct key_set *keys,
                        struct diag *diag)
{
    struct reading reading = { .keys = keys };
    enum result result = read_head(&reading.slices, txn);
    if (result == RESULT_OK) {
        result = store_each(txn, TABLE_META, visit_row, &reading);
    }
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        slices_done(&reading.slices);
        return diag_fail(diag, result, "the bundle of signatures can't be read: %s",
                         result_text(result));
    }
    *out = reading.slices;
    return RESULT_OK;
}
