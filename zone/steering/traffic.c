#include "zone/steering/traffic.h"

#include <math.h>
#include <stdlib.h>

#include "zone/base/array.h"
#include "zone/base/u64.h"
#include "zone/base/wire.h"

enum {
    LAYOUT = 1, /* of all rows */
    ROW_CELL = 1,
    ROW_MEMBER = 2,
    ROW_OVER_BUDGET = 3,
    HOUR_S = 3600,
    KEY_ROOM = 16,
    ROW_ROOM = 1 + 8 + 4 * TRAFFIC_HOURS
};

static const double least = 0.01; /* queries; less is no demand */

void traffic_done(struct traffic *traffic)
{
    free(traffic->cells);
    free(traffic->members);
    *traffic = (struct traffic){ 0 };
}

static int compare_cells(const void *a, const void *b)
{
    const struct traffic_cell *left = a, *right = b;
    int order = strcmp(left->country, right->country);
    return order != 0 ? order : strcmp(left->subdivision, right->subdivision);
}

static int compare_members(const void *a, const void *b)
{
    const struct traffic_member *left = a, *right = b;
    return u64_order(left->member_id, right->member_id);
}

static struct traffic_cell *append_cell(struct traffic *traffic)
{
    ARRAY_PUSH(traffic->cells, traffic->cell_count, traffic->cell_room,
               (struct traffic_cell){ .changed = true });
    return &traffic->cells[traffic->cell_count - 1];
}

static struct traffic_member *append_member(struct traffic *traffic)
{
    ARRAY_PUSH(traffic->members, traffic->member_count, traffic->member_room,
               (struct traffic_member){ .changed = true });
    return &traffic->members[traffic->member_count - 1];
}

/* -- rows -- */

static void write_cell(struct writer *key, struct writer *row, const struct traffic_cell *cell)
{
    write_u8(key, ROW_CELL);
    write_octets(key, cell->country, strlen(cell->country));
    write_octets(key, cell->subdivision, strlen(cell->subdivision));
    write_u8(row, LAYOUT);
    write_u64(row, cell->at);
    write_u64(row, (uint64_t)llround(cell->queries * 1000));
}

static bool read_cell(struct traffic_cell *out, struct reader *key, struct reader *row)
{
    enum {
        QUERIES_MAX = 1000000000 /* millions: far above any real sum */
    };
    size_t len = reader_left(key), country = len < 2 ? 0 : 2;
    if (len == 1 || len > 5 || read_u8(row) != LAYOUT) {
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
    write_u8(row, LAYOUT);
    write_u64(row, member->hour);
    for (unsigned i = 0; i < TRAFFIC_HOURS; i++) {
        write_u32(row, member->answers[i]);
    }
}

static bool read_member(struct traffic_member *out, struct reader *key, struct reader *row)
{
    out->member_id = read_u64(key);
    if (read_u8(row) != LAYOUT) {
        return false;
    }
    out->hour = read_u64(row);
    for (unsigned i = 0; i < TRAFFIC_HOURS; i++) {
        out->answers[i] = read_u32(row);
    }
    return out->member_id != 0;
}

static void write_spell(struct writer *key, struct writer *row, const struct traffic_spell *spell)
{
    write_u8(key, ROW_OVER_BUDGET);
    write_u8(row, LAYOUT);
    write_u64(row, spell->since);
    write_u64(row, spell->until);
    write_u64(row, spell->answers);
}

static bool read_spell(struct traffic_spell *out, struct reader *row)
{
    bool known = read_u8(row) == LAYOUT;
    out->since = read_u64(row);
    out->until = read_u64(row);
    out->answers = read_u64(row);
    return known && out->since <= out->until;
}

static enum result load_row(const uint8_t *key_data, size_t key_len, const uint8_t *data,
                            size_t len, void *arg)
{
    struct traffic *traffic = arg;
    struct reader key = reader_of(key_data, key_len), row = reader_of(data, len);
    uint8_t kind = read_u8(&key);
    bool good = false;
    if (kind == ROW_CELL) {
        struct traffic_cell *cell = append_cell(traffic);
        cell->changed = false;
        good = read_cell(cell, &key, &row);
    } else if (kind == ROW_MEMBER) {
        struct traffic_member *member = append_member(traffic);
        member->changed = false;
        good = read_member(member, &key, &row);
    } else if (kind == ROW_OVER_BUDGET) {
        good = read_spell(&traffic->over_budget, &row);
    }
    return good && reader_done(&key) && reader_done(&row) ? RESULT_OK : RESULT_DAMAGED;
}

/* Keys are in the order of the lists, so these come out sorted. */
enum result traffic_load(struct traffic *out, struct store_txn *txn, struct diag *diag)
{
    struct traffic traffic = { 0 };
    enum result result = store_each(txn, TABLE_TRAFFIC, load_row, &traffic);
    if (result != RESULT_OK) {
        traffic_done(&traffic);
        return diag_fail(diag, result,
                         "the counts in the traffic store can't be read: restore it from a backup "
                         "(ntspool restore)");
    }
    *out = traffic;
    return RESULT_OK;
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
        bool gone = cell->queries < least;
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

static enum result save_members(struct traffic *traffic, struct store_txn *txn)
{
    enum result result = RESULT_OK;
    size_t kept = 0;
    for (size_t i = 0; i < traffic->member_count; i++) {
        struct traffic_member *member = &traffic->members[i];
        uint8_t key_data[KEY_ROOM], data[ROW_ROOM];
        struct writer key = writer_of(key_data, sizeof(key_data));
        struct writer row = writer_of(data, sizeof(data));
        bool gone = member->gone;
        if (result == RESULT_OK && member->changed) {
            write_member(&key, &row, member);
            result = put_or_delete(txn, &key, &row, gone);
            member->changed = false;
        }
        if (!gone) {
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
        traffic->members[i].changed = true;
    }
    traffic->over_budget.changed = traffic->over_budget.since != 0;
}

/* -- counting -- */

/* A clock that goes back changes nothing. */
static double decayed(const struct traffic_cell *cell, uint64_t now)
{
    return now <= cell->at
               ? cell->queries
               : cell->queries * exp2(-(double)(now - cell->at) / (double)TRAFFIC_HALF_LIFE_S);
}

void traffic_add_queries(struct traffic *traffic, const struct cell *cells, const uint32_t *queries,
                         size_t count, uint64_t now)
{
    size_t known = traffic->cell_count;
    for (size_t i = 0; i < count; i++) {
        if (queries[i] == 0) {
            continue;
        }
        struct traffic_cell wanted = { .queries = 0 };
        memcpy(wanted.country, cells[i].country, sizeof(wanted.country));
        memcpy(wanted.subdivision, cells[i].subdivision, sizeof(wanted.subdivision));
        struct traffic_cell *cell =
            known == 0 ? NULL
                       : bsearch(&wanted, traffic->cells, known, sizeof(wanted), compare_cells);
        if (cell == NULL) {
            cell = append_cell(traffic);
            *cell = wanted;
        }
        cell->queries = decayed(cell, now) + queries[i];
        cell->at = now;
        cell->changed = true;
    }
    if (traffic->cell_count > known) {
        qsort(traffic->cells, traffic->cell_count, sizeof(traffic->cells[0]), compare_cells);
    }
}

/* Makes the hour of `now` the newest. After a small step back of the clock the newest hour stays;
 * after a large one all is forgotten. */
static void turn_to(struct traffic_member *member, uint64_t now)
{
    uint64_t hour = now / HOUR_S;
    if (hour + 1 < member->hour || hour >= member->hour + TRAFFIC_HOURS) {
        memset(member->answers, 0, sizeof(member->answers));
        member->hour = hour;
    }
    while (member->hour < hour) {
        member->answers[++member->hour % TRAFFIC_HOURS] = 0;
    }
}

static void add_answers(struct traffic_member *member, uint64_t answers, uint64_t now)
{
    turn_to(member, now);
    uint32_t *counter = &member->answers[member->hour % TRAFFIC_HOURS];
    *counter = answers > UINT32_MAX - *counter ? UINT32_MAX : *counter + (uint32_t)answers;
    member->changed = true;
    member->gone = false;
}

static struct traffic_member *find_member(const struct traffic *traffic, size_t count, uint64_t id)
{
    const struct traffic_member wanted = { .member_id = id };
    return count == 0 ? NULL
                      : bsearch(&wanted, traffic->members, count, sizeof(wanted), compare_members);
}

void traffic_add_answers(struct traffic *traffic, const struct traffic_count *counts, size_t count,
                         uint64_t now)
{
    size_t known = traffic->member_count;
    for (size_t i = 0; i < count; i++) {
        if (counts[i].member_id == 0 || counts[i].answers == 0) {
            continue;
        }
        struct traffic_member *member = find_member(traffic, known, counts[i].member_id);
        if (member == NULL) {
            member = append_member(traffic);
            member->member_id = counts[i].member_id;
        }
        add_answers(member, counts[i].answers, now);
    }
    if (traffic->member_count > known) {
        qsort(traffic->members, traffic->member_count, sizeof(traffic->members[0]),
              compare_members);
    }
}

void traffic_add_over_budget(struct traffic *traffic, uint32_t answers, uint64_t now)
{
    struct traffic_spell *spell = &traffic->over_budget;
    if (answers == 0) {
        return;
    }
    if (now < spell->until || now - spell->until > TRAFFIC_SPELL_S) {
        *spell = (struct traffic_spell){ .since = now };
    }
    spell->until = now;
    spell->answers += answers;
    spell->changed = true;
}

void traffic_prune(struct traffic *traffic, const struct member_ids *members, uint64_t now)
{
    for (size_t i = 0; i < traffic->member_count; i++) {
        struct traffic_member *member = &traffic->members[i];
        bool over = member->hour + TRAFFIC_HOURS <= now / HOUR_S;
        member->gone = over || !member_ids_have(members, member->member_id);
        member->changed = member->changed || member->gone;
    }
    for (size_t i = 0; i < traffic->cell_count; i++) {
        struct traffic_cell *cell = &traffic->cells[i];
        if (cell->at > now) { /* the clock was ahead when it was counted: decays from now on */
            cell->at = now;
            cell->changed = true;
        }
        if (decayed(cell, now) < least) {
            cell->queries = 0;
            cell->changed = true;
        }
    }
}

/* -- demand and answers -- */

double traffic_total(const struct traffic *traffic, uint64_t now)
{
    double total = 0;
    for (size_t i = 0; i < traffic->cell_count; i++) {
        total += decayed(&traffic->cells[i], now);
    }
    return total;
}

/* The index of a cell in the location file's sorted list; the country's cell if the subdivision is
 * gone, the world's (0) if the country is. */
static size_t number_of(const struct traffic_cell *wanted, const struct cell *cells, size_t count)
{
    uint16_t number = cell_number(cells, count, wanted->country, wanted->subdivision);
    return number != LOCATIONS_WORLD ? number : cell_number(cells, count, wanted->country, "");
}

void traffic_demand(const struct traffic *traffic, const struct cell *cells, size_t count,
                    uint64_t now, double *out)
{
    double addresses = 0, total = traffic_total(traffic, now);
    const double prior = TRAFFIC_PRIOR;
    for (size_t i = 0; i < count; i++) {
        addresses += (double)cells[i].addresses;
    }
    double weight = addresses > 0 ? prior * prior / (prior + total) / addresses : 0;
    for (size_t i = 0; i < count; i++) {
        out[i] = (double)cells[i].addresses * weight;
    }
    for (size_t i = 0; i < traffic->cell_count; i++) {
        out[number_of(&traffic->cells[i], cells, count)] += decayed(&traffic->cells[i], now);
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = out[i] < least ? 0 : out[i];
    }
}

uint64_t traffic_answers(const struct traffic *traffic, uint64_t member_id, unsigned hours,
                         uint64_t now)
{
    const struct traffic_member *found = find_member(traffic, traffic->member_count, member_id);
    if (found == NULL) {
        return 0;
    }
    struct traffic_member member = *found;
    uint64_t hour = now / HOUR_S, sum = 0;
    turn_to(&member, now);
    for (unsigned i = 0; i < hours; i++) {
        sum += member.answers[(member.hour - i) % TRAFFIC_HOURS];
    }
    uint64_t meant_s = member.hour == hour ? HOUR_S - now % HOUR_S : 0;
    return sum + member.answers[(member.hour - hours) % TRAFFIC_HOURS] * meant_s / HOUR_S;
}
