#include "zone/health.h"

static void encode_address(struct writer *w, const struct address_health *each)
{
    write_octets(w, each->address.octets, sizeof(each->address.octets));
    write_u32(w, (uint32_t)each->score_milli);
    write_u8(w, each->working);
    write_u32(w, each->probes);
    write_u64(w, each->first_probe_at);
    write_u64(w, each->last_probe_at);
    write_u64(w, each->last_good_at);
    write_u16(w, (uint16_t)each->failure);
    write_text(w, each->detail);
    write_u64(w, each->cert_not_after);
    write_u64(w, each->certified_at);
    write_u64(w, each->operational_at);
    write_u16(w, each->warnings);
    write_u16(w, each->aead);
    write_u8(w, each->stratum);
    write_u64(w, (uint64_t)each->offset_us);
    write_u32(w, each->rtt_us);
}

void health_encode(struct writer *w, const struct member_health *health)
{
    write_u64(w, health->member_id);
    write_u8(w, (uint8_t)health->stage);
    write_u64(w, health->stage_since);
    write_u16(w, health->weight);
    write_u64(w, health->last_cert_not_after);
    write_u8(w, health->address_count);
    for (unsigned i = 0; i < health->address_count; i++) {
        encode_address(w, &health->addresses[i]);
    }
}

/* A failure number from a later version stays as it is: the texts know what to show. */
static void decode_address(struct reader *r, struct address_health *each)
{
    read_into(r, each->address.octets, sizeof(each->address.octets));
    each->score_milli = (int32_t)read_u32(r);
    uint8_t working = read_u8(r);
    each->working = working == 1;
    each->probes = read_u32(r);
    each->first_probe_at = read_u64(r);
    each->last_probe_at = read_u64(r);
    each->last_good_at = read_u64(r);
    each->failure = (enum failure)read_u16(r);
    read_text(r, each->detail, sizeof(each->detail));
    each->cert_not_after = read_u64(r);
    each->certified_at = read_u64(r);
    each->operational_at = read_u64(r);
    each->warnings = read_u16(r);
    each->aead = read_u16(r);
    each->stratum = read_u8(r);
    each->offset_us = (int64_t)read_u64(r);
    each->rtt_us = read_u32(r);
    bool scored = each->score_milli >= HEALTH_SCORE_MIN && each->score_milli <= HEALTH_SCORE_MAX;
    r->failed = r->failed || working > 1 || !scored;
}

enum result health_decode(struct member_health *out, const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    struct member_health health;
    memset(&health, 0, sizeof(health));
    health.member_id = read_u64(&r);
    uint8_t stage = read_u8(&r);
    health.stage_since = read_u64(&r);
    health.weight = read_u16(&r);
    health.last_cert_not_after = read_u64(&r);
    health.address_count = read_u8(&r);
    if (r.failed || stage > STAGE_INELIGIBLE || health.weight > HEALTH_WEIGHT_MAX ||
        health.address_count > MEMBER_ADDRESSES_MAX) {
        return RESULT_DAMAGED;
    }
    health.stage = (enum stage)stage;
    for (unsigned i = 0; i < health.address_count; i++) {
        decode_address(&r, &health.addresses[i]);
    }
    if (!reader_done(&r)) {
        return RESULT_DAMAGED;
    }
    *out = health;
    return RESULT_OK;
}

enum {
    KEY_LEN = 8 /* the id in network order, so that rows stand in order of id */
};

static void key_of(uint8_t key[KEY_LEN], uint64_t member_id)
{
    struct writer w = writer_of(key, KEY_LEN);
    write_u64(&w, member_id);
}

static enum result decode_row(struct member_health *out, const uint8_t key[KEY_LEN],
                              const uint8_t *value, size_t value_len)
{
    struct reader r = reader_of(key, KEY_LEN);
    struct member_health health;
    if (health_decode(&health, value, value_len) != RESULT_OK || health.member_id != read_u64(&r)) {
        return RESULT_DAMAGED;
    }
    *out = health;
    return RESULT_OK;
}

enum result health_get(struct store_txn *txn, uint64_t member_id, struct member_health *out)
{
    uint8_t key[KEY_LEN], data[HEALTH_ENCODED_MAX];
    struct store_item item = { .data = data, .room = sizeof(data) };
    key_of(key, member_id);
    enum result result = store_get(txn, TABLE_HEALTH, key, sizeof(key), &item);
    return result == RESULT_OK ? decode_row(out, key, data, item.len) : result;
}

static enum result written(struct diag *diag, enum result result)
{
    return result == RESULT_OK ? RESULT_OK
                               : diag_fail(diag, result, "cannot write to the health store: %s",
                                           result_text(result));
}

enum result health_put(struct store_txn *txn, const struct member_health *health, struct diag *diag)
{
    uint8_t key[KEY_LEN], data[HEALTH_ENCODED_MAX];
    struct writer w = writer_of(data, sizeof(data));
    key_of(key, health->member_id);
    health_encode(&w, health);
    ASSERT(!w.failed);
    return written(diag, store_put(txn, TABLE_HEALTH, key, sizeof(key), data, w.at));
}

enum result health_forget(struct store_txn *txn, uint64_t member_id, struct diag *diag)
{
    uint8_t key[KEY_LEN];
    key_of(key, member_id);
    enum result result = store_delete(txn, TABLE_HEALTH, key, sizeof(key));
    return result == RESULT_NOT_FOUND ? result : written(diag, result);
}

struct each {
    health_visit *visit;
    void *arg;
};

static enum result each_row(const uint8_t *key, size_t key_len, const uint8_t *value,
                            size_t value_len, void *arg)
{
    const struct each *each = arg;
    struct member_health health;
    if (key_len != KEY_LEN || decode_row(&health, key, value, value_len) != RESULT_OK) {
        return RESULT_DAMAGED;
    }
    return each->visit(&health, each->arg);
}

enum result health_each(struct store_txn *txn, health_visit *visit, void *arg)
{
    struct each each = { visit, arg };
    return store_each(txn, TABLE_HEALTH, each_row, &each);
}

const char *stage_text(enum stage stage)
{
    static const char *const texts[] = { "registered", "certified", "operational", "eligible",
                                         "ineligible" };
    ASSERT((unsigned)stage < sizeof(texts) / sizeof(texts[0]));
    return texts[stage];
}

const char *warning_text(enum warning warning)
{
    switch (warning) {
    case WARNING_CERT_AGE:
        return "certificate-age";
    case WARNING_COOKIES_FEW:
        return "cookies-few";
    case WARNING_COOKIES_SIZE:
        return "cookies-size";
    case WARNING_NO_CLOSE:
        return "no-close-notify";
    case WARNING_PORT:
        return "port";
    }
    return "unknown";
}
