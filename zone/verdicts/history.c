#include "zone/verdicts/history_private.h"

enum {
    FOLDED_ALL = 1,     /* written by an earlier version: all samples */
    FOLDED_COUNT = 0x80 /* flag: the low bits are the number of samples */
};

enum {
    DAY_S = 86400,
    QUARTER_MAX = 16 + HISTORY_QUARTER_SAMPLES * 11
};

struct history_key history_key_of(unsigned ring_index, const struct history_subject *subject)
{
    struct history_key key;
    struct writer w = writer_of(key.octets, sizeof(key.octets));
    write_u16(&w, (uint16_t)ring_index);
    write_u64(&w, subject->member_id);
    write_octets(&w, subject->address.octets, sizeof(subject->address.octets));
    write_octets(&w, subject->vantage, strlen(subject->vantage));
    ASSERT(!w.failed);
    key.len = w.at;
    return key;
}

enum result history_written(struct diag *diag, enum result result)
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
        uint32_t steps = each->rtt_us / HISTORY_RTT_STEP_US;
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
        each->rtt_us = (uint32_t)read_u16(&r) * HISTORY_RTT_STEP_US;
    }
    if (!reader_done(&r)) {
        return RESULT_DAMAGED;
    }
    *out = quarter;
    return RESULT_OK;
}

static enum result get_quarter(struct store_txn *txn, const struct history_key *key,
                               struct quarter *out)
{
    uint8_t data[QUARTER_MAX];
    struct store_item item = { .data = data, .room = sizeof(data) };
    TRY(store_get(txn, TABLE_SAMPLES, key->octets, key->len, &item));
    return decode_quarter(out, data, item.len);
}

static enum result put_quarter(struct store_txn *txn, const struct history_key *key,
                               const struct quarter *quarter, struct diag *diag)
{
    uint8_t data[QUARTER_MAX];
    struct writer w = writer_of(data, sizeof(data));
    encode_quarter(&w, quarter);
    ASSERT(!w.failed);
    return history_written(diag, store_put(txn, TABLE_SAMPLES, key->octets, key->len, data, w.at));
}

enum result history_samples(struct store_txn *txn, const struct history_subject *subject,
                            uint64_t since, uint64_t now, history_sample_visit *visit, void *arg)
{
    uint64_t last = now / HISTORY_QUARTER_S;
    uint64_t first = last < HISTORY_QUARTERS ? 0 : last - HISTORY_QUARTERS + 1;
    first = first < since / HISTORY_QUARTER_S ? since / HISTORY_QUARTER_S : first;
    for (uint64_t number = first; number <= last; number++) {
        struct history_key key = history_key_of((unsigned)(number % HISTORY_QUARTERS), subject);
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

/* -- folding -- */

/* Folds a row of a finished quarter into its day; deletes a row of an earlier lap. */
static enum result fold_row(struct store_txn *txn, const struct history_key *key, uint64_t number,
                            bool far, struct diag *diag)
{
    struct quarter quarter;
    bool readable = get_quarter(txn, key, &quarter) == RESULT_OK;
    if (readable && quarter.number > number) {
        return RESULT_OK; /* of the current lap, or the clock was set back */
    }
    if (!readable || quarter.number < number) {
        return history_written(diag, store_delete(txn, TABLE_SAMPLES, key->octets, key->len));
    }
    if (quarter.folded == quarter.count) {
        return RESULT_OK;
    }
    unsigned from = quarter.folded;
    quarter.folded = quarter.count;
    TRY(put_quarter(txn, key, &quarter, diag));
    return history_sum_up(txn, key, far, quarter.samples + from, quarter.count - from, diag);
}

static bool is_over(uint64_t number, uint64_t now)
{
    return (number + 1) * HISTORY_QUARTER_S + HISTORY_FOLD_AFTER_S <= now;
}

enum result history_note(struct store_txn *txn, const struct history_subject *subject,
                         const struct history_sample *sample, uint64_t now, struct diag *diag)
{
    uint64_t number = sample->at / HISTORY_QUARTER_S;
    struct history_key key = history_key_of((unsigned)(number % HISTORY_QUARTERS), subject);
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
    return result == RESULT_OK && is_over(number, now)
               ? fold_row(txn, &key, number, subject->far, diag)
               : result;
}

/* The next row at a ring index. NOT_FOUND at the end; the next call then starts at another
 * index. */
static enum result next_row(struct store_txn *txn, struct history_fold *fold,
                            enum store_table table, unsigned ring_index, struct history_key *out)
{
    struct store_item at = { .len = fold->key_len, .data = fold->key, .room = sizeof(fold->key) };
    uint8_t prefix[2];
    wire_put_u16(prefix, (uint16_t)ring_index);
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

static void begin_pass(struct history_fold *fold, uint64_t now)
{
    uint64_t current = (now - HISTORY_FOLD_AFTER_S) / HISTORY_QUARTER_S;
    if (fold->clearing > 0 || fold->left > 0) {
        return;
    }
    if (fold->day != now / DAY_S) {
        fold->day = now / DAY_S;
        fold->clearing = HISTORY_RINGS;
    } else if (fold->quarter != current) {
        uint64_t passed = current > fold->quarter ? current - fold->quarter : HISTORY_QUARTERS;
        fold->left = passed < HISTORY_QUARTERS ? (unsigned)passed : HISTORY_QUARTERS - 1;
        fold->quarter = current;
    }
}

static enum result clear_one(struct store_txn *txn, struct history_fold *fold, struct diag *diag)
{
    struct history_key key;
    unsigned ring = fold->clearing - 1;
    enum result result = next_row(txn, fold, TABLE_DAYS, history_ring_index(ring, fold->day), &key);
    if (result == RESULT_NOT_FOUND) {
        fold->clearing--;
        return RESULT_OK;
    }
    return result == RESULT_OK ? history_clear(txn, ring, &key, fold->day, diag)
                               : history_written(diag, result);
}

/* True of vantage points whose reports are imported, and of those that are no more. */
static bool is_far(const struct history_key *key, const struct vantages *vantages)
{
    char name[VANTAGE_ROOM + 1] = "";
    if (key->len > HISTORY_KEY_NAME) {
        memcpy(name, key->octets + HISTORY_KEY_NAME, key->len - HISTORY_KEY_NAME);
    }
    const struct vantage *vantage = vantages_find(vantages, name);
    return vantage == NULL || vantage->imported;
}

/* Quarters are folded from the oldest on. */
static enum result fold_one(struct store_txn *txn, struct history_fold *fold, struct diag *diag)
{
    struct history_key key;
    uint64_t number = fold->quarter - fold->left;
    enum result result =
        next_row(txn, fold, TABLE_SAMPLES, (unsigned)(number % HISTORY_QUARTERS), &key);
    if (result == RESULT_NOT_FOUND) {
        fold->left--;
        return RESULT_OK;
    }
    return result == RESULT_OK ? fold_row(txn, &key, number, is_far(&key, fold->vantages), diag)
                               : history_written(diag, result);
}

enum result history_fold(struct store_txn *txn, struct history_fold *fold, uint64_t now,
                         unsigned budget, bool *more, struct diag *diag)
{
    begin_pass(fold, now);
    for (; budget > 0 && (fold->clearing > 0 || fold->left > 0); budget--) {
        TRY(fold->clearing > 0 ? clear_one(txn, fold, diag) : fold_one(txn, fold, diag));
        begin_pass(fold, now);
    }
    *more = fold->clearing > 0 || fold->left > 0;
    return RESULT_OK;
}
