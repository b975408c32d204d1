#include "zone/verdicts/history.h"

enum {
    FOLDED_ALL = 1,     /* what an earlier version wrote */
    FOLDED_COUNT = 0x80 /* with the number of samples */
};

enum {
    DAY_S = 86400,
    HOUR_S = 3600,
    SLOT_MAX = 16 + HISTORY_SLOT_SAMPLES * 11,
    DAY_MAX = 16 + HISTORY_HOURS * 21,
    KEY_MAX = 2 + 8 + 16 + VANTAGE_ROOM,
    RTT_STEP_US = 20
};

struct key {
    uint8_t octets[KEY_MAX];
    size_t len;
};

static struct key key_of(uint64_t slot, const struct history_subject *subject)
{
    struct key key;
    struct writer w = writer_of(key.octets, sizeof(key.octets));
    write_u16(&w, (uint16_t)slot);
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

/* -- slots of samples -- */

struct slot {
    uint64_t number; /* since 1970: which lap of the ring it is of */
    uint8_t folded;  /* samples that are in their hour already */
    uint8_t count;
    struct history_sample samples[HISTORY_SLOT_SAMPLES]; /* in order of time */
};

static void encode_slot(struct writer *w, const struct slot *slot)
{
    write_u64(w, slot->number);
    write_u8(w, (uint8_t)(slot->folded == 0 ? 0 : FOLDED_COUNT | slot->folded));
    write_u8(w, slot->count);
    for (unsigned i = 0; i < slot->count; i++) {
        const struct history_sample *each = &slot->samples[i];
        uint32_t steps = each->rtt_us / RTT_STEP_US;
        write_u16(w, (uint16_t)(each->at - slot->number * HISTORY_SLOT_S));
        write_u8(w, (uint8_t)each->failure);
        write_u16(w, (uint16_t)(each->score_milli / 100));
        write_u32(w, (uint32_t)each->offset_us);
        write_u16(w, steps > UINT16_MAX ? UINT16_MAX : (uint16_t)steps);
    }
}

static enum result decode_slot(struct slot *out, const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    struct slot slot = { .number = read_u64(&r) };
    uint8_t folded = read_u8(&r);
    slot.count = read_u8(&r);
    slot.folded = folded == FOLDED_ALL ? slot.count : folded & (uint8_t)~FOLDED_COUNT;
    if (slot.count > HISTORY_SLOT_SAMPLES || slot.folded > slot.count) {
        return RESULT_DAMAGED;
    }
    for (unsigned i = 0; i < slot.count; i++) {
        struct history_sample *each = &slot.samples[i];
        each->at = slot.number * HISTORY_SLOT_S + read_u16(&r);
        each->failure = (enum failure)read_u8(&r);
        each->score_milli = (int16_t)read_u16(&r) * 100;
        each->offset_us = (int32_t)read_u32(&r);
        each->rtt_us = (uint32_t)read_u16(&r) * RTT_STEP_US;
    }
    if (!reader_done(&r)) {
        return RESULT_DAMAGED;
    }
    *out = slot;
    return RESULT_OK;
}

static enum result get_slot(struct store_txn *txn, const struct key *key, struct slot *out)
{
    uint8_t data[SLOT_MAX];
    struct store_item item = { .data = data, .room = sizeof(data) };
    enum result result = store_get(txn, TABLE_SAMPLES, key->octets, key->len, &item);
    return result == RESULT_OK ? decode_slot(out, data, item.len) : result;
}

static enum result put_slot(struct store_txn *txn, const struct key *key, const struct slot *slot,
                            struct diag *diag)
{
    uint8_t data[SLOT_MAX];
    struct writer w = writer_of(data, sizeof(data));
    encode_slot(&w, slot);
    ASSERT(!w.failed);
    return written(diag, store_put(txn, TABLE_SAMPLES, key->octets, key->len, data, w.at));
}

enum result history_samples(struct store_txn *txn, const struct history_subject *subject,
                            uint64_t since, uint64_t now, history_sample_visit *visit, void *arg)
{
    uint64_t last = now / HISTORY_SLOT_S;
    uint64_t first = last < HISTORY_SLOTS ? 0 : last - HISTORY_SLOTS + 1;
    for (uint64_t number = first; number <= last; number++) {
        struct key key = key_of(number % HISTORY_SLOTS, subject);
        struct slot slot;
        enum result result = get_slot(txn, &key, &slot);
        if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
            return result;
        }
        bool mine = result == RESULT_OK && slot.number == number;
        for (unsigned i = 0; mine && i < slot.count; i++) {
            if (slot.samples[i].at >= since) {
                visit(&slot.samples[i], arg);
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
    enum result result = store_get(txn, TABLE_DAYS, key->octets, key->len, &item);
    return result == RESULT_OK ? decode_day(out, data, item.len) : result;
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

/* The hour of that time, made if it is missing. NULL if the day has a later one already. */
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

/* A row of the slot that is over goes into its day; one of an earlier lap goes. */
static enum result fold_row(struct store_txn *txn, const struct key *key, uint64_t number,
                            struct diag *diag)
{
    struct slot slot;
    struct day day;
    bool readable = get_slot(txn, key, &slot) == RESULT_OK;
    if (readable && slot.number > number) {
        return RESULT_OK; /* of the lap that has begun, or the clock was set back */
    }
    if (!readable || slot.number < number) {
        return written(diag, store_delete(txn, TABLE_SAMPLES, key->octets, key->len));
    }
    if (slot.folded == slot.count) {
        return RESULT_OK;
    }
    struct key day_key = *key;
    uint64_t day_number = number * HISTORY_SLOT_S / DAY_S;
    wire_put_u16(day_key.octets, (uint16_t)(day_number % HISTORY_DAYS));
    if (get_day(txn, &day_key, &day) != RESULT_OK || day.number != day_number) {
        day = (struct day){ .number = day_number };
    }
    struct history_hour *hour = hour_of(&day, slot.samples[0].at);
    for (unsigned i = slot.folded; hour != NULL && i < slot.count; i++) {
        add_sample(hour, &slot.samples[i]);
    }
    slot.folded = slot.count;
    enum result result = put_slot(txn, key, &slot, diag);
    return result == RESULT_OK ? put_day(txn, &day_key, &day, diag) : result;
}

static bool is_over(uint64_t number, uint64_t now)
{
    return (number + 1) * HISTORY_SLOT_S + HISTORY_FOLD_AFTER_S <= now;
}

enum result history_note(struct store_txn *txn, const struct history_subject *subject,
                         const struct history_sample *sample, uint64_t now, struct diag *diag)
{
    uint64_t number = sample->at / HISTORY_SLOT_S;
    struct key key = key_of(number % HISTORY_SLOTS, subject);
    struct slot slot;
    enum result result = get_slot(txn, &key, &slot);
    if (result != RESULT_OK || slot.number != number) {
        slot = (struct slot){ .number = number }; /* new, of an earlier lap, or not worth keeping */
    }
    bool again = slot.count > 0 && slot.samples[slot.count - 1].at / 60 == sample->at / 60;
    bool late = slot.count > 0 && slot.samples[slot.count - 1].at > sample->at;
    if (late || (slot.count == HISTORY_SLOT_SAMPLES && !again)) {
        return RESULT_OK; /* the clock was set back */
    }
    slot.samples[again ? slot.count - 1 : slot.count++] = *sample;
    result = put_slot(txn, &key, &slot, diag);
    /* what comes late, from another machine, is summed up at once: the slot was gone through
     * already */
    return result == RESULT_OK && is_over(number, now) ? fold_row(txn, &key, number, diag) : result;
}

/* The row of a slot of the ring after the one looked at last. NOT_FOUND at its end; then the next
 * slot begins anew. */
static enum result next_row(struct store_txn *txn, struct history_fold *fold,
                            enum store_table table, uint64_t slot, struct key *out)
{
    struct store_item at = { .len = fold->key_len, .data = fold->key, .room = sizeof(fold->key) };
    uint8_t prefix[2];
    wire_put_u16(prefix, (uint16_t)slot);
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

/* Deletes what an earlier lap of the ring left in today's slot. */
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
    uint64_t current = (now - HISTORY_FOLD_AFTER_S) / HISTORY_SLOT_S;
    if (fold->clearing || fold->left > 0) {
        return;
    }
    if (fold->day != now / DAY_S) {
        fold->day = now / DAY_S;
        fold->clearing = true;
    } else if (fold->slot != current) {
        uint64_t passed = current > fold->slot ? current - fold->slot : HISTORY_SLOTS;
        fold->left = passed < HISTORY_SLOTS ? (unsigned)passed : HISTORY_SLOTS - 1;
        fold->slot = current;
    }
}

/* One row; slots are gone through from the oldest, so that hours are made in order. */
static enum result fold_one(struct store_txn *txn, struct history_fold *fold, struct diag *diag)
{
    struct key key;
    uint64_t number = fold->slot - fold->left;
    enum result result = fold->clearing
                             ? next_row(txn, fold, TABLE_DAYS, fold->day % HISTORY_DAYS, &key)
                             : next_row(txn, fold, TABLE_SAMPLES, number % HISTORY_SLOTS, &key);
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
    enum result result = RESULT_OK;
    begin_pass(fold, now);
    for (; result == RESULT_OK && budget > 0 && (fold->clearing || fold->left > 0); budget--) {
        result = fold_one(txn, fold, diag);
        begin_pass(fold, now);
    }
    *more = fold->clearing || fold->left > 0;
    return result;
}
