/* The log of a label: rows of TABLE_EVENTS, by label and number. */
#include "zone/verdicts/history.h"

enum {
    EVENT_KEY_MAX = LABEL_ROOM + 8,
    EVENT_MAX = 8 + 2 + VANTAGE_ROOM + 2 + HISTORY_EVENT_ROOM
};

struct event_key {
    uint8_t octets[EVENT_KEY_MAX];
    size_t len, label_len; /* of the whole key; of the label with its NUL */
};

static struct event_key event_key_of(const char *label, uint64_t number)
{
    struct event_key key;
    struct writer w = writer_of(key.octets, sizeof(key.octets));
    write_octets(&w, label, strlen(label) + 1);
    key.label_len = w.at;
    write_u64(&w, number);
    ASSERT(!w.failed);
    key.len = w.at;
    return key;
}

/* The number of the label's next event. */
static enum result next_number(struct store_txn *txn, const char *label, uint64_t *out)
{
    struct event_key last = event_key_of(label, UINT64_MAX);
    uint8_t found[STORE_KEY_MAX];
    struct store_item at = { .len = last.len, .data = found, .room = sizeof(found) };
    memcpy(found, last.octets, last.len);
    enum result result = store_find(txn, TABLE_EVENTS, SEEK_AT_OR_BEFORE, &at, NULL);
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        return result;
    }
    bool mine = result == RESULT_OK && at.len == last.len &&
                memcmp(found, last.octets, last.label_len) == 0;
    struct reader r = reader_of(found + last.label_len, 8);
    *out = mine ? read_u64(&r) + 1 : 0;
    return RESULT_OK;
}

/* The rows of a label's log, counted by author. */
struct authors {
    unsigned count, rows;
    struct author {
        char who[VANTAGE_ROOM];
        unsigned rows;
        uint64_t oldest; /* number of its oldest event */
    } list[HISTORY_EVENTS];
};

typedef void event_visit(uint64_t number, const struct history_event *event, void *arg);

static enum result each_event(struct store_txn *txn, const char *label, event_visit *visit,
                              void *arg)
{
    struct event_key first = event_key_of(label, 0);
    uint8_t found[STORE_KEY_MAX], data[EVENT_MAX];
    struct store_item at = { .len = first.len, .data = found, .room = sizeof(found) };
    struct store_item value = { .data = data, .room = sizeof(data) };
    memcpy(found, first.octets, first.len);
    enum result result = store_find(txn, TABLE_EVENTS, SEEK_AT_OR_AFTER, &at, &value);
    while (result == RESULT_OK && at.len == first.len &&
           memcmp(found, first.octets, first.label_len) == 0) {
        struct reader key = reader_of(found + first.label_len, 8);
        struct reader r = reader_of(data, value.len);
        struct history_event event = { .at = read_u64(&r) };
        read_text(&r, event.who, sizeof(event.who));
        read_text(&r, event.text, sizeof(event.text));
        if (!reader_done(&r)) {
            event = (struct history_event){ .who = "?", .text = "this entry can't be read" };
        }
        visit(read_u64(&key), &event, arg);
        result = store_find(txn, TABLE_EVENTS, SEEK_AFTER, &at, &value);
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

static void count_author(uint64_t number, const struct history_event *event, void *arg)
{
    struct authors *authors = arg;
    unsigned i = 0;
    while (i < authors->count && strcmp(authors->list[i].who, event->who) != 0) {
        i++;
    }
    authors->rows++;
    if (i == HISTORY_EVENTS) {
        return;
    }
    struct author *author = &authors->list[i];
    if (i == authors->count) {
        authors->count++;
        *author = (struct author){ .oldest = number };
        memcpy(author->who, event->who, sizeof(author->who));
    }
    author->rows++;
}

/* Deletes the oldest event of the author with the most events of a full log. So no author is pushed
 * out by how much others write. */
static enum result make_room(struct store_txn *txn, const char *label)
{
    struct authors authors = { .count = 0 };
    const struct author *most = &authors.list[0];
    TRY(each_event(txn, label, count_author, &authors));
    if (authors.rows < HISTORY_EVENTS) {
        return RESULT_OK;
    }
    for (unsigned i = 1; i < authors.count; i++) {
        most = authors.list[i].rows > most->rows ? &authors.list[i] : most;
    }
    struct event_key old = event_key_of(label, most->oldest);
    return store_delete(txn, TABLE_EVENTS, old.octets, old.len);
}

enum result history_log(struct store_txn *txn, const char *label, const struct history_event *event,
                        struct diag *diag)
{
    uint8_t data[EVENT_MAX];
    struct writer w = writer_of(data, sizeof(data));
    uint64_t number = 0;
    TRY(vantage_written(diag, next_number(txn, label, &number)));
    if (number >= HISTORY_EVENTS) {
        TRY(vantage_written(diag, make_room(txn, label)));
    }
    struct event_key key = event_key_of(label, number);
    write_u64(&w, event->at);
    write_text(&w, event->who);
    write_text(&w, event->text);
    ASSERT(!w.failed);
    return vantage_written(diag, store_put(txn, TABLE_EVENTS, key.octets, key.len, data, w.at));
}

struct reading {
    history_event_visit *visit;
    void *arg;
};

static void read_event(uint64_t, const struct history_event *event, void *arg)
{
    const struct reading *reading = arg;
    reading->visit(event, reading->arg);
}

enum result history_events(struct store_txn *txn, const char *label, history_event_visit *visit,
                           void *arg)
{
    struct reading reading = { visit, arg };
    return each_event(txn, label, read_event, &reading);
}
