#include "zone/verdicts/history.h"

enum {
    FOLDED_ALL = 1,     /* written by an earlier version: all samples */
    FOLDED_COUNT = 0x80 /* flag: the low bits are the number of samples */
};

enum {
    DAY_S = 86400,
    HOUR_S = 3600,
    QUARTER_MAX = 16 + HISTORY_QUARTER_SAMPLES * 11,
    DAY_MAX = 16 + HISTORY_HOURS * 21,
    KEY_MAX = 2 + 8 + 16 + VANTAGE_ROOM,
    RTT_STEP_US = 20
};

struct key {
    uint8_t octets[KEY_MAX];
    size_t len;
};

static struct key key_of(uint64_t ring_index, const struct history_subject *subject)
{
    struct key key;
    struct writer w = writer_of(key.octets, sizeof(key.octets));
    write_u16(&w, (uint16_t)ring_index);
    write_u64(&w, subject->member_id);
    write_octets(&w, subject->address.octets, sizeof(subject->address.octets));
    write_octets(&w, subject->vantage, strlen(subject->vantage));
    ASSERT(!w.failed);
    key.len = w.at;
    return key;
}

static enum result written(struct diag *diag, enum result result)
{
    return result == RESULT_OK
               ? RESULT_OK
               : diag_fail(diag, result, "cannot write the history: %s", result_text(result));
}

/* -- quarters of samples -- */

struct quarter {
    uint64_t number; /* since 1970, so it tells the lap of the ring */
    uint8_t folded;  /* samples already folded */
    uint8_t count;
    struct history_sample samples[HISTORY_QUARTER_SAMPLES]; /* in order of time */
};

static void encode_quarter(struct writer *w, const struct quarter *quarter)
{
    write_u64(w, quarter->number);
    write_u8(w, (uint8_t)(quarter->folded == 0 ? 0 : FOLDED_COUNT | quarter->folded));
    write_u8(w, quarter->count);
    for (unsigned i = 0; i < quarter->count; i++) {
        const struct history_sample *each = &quarter->samples[i];
        uint32_t steps = each->rtt_us / RTT_STEP_US;
        write_u16(w, (uint16_t)(each->at - quarter->number * HISTORY_QUARTER_S));
        write_u8(w, (uint8_t)each->failure);
        write_u16(w, (uint16_t)(each->score_milli / 100));
        write_u32(w, (uint32_t)each->offset_us);
        write_u16(w, steps > UINT16_MAX ? UINT16_MAX : (uint16_t)steps);
    }
}

static enum result decode_quarter(struct quarter *out, const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    struct quarter quarter = { .number = read_u64(&r) };
    uint8_t folded = read_u8(&r);
    quarter.count = read_u8(&r);
    quarter.folded = folded == FOLDED_ALL ? quarter.count : folded & (uint8_t)~FOLDED_COUNT;
    if (quarter.count > HISTORY_QUARTER_SAMPLES || quarter.folded > quarter.count) {
        return RESULT_DAMAGED;
    }
    for (unsigned i = 0; i < quarter.count; i++) {
        struct history_sample *each = &quarter.samples[i];
        each->at = quarter.number * HISTORY_QUARTER_S + read_u16(&r);
        each->failure = (enum failure)read_u8(&r);
        each->score_milli = (int16_t)read_u16(&r) * 100;
        each->offset_us = (int32_t)read_u32(&r);
        each->rtt_us = (uint32_t)read_u16(&r) * RTT_STEP_US;
    }
    if (!reader_done(&r)) {
        return RESULT_DAMAGED;
    }
    *out = quarter;
    return RESULT_OK;
}

static enum result get_quarter(struct store_txn *txn, const struct key *key, struct quarter *out)
{
    uint8_t data[QUARTER_MAX];
    struct store_item item = { .data = data, .room = sizeof(data) };
    TRY(store_get(txn, TABLE_SAMPLES, key->octets, key->len, &item));
    return decode_quarter(out, data, item.len);
}

static enum result put_quarter(struct store_txn *txn, const struct key *key,
                               const struct quarter *quarter, struct diag *diag)
{
    uint8_t data[QUARTER_MAX];
    struct writer w = writer_of(data, sizeof(data));
    encode_quarter(&w, quarter);
    ASSERT(!w.failed);
    return written(diag, store_put(txn, TABLE_SAMPLES, key->octets, key->len, data, w.at));
}

enum result history_samples(struct store_txn *txn, const struct history_subject *subject,
                            uint64_t since, uint64_t now, history_sample_visit *visit, void *arg)
{
    uint64_t last = now / HISTORY_QUARTER_S;
    uint64_t first = last < HISTORY_QUARTERS ? 0 : last - HISTORY_QUARTERS + 1;
    first = first < since / HISTORY_QUARTER_S ? since / HISTORY_QUARTER_S : first;
    for (uint64_t number = first; number <= last; number++) {
        struct key key = key_of(number % HISTORY_QUARTERS, subject);
        struct quarter quarter;
        enum result result = get_quarter(txn, &key, &quarter);
        if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
            return result;
        }
        bool mine = result == RESULT_OK && quarter.number == number;
        for (unsigned i = 0; mine && i < quarter.count; i++) {
            if (quarter.samples[i].at >= since) {
                visit(&quarter.samples[i], arg);
            }
        }
    }
    return RESULT_OK;
}

/* -- days of hours -- */

struct day {
    uint64_t number; /* since 1970 */
    uint8_t count;
    struct history_hour hours[HISTORY_HOURS]; /* in order of time */
};

static void encode_day(struct writer *w, const struct day *day)
{
    write_u64(w, day->number);
    write_u8(w, day->count);
    for (unsigned i = 0; i < day->count; i++) {
        const struct history_hour *each = &day->hours[i];
        uint32_t steps = each->rtt_mean_us / RTT_STEP_US;
        write_u8(w, (uint8_t)(each->at % DAY_S / HOUR_S));
        write_u16(w, each->probes);
        write_u16(w, each->failures);
        write_u32(w, (uint32_t)each->score_low_milli);
        write_u32(w, (uint32_t)each->score_mean_milli);
        write_u32(w, (uint32_t)each->offset_mean_us);
        write_u16(w, steps > UINT16_MAX ? UINT16_MAX : (uint16_t)steps);
        write_u16(w, (uint16_t)each->failure);
    }
}

static enum result decode_day(struct day *out, const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    struct day day = { .number = read_u64(&r) };
    day.count = read_u8(&r);
    if (day.count > HISTORY_HOURS) {
        return RESULT_DAMAGED;
    }
    for (unsigned i = 0; i < day.count; i++) {
        struct history_hour *each = &day.hours[i];
        each->at = day.number * DAY_S + (uint64_t)read_u8(&r) * HOUR_S;
        each->probes = read_u16(&r);
        each->failures = read_u16(&r);
        each->score_low_milli = (int32_t)read_u32(&r);
        each->score_mean_milli = (int32_t)read_u32(&r);
        each->offset_mean_us = (int32_t)read_u32(&r);
        each->rtt_mean_us = (uint32_t)read_u16(&r) * RTT_STEP_US;
        each->failure = (enum failure)read_u16(&r);
    }
    if (!reader_done(&r)) {
        return RESULT_DAMAGED;
    }
    *out = day;
    return RESULT_OK;
}

static enum result get_day(struct store_txn *txn, const struct key *key, struct day *out)
{
    uint8_t data[DAY_MAX];
    struct store_item item = { .data = data, .room = sizeof(data) };
    TRY(store_get(txn, TABLE_DAYS, key->octets, key->len, &item));
    return decode_day(out, data, item.len);
}

static enum result put_day(struct store_txn *txn, const struct key *key, const struct day *day,
                           struct diag *diag)
{
    uint8_t data[DAY_MAX];
    struct writer w = writer_of(data, sizeof(data));
    encode_day(&w, day);
    ASSERT(!w.failed);
    return written(diag, store_put(txn, TABLE_DAYS, key->octets, key->len, data, w.at));
}

/* The hour of a time, created if missing. NULL if the day already has a later one. */
static struct history_hour *hour_of(struct day *day, uint64_t at)
{
    uint64_t begin = at / HOUR_S * HOUR_S;
    for (unsigned i = 0; i < day->count; i++) {
        if (day->hours[i].at == begin) {
            return &day->hours[i];
        }
    }
    if (day->count == HISTORY_HOURS || (day->count > 0 && day->hours[day->count - 1].at > begin)) {
        return NULL;
    }
    struct history_hour *hour = &day->hours[day->count++];
    *hour = (struct history_hour){ .at = begin, .score_low_milli = HEALTH_SCORE_MAX };
    return hour;
}

static int32_t mean(int32_t old, uint32_t count, int64_t added)
{
    return (int32_t)(((int64_t)old * count + added) / ((int64_t)count + 1));
}

static void add_sample(struct history_hour *hour, const struct history_sample *sample)
{
    uint32_t good = (uint32_t)hour->probes - hour->failures;
    if (hour->probes == UINT16_MAX) {
        return;
    }
    hour->score_mean_milli = mean(hour->score_mean_milli, hour->probes, sample->score_milli);
    if (sample->score_milli < hour->score_low_milli) {
        hour->score_low_milli = sample->score_milli;
    }
    hour->probes++;
    if (sample->failure != FAILURE_NONE) {
        hour->failures++;
        hour->failure = sample->failure;
        return;
    }
    hour->offset_mean_us = mean(hour->offset_mean_us, good, sample->offset_us);
    hour->rtt_mean_us = (uint32_t)mean((int32_t)hour->rtt_mean_us, good, sample->rtt_us);
}

enum result history_hours(struct store_txn *txn, const struct history_subject *subject,
                          uint64_t since, uint64_t now, history_hour_visit *visit, void *arg)
{
    uint64_t last = now / DAY_S;
    uint64_t first = since / DAY_S;
    first = last >= HISTORY_DAYS && first <= last - HISTORY_DAYS ? last - HISTORY_DAYS + 1 : first;
    for (uint64_t number = first; number <= last; number++) {
        struct key key = key_of(number % HISTORY_DAYS, subject);
        struct day day;
        enum result result = get_day(txn, &key, &day);
        if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
            return result;
        }
        for (unsigned i = 0; result == RESULT_OK && day.number == number && i < day.count; i++) {
            visit(&day.hours[i], arg);
        }
    }
    return RESULT_OK;
}

/* -- folding -- */

/* Folds a row of a finished quarter into its day; deletes a row of an earlier lap. */
static enum result fold_row(struct store_txn *txn, const struct key *key, uint64_t number,
                            struct diag *diag)
{
    struct quarter quarter;
    struct day day;
    bool readable = get_quarter(txn, key, &quarter) == RESULT_OK;
    if (readable && quarter.number > number) {
        return RESULT_OK; /* of the current lap, or the clock was set back */
    }
    if (!readable || quarter.number < number) {
        return written(diag, store_delete(txn, TABLE_SAMPLES, key->octets, key->len));
    }
    if (quarter.folded == quarter.count) {
        return RESULT_OK;
    }
    struct key day_key = *key;
    uint64_t day_number = number * HISTORY_QUARTER_S / DAY_S;
    wire_put_u16(day_key.octets, (uint16_t)(day_number % HISTORY_DAYS));
    if (get_day(txn, &day_key, &day) != RESULT_OK || day.number != day_number) {
        day = (struct day){ .number = day_number };
    }
    struct history_hour *hour = hour_of(&day, quarter.samples[0].at);
    for (unsigned i = quarter.folded; hour != NULL && i < quarter.count; i++) {
        add_sample(hour, &quarter.samples[i]);
    }
    quarter.folded = quarter.count;
    TRY(put_quarter(txn, key, &quarter, diag));
    return put_day(txn, &day_key, &day, diag);
}

static bool is_over(uint64_t number, uint64_t now)
{
    return (number + 1) * HISTORY_QUARTER_S + HISTORY_FOLD_AFTER_S <= now;
}

enum result history_note(struct store_txn *txn, const struct history_subject *subject,
                         const struct history_sample *sample, uint64_t now, struct diag *diag)
{
    uint64_t number = sample->at / HISTORY_QUARTER_S;
    struct key key = key_of(number % HISTORY_QUARTERS, subject);
    struct quarter quarter;
    enum result result = get_quarter(txn, &key, &quarter);
    if (result != RESULT_OK || quarter.number != number) {
        quarter = (struct quarter){ .number = number }; /* new, of an earlier lap, or unreadable */
    }
    bool again = quarter.count > 0 && quarter.samples[quarter.count - 1].at / 60 == sample->at / 60;
    bool late = quarter.count > 0 && quarter.samples[quarter.count - 1].at > sample->at;
    if (late || (quarter.count == HISTORY_QUARTER_SAMPLES && !again)) {
        return RESULT_OK; /* the clock was set back */
    }
    quarter.samples[again ? quarter.count - 1 : quarter.count++] = *sample;
    result = put_quarter(txn, &key, &quarter, diag);
    /* a late sample, from another machine, is folded at once: its quarter was folded before */
    return result == RESULT_OK && is_over(number, now) ? fold_row(txn, &key, number, diag) : result;
}

/* The next row at a ring index. NOT_FOUND at the end; the next call then starts at another
 * index. */
static enum result next_row(struct store_txn *txn, struct history_fold *fold,
                            enum store_table table, uint64_t quarter, struct key *out)
{
    struct store_item at = { .len = fold->key_len, .data = fold->key, .room = sizeof(fold->key) };
    uint8_t prefix[2];
    wire_put_u16(prefix, (uint16_t)quarter);
    if (fold->key_len == 0) {
        memcpy(fold->key, prefix, sizeof(prefix));
        at.len = sizeof(prefix);
    }
    enum result result = store_find(txn, table, SEEK_AFTER, &at, NULL);
    bool inside = result == RESULT_OK && at.len <= sizeof(out->octets) &&
                  at.len >= sizeof(prefix) && memcmp(fold->key, prefix, sizeof(prefix)) == 0;
    fold->key_len = inside ? at.len : 0;
    if (inside) {
        memcpy(out->octets, fold->key, at.len);
        out->len = at.len;
        return RESULT_OK;
    }
    return result == RESULT_OK ? RESULT_NOT_FOUND : result;
}

/* Deletes a row that an earlier lap of the ring left at today's index. */
static enum result clear_row(struct store_txn *txn, const struct key *key, uint64_t number,
                             struct diag *diag)
{
    struct day day;
    if (get_day(txn, key, &day) == RESULT_OK && day.number >= number) {
        return RESULT_OK;
    }
    return written(diag, store_delete(txn, TABLE_DAYS, key->octets, key->len));
}

static void begin_pass(struct history_fold *fold, uint64_t now)
{
    uint64_t current = (now - HISTORY_FOLD_AFTER_S) / HISTORY_QUARTER_S;
    if (fold->clearing || fold->left > 0) {
        return;
    }
    if (fold->day != now / DAY_S) {
        fold->day = now / DAY_S;
        fold->clearing = true;
    } else if (fold->quarter != current) {
        uint64_t passed = current > fold->quarter ? current - fold->quarter : HISTORY_QUARTERS;
        fold->left = passed < HISTORY_QUARTERS ? (unsigned)passed : HISTORY_QUARTERS - 1;
        fold->quarter = current;
    }
}

/* Handles one row. Quarters are folded from the oldest on, so that hours are created in order. */
static enum result fold_one(struct store_txn *txn, struct history_fold *fold, struct diag *diag)
{
    struct key key;
    uint64_t number = fold->quarter - fold->left;
    enum result result = fold->clearing
                             ? next_row(txn, fold, TABLE_DAYS, fold->day % HISTORY_DAYS, &key)
                             : next_row(txn, fold, TABLE_SAMPLES, number % HISTORY_QUARTERS, &key);
    if (result == RESULT_NOT_FOUND) {
        fold->left -= !fold->clearing;
        fold->clearing = false;
        return RESULT_OK;
    }
    if (result != RESULT_OK) {
        return written(diag, result);
    }
    return fold->clearing ? clear_row(txn, &key, fold->day, diag)
                          : fold_row(txn, &key, number, diag);
}

enum result history_fold(struct store_txn *txn, struct history_fold *fold, uint64_t now,
                         unsigned budget, bool *more, struct diag *diag)
{
    begin_pass(fold, now);
    for (; budget > 0 && (fold->clearing || fold->left > 0); budget--) {
        TRY(fold_one(txn, fold, diag));
        begin_pass(fold, now);
    }
    *more = fold->clearing || fold->left > 0;
    return RESULT_OK;
}
