/* Hours and days: sums of samples, in three rings of TABLE_DAYS. */
#include "zone/verdicts/history_private.h"

enum {
    HOUR_S = 3600,
    DAY_S = 86400,
    FAR_LAP = HISTORY_FAR_DAYS + 1, /* the current day is in it */
    FAR_LATEST = 2 * FAR_LAP,       /* days until they are cleared, if no server ran for a while */
    SUMS_MAX = FAR_LAP,             /* in a row */
    SUM_LEN = 21,
    ROW_MAX = 9 + SUMS_MAX * SUM_LEN
};

/* A row has the sums of so many times in a row, each `unit_s` long. */
static const struct ring {
    uint16_t first; /* index of its first place; that of place i is i more */
    uint16_t rows;  /* in a lap */
    uint16_t sums;  /* in a row */
    uint32_t unit_s;
} rings[HISTORY_RINGS] = {
    { 0, HISTORY_DAYS, HISTORY_HOURS, HOUR_S },
    { 0x4000, FAR_LAP, HISTORY_HOURS, HOUR_S },
    { 0x8000, HISTORY_DAYS / FAR_LAP, FAR_LAP, DAY_S },
};
enum {
    RING_HOURS,
    RING_FAR_HOURS, /* those of far vantage points */
    RING_FAR_DAYS   /* and what becomes of them */
};

static uint64_t row_s(const struct ring *ring)
{
    return (uint64_t)ring->sums * ring->unit_s;
}

static unsigned index_of(const struct ring *ring, uint64_t number)
{
    return ring->first + (unsigned)(number % ring->rows);
}

/* -- rows -- */

struct row {
    uint64_t number; /* since 1970, so it tells the lap of the ring */
    unsigned count;
    struct history_hour sums[SUMS_MAX]; /* in order of time */
};

static void encode(struct writer *w, const struct ring *ring, const struct row *row)
{
    write_u64(w, row->number);
    write_u8(w, (uint8_t)row->count);
    for (unsigned i = 0; i < row->count; i++) {
        const struct history_hour *each = &row->sums[i];
        uint32_t steps = each->rtt_mean_us / HISTORY_RTT_STEP_US;
        write_u8(w, (uint8_t)(each->at % row_s(ring) / ring->unit_s));
        write_u16(w, each->probes);
        write_u16(w, each->failures);
        write_u32(w, (uint32_t)each->score_low_milli);
        write_u32(w, (uint32_t)each->score_mean_milli);
        write_u32(w, (uint32_t)each->offset_mean_us);
        write_u16(w, steps > UINT16_MAX ? UINT16_MAX : (uint16_t)steps);
        write_u16(w, (uint16_t)each->failure);
    }
}

static enum result decode(struct row *out, const struct ring *ring, const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    out->number = read_u64(&r);
    out->count = read_u8(&r);
    if (out->count > ring->sums) {
        return RESULT_DAMAGED;
    }
    for (unsigned i = 0; i < out->count; i++) {
        struct history_hour *each = &out->sums[i];
        each->at = out->number * row_s(ring) + (uint64_t)read_u8(&r) * ring->unit_s;
        each->span_s = ring->unit_s;
        each->probes = read_u16(&r);
        each->failures = read_u16(&r);
        each->score_low_milli = (int32_t)read_u32(&r);
        each->score_mean_milli = (int32_t)read_u32(&r);
        each->offset_mean_us = (int32_t)read_u32(&r);
        each->rtt_mean_us = (uint32_t)read_u16(&r) * HISTORY_RTT_STEP_US;
        each->failure = (enum failure)read_u16(&r);
        r.failed = r.failed || each->failures > each->probes;
    }
    return reader_done(&r) ? RESULT_OK : RESULT_DAMAGED;
}

static enum result get(struct store_txn *txn, const struct ring *ring,
                       const struct history_key *key, struct row *out)
{
    uint8_t data[ROW_MAX];
    struct store_item item = { .data = data, .room = sizeof(data) };
    TRY(store_get(txn, TABLE_DAYS, key->octets, key->len, &item));
    return decode(out, ring, data, item.len);
}

static enum result put(struct store_txn *txn, const struct ring *ring,
                       const struct history_key *key, const struct row *row)
{
    uint8_t data[ROW_MAX];
    struct writer w = writer_of(data, sizeof(data));
    encode(&w, ring, row);
    ASSERT(!w.failed);
    return store_put(txn, TABLE_DAYS, key->octets, key->len, data, w.at);
}

/* The row of a subject with this number; empty if there is none, or one of another lap. */
static enum result find(struct store_txn *txn, const struct ring *ring,
                        const struct history_subject *subject, uint64_t number, struct row *out)
{
    struct history_key key = history_key_of(index_of(ring, number), subject);
    enum result result = get(txn, ring, &key, out);
    if (result == RESULT_NOT_FOUND || (result == RESULT_OK && out->number != number)) {
        out->count = 0;
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

/* -- sums -- */

static int32_t mean(int32_t old, uint32_t count, int64_t added, uint32_t more)
{
    return (int32_t)(((int64_t)old * count + added * more) / ((int64_t)count + more));
}

/* Adds another sum, or a sample as a sum of one. */
static void add(struct history_hour *sum, const struct history_hour *more)
{
    uint32_t good = (uint32_t)sum->probes - sum->failures;
    uint32_t more_good = (uint32_t)more->probes - more->failures;
    if (more->probes == 0 || sum->probes + more->probes > UINT16_MAX) {
        return;
    }
    sum->score_mean_milli =
        mean(sum->score_mean_milli, sum->probes, more->score_mean_milli, more->probes);
    if (sum->probes == 0 || more->score_low_milli < sum->score_low_milli) {
        sum->score_low_milli = more->score_low_milli;
    }
    if (more_good > 0) {
        sum->offset_mean_us = mean(sum->offset_mean_us, good, more->offset_mean_us, more_good);
        sum->rtt_mean_us =
            (uint32_t)mean((int32_t)sum->rtt_mean_us, good, more->rtt_mean_us, more_good);
    }
    sum->probes = (uint16_t)(sum->probes + more->probes);
    sum->failures = (uint16_t)(sum->failures + more->failures);
    sum->failure = more->failures > 0 ? more->failure : sum->failure;
}

/* The sum of a time, created in its place if missing. NULL if the row is full. */
static struct history_hour *sum_at(struct row *row, const struct ring *ring, uint64_t at)
{
    uint64_t begin = at / ring->unit_s * ring->unit_s;
    unsigned place = row->count;
    while (place > 0 && row->sums[place - 1].at >= begin) {
        place--;
    }
    if (place < row->count && row->sums[place].at == begin) {
        return &row->sums[place];
    }
    if (row->count == ring->sums) {
        return NULL;
    }
    memmove(&row->sums[place + 1], &row->sums[place], (row->count - place) * sizeof(row->sums[0]));
    row->count++;
    row->sums[place] = (struct history_hour){ .at = begin, .span_s = ring->unit_s };
    return &row->sums[place];
}

/* Adds sums to the row of their time. The row of an earlier lap is replaced; that of a later one
 * stays: the clock was set back. */
static enum result enter(struct store_txn *txn, const struct ring *ring,
                         const struct history_key *key, const struct history_hour *sums,
                         unsigned count)
{
    struct row row;
    struct history_key place = *key;
    uint64_t number = sums[0].at / row_s(ring);
    wire_put_u16(place.octets, (uint16_t)index_of(ring, number));
    if (get(txn, ring, &place, &row) != RESULT_OK || row.number < number) {
        row = (struct row){ .number = number };
    }
    for (unsigned i = 0; i < count && row.number == number; i++) {
        struct history_hour *sum = sum_at(&row, ring, sums[i].at);
        if (sum != NULL) {
            add(sum, &sums[i]);
        }
    }
    return put(txn, ring, &place, &row);
}

static struct history_hour sum_of(const struct history_sample *sample)
{
    bool failed = sample->failure != FAILURE_NONE;
    return (struct history_hour){ .at = sample->at,
                                  .probes = 1,
                                  .failures = failed,
                                  .score_low_milli = sample->score_milli,
                                  .score_mean_milli = sample->score_milli,
                                  .offset_mean_us = sample->offset_us,
                                  .rtt_mean_us = sample->rtt_us,
                                  .failure = sample->failure };
}

/* Adds up the hours of a far vantage point that those of `day` are about to replace. */
static enum result keep_day(struct store_txn *txn, const struct history_key *key, uint64_t day)
{
    const struct ring *ring = &rings[RING_FAR_HOURS];
    struct row row;
    struct history_key place = *key;
    wire_put_u16(place.octets, (uint16_t)index_of(ring, day));
    if (get(txn, ring, &place, &row) != RESULT_OK || row.number >= day || row.count == 0) {
        return RESULT_OK;
    }
    for (unsigned i = 1; i < row.count; i++) {
        add(&row.sums[0], &row.sums[i]);
    }
    return enter(txn, &rings[RING_FAR_DAYS], key, &row.sums[0], 1);
}

enum result history_sum_up(struct store_txn *txn, const struct history_key *key, bool far,
                           const struct history_sample *samples, unsigned count, struct diag *diag)
{
    const struct ring *ring = &rings[far ? RING_FAR_HOURS : RING_HOURS];
    struct history_hour sums[HISTORY_QUARTER_SAMPLES];
    ASSERT(count > 0 && count <= HISTORY_QUARTER_SAMPLES);
    for (unsigned i = 0; i < count; i++) {
        sums[i] = sum_of(&samples[i]);
    }
    if (far) {
        TRY(history_written(diag, keep_day(txn, key, samples[0].at / DAY_S)));
    }
    return history_written(diag, enter(txn, ring, key, sums, count));
}

/* -- clearing -- */

/* The number of the newest row that may be there on that day. A day becomes one sum when its hours
 * leave their ring, a lap later. */
static uint64_t newest(unsigned ring, uint64_t day)
{
    return ring == RING_FAR_DAYS ? day / FAR_LAP - 1 : day;
}

unsigned history_ring_index(unsigned ring, uint64_t day)
{
    return index_of(&rings[ring], newest(ring, day));
}

enum result history_clear(struct store_txn *txn, unsigned ring, const struct history_key *key,
                          uint64_t day, struct diag *diag)
{
    struct row row;
    enum result result = get(txn, &rings[ring], key, &row);
    if (result == RESULT_OK && row.number >= newest(ring, day)) {
        return RESULT_OK;
    }
    if (ring == RING_FAR_HOURS) {
        TRY(history_written(diag, keep_day(txn, key, day)));
    }
    return history_written(diag, store_delete(txn, TABLE_DAYS, key->octets, key->len));
}

/* -- reading -- */

/* Visits the sums of both rows in order of time. */
static void visit_both(const struct row *one, const struct row *other, history_hour_visit *visit,
                       void *arg)
{
    for (unsigned i = 0, k = 0; i < one->count || k < other->count;) {
        bool first = k == other->count || (i < one->count && one->sums[i].at <= other->sums[k].at);
        visit(first ? &one->sums[i++] : &other->sums[k++], arg);
    }
}

enum result history_hours(struct store_txn *txn, const struct history_subject *subject,
                          uint64_t since, uint64_t now, history_hour_visit *visit, void *arg)
{
    uint64_t last = now / DAY_S;
    uint64_t first = since / DAY_S;
    struct row days = { .number = UINT64_MAX }, hours, far_hours;
    first = last >= HISTORY_DAYS && first <= last - HISTORY_DAYS ? last - HISTORY_DAYS + 1 : first;
    for (uint64_t day = first; day <= last; day++) {
        if (days.number != day / FAR_LAP) {
            TRY(find(txn, &rings[RING_FAR_DAYS], subject, day / FAR_LAP, &days));
            days.number = day / FAR_LAP;
        }
        for (unsigned i = 0; i < days.count; i++) {
            if (days.sums[i].at / DAY_S == day) {
                visit(&days.sums[i], arg);
            }
        }
        TRY(find(txn, &rings[RING_HOURS], subject, day, &hours));
        far_hours.count = 0;
        if (day + FAR_LATEST >= last) {
            TRY(find(txn, &rings[RING_FAR_HOURS], subject, day, &far_hours));
        }
        visit_both(&hours, &far_hours, visit, arg);
    }
    return RESULT_OK;
}
