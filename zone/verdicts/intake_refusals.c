/* Rows of TABLE_REFUSALS: reports that were not taken in, and why. */
#include "zone/verdicts/intake_private.h"

enum {
    LAYOUT = 1,
    ENCODED_MAX = 256
};

static enum result decode(struct refusal *out, const uint8_t *source, size_t source_len,
                          const uint8_t *data, size_t len)
{
    struct refusal refusal = { .source = "" };
    struct reader r = reader_of(data, len);
    uint8_t layout = read_u8(&r);
    refusal.first_at = read_u64(&r);
    refusal.last_at = read_u64(&r);
    refusal.count = read_u64(&r);
    read_text(&r, refusal.text, sizeof(refusal.text));
    if (!reader_done(&r) || layout != LAYOUT || source_len >= sizeof(refusal.source)) {
        return RESULT_DAMAGED;
    }
    memcpy(refusal.source, source, source_len);
    *out = refusal;
    return RESULT_OK;
}

struct list {
    struct refusal *rows;
    unsigned count;
};

static enum result add(const uint8_t *source, size_t source_len, const uint8_t *data, size_t len,
                       void *arg)
{
    struct list *list = arg;
    if (list->count == INTAKE_REFUSALS_MAX) {
        return RESULT_OK;
    }
    return decode(&list->rows[list->count++], source, source_len, data, len);
}

enum result intake_refusals(struct store_txn *health, struct refusal out[INTAKE_REFUSALS_MAX],
                            unsigned *count)
{
    struct list list = { .rows = out };
    enum result result = store_each(health, TABLE_REFUSALS, add, &list);
    *count = result == RESULT_OK ? list.count : 0;
    return result;
}

static enum result drop_oldest(struct store_txn *health)
{
    struct refusal rows[INTAKE_REFUSALS_MAX];
    unsigned count = 0, oldest = 0;
    TRY(intake_refusals(health, rows, &count));
    for (unsigned i = 1; i < count; i++) {
        oldest = rows[i].last_at < rows[oldest].last_at ? i : oldest;
    }
    if (count == 0) {
        return RESULT_OK;
    }
    return store_delete(health, TABLE_REFUSALS, rows[oldest].source, strlen(rows[oldest].source));
}

enum result intake_note(struct store_txn *health, const struct refusal *refusal, uint64_t now,
                        struct diag *diag)
{
    uint8_t data[ENCODED_MAX];
    struct store_item item = { .data = data, .room = sizeof(data) };
    const char *source = refusal->source[0] == '\0' ? "?" : refusal->source;
    struct refusal row = { .first_at = now };
    enum result result = store_get(health, TABLE_REFUSALS, source, strlen(source), &item);
    if (result == RESULT_OK) {
        result = decode(&row, (const uint8_t *)source, strlen(source), data, item.len);
    } else if (result == RESULT_NOT_FOUND) {
        result = store_count(health, TABLE_REFUSALS) < INTAKE_REFUSALS_MAX ? RESULT_OK
                                                                           : drop_oldest(health);
    }
    struct writer w = writer_of(data, sizeof(data));
    write_u8(&w, LAYOUT);
    write_u64(&w, row.first_at);
    write_u64(&w, now);
    write_u64(&w, row.count + refusal->count);
    write_text(&w, refusal->text);
    if (result == RESULT_OK) {
        result = store_put(health, TABLE_REFUSALS, source, strlen(source), data, w.at);
    }
    return vantage_written(diag, result);
}

enum result intake_clear_refusal(struct store_txn *health, const char *source)
{
    enum result result = store_delete(health, TABLE_REFUSALS, source, strlen(source));
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}
