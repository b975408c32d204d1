#include "zone/registry/registry_fleet.h"

#include <stdlib.h>

#include "zone/base/array.h"
#include "zone/registry/machine.h"
#include "zone/registry/registry_private.h"
#include "zone/registry/service.h"

static const struct {
    enum store_table table;
    enum ledgerrow_kind kind;
} tables[] = {
    { TABLE_SETTINGS, LEDGERROW_SETTING },     { TABLE_NAMES, LEDGERROW_NODE },
    { TABLE_MEMBERS, LEDGERROW_MEMBER },       { TABLE_TOMBSTONES, LEDGERROW_TOMBSTONE },
    { TABLE_VANTAGE_KEYS, LEDGERROW_VANTAGE }, { TABLE_MACHINES, LEDGERROW_MACHINE },
};

enum {
    TABLES = sizeof(tables) / sizeof(tables[0])
};

static enum store_table table_of(enum ledgerrow_kind kind)
{
    size_t i = 0;
    while (i < TABLES && tables[i].kind != kind) {
        i++;
    }
    return i < TABLES ? tables[i].table : TABLE_COUNT;
}

/* The row as it is here: NOT_FOUND also for a node that is not shared. `buffer` has
 * STORE_VALUE_MAX octets. */
static enum result read_row(struct store_txn *txn, enum ledgerrow_kind kind, const void *key,
                            size_t len, uint8_t *buffer, struct octets *out)
{
    struct store_item item = { .data = buffer, .room = STORE_VALUE_MAX };
    struct node node;
    TRY(store_get(txn, table_of(kind), key, len, &item));
    if (kind == LEDGERROW_NODE) {
        TRY(node_decode(&node, buffer, item.len));
        if (node.kind != NODE_APEX && node.kind != NODE_STATIC) {
            return RESULT_NOT_FOUND;
        }
    }
    *out = (struct octets){ buffer, item.len };
    return RESULT_OK;
}

void registry_fleet_free(struct registry_fleet *fleet)
{
    free(fleet->notes);
    free(fleet->octets);
    *fleet = (struct registry_fleet){ .notes = NULL };
}

static void note(struct store_txn *txn, enum store_table table, const void *key, size_t len,
                 void *arg)
{
    struct registry_fleet *fleet = arg;
    size_t i = 0;
    while (i < TABLES && tables[i].table != table) {
        i++;
    }
    if (i == TABLES) {
        return;
    }
    uint8_t *buffer = xmalloc(STORE_VALUE_MAX);
    struct octets value;
    bool shared = read_row(txn, tables[i].kind, key, len, buffer, &value) != RESULT_NOT_FOUND;
    free(buffer);
    ARRAY_PUSH(fleet->notes, fleet->count, fleet->room,
               (struct registry_fleet_note){ tables[i].kind, shared, fleet->octets_len, len });
    ARRAY_RESERVE(fleet->octets, fleet->octets_room, fleet->octets_len + len);
    memcpy(fleet->octets + fleet->octets_len, key, len);
    fleet->octets_len += len;
}

void registry_fleet_note(struct registry_fleet *fleet, struct store_txn *txn)
{
    store_on_write(txn, note, fleet);
}

static int order_notes(const void *left, const void *right, void *arg)
{
    const struct registry_fleet_note *a = left, *b = right;
    const struct registry_fleet *fleet = arg;
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    int order =
        memcmp(fleet->octets + a->at, fleet->octets + b->at, a->len < b->len ? a->len : b->len);
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

/* The same, and notes of one row in the order in which they were made. */
static int order_all(const void *left, const void *right, void *arg)
{
    const struct registry_fleet_note *a = left, *b = right;
    int order = order_notes(a, b, arg);
    return order != 0 ? order : (a->at > b->at) - (a->at < b->at);
}

static enum result visit_note(const struct registry_fleet *fleet,
                              const struct registry_fleet_note *touched, struct store_txn *txn,
                              registry_fleet_visit *visit, void *arg)
{
    struct registry_fleet_row row = { .gone = false };
    const uint8_t *key = fleet->octets + touched->at;
    uint8_t *buffer = xmalloc(STORE_VALUE_MAX);
    enum result result = read_row(txn, touched->kind, key, touched->len, buffer, &row.value);
    row.gone = result == RESULT_NOT_FOUND;
    if (row.gone) {
        result = RESULT_OK;
    }
    if (result == RESULT_OK && (touched->shared || !row.gone)) {
        result = ledgerrow_name(&row.name, touched->kind, key, touched->len);
        result = result == RESULT_OK ? visit(&row, arg) : result;
    }
    free(buffer);
    return result;
}

enum result registry_fleet_collect(struct registry_fleet *fleet, struct registry_change *change,
                                   registry_fleet_visit *visit, void *arg)
{
    TRY(registry_finish(change));
    store_on_write(change->txn, NULL, NULL);
    if (fleet->count > 0) {
        qsort_r(fleet->notes, fleet->count, sizeof(*fleet->notes), order_all, fleet);
    }
    for (size_t i = 0; i < fleet->count; i++) {
        const struct registry_fleet_note *touched = &fleet->notes[i];
        if (i == 0 || order_notes(touched - 1, touched, fleet) != 0) {
            TRY(visit_note(fleet, touched, change->txn, visit, arg));
        }
    }
    return RESULT_OK;
}

struct each {
    enum ledgerrow_kind kind;
    registry_fleet_visit *visit;
    void *arg;
};

static enum result each_row(const uint8_t *key, size_t key_len, const uint8_t *value,
                            size_t value_len, void *arg)
{
    const struct each *each = arg;
    struct registry_fleet_row row = { .value = { value, value_len } };
    struct node node;
    if (each->kind == LEDGERROW_NODE) {
        TRY(node_decode(&node, value, value_len));
        if (node.kind != NODE_APEX && node.kind != NODE_STATIC) {
            return RESULT_OK;
        }
    }
    TRY(ledgerrow_name(&row.name, each->kind, key, key_len));
    return each->visit(&row, each->arg);
}

enum result registry_fleet_each(struct store_txn *txn, registry_fleet_visit *visit, void *arg)
{
    for (size_t i = 0; i < TABLES; i++) {
        struct each each = { tables[i].kind, visit, arg };
        TRY(store_each(txn, tables[i].table, each_row, &each));
    }
    return RESULT_OK;
}

struct taken_row {
    const struct registry_fleet_row *row;
};

struct missing_row {
    struct registry_fleet_row *row;
};

/* Rows on their way in. `list` is sorted, has each row once, and points to the caller's rows or to
 * `missing`. */
struct take {
    struct registry_change *change;
    struct taken_row *list;
    size_t count, room;
    struct missing_row *missing;
    size_t missing_count, missing_room;
    uint8_t *buffer; /* of STORE_VALUE_MAX */
};

static int order_rows(const void *left, const void *right)
{
    const struct registry_fleet_row *a = ((const struct taken_row *)left)->row,
                                    *b = ((const struct taken_row *)right)->row;
    int order = ledgerrow_order(&a->name, &b->name);
    return order != 0 ? order : (a > b) - (a < b); /* one array: later rows are behind */
}

struct search {
    const struct take *take;
    const struct ledgerrow_name *name;
};

static bool is_before(const void *context, size_t i)
{
    const struct search *search = context;
    return ledgerrow_order(&search->take->list[i].row->name, search->name) < 0;
}

static bool is_given(const struct take *take, const struct ledgerrow_name *name)
{
    const struct search search = { take, name };
    size_t i = array_count_before(take->count, is_before, &search);
    return i < take->count && ledgerrow_order(&take->list[i].row->name, name) == 0;
}

/* True if the row is here as it is to be. */
static bool is_here(const struct take *take, const struct registry_fleet_row *row)
{
    struct octets value;
    enum result result = read_row(take->change->txn, row->name.kind, row->name.octets,
                                  row->name.len, take->buffer, &value);
    return row->gone ? result == RESULT_NOT_FOUND
                     : result == RESULT_OK && value.len == row->value.len &&
                           (value.len == 0 || memcmp(value.data, row->value.data, value.len) == 0);
}

/* A row that is here, when all rows are given. */
static enum result miss(const struct registry_fleet_row *row, void *arg)
{
    struct take *take = arg;
    if (!is_given(take, &row->name)) {
        struct registry_fleet_row *gone = xmalloc(sizeof(*gone) + row->name.len);
        uint8_t *octets = memcpy(gone + 1, row->name.octets, row->name.len);
        *gone = (struct registry_fleet_row){ .name = { row->name.kind, row->name.len, octets },
                                             .gone = true };
        ARRAY_PUSH(take->missing, take->missing_count, take->missing_room,
                   (struct missing_row){ gone });
    }
    return RESULT_OK;
}

static enum result choose(struct take *take, const struct registry_fleet_row *rows, size_t count,
                          bool whole)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (table_of(rows[i].name.kind) != TABLE_COUNT) { /* others are not the registry's */
            ARRAY_PUSH(take->list, take->count, take->room, (struct taken_row){ &rows[i] });
        }
    }
    if (take->count > 0) {
        qsort(take->list, take->count, sizeof(*take->list), order_rows);
    }
    for (size_t i = 0; i < take->count; i++) {
        bool last = i + 1 == take->count ||
                    ledgerrow_order(&take->list[i].row->name, &take->list[i + 1].row->name) != 0;
        if (last) {
            take->list[kept++] = take->list[i];
        }
    }
    take->count = kept;
    if (whole) {
        TRY(registry_fleet_each(take->change->txn, miss, take));
    }
    for (size_t i = 0; i < take->missing_count; i++) {
        ARRAY_PUSH(take->list, take->count, take->room, (struct taken_row){ take->missing[i].row });
    }
    kept = 0;
    for (size_t i = 0; i < take->count; i++) {
        if (!is_here(take, take->list[i].row)) {
            take->list[kept++] = take->list[i];
        }
    }
    take->count = kept;
    return RESULT_OK;
}

static enum result put(struct take *take, const struct registry_fleet_row *row)
{
    return registry_written(take->change->diag,
                            store_put(take->change->txn, table_of(row->name.kind), row->name.octets,
                                      row->name.len, row->value.data, row->value.len));
}

static enum result drop(struct take *take, const struct registry_fleet_row *row)
{
    enum result result =
        store_delete(take->change->txn, table_of(row->name.kind), row->name.octets, row->name.len);
    return registry_written(take->change->diag, result == RESULT_NOT_FOUND ? RESULT_OK : result);
}

static bool is_setting(const struct registry_fleet_row *row, const char *name)
{
    return row->name.kind == LEDGERROW_SETTING && row->name.len == strlen(name) &&
           memcmp(row->name.octets, name, row->name.len) == 0;
}

/* A setting may be unknown here, and is then ignored. A known one has a value that its writer has
 * checked: one that is refused here is of a newer program. */
static enum result check_setting(const struct registry_fleet_row *row)
{
    char name[SETTING_NAME_ROOM], value[SETTING_VALUE_MAX + 1];
    struct settings scratch;
    if (row->gone || row->name.octets[0] == '.') {
        return RESULT_OK;
    }
    if (row->name.len >= sizeof(name) || row->value.len >= sizeof(value)) {
        return RESULT_NEWER;
    }
    memcpy(name, row->name.octets, row->name.len);
    name[row->name.len] = '\0';
    if (row->value.len > 0) {
        memcpy(value, row->value.data, row->value.len);
    }
    value[row->value.len] = '\0';
    settings_before(&scratch);
    return settings_set(&scratch, name, value, NULL) == RESULT_INVALID ? RESULT_NEWER : RESULT_OK;
}

/* The apex of this zone never changes. */
static enum result take_setting(struct take *take, const struct registry_fleet_row *row)
{
    uint8_t apex[DNAME_MAX];
    struct reader r;
    bool is_apex = is_setting(row, REGISTRY_APEX);
    if (is_apex &&
        registry_row(take->change->txn, REGISTRY_APEX, apex, sizeof(apex), &r) == RESULT_OK) {
        return diag_fail(take->change->diag, RESULT_REFUSED, "the rows are those of another zone");
    }
    TRY(check_setting(row));
    return row->gone ? drop(take, row) : put(take, row);
}

/* The member that is here under the row's label. NOT_FOUND. */
static enum result present(const struct take *take, const struct registry_fleet_row *row,
                           struct member *out)
{
    char label[LABEL_ROOM];
    if (row->name.len >= sizeof(label)) {
        return RESULT_NOT_FOUND;
    }
    memcpy(label, row->name.octets, row->name.len);
    label[row->name.len] = '\0';
    return registry_member(take->change->txn, label, out);
}

/* First all that goes: an address may move from one member to another, a name from a member to a
 * record. */
static enum result clear(struct take *take, const struct registry_fleet_row *row)
{
    struct member old = { .id = 0 };
    struct dname_key key;
    enum result result;
    switch (row->name.kind) {
    case LEDGERROW_SETTING:
        return take_setting(take, row);
    case LEDGERROW_MEMBER:
        result = present(take, row, &old);
        if (result != RESULT_OK) {
            return result == RESULT_NOT_FOUND ? RESULT_OK : result;
        }
        TRY(registry_leave_member(take->change, &old));
        return row->gone ? drop(take, row) : RESULT_OK;
    case LEDGERROW_NODE:
        if (!row->gone) {
            return RESULT_OK;
        }
        return registry_key_of_row(&key, row->name.octets, row->name.len)
                   ? registry_delete_node(take->change, &key)
                   : RESULT_DAMAGED;
    default:
        return row->gone ? drop(take, row) : RESULT_OK;
    }
}

static enum result enter_node(struct take *take, const struct registry_fleet_row *row)
{
    struct dname_key key;
    struct node node;
    TRY(node_decode(&node, row->value.data, row->value.len));
    if (!registry_key_of_row(&key, row->name.octets, row->name.len) ||
        (node.kind != NODE_APEX && node.kind != NODE_STATIC)) {
        return RESULT_DAMAGED;
    }
    return registry_put_node(take->change, &key, &node);
}

/* What was just put must be read later: DAMAGED, or NEWER. */
static enum result check_row(const struct take *take, const struct registry_fleet_row *row)
{
    struct store_txn *txn = take->change->txn;
    struct tombstone tombstone;
    struct vantage_key vantage;
    struct machine machine;
    char name[MACHINE_ROOM];
    if (row->name.len >= sizeof(name)) {
        return RESULT_DAMAGED;
    }
    memcpy(name, row->name.octets, row->name.len);
    name[row->name.len] = '\0';
    enum result result =
        row->name.kind == LEDGERROW_TOMBSTONE ? registry_tombstone(txn, name, &tombstone)
        : row->name.kind == LEDGERROW_VANTAGE ? registry_vantage(txn, name, &vantage)
                                              : registry_machine(txn, name, &machine);
    return result == RESULT_OK || result == RESULT_NEWER ? result : RESULT_DAMAGED;
}

static enum result enter(struct take *take, const struct registry_fleet_row *row)
{
    struct member member = { .id = 0 };
    if (row->gone || row->name.kind == LEDGERROW_SETTING) {
        return RESULT_OK;
    }
    if (row->name.kind == LEDGERROW_NODE) {
        return enter_node(take, row);
    }
    if (row->name.kind != LEDGERROW_MEMBER) {
        TRY(put(take, row));
        return check_row(take, row);
    }
    TRY(member_decode(&member, row->value.data, row->value.len));
    if (strlen(member.label) != row->name.len ||
        memcmp(member.label, row->name.octets, row->name.len) != 0) {
        return RESULT_DAMAGED;
    }
    TRY(registry_enter_member(take->change, &member));
    return put(take, row); /* as its writer encoded it */
}

static enum result each_of(struct take *take,
                           enum result (*act)(struct take *take,
                                              const struct registry_fleet_row *row))
{
    for (size_t i = 0; i < take->count; i++) {
        const struct registry_fleet_row *row = take->list[i].row;
        char key[LEDGERROW_KEY_ROOM];
        enum result result = act(take, row);
        if (result == RESULT_DAMAGED || result == RESULT_NEWER) {
            return registry_unreadable(take->change->diag, result, ledgerrow_key(&row->name, key));
        }
        TRY(result);
    }
    return RESULT_OK;
}

static enum result apply(struct take *take)
{
    struct registry_change *change = take->change;
    struct dname_key service = service_key(NULL);
    struct settings settings;
    TRY(each_of(take, clear));
    TRY(registry_settings(change->txn, &settings, change->diag));
    if (!settings.whoami) {
        TRY(registry_put_whoami(change, false));
    }
    TRY(each_of(take, enter));
    if (settings.whoami) {
        TRY(registry_put_whoami(change, true));
    }
    uint8_t buffer[NODE_ENCODED_MAX];
    struct node node;
    enum result result = registry_node(change->txn, &service, buffer, &node);
    if (result == RESULT_NOT_FOUND) { /* the rows make a zone where there was none */
        result = registry_put_node(change, &service, &(struct node){ .kind = NODE_SERVICE });
    }
    TRY(result);
    return registry_save_log(change);
}

enum result registry_fleet_take(struct registry_change *change,
                                const struct registry_fleet_row *rows, size_t count, bool whole)
{
    struct take take = { .change = change, .buffer = xmalloc(STORE_VALUE_MAX) };
    enum result result = choose(&take, rows, count, whole);
    if (result == RESULT_OK) {
        result = apply(&take);
    }
    for (size_t i = 0; i < take.missing_count; i++) {
        free(take.missing[i].row);
    }
    free(take.missing);
    free(take.list);
    free(take.buffer);
    return result;
}
