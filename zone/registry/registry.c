/* Rows, settings, serial and commit. Members are in registry_members.c, names in registry_names.c,
 * the first rows of a new zone in registry_init.c. */
#include "zone/registry/registry.h"

#include <sodium.h>

#include "zone/base/u64.h"
#include "zone/registry/registry_private.h"

enum result registry_damaged(struct diag *diag, const char *what)
{
    return diag_fail(diag, RESULT_DAMAGED,
                     "the registry is damaged: %.80s can't be read: restore it from a backup "
                     "(ntspool restore)",
                     what);
}

enum result registry_unreadable(struct diag *diag, enum result result, const char *what)
{
    return result == RESULT_NEWER
               ? diag_fail(diag, result,
                           "the registry's row of %.80s was written by a newer ntspool: upgrade "
                           "this one",
                           what)
               : registry_damaged(diag, what);
}

enum result registry_written(struct diag *diag, enum result result)
{
    return result == RESULT_OK
               ? RESULT_OK
               : diag_fail(diag, result, "cannot write to the registry: %s", result_text(result));
}

enum result registry_put(struct registry_change *change, enum store_table table, const void *key,
                         size_t key_len, const struct writer *value)
{
    enum result result = value->failed
                             ? RESULT_TOO_LONG
                             : store_put(change->txn, table, key, key_len, value->data, value->at);
    return registry_written(change->diag, result);
}

enum result registry_put_row(struct registry_change *change, const char *name,
                             const struct writer *value)
{
    return registry_put(change, TABLE_SETTINGS, name, strlen(name), value);
}

enum result registry_put_text(struct registry_change *change, const char *name, const char *value)
{
    return registry_written(change->diag, store_put(change->txn, TABLE_SETTINGS, name, strlen(name),
                                                    value, strlen(value)));
}

enum result registry_row(struct store_txn *txn, const char *name, uint8_t *data, size_t room,
                         struct reader *out)
{
    struct store_item item = { .data = data, .room = room };
    enum result result = store_get(txn, TABLE_SETTINGS, name, strlen(name), &item);
    if (result == RESULT_OK) {
        *out = reader_of(data, item.len);
    }
    return result;
}

enum result registry_apex(struct store_txn *txn, struct dname *out, struct diag *diag)
{
    uint8_t data[DNAME_MAX];
    struct reader r;
    struct dname apex;
    enum result result = registry_row(txn, REGISTRY_APEX, data, sizeof(data), &r);
    if (result == RESULT_NOT_FOUND) {
        return diag_fail(diag, RESULT_MISSING,
                         "the registry holds no zone yet: make it with ntspool init");
    }
    if (result == RESULT_OK) {
        dname_read(&r, &apex);
    }
    if (result != RESULT_OK || !reader_done(&r)) {
        return registry_damaged(diag, "the zone's name");
    }
    *out = apex;
    return RESULT_OK;
}

enum result registry_zone(struct registry_change *change, const struct dname **out)
{
    if (change->apex.len == 0) {
        TRY(registry_apex(change->txn, &change->apex, change->diag));
    }
    *out = &change->apex;
    return RESULT_OK;
}

enum result registry_id(struct store_txn *txn, uint8_t out[REGISTRY_ID_LEN], struct diag *diag)
{
    uint8_t data[REGISTRY_ID_LEN];
    struct reader r;
    enum result result = registry_row(txn, REGISTRY_ID, data, sizeof(data), &r);
    if (result != RESULT_OK || reader_left(&r) != REGISTRY_ID_LEN) {
        return registry_damaged(diag, "its id");
    }
    memcpy(out, data, sizeof(data));
    return RESULT_OK;
}

enum result registry_put_id(struct registry_change *change)
{
    uint8_t id[REGISTRY_ID_LEN];
    randombytes_buf(id, sizeof(id));
    struct writer w = { .data = id, .len = sizeof(id), .at = sizeof(id) };
    return registry_put_row(change, REGISTRY_ID, &w);
}

enum result registry_migrate_2(struct store_txn *txn, uint64_t now, struct diag *diag)
{
    struct registry_change change;
    if (store_count(txn, TABLE_SETTINGS) == 0) { /* it holds no zone yet */
        return RESULT_OK;
    }
    registry_begin(&change, txn, now, diag);
    TRY(registry_put_id(&change));
    TRY(registry_index_targets(&change));
    return registry_finish(&change);
}

enum result registry_put_name(struct registry_change *change, const char *row,
                              const struct dname *name)
{
    struct dname lower = *name;
    dname_lower(&lower);
    struct writer w = { .data = lower.wire, .len = lower.len, .at = lower.len };
    return registry_put_row(change, row, &w);
}

struct load {
    struct settings settings;
    char name[SETTING_NAME_ROOM]; /* of the last row */
};

static enum result load_setting(struct load *load, const uint8_t *value, size_t value_len)
{
    char text[SETTING_VALUE_MAX + 1];
    if (value_len >= sizeof(text)) {
        return RESULT_DAMAGED;
    }
    memcpy(text, value, value_len);
    text[value_len] = '\0';
    /* NOT_FOUND: a setting of a later version, which this one ignores. */
    return settings_set(&load->settings, load->name, text, NULL) == RESULT_INVALID ? RESULT_DAMAGED
                                                                                   : RESULT_OK;
}

static enum result load_row(const uint8_t *key, size_t key_len, const uint8_t *value,
                            size_t value_len, void *arg)
{
    struct load *load = arg;
    if (key_len >= sizeof(load->name)) {
        return RESULT_DAMAGED;
    }
    memcpy(load->name, key, key_len);
    load->name[key_len] = '\0';
    struct reader r = reader_of(value, value_len);
    if (strcmp(load->name, REGISTRY_SERIAL) == 0) {
        load->settings.serial = read_u32(&r);
    } else if (strcmp(load->name, REGISTRY_PRIMARY) == 0) {
        dname_read(&r, &load->settings.primary);
    } else if (load->name[0] != '.') {
        return load_setting(load, value, value_len);
    } else {
        r.at = r.len;
    }
    return reader_done(&r) ? RESULT_OK : RESULT_DAMAGED;
}

enum result registry_settings(struct store_txn *txn, struct settings *out, struct diag *diag)
{
    struct load load = { .name = "the table of settings" };
    settings_before(&load.settings);
    TRY(registry_apex(txn, &load.settings.apex, diag));
    if (store_each(txn, TABLE_SETTINGS, load_row, &load) != RESULT_OK) {
        return registry_damaged(diag, load.name);
    }
    if (load.settings.primary.len == 0 || load.settings.mailbox.len == 0) {
        return registry_damaged(diag, "the SOA");
    }
    *out = load.settings;
    return RESULT_OK;
}

struct unknown {
    registry_setting_visit *visit;
    void *arg;
};

static enum result look_at_setting(const uint8_t *key, size_t key_len, const uint8_t *, size_t,
                                   void *arg)
{
    const struct unknown *unknown = arg;
    char name[SETTING_NAME_ROOM];
    size_t count, i = 0;
    const struct setting_info *all = settings_list(&count);
    if (key_len == 0 || key_len >= sizeof(name) || key[0] == '.') {
        return RESULT_OK;
    }
    memcpy(name, key, key_len);
    name[key_len] = '\0';
    while (i < count && strcmp(all[i].name, name) != 0) {
        i++;
    }
    if (i == count) {
        unknown->visit(name, unknown->arg);
    }
    return RESULT_OK;
}

enum result registry_unknown_settings(struct store_txn *txn, registry_setting_visit *visit,
                                      void *arg)
{
    struct unknown unknown = { visit, arg };
    return store_each(txn, TABLE_SETTINGS, look_at_setting, &unknown);
}

enum result registry_put_setting(struct registry_change *change, const struct settings *settings,
                                 const char *name)
{
    char text[SETTING_VALUE_MAX];
    enum result result = settings_text(settings, name, text);
    return result == RESULT_OK
               ? registry_put_text(change, name, text)
               : diag_fail(change->diag, result, "the value of %s is too long", name);
}

enum result registry_set_all(struct registry_change *change, const struct setting_change *changes,
                             size_t count)
{
    struct settings settings;
    TRY(registry_settings(change->txn, &settings, change->diag));
    for (size_t i = 0; i < count; i++) {
        TRY(settings_set(&settings, changes[i].name, changes[i].value, change->diag));
    }
    for (size_t i = 0; i < count; i++) {
        TRY(settings_check(&settings, changes[i].name, change->diag));
    }
    for (size_t i = 0; i < count; i++) {
        TRY(registry_put_setting(change, &settings, changes[i].name));
    }
    return registry_put_whoami(change, settings.whoami);
}

enum result registry_set(struct registry_change *change, const char *name, const char *value)
{
    return registry_set_all(change, &(struct setting_change){ name, value }, 1);
}

/* The number in a row, of 4 or 8 octets; 0 if there is no row. */
static enum result read_number(struct store_txn *txn, const char *name, uint64_t *out,
                               struct diag *diag)
{
    uint8_t data[8];
    struct reader r;
    enum result result = registry_row(txn, name, data, sizeof(data), &r);
    *out = 0;
    if (result == RESULT_OK) {
        *out = reader_left(&r) == sizeof(uint32_t) ? read_u32(&r) : read_u64(&r);
        result = reader_done(&r) ? RESULT_OK : RESULT_DAMAGED;
    }
    return result == RESULT_OK || result == RESULT_NOT_FOUND ? RESULT_OK
                                                             : registry_damaged(diag, name);
}

/* RFC 1982 3.2: one serial is greater than another if it is less than half the circle ahead. */
static bool is_ahead(uint32_t serial, uint32_t of)
{
    return serial - of < UINT32_C(1) << 31;
}

static enum result put_serial(struct registry_change *change, uint32_t serial)
{
    uint8_t data[4];
    struct writer w = writer_of(data, sizeof(data));
    write_u32(&w, serial);
    return registry_put_row(change, REGISTRY_SERIAL, &w);
}

enum result registry_finish(struct registry_change *change)
{
    uint8_t data[4];
    struct reader r;
    uint32_t serial = (uint32_t)change->now;
    enum result result = registry_row(change->txn, REGISTRY_SERIAL, data, sizeof(data), &r);
    if (result == RESULT_OK) {
        uint32_t next = read_u32(&r) + 1;
        serial = is_ahead(serial, next) ? serial : next;
        result = reader_done(&r) ? RESULT_OK : RESULT_DAMAGED;
    }
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        return registry_damaged(change->diag, "the serial");
    }
    TRY(put_serial(change, serial));
    return registry_save_log(change);
}

enum result registry_marks(struct store_txn *txn, struct registry_marks *out, struct diag *diag)
{
    uint64_t serial = 0;
    *out = (struct registry_marks){ .there = store_count(txn, TABLE_SETTINGS) > 0 };
    if (!out->there) {
        return RESULT_OK;
    }
    TRY(registry_apex(txn, &out->apex, diag));
    TRY(read_number(txn, REGISTRY_SERIAL, &serial, diag));
    out->serial = (uint32_t)serial;
    return read_number(txn, REGISTRY_NEXT_ID, &out->next_id, diag);
}

static enum result put_marks(struct registry_change *change, const struct registry_marks *before,
                             const struct registry_marks *now)
{
    uint8_t data[8];
    struct writer w = writer_of(data, sizeof(data));
    write_u64(&w, u64_max(before->next_id, now->next_id));
    TRY(put_serial(change, is_ahead(before->serial, now->serial) ? before->serial : now->serial));
    return registry_put_row(change, REGISTRY_NEXT_ID, &w);
}

enum result registry_restored(struct registry_change *change, const struct registry_marks *before)
{
    struct registry_marks now;
    char mine[DNAME_TEXT_MAX], other[DNAME_TEXT_MAX];
    TRY(registry_marks(change->txn, &now, change->diag));
    if (!now.there) {
        return diag_fail(change->diag, RESULT_REFUSED, "the registry in the backup holds no pool");
    }
    if (before->there && !dname_equal(&before->apex, &now.apex)) {
        return diag_fail(change->diag, RESULT_REFUSED,
                         "the backup is of the pool %s, this state of %s: give another --state",
                         dname_text(&now.apex, other), dname_text(&before->apex, mine));
    }
    if (before->there) {
        TRY(put_marks(change, before, &now));
    }
    registry_note_all(change);
    return RESULT_OK;
}

/* Ends the transaction: commits if `result` is OK. */
static enum result end(struct registry_change *change, enum result result)
{
    if (result != RESULT_OK) {
        store_abort(change->txn);
        return result;
    }
    return store_commit(change->txn, change->diag);
}

enum result registry_commit(struct registry_change *change)
{
    return end(change, registry_finish(change));
}

enum result registry_commit_beside(struct registry_change *change)
{
    return end(change, registry_save_log(change));
}
