/* Key: u64 number of the entry. Value: u8 layout, u64 at, then the five texts. */
#include "zone/registry/audit.h"

enum {
    LAYOUT = 1,
    KEY_LEN = 8,
    ROW_MAX = 1 + 8 + 5 * 2 + AUDIT_WHO_ROOM + AUDIT_FROM_ROOM + AUDIT_COMMAND_ROOM +
              AUDIT_SUBJECT_ROOM + AUDIT_CHANGE_ROOM
};

static void encode(struct writer *w, const struct audit_entry *entry)
{
    write_u8(w, LAYOUT);
    write_u64(w, entry->at);
    write_text(w, entry->who);
    write_text(w, entry->from);
    write_text(w, entry->command);
    write_text(w, entry->subject);
    write_text(w, entry->change);
}

static enum result decode(struct audit_entry *out, const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    if (read_u8(&r) > LAYOUT) {
        return RESULT_NEWER;
    }
    out->at = read_u64(&r);
    read_text(&r, out->who, sizeof(out->who));
    read_text(&r, out->from, sizeof(out->from));
    read_text(&r, out->command, sizeof(out->command));
    read_text(&r, out->subject, sizeof(out->subject));
    read_text(&r, out->change, sizeof(out->change));
    return reader_done(&r) ? RESULT_OK : RESULT_DAMAGED;
}

/* The number of the next entry. */
static enum result next_number(struct store_txn *txn, uint64_t *out)
{
    uint8_t data[STORE_KEY_MAX];
    struct store_item key = { .data = data, .room = sizeof(data) };
    enum result result = store_find(txn, TABLE_AUDIT, SEEK_LAST, &key, NULL);
    if (result == RESULT_NOT_FOUND) {
        *out = 1;
        return RESULT_OK;
    }
    TRY(result);
    struct reader r = reader_of(data, key.len);
    uint64_t last = read_u64(&r);
    if (!reader_done(&r)) {
        return RESULT_DAMAGED;
    }
    *out = last + 1;
    return RESULT_OK;
}

static enum result drop_oldest(struct store_txn *txn)
{
    uint8_t data[STORE_KEY_MAX];
    while (store_count(txn, TABLE_AUDIT) >= AUDIT_MAX) {
        struct store_item key = { .data = data, .room = sizeof(data) };
        TRY(store_find(txn, TABLE_AUDIT, SEEK_FIRST, &key, NULL));
        TRY(store_delete(txn, TABLE_AUDIT, data, key.len));
    }
    return RESULT_OK;
}

enum result audit_add(struct store_txn *txn, const struct audit_entry *entry)
{
    uint8_t key[KEY_LEN], data[ROW_MAX];
    uint64_t number = 0;
    TRY(next_number(txn, &number));
    TRY(drop_oldest(txn));
    struct writer k = writer_of(key, sizeof(key));
    write_u64(&k, number);
    struct writer w = writer_of(data, sizeof(data));
    encode(&w, entry);
    ASSERT(!w.failed);
    return store_put(txn, TABLE_AUDIT, key, sizeof(key), data, w.at);
}

struct each {
    audit_visit *visit;
    void *arg;
};

static enum result each_row(const uint8_t *, size_t, const uint8_t *value, size_t value_len,
                            void *arg)
{
    const struct each *each = arg;
    struct audit_entry entry = { .at = 0 };
    TRY(decode(&entry, value, value_len));
    return each->visit(&entry, each->arg);
}

enum result audit_each(struct store_txn *txn, audit_visit *visit, void *arg)
{
    struct each each = { visit, arg };
    return store_each(txn, TABLE_AUDIT, each_row, &each);
}
