#include "zone/vantage.h"

enum {
    ENCODED_MAX = 128
};

bool vantage_name_fine(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len < VANTAGE_ROOM && name[0] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

void vantage_encode(struct writer *w, const struct vantage *vantage)
{
    write_u32(w, vantage->interval_s);
    write_u64(w, vantage->started_at);
    write_u64(w, vantage->well_at);
    write_u8(w, (uint8_t)vantage->state);
    write_u64(w, vantage->state_since);
    write_u8(w, vantage->unsynchronised);
    write_u8(w, vantage->imported);
    write_u32(w, vantage->members);
    write_u32(w, vantage->down);
    write_u64(w, vantage->frozen_since);
    write_u64(w, vantage->family_frozen_since[0]);
    write_u64(w, vantage->family_frozen_since[1]);
    write_u64(w, vantage->released_at);
}

enum result vantage_decode(struct vantage *out, const char *name, const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    struct vantage vantage = { 0 };
    if (!vantage_name_fine(name)) {
        return RESULT_DAMAGED;
    }
    memcpy(vantage.name, name, strlen(name));
    vantage.interval_s = read_u32(&r);
    vantage.started_at = read_u64(&r);
    vantage.well_at = read_u64(&r);
    uint8_t state = read_u8(&r);
    vantage.state_since = read_u64(&r);
    uint8_t unsynchronised = read_u8(&r);
    uint8_t imported = read_u8(&r);
    vantage.members = read_u32(&r);
    vantage.down = read_u32(&r);
    vantage.frozen_since = read_u64(&r);
    vantage.family_frozen_since[0] = read_u64(&r);
    vantage.family_frozen_since[1] = read_u64(&r);
    vantage.released_at = read_u64(&r);
    if (!reader_done(&r) || state > VANTAGE_HELD_UP || unsynchronised > 1 || imported > 1) {
        return RESULT_DAMAGED;
    }
    vantage.state = (enum vantage_state)state;
    vantage.unsynchronised = unsynchronised == 1;
    vantage.imported = imported == 1;
    *out = vantage;
    return RESULT_OK;
}

enum result vantage_get(struct store_txn *txn, const char *name, struct vantage *out)
{
    uint8_t data[ENCODED_MAX];
    struct store_item item = { .data = data, .room = sizeof(data) };
    enum result result = store_get(txn, TABLE_VANTAGES, name, strlen(name), &item);
    return result == RESULT_OK ? vantage_decode(out, name, data, item.len) : result;
}

static enum result written(struct diag *diag, enum result result)
{
    return result == RESULT_OK ? RESULT_OK
                               : diag_fail(diag, result, "cannot write to the health store: %s",
                                           result_text(result));
}

enum result vantage_put(struct store_txn *txn, const struct vantage *vantage, struct diag *diag)
{
    uint8_t data[ENCODED_MAX];
    struct writer w = writer_of(data, sizeof(data));
    struct vantage old;
    if (vantage_get(txn, vantage->name, &old) == RESULT_NOT_FOUND &&
        store_count(txn, TABLE_VANTAGES) >= VANTAGES_MAX) {
        return diag_fail(diag, RESULT_FULL,
                         "there are %d vantage points already: end one with `ntspool health "
                         "forget`",
                         VANTAGES_MAX);
    }
    vantage_encode(&w, vantage);
    ASSERT(!w.failed);
    return written(
        diag, store_put(txn, TABLE_VANTAGES, vantage->name, strlen(vantage->name), data, w.at));
}

enum result vantage_forget(struct store_txn *txn, const char *name, struct diag *diag)
{
    enum result result = store_delete(txn, TABLE_VANTAGES, name, strlen(name));
    return result == RESULT_NOT_FOUND ? result : written(diag, result);
}

static enum result add(const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len,
                       void *arg)
{
    struct vantages *vantages = arg;
    char name[VANTAGE_ROOM] = "";
    if (vantages->count == VANTAGES_MAX || key_len >= VANTAGE_ROOM) {
        return RESULT_DAMAGED;
    }
    memcpy(name, key, key_len);
    return vantage_decode(&vantages->list[vantages->count++], name, value, value_len);
}

enum result vantages_read(struct vantages *out, struct store_txn *txn, uint32_t fresh_s,
                          uint64_t now)
{
    struct vantages vantages = { 0 };
    enum result result = store_each(txn, TABLE_VANTAGES, add, &vantages);
    if (result == RESULT_OK) {
        vantages_judge(&vantages, fresh_s, now);
        *out = vantages;
    }
    return result;
}

void vantages_judge(struct vantages *vantages, uint32_t fresh_s, uint64_t now)
{
    vantages->as_of = 0;
    for (unsigned i = 0; i < vantages->count; i++) {
        uint64_t well_at = vantages->list[i].well_at;
        if (well_at > vantages->as_of && well_at <= now + VANTAGE_AHEAD_S) {
            vantages->as_of = well_at;
        }
    }
    for (unsigned i = 0; i < vantages->count; i++) {
        uint64_t well_at = vantages->list[i].well_at;
        vantages->asked[i] =
            well_at != 0 && well_at <= vantages->as_of && vantages->as_of - well_at <= fresh_s;
    }
    vantages->silent = vantages->as_of + fresh_s < now;
}

const struct vantage *vantages_find(const struct vantages *vantages, const char *name)
{
    for (unsigned i = 0; i < vantages->count; i++) {
        if (strcmp(vantages->list[i].name, name) == 0) {
            return &vantages->list[i];
        }
    }
    return NULL;
}

const char *vantage_state_text(enum vantage_state state)
{
    static const char *const texts[] = { "well", "clock-off", "network-off", "held-up" };
    ASSERT((unsigned)state < sizeof(texts) / sizeof(texts[0]));
    return texts[state];
}
