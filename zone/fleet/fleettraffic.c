#include "zone/fleet/fleettraffic.h"

#include <stdlib.h>

#include "zone/base/array.h"
#include "zone/base/u64.h"

enum {
    HOUR_S = 3600
};

/* -- demand -- */

struct reading {
    const char *only;
    uint64_t now;
    struct tally_part *parts; /* the first is our own */
    size_t count, room;
    struct traffic_cell *cells; /* of all parts, one after the other */
    size_t cell_count, cell_room;
};

static bool is_wanted(const struct letter *letter, const char *only)
{
    return only == NULL || strcmp(letter->machine, only) == 0;
}

static enum result read_demand(const struct letter *letter, void *arg)
{
    struct reading *reading = arg;
    struct tally_demand demand;
    bool fresh = letter->made_at <= reading->now + FLEETTRAFFIC_AHEAD_S &&
                 letter->made_at + FLEETTRAFFIC_DEMAND_S >= reading->now;
    if (!fresh || !is_wanted(letter, reading->only) ||
        tally_read_demand(&demand, letter->text, letter->made_at) != RESULT_OK) {
        return RESULT_OK;
    }
    for (size_t i = 0; i < demand.count; i++) {
        ARRAY_PUSH(reading->cells, reading->cell_count, reading->cell_room, demand.cells[i]);
    }
    const struct tally_part part = { .count = demand.count,
                                     .total =
                                         tally_total(demand.cells, demand.count, reading->now) };
    ARRAY_PUSH(reading->parts, reading->count, reading->room, part);
    return RESULT_OK;
}

enum result fleettraffic_read(struct fleettraffic *out, struct store_txn *fleet, const char *only,
                              double own_total, uint64_t now)
{
    struct reading reading = { .only = only, .now = now };
    const struct tally_part own = { .total = own_total };
    ARRAY_PUSH(reading.parts, reading.count, reading.room, own);
    enum result result = letters_each(fleet, LETTER_DEMAND, read_demand, &reading);
    for (size_t i = 1, at = 0; i < reading.count; at += reading.parts[i++].count) {
        reading.parts[i].cells = reading.cells + at;
    }
    if (result == RESULT_OK) {
        *out = (struct fleettraffic){ .machines = reading.count - 1 };
        tally_weigh(reading.parts, reading.count);
        tally_sum(&out->others, reading.parts + 1, reading.count - 1, now);
        out->own_factor = reading.parts[0].factor;
    }
    free(reading.cells);
    free(reading.parts);
    return result;
}

void fleettraffic_done(struct fleettraffic *fleettraffic)
{
    traffic_done(&fleettraffic->others);
    *fleettraffic = (struct fleettraffic){ .machines = 0 };
}

void fleettraffic_sum(struct traffic *sum, const struct fleettraffic *fleettraffic,
                      const struct traffic *own, uint64_t now)
{
    const struct traffic *others = &fleettraffic->others;
    const struct tally_part parts[] = {
        { .cells = own->cells,
          .count = own->cell_count,
          .factor = fleettraffic->machines > 0 ? fleettraffic->own_factor : 1 },
        { .cells = others->cells, .count = others->cell_count, .factor = 1 }
    };
    tally_sum(sum, parts, sizeof(parts) / sizeof(parts[0]), now);
}

/* -- answers -- */

struct adding {
    struct fleettraffic_answers *out;
    const char *only;
    char last[LETTER_NAME_ROOM]; /* the machine of the letter before */
    uint64_t now;
};

static void add_member(const struct tally_answers *answers, void *arg)
{
    struct fleettraffic_answers *out = arg;
    ARRAY_PUSH(out->list, out->count, out->room, *answers);
}

static enum result add_slice(const struct letter *letter, void *arg)
{
    struct adding *adding = arg;
    char name[TALLY_SLICE_ROOM];
    unsigned slice = 0;
    uint64_t hour = 0;
    size_t before = adding->out->count;
    while (slice < TALLY_SLICES && strcmp(tally_slice_name(slice, name), letter->subject) != 0) {
        slice++;
    }
    if (slice == TALLY_SLICES || !is_wanted(letter, adding->only) ||
        tally_read_answers(letter->text, slice, &hour, add_member, adding->out) != RESULT_OK) {
        return RESULT_OK;
    }
    uint64_t now_hour = adding->now / HOUR_S;
    bool counts = hour <= now_hour && (hour + 1) * HOUR_S + FLEETTRAFFIC_ANSWERS_S > adding->now;
    if (!counts) {
        adding->out->count = before;
        return RESULT_OK;
    }
    adding->out->machines += strcmp(adding->last, letter->machine) != 0;
    memcpy(adding->last, letter->machine, sizeof(adding->last));
    return RESULT_OK;
}

static int compare_answers(const void *a, const void *b)
{
    const struct tally_answers *left = a, *right = b;
    return u64_order(left->member_id, right->member_id);
}

/* What several machines gave one member becomes one. */
static void merge(struct fleettraffic_answers *out)
{
    size_t kept = 0;
    if (out->count > 0) {
        qsort(out->list, out->count, sizeof(out->list[0]), compare_answers);
    }
    for (size_t i = 0; i < out->count; i++) {
        if (kept > 0 && out->list[kept - 1].member_id == out->list[i].member_id) {
            out->list[kept - 1].hour += out->list[i].hour;
            out->list[kept - 1].day += out->list[i].day;
        } else {
            out->list[kept++] = out->list[i];
        }
    }
    out->count = kept;
}

enum result fleettraffic_answers(struct fleettraffic_answers *out, struct store_txn *fleet,
                                 const char *only, uint64_t now)
{
    struct adding adding = { .out = out, .only = only, .now = now };
    *out = (struct fleettraffic_answers){ .list = NULL };
    enum result result = letters_each(fleet, LETTER_ANSWERS, add_slice, &adding);
    if (result != RESULT_OK) {
        fleettraffic_answers_done(out);
        return result;
    }
    merge(out);
    return RESULT_OK;
}

void fleettraffic_answers_done(struct fleettraffic_answers *answers)
{
    free(answers->list);
    *answers = (struct fleettraffic_answers){ .list = NULL };
}

struct tally_answers fleettraffic_answers_of(const struct fleettraffic_answers *answers,
                                             uint64_t member_id)
{
    const struct tally_answers wanted = { .member_id = member_id };
    const struct tally_answers *found = answers->count == 0
                                            ? NULL
                                            : bsearch(&wanted, answers->list, answers->count,
                                                      sizeof(answers->list[0]), compare_answers);
    return found != NULL ? *found : wanted;
}
