/* Design note. TABLE_LEDGER has a row for each shared row: its place (ledgerrow_place), whose first
 * octet is the bucket, and its digest. A row whose key is the bucket alone comes before them and
 * has the digest of the bucket. So a change costs one bucket for each row that it touches, and the
 * root costs 256 digests, however many rows there are. */
#include "zone/registry/registry_ledger.h"

#include <stdlib.h>

#include "zone/base/array.h"
#include "zone/registry/registry_doubts.h"
#include "zone/registry/registry_private.h"

static const char position_key[] = "position";

enum result registry_position(struct store_txn *txn, struct ledgerhead_position *out)
{
    uint8_t data[2 * LEDGERHEAD_POSITION_MAX]; /* also for layouts to come */
    struct store_item item = { .data = data, .room = sizeof(data) };
    TRY(store_get(txn, TABLE_META, position_key, sizeof(position_key) - 1, &item));
    enum result result = ledgerhead_decode_position(out, (struct octets){ data, item.len });
    return result == RESULT_INVALID ? RESULT_DAMAGED : result;
}

enum result registry_put_position(struct registry_change *change,
                                  const struct ledgerhead_position *position)
{
    uint8_t data[LEDGERHEAD_POSITION_MAX];
    size_t len = ledgerhead_encode_position(position, data);
    return registry_written(change->diag, store_put(change->txn, TABLE_META, position_key,
                                                    sizeof(position_key) - 1, data, len));
}

enum result registry_put_began(struct registry_change *change, uint64_t seq)
{
    uint8_t data[8];
    struct writer w = writer_of(data, sizeof(data));
    write_u64(&w, seq);
    return registry_put_row(change, REGISTRY_BEGAN, &w);
}

uint64_t registry_began_after(struct store_txn *txn)
{
    uint8_t data[8];
    struct reader r;
    return registry_row(txn, REGISTRY_BEGAN, data, sizeof(data), &r) == RESULT_OK ? read_u64(&r)
                                                                                  : 0;
}

bool registry_began(const struct registry_fleet_row *row, uint64_t *seq)
{
    static const char name[] = REGISTRY_BEGAN;
    struct reader r = reader_of(row->value.data, row->value.len);
    if (row->name.kind != LEDGERROW_SETTING || row->name.len != sizeof(name) - 1 ||
        memcmp(row->name.octets, name, sizeof(name) - 1) != 0) {
        return false;
    }
    *seq = read_u64(&r);
    return reader_done(&r);
}

static enum result drop_digests(struct registry_change *change)
{
    uint8_t octets[STORE_KEY_MAX];
    struct store_item key = { .data = octets, .room = sizeof(octets) };
    enum result result = store_find(change->txn, TABLE_LEDGER, SEEK_FIRST, &key, NULL);
    while (result == RESULT_OK) {
        TRY(registry_written(change->diag,
                             store_delete(change->txn, TABLE_LEDGER, octets, key.len)));
        result = store_find(change->txn, TABLE_LEDGER, SEEK_FIRST, &key, NULL);
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : registry_written(change->diag, result);
}

enum result registry_drop_position(struct registry_change *change)
{
    enum result result =
        store_delete(change->txn, TABLE_META, position_key, sizeof(position_key) - 1);
    TRY(registry_written(change->diag, result == RESULT_NOT_FOUND ? RESULT_OK : result));
    TRY(registry_put_doubts(change, &(struct doubts){ .count = 0 }));
    TRY(drop_digests(change));
    return registry_save_log(change);
}

/* Writes a digest unless it is there: what is written takes memory until the commit. */
static enum result put_digest(struct registry_change *change, const void *key, size_t len,
                              const struct ledgerrow_digest *digest)
{
    struct ledgerrow_digest here;
    struct store_item item = { .data = here.octets, .room = sizeof(here.octets) };
    if (store_get(change->txn, TABLE_LEDGER, key, len, &item) == RESULT_OK &&
        item.len == sizeof(here.octets) &&
        memcmp(here.octets, digest->octets, sizeof(here.octets)) == 0) {
        return RESULT_OK;
    }
    return registry_written(change->diag, store_put(change->txn, TABLE_LEDGER, key, len,
                                                    digest->octets, sizeof(digest->octets)));
}

/* Which buckets a change touched. */
struct touched {
    bool buckets[LEDGERROW_BUCKETS];
};

static enum result note_row(struct registry_change *change, const struct registry_fleet_row *row,
                            struct touched *touched)
{
    struct ledgerrow_digest place, digest;
    ledgerrow_place(&place, &row->name);
    touched->buckets[place.octets[0]] = true;
    if (row->gone) {
        enum result result =
            store_delete(change->txn, TABLE_LEDGER, place.octets, sizeof(place.octets));
        return registry_written(change->diag, result == RESULT_NOT_FOUND ? RESULT_OK : result);
    }
    ledgerrow_digest(&digest, &row->name, row->value);
    return put_digest(change, place.octets, sizeof(place.octets), &digest);
}

struct digests {
    struct ledgerrow_digest *list;
    size_t count, room;
};

/* Computes a bucket's digest anew. `digests` is for use again. */
static enum result close_bucket(struct registry_change *change, uint8_t bucket,
                                struct digests *digests)
{
    uint8_t octets[STORE_KEY_MAX] = { bucket };
    struct store_item key = { .len = 1, .data = octets, .room = sizeof(octets) };
    struct ledgerrow_digest digest;
    struct store_item value = { .data = digest.octets, .room = sizeof(digest.octets) };
    enum result result = store_find(change->txn, TABLE_LEDGER, SEEK_AFTER, &key, &value);
    digests->count = 0;
    while (result == RESULT_OK && octets[0] == bucket) {
        if (key.len != sizeof(digest.octets) || value.len != sizeof(digest.octets)) {
            return registry_damaged(change->diag, "a digest of the ledger");
        }
        ARRAY_PUSH(digests->list, digests->count, digests->room, digest);
        result = store_find(change->txn, TABLE_LEDGER, SEEK_AFTER, &key, &value);
    }
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        return registry_written(change->diag, result);
    }
    ledgerrow_bucket_digest(&digest, digests->list, digests->count);
    return put_digest(change, &bucket, 1, &digest);
}

static enum result close_buckets(struct registry_change *change, const struct touched *touched)
{
    struct digests digests = { .list = NULL };
    enum result result = RESULT_OK;
    for (size_t i = 0; i < LEDGERROW_BUCKETS && result == RESULT_OK; i++) {
        if (touched->buckets[i]) {
            result = close_bucket(change, (uint8_t)i, &digests);
        }
    }
    free(digests.list);
    return result;
}

struct building {
    struct registry_change *change;
    struct touched touched;
    size_t rows;
};

static enum result build_row(const struct registry_fleet_row *row, void *arg)
{
    struct building *building = arg;
    building->rows++;
    return note_row(building->change, row, &building->touched);
}

enum result registry_ledger_build(struct registry_change *change)
{
    struct building building = { .change = change };
    TRY(registry_fleet_each(change->txn, build_row, &building));
    memset(building.touched.buckets, true, sizeof(building.touched.buckets));
    enum result result = close_buckets(change, &building.touched);
    if (result == RESULT_OK &&
        store_count(change->txn, TABLE_LEDGER) == building.rows + LEDGERROW_BUCKETS) {
        return RESULT_OK;
    }
    TRY(result == RESULT_DAMAGED ? RESULT_OK : result);
    /* There are others, of rows that are gone, or of none. */
    TRY(drop_digests(change));
    TRY(registry_fleet_each(change->txn, build_row, &building));
    return close_buckets(change, &building.touched);
}

enum result registry_ledger_note(struct registry_change *change,
                                 const struct registry_fleet_row *rows, size_t count)
{
    struct touched touched = { { false } };
    for (size_t i = 0; i < count; i++) {
        TRY(note_row(change, &rows[i], &touched));
    }
    return close_buckets(change, &touched);
}

enum result registry_ledger_root(struct store_txn *txn, struct ledgerrow_digest *out)
{
    struct ledgerrow_digest buckets[LEDGERROW_BUCKETS];
    for (size_t i = 0; i < LEDGERROW_BUCKETS; i++) {
        uint8_t bucket = (uint8_t)i;
        struct store_item item = { .data = buckets[i].octets, .room = sizeof(buckets[i].octets) };
        enum result result = store_get(txn, TABLE_LEDGER, &bucket, 1, &item);
        if (result != RESULT_OK || item.len != sizeof(buckets[i].octets)) {
            return RESULT_DAMAGED;
        }
    }
    ledgerrow_root(out, buckets);
    return RESULT_OK;
}
