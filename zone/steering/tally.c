#include "zone/steering/tally.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "zone/base/array.h"

enum {
    LAYOUT = 1,
    HOUR_S = 3600,
    DAY_HOURS = 24,
    COUNTRY_LEN = 2,
    SUBDIVISION_LEN = 3,
    ENTRY_MAX = 3 * 10 /* octets of three numbers */
};

/* -- demand -- */

static int largest_first(const void *a, const void *b)
{
    const struct traffic_cell *left = a, *right = b;
    return (left->queries < right->queries) - (left->queries > right->queries);
}

size_t tally_write_demand(uint8_t out[TALLY_DEMAND_MAX], const struct traffic *traffic,
                          uint64_t now)
{
    struct writer w = writer_of(out, TALLY_DEMAND_MAX);
    struct traffic_cell *cells = xcalloc(traffic->cell_count + 1, sizeof(*cells));
    for (size_t i = 0; i < traffic->cell_count; i++) {
        cells[i] = traffic->cells[i];
        cells[i].queries = traffic_decayed(&cells[i], now);
    }
    qsort(cells, traffic->cell_count, sizeof(*cells), largest_first);
    write_u8(&w, LAYOUT);
    for (size_t i = 0; i < traffic->cell_count && i < TALLY_CELLS_MAX; i++) {
        double queries = round(cells[i].queries);
        if (queries < 1) {
            break;
        }
        write_octets(&w, cells[i].country, COUNTRY_LEN);
        write_octets(&w, cells[i].subdivision, SUBDIVISION_LEN);
        write_u32(&w, queries >= UINT32_MAX ? UINT32_MAX : (uint32_t)queries);
    }
    free(cells);
    ASSERT(!w.failed);
    return w.at;
}

/* Capital letters, for a subdivision also digits, and then zeros to the end. */
static bool is_code(const char *code, size_t len, bool digits)
{
    size_t used = strnlen(code, len);
    for (size_t i = 0; i < len; i++) {
        bool letter = code[i] >= 'A' && code[i] <= 'Z';
        bool digit = digits && code[i] >= '0' && code[i] <= '9';
        if (i < used ? !letter && !digit : code[i] != '\0') {
            return false;
        }
    }
    return true;
}

enum result tally_read_demand(struct tally_demand *out, struct octets text, uint64_t at)
{
    struct reader r = reader_of(text.data, text.len);
    uint8_t layout = read_u8(&r);
    if (!r.failed && layout > LAYOUT) {
        return RESULT_NEWER;
    }
    if (r.failed || layout != LAYOUT || reader_left(&r) % TALLY_CELL_LEN != 0 ||
        reader_left(&r) / TALLY_CELL_LEN > TALLY_CELLS_MAX) {
        return RESULT_DAMAGED;
    }
    struct tally_demand demand = { .count = 0 };
    while (reader_left(&r) > 0) {
        struct traffic_cell cell = { .at = at };
        read_into(&r, cell.country, COUNTRY_LEN);
        read_into(&r, cell.subdivision, SUBDIVISION_LEN);
        cell.queries = read_u32(&r);
        size_t country = strnlen(cell.country, COUNTRY_LEN);
        if (!is_code(cell.country, COUNTRY_LEN, false) ||
            !is_code(cell.subdivision, SUBDIVISION_LEN, true) ||
            (country != COUNTRY_LEN && (country != 0 || cell.subdivision[0] != '\0'))) {
            return RESULT_DAMAGED;
        }
        demand.cells[demand.count++] = cell;
    }
    *out = demand;
    return RESULT_OK;
}

/* -- answers -- */

char *tally_slice_name(unsigned slice, char out[TALLY_SLICE_ROOM])
{
    (void)snprintf(out, TALLY_SLICE_ROOM, "%u", slice % TALLY_SLICES);
    return out;
}

static void write_number(struct writer *w, uint64_t number)
{
    while (number > 0x7f) {
        write_u8(w, (uint8_t)(number | 0x80));
        number >>= 7;
    }
    write_u8(w, (uint8_t)number);
}

/* Fails if it is above 2^56 or not written in the shortest way. */
static uint64_t read_number(struct reader *r)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 56; shift += 7) {
        uint8_t octet = read_u8(r);
        number |= (uint64_t)(octet & 0x7f) << shift;
        if (octet < 0x80) {
            r->failed = r->failed || (octet == 0 && shift > 0);
            return number;
        }
    }
    r->failed = true;
    return 0;
}

size_t tally_write_answers(uint8_t out[TALLY_ANSWERS_MAX], const struct traffic *traffic,
                           unsigned slice, uint64_t now)
{
    struct writer w = writer_of(out, TALLY_ANSWERS_MAX);
    uint64_t next = slice; /* the lowest id that may come */
    write_u8(&w, LAYOUT);
    write_u64(&w, now / HOUR_S - 1);
    for (size_t i = 0; i < traffic->member_count && w.len - w.at >= ENTRY_MAX; i++) {
        const struct traffic_member *member = &traffic->members[i];
        if (member->member_id % TALLY_SLICES != slice) {
            continue;
        }
        uint64_t day = traffic_full_hours(member, DAY_HOURS, now);
        if (day > 0) {
            write_number(&w, (member->member_id - next) / TALLY_SLICES);
            write_number(&w, traffic_full_hours(member, 1, now));
            write_number(&w, day);
            next = member->member_id + TALLY_SLICES;
        }
    }
    ASSERT(!w.failed);
    return w.at;
}

/* Reads one entry; false at the end or at a failure. */
static bool read_entry(struct reader *r, uint64_t *next, struct tally_answers *out)
{
    if (reader_left(r) == 0) {
        return false;
    }
    out->member_id = *next + read_number(r) * TALLY_SLICES;
    out->hour = read_number(r);
    out->day = read_number(r);
    r->failed = r->failed || out->day == 0 || out->hour > out->day || out->member_id < *next ||
                out->member_id > UINT64_MAX - TALLY_SLICES;
    *next = out->member_id + TALLY_SLICES;
    return !r->failed;
}

enum result tally_read_answers(struct octets text, unsigned slice, uint64_t *hour,
                               tally_answers_visit *visit, void *arg)
{
    struct reader r = reader_of(text.data, text.len);
    struct tally_answers answers;
    uint64_t next = slice;
    uint8_t layout = read_u8(&r);
    uint64_t of = read_u64(&r);
    if (!r.failed && layout > LAYOUT) {
        return RESULT_NEWER;
    }
    const struct reader entries = r;
    while (read_entry(&r, &next, &answers)) {
    }
    if (!reader_done(&r) || layout != LAYOUT || text.len > TALLY_ANSWERS_MAX) {
        return RESULT_DAMAGED;
    }
    *hour = of;
    r = entries;
    next = slice;
    while (read_entry(&r, &next, &answers)) {
        visit(&answers, arg);
    }
    return RESULT_OK;
}

/* -- several machines -- */

double tally_total(const struct traffic_cell *cells, size_t count, uint64_t now)
{
    double total = 0;
    for (size_t i = 0; i < count; i++) {
        total += traffic_decayed(&cells[i], now);
    }
    return total;
}

void tally_weigh(struct tally_part *parts, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += parts[i].total;
    }
    for (size_t i = 0; i < count; i++) {
        double own = parts[i].total;
        double most = (sum - own) / (TALLY_CAPPED - 1);
        parts[i].factor = count < TALLY_CAPPED || own <= most ? 1 : most / own;
    }
}

static int compare_cells(const void *a, const void *b)
{
    const struct traffic_cell *left = a, *right = b;
    int order = strcmp(left->country, right->country);
    return order != 0 ? order : strcmp(left->subdivision, right->subdivision);
}

/* Cells that are alike become one. */
static void merge(struct traffic *sum)
{
    size_t kept = 0;
    if (sum->cell_count > 0) {
        qsort(sum->cells, sum->cell_count, sizeof(sum->cells[0]), compare_cells);
    }
    for (size_t i = 0; i < sum->cell_count; i++) {
        if (kept > 0 && compare_cells(&sum->cells[i], &sum->cells[kept - 1]) == 0) {
            sum->cells[kept - 1].queries += sum->cells[i].queries;
        } else {
            sum->cells[kept++] = sum->cells[i];
        }
    }
    sum->cell_count = kept;
}

void tally_sum(struct traffic *sum, const struct tally_part *parts, size_t count, uint64_t now)
{
    *sum = (struct traffic){ .cells = NULL };
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < parts[i].count; k++) {
            struct traffic_cell cell = parts[i].cells[k];
            cell.queries = parts[i].factor * traffic_decayed(&cell, now);
            cell.at = now;
            ARRAY_PUSH(sum->cells, sum->cell_count, sum->cell_room, cell);
        }
    }
    merge(sum);
}
