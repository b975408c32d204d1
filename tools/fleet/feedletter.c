#include "tools/fleet/feedletter.h"

#include <stdlib.h>

#include "zone/base/clock.h"

static const char topic[] = "number";

enum result feedletter_begin(struct feeder *feeder, struct diag *diag)
{
    uint8_t row[8];
    struct store_item value = { .data = row, .room = sizeof(row) };
    struct store_txn *txn = NULL;
    TRY(store_read(feeder->fleet, &txn, diag));
    enum result result = store_get(txn, TABLE_FEED, topic, sizeof(topic) - 1, &value);
    store_abort(txn);
    if (result == RESULT_OK && value.len == sizeof(row)) {
        struct reader r = reader_of(row, sizeof(row));
        feeder->number = read_u64(&r);
    }
    return RESULT_OK;
}

enum result feedletter_note(struct feeder *feeder, struct diag *diag)
{
    uint8_t row[8];
    struct writer w = writer_of(row, sizeof(row));
    struct store_txn *txn = NULL;
    write_u64(&w, feeder->number);
    TRY(store_write(feeder->fleet, &txn, diag));
    enum result result = store_put(txn, TABLE_FEED, topic, sizeof(topic) - 1, row, w.at);
    if (result != RESULT_OK) {
        store_abort(txn);
        return diag_fail(diag, result, "the number of a letter can't be noted: %s",
                         result_text(result));
    }
    return store_commit(txn, diag);
}

enum result feedletter_send(struct feeder *feeder, struct sending *sending, enum letter_kind kind,
                            const char *subject, struct octets text)
{
    uint8_t *octets = xmalloc(LETTER_MAX);
    char key[LETTER_KEY_ROOM];
    struct letter letter = {
        .kind = kind, .number = letter_number(feeder->number), .made_at = clock_now(), .text = text
    };
    ASSERT(strlen(feeder->machine) < LETTER_NAME_ROOM && strlen(subject) < LETTER_NAME_ROOM);
    memcpy(letter.machine, feeder->machine, strlen(feeder->machine) + 1);
    memcpy(letter.subject, subject, strlen(subject) + 1);
    size_t len = letter_seal(&letter, feeder->ledger, feeder->secret, octets);
    enum result result =
        sending_put(sending, letter_key(&letter, key), (struct octets){ octets, len });
    if (result == RESULT_OK) {
        feeder->number = letter.number;
    }
    free(octets);
    return result;
}
