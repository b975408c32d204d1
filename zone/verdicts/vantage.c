#include "zone/verdicts/vantage.h"

enum {
    ENCODED_MAX = 256,
    SCHEMA = 3 /* of the layouts below */
};

void vantage_mark_well(struct vantage *vantage, uint64_t now)
{
    if (vantage->state != VANTAGE_WELL) {
        return;
    }
    vantage->well_at = now;
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        if (vantage->family[i].state == FAMILY_ON) {
            vantage->family[i].well_at = now;
        }
    }
}

bool vantage_family_waits(const struct vantage *vantage, enum address_family family)
{
    enum family_state own = vantage->family[family].state;
    enum family_state other =
        vantage->family[family == ADDRESS_IPV6 ? ADDRESS_IPV4 : ADDRESS_IPV6].state;
    return own == FAMILY_OFF || (own == FAMILY_UNSEEN && other != FAMILY_UNSEEN);
}

bool vantage_is_frozen(const struct vantage *vantage)
{
    return vantage->frozen_since != 0 || vantage->family[ADDRESS_IPV6].frozen_since != 0 ||
           vantage->family[ADDRESS_IPV4].frozen_since != 0;
}

void vantage_encode(struct writer *w, const struct vantage *vantage)
{
    write_u32(w, vantage->interval_s);
    write_u64(w, vantage->started_at);
    write_u64(w, vantage->well_at);
    write_u8(w, (uint8_t)vantage->state);
    write_u64(w, vantage->state_since);
    write_u8(w, vantage->unsynchronised);
    write_u32(w, vantage->members);
    write_u32(w, vantage->down);
    write_u64(w, vantage->frozen_since);
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        const struct vantage_family *family = &vantage->family[i];
        write_u8(w, (uint8_t)family->state);
        write_u64(w, family->state_since);
        write_u64(w, family->well_at);
        write_u64(w, family->frozen_since);
        write_u32(w, family->addresses);
    }
}

/* Schema 2 had the freeze only. */
static void read_family(struct reader *r, struct vantage_family *out, uint32_t schema)
{
    if (schema <= 2) {
        out->frozen_since = read_u64(r);
        return;
    }
    uint8_t state = read_u8(r);
    out->state = (enum family_state)state;
    out->state_since = read_u64(r);
    out->well_at = read_u64(r);
    out->frozen_since = read_u64(r);
    out->addresses = read_u32(r);
    r->failed = r->failed || state > FAMILY_ON;
}

/* Schema 2 had two of the pool's fields among the vantage point's. */
static void decode_report(struct reader *r, struct vantage *vantage, uint32_t schema)
{
    vantage->interval_s = read_u32(r);
    vantage->started_at = read_u64(r);
    vantage->well_at = read_u64(r);
    uint8_t state = read_u8(r);
    vantage->state_since = read_u64(r);
    uint8_t unsynchronised = read_u8(r);
    uint8_t imported = schema > 2 ? 0 : read_u8(r);
    vantage->members = read_u32(r);
    vantage->down = read_u32(r);
    vantage->frozen_since = read_u64(r);
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        read_family(r, &vantage->family[i], schema);
    }
    vantage->released_at = schema > 2 ? 0 : read_u64(r);
    r->failed = r->failed || state > VANTAGE_HELD_UP || unsynchronised > 1 || imported > 1;
    vantage->state = (enum vantage_state)state;
    vantage->unsynchronised = unsynchronised == 1;
    vantage->imported = imported == 1;
}

static enum result begin_decoding(struct vantage *out, const char *name)
{
    *out = (struct vantage){ 0 };
    if (!vantage_name_fine(name)) {
        return RESULT_DAMAGED;
    }
    memcpy(out->name, name, strlen(name));
    return RESULT_OK;
}

enum result vantage_decode(struct vantage *out, const char *name, struct reader *r)
{
    struct vantage vantage;
    TRY(begin_decoding(&vantage, name));
    decode_report(r, &vantage, SCHEMA);
    if (r->failed) {
        return RESULT_DAMAGED;
    }
    *out = vantage;
    return RESULT_OK;
}

static void encode_row(struct writer *w, const struct vantage *vantage)
{
    write_u64(w, vantage->position);
    write_u64(w, vantage->received_at);
    write_u64(w, vantage->released_at);
    write_u8(w, vantage->imported);
    write_u8(w, vantage->forgotten);
    write_u32(w, vantage->new_address_day);
    write_u32(w, vantage->new_addresses);
    vantage_encode(w, vantage);
}

static enum result decode_row(struct vantage *out, const char *name, const uint8_t *data,
                              size_t len)
{
    struct reader r = reader_of(data, len);
    struct vantage pool_fields = { 0 };
    pool_fields.position = read_u64(&r);
    pool_fields.received_at = read_u64(&r);
    pool_fields.released_at = read_u64(&r);
    uint8_t imported = read_u8(&r);
    uint8_t forgotten = read_u8(&r);
    pool_fields.new_address_day = read_u32(&r);
    pool_fields.new_addresses = read_u32(&r);
    struct vantage vantage;
    if (imported > 1 || forgotten > 1 || vantage_decode(&vantage, name, &r) != RESULT_OK ||
        !reader_done(&r)) {
        return RESULT_DAMAGED;
    }
    pool_fields.imported = imported == 1;
    pool_fields.forgotten = forgotten == 1;
    *out = vantage;
    vantage_copy_pool_fields(out, &pool_fields);
    return RESULT_OK;
}

void vantage_copy_pool_fields(struct vantage *vantage, const struct vantage *pool_fields)
{
    vantage->position = pool_fields->position;
    vantage->received_at = pool_fields->received_at;
    vantage->released_at = pool_fields->released_at;
    vantage->imported = pool_fields->imported;
    vantage->forgotten = pool_fields->forgotten;
    vantage->new_address_day = pool_fields->new_address_day;
    vantage->new_addresses = pool_fields->new_addresses;
}

enum result vantage_get(struct store_txn *txn, const char *name, struct vantage *out)
{
    uint8_t data[ENCODED_MAX];
    struct store_item item = { .data = data, .room = sizeof(data) };
    TRY(store_get(txn, TABLE_VANTAGES, name, strlen(name), &item));
    return decode_row(out, name, data, item.len);
}

enum result vantage_written(struct diag *diag, enum result result)
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
    encode_row(&w, vantage);
    ASSERT(!w.failed);
    return vantage_written(
        diag, store_put(txn, TABLE_VANTAGES, vantage->name, strlen(vantage->name), data, w.at));
}

enum result vantage_forget(struct store_txn *txn, const char *name, struct diag *diag)
{
    enum result result = store_delete(txn, TABLE_VANTAGES, name, strlen(name));
    return result == RESULT_NOT_FOUND ? result : vantage_written(diag, result);
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
    struct vantage *each = &vantages->list[vantages->count];
    TRY(decode_row(each, name, value, value_len));
    vantages->count += !each->forgotten;
    return RESULT_OK;
}

enum result vantages_read(struct vantages *out, struct store_txn *txn, uint32_t fresh_s,
                          uint64_t now)
{
    struct vantages vantages = { 0 };
    TRY(store_each(txn, TABLE_VANTAGES, add, &vantages));
    vantages_judge(&vantages, fresh_s, now);
    *out = vantages;
    return RESULT_OK;
}

static enum result migrate_row(struct store_txn *txn, const char *name, struct diag *diag)
{
    uint8_t data[ENCODED_MAX];
    struct store_item value = { .data = data, .room = sizeof(data) };
    struct vantage vantage;
    TRY(store_get(txn, TABLE_VANTAGES, name, strlen(name), &value));
    TRY(begin_decoding(&vantage, name));
    struct reader r = reader_of(data, value.len);
    decode_report(&r, &vantage, 2);
    return reader_done(&r) ? vantage_put(txn, &vantage, diag) : RESULT_DAMAGED;
}

enum result vantage_migrate_2(struct store_txn *txn, struct diag *diag)
{
    char name[STORE_KEY_MAX + 1] = "";
    struct store_item at = { .data = (uint8_t *)name, .room = STORE_KEY_MAX };
    for (;;) {
        enum result result = store_find(txn, TABLE_VANTAGES, SEEK_AFTER, &at, NULL);
        if (result == RESULT_NOT_FOUND) {
            return RESULT_OK;
        }
        name[at.len] = '\0';
        if (result != RESULT_OK || migrate_row(txn, name, diag) != RESULT_OK) {
            return diag_fail(diag, RESULT_DAMAGED,
                             "a vantage point in the health store can't be read: restore it from "
                             "a backup (ntspool restore)");
        }
    }
}

/* A clock that is a little ahead counts as the present: it must not make the others' reports old.
 * 0: not believed. */
static uint64_t believed_at(uint64_t well_at, uint64_t now)
{
    return well_at > now + VANTAGE_AHEAD_S ? 0 : well_at > now ? now : well_at;
}

static bool is_fresh(uint64_t believed_at, uint64_t as_of, uint32_t fresh_s)
{
    return believed_at != 0 && believed_at <= as_of && as_of - believed_at <= fresh_s;
}

void vantages_judge(struct vantages *vantages, uint32_t fresh_s, uint64_t now)
{
    vantages->as_of = 0;
    for (unsigned i = 0; i < vantages->count; i++) {
        uint64_t at = believed_at(vantages->list[i].well_at, now);
        vantages->as_of = at > vantages->as_of ? at : vantages->as_of;
    }
    const uint64_t as_of = vantages->as_of;
    for (unsigned i = 0; i < vantages->count; i++) {
        const struct vantage *each = &vantages->list[i];
        vantages->asked[i] = is_fresh(believed_at(each->well_at, now), as_of, fresh_s);
        for (unsigned k = 0; k < ADDRESS_FAMILIES; k++) {
            uint64_t at = believed_at(each->family[k].well_at, now);
            vantages->asked_by_family[i][k] = is_fresh(at, as_of, fresh_s);
        }
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

const char *family_state_text(enum family_state state)
{
    static const char *const texts[] = { "unseen", "off", "on" };
    ASSERT((unsigned)state < sizeof(texts) / sizeof(texts[0]));
    return texts[state];
}
