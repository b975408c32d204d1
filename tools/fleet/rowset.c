#include "tools/fleet/rowset.h"

#include <stdlib.h>

#include "zone/base/array.h"

enum {
    CHUNK_MAX = 64 << 10 /* but for longer rows; the first chunk is as long as the first row */
};

struct rowset_chunk {
    struct rowset_chunk *next;
    size_t len, room;
    uint8_t octets[];
};

void rowset_free(struct rowset *rows)
{
    while (rows->chunks != NULL) {
        struct rowset_chunk *chunk = rows->chunks;
        rows->chunks = chunk->next;
        free(chunk);
    }
    free(rows->list);
    *rows = (struct rowset){ .list = NULL };
}

static uint8_t *make_room(struct rowset *rows, size_t len)
{
    struct rowset_chunk *chunk = rows->chunks;
    if (chunk == NULL || chunk->room - chunk->len < len) {
        size_t room = rows->octets < CHUNK_MAX ? rows->octets : CHUNK_MAX;
        room = room > len ? room : len;
        chunk = xmalloc(sizeof(*chunk) + room);
        *chunk = (struct rowset_chunk){ .next = rows->chunks, .room = room };
        rows->chunks = chunk;
    }
    chunk->len += len;
    return chunk->octets + chunk->len - len;
}

void rowset_add(struct rowset *rows, const struct registry_fleet_row *row)
{
    struct registry_fleet_row copy = *row;
    size_t value_len = row->gone ? 0 : row->value.len;
    uint8_t *octets = make_room(rows, row->name.len + value_len);
    memcpy(octets, row->name.octets, row->name.len);
    if (value_len > 0) {
        memcpy(octets + row->name.len, row->value.data, value_len);
    }
    copy.name.octets = octets;
    copy.value = (struct octets){ row->gone ? NULL : octets + row->name.len, value_len };
    rows->octets += value_len;
    ARRAY_PUSH(rows->list, rows->count, rows->room, copy);
}

enum result rowset_add_reply(struct rowset *rows, const char *prefix,
                             const struct etcdreply_row *row, bool gone, struct diag *diag)
{
    struct registry_fleet_row own = { .gone = gone, .value = row->value };
    uint8_t room[LEDGERROW_NAME_MAX];
    size_t len = strlen(prefix);
    enum result result = RESULT_INVALID;
    if (row->key.len >= len && memcmp(row->key.data, prefix, len) == 0) {
        result = ledgerrow_parse(&own.name,
                                 (struct octets){ row->key.data + len, row->key.len - len }, room);
    }
    if (result != RESULT_OK) {
        return diag_fail(diag, result == RESULT_NEWER ? result : RESULT_DAMAGED,
                         result == RESULT_NEWER
                             ? "the engine has a row of a newer ntspool: upgrade this one: %.*s"
                             : "the engine has a key of no row: %.*s",
                         row->key.len > 200 ? 200 : (int)row->key.len, (const char *)row->key.data);
    }
    rowset_add(rows, &own);
    return RESULT_OK;
}

enum result rowset_visit(const struct registry_fleet_row *row, void *arg)
{
    rowset_add(arg, row);
    return RESULT_OK;
}
