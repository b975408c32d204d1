/* The rows of what is counted. */
#include <math.h>

#include "zone/steering/traffic_private.h"

enum {
    ROW_CELL = 1,
    ROW_MEMBER = 2,
    ROW_OVER_BUDGET = 3,
    ROW_MEMBER_DAYS = 4, /* after the members, of which each is one's */
    KEY_ROOM = 16,
    ROW_ROOM = 1 + 4 * TRAFFIC_DAYS
};

static void write_cell(struct writer *key, struct writer *row, const struct traffic_cell *cell)
{
    write_u8(key, ROW_CELL);
    write_octets(key, cell->country, strlen(cell->country));
    write_octets(key, cell->subdivision, strlen(cell->subdivision));
    write_u8(row, TRAFFIC_LAYOUT);
    write_u64(row, cell->at);
    write_u64(row, (uint64_t)llround(cell->queries * 1000));
}

static bool read_cell(struct traffic_cell *out, struct reader *key, struct reader *row)
{
    enum {
        QUERIES_MAX = 1000000000 /* millions: far above any real sum */
    };
    size_t len = reader_left(key), country = len < 2 ? 0 : 2;
    if (len == 1 || len > 5 || read_u8(row) != TRAFFIC_LAYOUT) {
        return false;
    }
    read_into(key, out->country, country);
    read_into(key, out->subdivision, len - country);
    out->at = read_u64(row);
    uint64_t milli = read_u64(row);
    out->queries = (double)milli / 1000;
    return milli / 1000 / 1000000 < QUERIES_MAX && strlen(out->country) == country &&
           strlen(out->subdivision) == len - country;
}

static void write_member(struct writer *key, struct writer *row,
                         const struct traffic_member *member)
{
    write_u8(key, ROW_MEMBER);
    write_u64(key, member->member_id);
    write_u8(row, TRAFFIC_LAYOUT);
    write_u64(row, member->hour);
    for (unsigned i = 0; i < TRAFFIC_HOURS; i++) {
        write_u32(row, member->answers[i]);
    }
}

static bool read_member(struct traffic_member *out, struct reader *key, struct reader *row)
{
    out->member_id = read_u64(key);
    if (read_u8(row) != TRAFFIC_LAYOUT) {
        return false;
    }
    out->hour = read_u64(row);
    for (unsigned i = 0; i < TRAFFIC_HOURS; i++) {
        out->answers[i] = read_u32(row);
    }
    return out->member_id != 0;
}

static void write_days(struct writer *key, struct writer *row, const struct traffic_member *member)
{
    write_u8(key, ROW_MEMBER_DAYS);
    write_u64(key, member->member_id);
    write_u8(row, TRAFFIC_LAYOUT);
    for (unsigned i = 0; i < TRAFFIC_DAYS; i++) {
        write_u32(row, member->days[i]);
    }
}

static bool read_days(const struct traffic *traffic, struct reader *key, struct reader *row)
{
    struct traffic_member *member =
        traffic_find_member(traffic, traffic->member_count, read_u64(key));
    if (member == NULL || read_u8(row) != TRAFFIC_LAYOUT) {
        return false;
    }
    for (unsigned i = 0; i < TRAFFIC_DAYS; i++) {
        member->days[i] = read_u32(row);
    }
    return true;
}

static bool load_pool(struct traffic *traffic, struct reader *key, struct reader *row)
{
    struct traffic_pool_day day;
    bool good = traffic_read_pool(&day, key, row);
    if (good && day.number > traffic->pool[day.number % 2].number) {
        traffic->pool[day.number % 2] = day;
    }
    return good;
}

static void write_spell(struct writer *key, struct writer *row, const struct traffic_spell *spell)
{
    write_u8(key, ROW_OVER_BUDGET);
    write_u8(row, TRAFFIC_LAYOUT);
    write_u64(row, spell->since);
    write_u64(row, spell->until);
    write_u64(row, spell->answers);
}

static bool read_spell(struct traffic_spell *out, struct reader *row)
{
    bool known = read_u8(row) == TRAFFIC_LAYOUT;
    out->since = read_u64(row);
    out->until = read_u64(row);
    out->answers = read_u64(row);
    return known && out->since <= out->until;
}

/* What to load: all; or the members of one slice; or no members. */
struct loading {
    struct traffic *traffic;
    bool all;
    unsigned slices, slice;
};

/* True for a row that is left out. `key` begins after the kind. */
static bool is_left_out(const struct loading *loading, uint8_t kind, struct reader key)
{
    if (loading->all) {
        return false;
    }
    return loading->slices == 0
               ? kind != ROW_CELL
               : kind != ROW_MEMBER || read_u64(&key) % loading->slices != loading->slice;
}

static enum result load_row(const uint8_t *key_data, size_t key_len, const uint8_t *data,
                            size_t len, void *arg)
{
    const struct loading *loading = arg;
    struct traffic *traffic = loading->traffic;
    struct reader key = reader_of(key_data, key_len), row = reader_of(data, len);
    uint8_t kind = read_u8(&key);
    bool good = false;
    if (is_left_out(loading, kind, key)) {
        return RESULT_OK;
    }
    if (kind == ROW_CELL) {
        struct traffic_cell *cell = traffic_append_cell(traffic);
        cell->changed = false;
        good = read_cell(cell, &key, &row);
    } else if (kind == ROW_MEMBER) {
        struct traffic_member *member = traffic_append_member(traffic);
        member->changed = false;
        good = read_member(member, &key, &row);
    } else if (kind == ROW_OVER_BUDGET) {
        good = read_spell(&traffic->over_budget, &row);
    } else if (kind == ROW_MEMBER_DAYS) {
        good = read_days(traffic, &key, &row);
    } else if (kind == TRAFFIC_ROW_POOL) {
        good = load_pool(traffic, &key, &row);
    }
    return good && reader_done(&key) && reader_done(&row) ? RESULT_OK : RESULT_DAMAGED;
}

/* Keys are in the order of the lists, so these come out sorted. */
static enum result load(struct traffic *out, struct store_txn *txn, struct loading loading,
                        struct diag *diag)
{
    struct traffic traffic = { 0 };
    loading.traffic = &traffic;
    enum result result = store_each(txn, TABLE_TRAFFIC, load_row, &loading);
    if (result != RESULT_OK) {
        traffic_done(&traffic);
        return diag_fail(diag, result,
                         "the counts in the traffic store can't be read: restore it from a backup "
                         "(ntspool restore)");
    }
    *out = traffic;
    return RESULT_OK;
}

enum result traffic_load(struct traffic *out, struct store_txn *txn, struct diag *diag)
{
    return load(out, txn, (struct loading){ .all = true }, diag);
}

enum result traffic_load_cells(struct traffic *out, struct store_txn *txn, struct diag *diag)
{
    return load(out, txn, (struct loading){ .all = false }, diag);
}

enum result traffic_load_slice(struct traffic *out, struct store_txn *txn, unsigned slices,
                               unsigned slice, struct diag *diag)
{
    return load(out, txn, (struct loading){ .slices = slices, .slice = slice }, diag);
}

static enum result put_or_delete(struct store_txn *txn, const struct writer *key,
                                 const struct writer *row, bool gone)
{
    ASSERT(!key->failed && !row->failed);
    if (txn == NULL) {
        return RESULT_OK;
    }
    if (!gone) {
        return store_put(txn, TABLE_TRAFFIC, key->data, key->at, row->data, row->at);
    }
    enum result result = store_delete(txn, TABLE_TRAFFIC, key->data, key->at);
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

static enum result save_cells(struct traffic *traffic, struct store_txn *txn)
{
    enum result result = RESULT_OK;
    size_t kept = 0;
    for (size_t i = 0; i < traffic->cell_count; i++) {
        struct traffic_cell *cell = &traffic->cells[i];
        uint8_t key_data[KEY_ROOM], data[ROW_ROOM];
        struct writer key = writer_of(key_data, sizeof(key_data));
        struct writer row = writer_of(data, sizeof(data));
        bool gone = cell->queries < traffic_least;
        if (result == RESULT_OK && cell->changed) {
            write_cell(&key, &row, cell);
            result = put_or_delete(txn, &key, &row, gone);
            cell->changed = false;
        }
        if (!gone) {
            traffic->cells[kept++] = *cell;
        }
    }
    traffic->cell_count = kept;
    return result;
}

/* Writes the member's rows that have changed, or deletes both. */
static enum result save_member(struct traffic_member *member, struct store_txn *txn)
{
    uint8_t key_data[KEY_ROOM], data[ROW_ROOM];
    struct writer key = writer_of(key_data, sizeof(key_data));
    struct writer row = writer_of(data, sizeof(data));
    if (member->changed) {
        write_member(&key, &row, member);
        TRY(put_or_delete(txn, &key, &row, member->gone));
        member->changed = false;
    }
    if (member->days_changed) {
        key.at = row.at = 0;
        write_days(&key, &row, member);
        TRY(put_or_delete(txn, &key, &row, member->gone));
        member->days_changed = false;
    }
    return RESULT_OK;
}

static enum result save_members(struct traffic *traffic, struct store_txn *txn)
{
    enum result result = RESULT_OK;
    size_t kept = 0;
    for (size_t i = 0; i < traffic->member_count; i++) {
        struct traffic_member *member = &traffic->members[i];
        result = result == RESULT_OK ? save_member(member, txn) : result;
        if (!member->gone) {
            traffic->members[kept++] = *member;
        }
    }
    traffic->member_count = kept;
    return result;
}

static enum result save_spell(struct traffic_spell *spell, struct store_txn *txn)
{
    uint8_t key_data[KEY_ROOM], data[ROW_ROOM];
    struct writer key = writer_of(key_data, sizeof(key_data));
    struct writer row = writer_of(data, sizeof(data));
    if (!spell->changed) {
        return RESULT_OK;
    }
    write_spell(&key, &row, spell);
    spell->changed = false;
    return put_or_delete(txn, &key, &row, false);
}

static enum result save_all(struct traffic *traffic, struct store_txn *txn)
{
    TRY(save_cells(traffic, txn));
    TRY(save_members(traffic, txn));
    TRY(traffic_save_pool(traffic, txn));
    return save_spell(&traffic->over_budget, txn);
}

enum result traffic_save(struct traffic *traffic, struct store_txn *txn, struct diag *diag)
{
    enum result result = save_all(traffic, txn);
    if (result != RESULT_OK) {
        traffic_unsaved(traffic);
        return diag_fail(diag, result, "the counts can't be written to the traffic store: %s",
                         result_text(result));
    }
    return RESULT_OK;
}

/* A member's row that was to be deleted and is still there goes at the next load and prune. */
void traffic_unsaved(struct traffic *traffic)
{
    for (size_t i = 0; i < traffic->cell_count; i++) {
        traffic->cells[i].changed = true;
    }
    for (size_t i = 0; i < traffic->member_count; i++) {
        traffic->members[i].changed = traffic->members[i].days_changed = true;
    }
    for (unsigned i = 0; i < 2; i++) {
        traffic->pool[i].changed = traffic->pool[i].number != 0;
    }
    traffic->over_budget.changed = traffic->over_budget.since != 0;
}
