/* What all clients asked and got, by hour: rows by day, in a ring of TRAFFIC_KEPT days. */
#include "zone/steering/traffic_private.h"

enum {
    HOUR_S = 3600,
    DAY_HOURS = 24,
    DAY_S = DAY_HOURS * HOUR_S,
    KEY_LEN = 1 + 2,
    ROW_LEN = 1 + 8 + DAY_HOURS * (8 + 8)
};

static void write_key(struct writer *w, uint64_t day)
{
    write_u8(w, TRAFFIC_ROW_POOL);
    write_u16(w, (uint16_t)(day % TRAFFIC_KEPT));
}

static void write_row(struct writer *w, const struct traffic_pool_day *day)
{
    write_u8(w, TRAFFIC_LAYOUT);
    write_u64(w, day->number);
    for (unsigned i = 0; i < DAY_HOURS; i++) {
        write_u64(w, day->hours[i].queries);
        write_u64(w, day->hours[i].answers);
    }
}

static void begin_day(struct traffic_pool_day *day, uint64_t number)
{
    *day = (struct traffic_pool_day){ .number = number };
    for (unsigned i = 0; i < DAY_HOURS; i++) {
        day->hours[i].at = number * DAY_S + (uint64_t)i * HOUR_S;
    }
}

bool traffic_read_pool(struct traffic_pool_day *out, struct reader *key, struct reader *row)
{
    uint16_t place = read_u16(key);
    bool known = read_u8(row) == TRAFFIC_LAYOUT;
    begin_day(out, read_u64(row));
    for (unsigned i = 0; i < DAY_HOURS; i++) {
        out->hours[i].queries = read_u64(row);
        out->hours[i].answers = read_u64(row);
    }
    return known && place == out->number % TRAFFIC_KEPT;
}

enum result traffic_save_pool(struct traffic *traffic, struct store_txn *txn)
{
    for (unsigned i = 0; i < 2; i++) {
        struct traffic_pool_day *day = &traffic->pool[i];
        uint8_t key_data[KEY_LEN], data[ROW_LEN];
        struct writer key = writer_of(key_data, sizeof(key_data));
        struct writer row = writer_of(data, sizeof(data));
        if (day->changed && txn != NULL) {
            write_key(&key, day->number);
            write_row(&row, day);
            ASSERT(!key.failed && !row.failed);
            TRY(store_put(txn, TABLE_TRAFFIC, key.data, key.at, row.data, row.at));
        }
        day->changed = false;
    }
    return RESULT_OK;
}

void traffic_add_totals(struct traffic *traffic, uint64_t queries, uint64_t answers, uint64_t now)
{
    uint64_t number = now / DAY_S;
    struct traffic_pool_day *day = &traffic->pool[number % 2];
    if (queries == 0 && answers == 0) {
        return;
    }
    if (day->number != number) {
        begin_day(day, number);
    }
    struct traffic_hour *hour = &day->hours[now % DAY_S / HOUR_S];
    hour->queries += queries;
    hour->answers += answers;
    day->changed = true;
}

enum result traffic_hours(struct store_txn *txn, uint64_t since, uint64_t now,
                          traffic_hour_visit *visit, void *arg)
{
    uint64_t last = now / DAY_S, first = since / DAY_S;
    first = last >= TRAFFIC_KEPT && first <= last - TRAFFIC_KEPT ? last - TRAFFIC_KEPT + 1 : first;
    for (uint64_t number = first; number <= last; number++) {
        uint8_t key_data[KEY_LEN], data[ROW_LEN];
        struct writer w = writer_of(key_data, sizeof(key_data));
        struct store_item item = { .data = data, .room = sizeof(data) };
        struct traffic_pool_day day;
        write_key(&w, number);
        enum result result = store_get(txn, TABLE_TRAFFIC, key_data, w.at, &item);
        if (result == RESULT_NOT_FOUND) {
            continue;
        }
        TRY(result);
        struct reader key = reader_of(key_data + 1, w.at - 1), row = reader_of(data, item.len);
        if (!traffic_read_pool(&day, &key, &row) || !reader_done(&row)) {
            return RESULT_DAMAGED;
        }
        for (unsigned i = 0; day.number == number && i < DAY_HOURS; i++) {
            if (day.hours[i].at + HOUR_S > since && day.hours[i].at <= now) {
                visit(&day.hours[i], arg);
            }
        }
    }
    return RESULT_OK;
}
