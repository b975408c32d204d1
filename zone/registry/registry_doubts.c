/* Layout: u8 layout, then of each doubt: u16 length and octets of the head, u32 process, text
 * command. */
#include "zone/registry/registry_doubts.h"

#include <stdio.h>

#include "zone/registry/registry_private.h"

static const char row_key[] = "doubts";

enum {
    LAYOUT = 2,
    DOUBT_MAX = 2 + LEDGERHEAD_MAX + 4 + 2 + DOUBT_COMMAND_ROOM,
    ROW_MAX = 1 + DOUBTS_MAX * DOUBT_MAX
};

static bool read_doubt(struct reader *r, struct doubt *out)
{
    struct doubt doubt = { .command = "" };
    uint8_t octets[LEDGERHEAD_MAX];
    size_t len = read_u16(r);
    if (r->failed || len > sizeof(octets)) {
        return false;
    }
    read_into(r, octets, len);
    doubt.asked_by = read_u32(r);
    read_text(r, doubt.command, sizeof(doubt.command));
    if (r->failed || ledgerhead_decode(&doubt.head, (struct octets){ octets, len }) != RESULT_OK) {
        return false;
    }
    *out = doubt;
    return true;
}

void registry_doubts(struct store_txn *txn, struct doubts *out)
{
    uint8_t data[ROW_MAX];
    struct store_item item = { .data = data, .room = sizeof(data) };
    struct doubts doubts = { .count = 0 };
    *out = doubts;
    if (store_get(txn, TABLE_META, row_key, sizeof(row_key) - 1, &item) != RESULT_OK) {
        return;
    }
    struct reader r = reader_of(data, item.len);
    if (read_u8(&r) != LAYOUT) {
        return;
    }
    while (reader_left(&r) > 0) {
        if (doubts.count == DOUBTS_MAX || !read_doubt(&r, &doubts.list[doubts.count])) {
            return;
        }
        doubts.count++;
    }
    *out = doubts;
}

void registry_doubts_add(struct doubts *doubts, const struct ledgerhead *head, uint32_t asked_by,
                         const char *command)
{
    if (doubts->count == DOUBTS_MAX) {
        registry_doubts_drop(doubts, 0);
    }
    struct doubt *doubt = &doubts->list[doubts->count++];
    *doubt = (struct doubt){ .head = *head, .asked_by = asked_by };
    (void)snprintf(doubt->command, sizeof(doubt->command), "%s", command);
}

struct doubt *registry_doubts_find(struct doubts *doubts, const struct ledgerhead *head)
{
    for (unsigned i = 0; i < doubts->count; i++) {
        if (memcmp(doubts->list[i].head.change, head->change, sizeof(head->change)) == 0) {
            return &doubts->list[i];
        }
    }
    return NULL;
}

void registry_doubts_drop(struct doubts *doubts, unsigned i)
{
    doubts->count--;
    memmove(&doubts->list[i], &doubts->list[i + 1], (doubts->count - i) * sizeof(doubts->list[0]));
}

enum result registry_put_doubts(struct registry_change *change, const struct doubts *doubts)
{
    uint8_t data[ROW_MAX];
    struct writer w = writer_of(data, sizeof(data));
    if (doubts->count == 0) {
        enum result result = store_delete(change->txn, TABLE_META, row_key, sizeof(row_key) - 1);
        return registry_written(change->diag, result == RESULT_NOT_FOUND ? RESULT_OK : result);
    }
    write_u8(&w, LAYOUT);
    for (unsigned i = 0; i < doubts->count; i++) {
        uint8_t octets[LEDGERHEAD_MAX];
        size_t len = ledgerhead_encode(&doubts->list[i].head, octets);
        write_u16(&w, (uint16_t)len);
        write_octets(&w, octets, len);
        write_u32(&w, doubts->list[i].asked_by);
        write_text(&w, doubts->list[i].command);
    }
    return registry_put(change, TABLE_META, row_key, sizeof(row_key) - 1, &w);
}
