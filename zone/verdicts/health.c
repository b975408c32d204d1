#include "zone/verdicts/health.h"

enum {
    SCHEMA = 3 /* of the layout below */
};

static void encode_address(struct writer *w, const struct address_health *each)
{
    write_octets(w, each->address.octets, sizeof(each->address.octets));
    write_u32(w, (uint32_t)each->score_milli);
    write_u8(w, each->working);
    write_u32(w, each->probes);
    write_u32(w, each->failures);
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

static void encode_family(struct writer *w, const struct family_health *family)
{
    write_u8(w, (uint8_t)family->stage);
    write_u64(w, family->stage_since);
    write_u64(w, family->frozen_at);
    write_u16(w, family->weight);
}

void health_encode(struct writer *w, const struct member_health *health)
{
    write_u64(w, health->member_id);
    write_u8(w, (uint8_t)health->stage);
    write_u64(w, health->stage_since);
    write_u64(w, health->last_eligible_at);
    write_u16(w, health->weight);
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        encode_family(w, &health->family[i]);
    }
    write_u64(w, health->last_cert_not_after);
    write_u8(w, health->address_count);
    for (unsigned i = 0; i < health->address_count; i++) {
        encode_address(w, &health->addresses[i]);
    }
}

/* A failure number from a later version is kept: failure_id shows it as "internal". */
static void decode_address(struct reader *r, struct address_health *each, uint32_t schema)
{
    read_into(r, each->address.octets, sizeof(each->address.octets));
    each->score_milli = (int32_t)read_u32(r);
    uint8_t working = read_u8(r);
    each->working = working == 1;
    each->probes = read_u32(r);
    each->failures = schema > 1 ? read_u32(r) : 0;
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

static void decode_family(struct reader *r, struct family_health *out)
{
    uint8_t stage = read_u8(r);
    out->stage = (enum stage)stage;
    out->stage_since = read_u64(r);
    out->frozen_at = read_u64(r);
    out->weight = read_u16(r);
    r->failed = r->failed || stage > STAGE_FALLING || out->weight > HEALTH_WEIGHT_MAX;
}

/* Before schema 3 a member had one verdict: it becomes the verdict of each family. */
static void copy_verdict_to_families(struct member_health *health, uint64_t frozen_at)
{
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        if (health_has_family(health, (enum address_family)i)) {
            health->family[i] = (struct family_health){ health->stage, health->stage_since,
                                                        frozen_at, health->weight };
        }
    }
}

static enum result decode(struct member_health *out, const uint8_t *data, size_t len,
                          uint32_t schema)
{
    struct reader r = reader_of(data, len);
    struct member_health health;
    memset(&health, 0, sizeof(health));
    health.member_id = read_u64(&r);
    uint8_t stage = read_u8(&r);
    health.stage_since = read_u64(&r);
    health.last_eligible_at = schema > 1 ? read_u64(&r) : 0;
    uint64_t frozen_at = schema == 2 ? read_u64(&r) : 0;
    health.weight = read_u16(&r);
    for (unsigned i = 0; schema > 2 && i < ADDRESS_FAMILIES; i++) {
        decode_family(&r, &health.family[i]);
    }
    health.last_cert_not_after = read_u64(&r);
    health.address_count = read_u8(&r);
    if (r.failed || stage > STAGE_FALLING || health.weight > HEALTH_WEIGHT_MAX ||
        health.address_count > MEMBER_ADDRESSES_MAX) {
        return RESULT_DAMAGED;
    }
    health.stage = (enum stage)stage;
    for (unsigned i = 0; i < health.address_count; i++) {
        decode_address(&r, &health.addresses[i], schema);
    }
    if (!reader_done(&r)) {
        return RESULT_DAMAGED;
    }
    if (schema <= 2) {
        copy_verdict_to_families(&health, frozen_at);
    }
    *out = health;
    return RESULT_OK;
}

enum result health_decode(struct member_health *out, const uint8_t *data, size_t len)
{
    return decode(out, data, len, SCHEMA);
}

enum {
    /* the member's number in network order, so that rows are in order of id; the vantage point's
     * name follows */
    ID_LEN = 8
};

struct row_key {
    uint8_t octets[ID_LEN + VANTAGE_ROOM];
    size_t len;
};

static struct row_key key_of(uint64_t member_id, const char *vantage)
{
    struct row_key key;
    struct writer w = writer_of(key.octets, sizeof(key.octets));
    write_u64(&w, member_id);
    write_octets(&w, vantage, strlen(vantage));
    ASSERT(!w.failed);
    key.len = w.at;
    return key;
}

static enum result decode_row(struct member_health *out, const uint8_t *key, size_t key_len,
                              const uint8_t *value, size_t value_len)
{
    struct reader r = reader_of(key, key_len);
    struct member_health health;
    uint64_t id = read_u64(&r);
    size_t name_len = reader_left(&r);
    if (name_len == 0 || name_len >= VANTAGE_ROOM ||
        health_decode(&health, value, value_len) != RESULT_OK || health.member_id != id) {
        return RESULT_DAMAGED;
    }
    read_into(&r, health.vantage, name_len);
    *out = health;
    return RESULT_OK;
}

enum result health_get(struct store_txn *txn, uint64_t member_id, const char *vantage,
                       struct member_health *out)
{
    uint8_t data[HEALTH_ENCODED_MAX];
    struct store_item item = { .data = data, .room = sizeof(data) };
    struct row_key key = key_of(member_id, vantage);
    TRY(store_get(txn, TABLE_HEALTH, key.octets, key.len, &item));
    return decode_row(out, key.octets, key.len, data, item.len);
}

enum result health_put(struct store_txn *txn, const struct member_health *health, struct diag *diag)
{
    uint8_t data[HEALTH_ENCODED_MAX];
    struct writer w = writer_of(data, sizeof(data));
    struct row_key key = key_of(health->member_id, health->vantage);
    ASSERT(key.len > ID_LEN);
    health_encode(&w, health);
    ASSERT(!w.failed);
    return vantage_written(diag, store_put(txn, TABLE_HEALTH, key.octets, key.len, data, w.at));
}

enum result health_forget(struct store_txn *txn, uint64_t member_id, struct diag *diag)
{
    uint8_t found[STORE_KEY_MAX];
    struct row_key key = key_of(member_id, "");
    for (;;) {
        struct store_item at = { .data = found, .len = key.len, .room = sizeof(found) };
        memcpy(found, key.octets, key.len);
        enum result result = store_find(txn, TABLE_HEALTH, SEEK_AT_OR_AFTER, &at, NULL);
        if (result == RESULT_NOT_FOUND ||
            (result == RESULT_OK && memcmp(found, key.octets, ID_LEN) != 0)) {
            return RESULT_OK;
        }
        TRY(vantage_written(diag, result));
        TRY(vantage_written(diag, store_delete(txn, TABLE_HEALTH, found, at.len)));
    }
}

/* Keeps how far its reports were taken in. */
static enum result mark_forgotten(struct store_txn *txn, const char *name, struct diag *diag)
{
    struct vantage vantage;
    TRY(vantage_get(txn, name, &vantage));
    if (vantage.forgotten) {
        return RESULT_NOT_FOUND;
    }
    struct vantage row = { .forgotten = true, .position = vantage.position };
    memcpy(row.name, vantage.name, sizeof(row.name));
    return vantage_put(txn, &row, diag);
}

enum result health_forget_vantage(struct store_txn *txn, const char *vantage, bool may_return,
                                  struct diag *diag)
{
    uint8_t found[STORE_KEY_MAX];
    struct store_item at = { .data = found, .room = sizeof(found) };
    size_t name_len = strlen(vantage);
    enum result result =
        may_return ? mark_forgotten(txn, vantage, diag) : vantage_forget(txn, vantage, diag);
    while (result == RESULT_OK) {
        result = store_find(txn, TABLE_HEALTH, SEEK_AFTER, &at, NULL);
        bool its = result == RESULT_OK && at.len == ID_LEN + name_len &&
                   memcmp(found + ID_LEN, vantage, name_len) == 0;
        if (its) {
            result = vantage_written(diag, store_delete(txn, TABLE_HEALTH, found, at.len));
        } else if (result == RESULT_NOT_FOUND) {
            return RESULT_OK;
        }
    }
    return result;
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
    TRY(decode_row(&health, key, key_len, value, value_len));
    return each->visit(&health, each->arg);
}

enum result health_each(struct store_txn *txn, health_visit *visit, void *arg)
{
    struct each each = { visit, arg };
    return store_each(txn, TABLE_HEALTH, each_row, &each);
}

static enum result read_older(struct store_txn *txn, const struct store_item *key, uint32_t schema,
                              struct member_health *out, struct diag *diag)
{
    uint8_t data[HEALTH_ENCODED_MAX];
    struct store_item value = { .data = data, .room = sizeof(data) };
    enum result result = store_get(txn, TABLE_HEALTH, key->data, key->len, &value);
    if (result == RESULT_OK) {
        result = decode(out, data, value.len, schema);
    }
    return result == RESULT_OK
               ? RESULT_OK
               : diag_fail(diag, RESULT_DAMAGED,
                           "a verdict in the health store can't be read: restore it from a backup "
                           "(ntspool restore)");
}

/* Moves the row `old` to the preset vantage point. */
static enum result migrate_row_1(struct store_txn *txn, const struct store_item *old,
                                 struct vantage *vantage, struct diag *diag)
{
    struct member_health health = { .member_id = 0 };
    TRY(read_older(txn, old, 1, &health, diag));
    memcpy(health.vantage, vantage->name, sizeof(health.vantage));
    for (unsigned i = 0; i < health.address_count; i++) {
        if (health.addresses[i].last_probe_at > vantage->well_at) {
            vantage->well_at = health.addresses[i].last_probe_at;
        }
    }
    health.last_eligible_at = health.stage == STAGE_ELIGIBLE ? vantage->well_at : 0;
    TRY(vantage_written(diag, store_delete(txn, TABLE_HEALTH, old->data, old->len)));
    return health_put(txn, &health, diag);
}

enum result health_migrate_1(struct store_txn *txn, uint64_t, struct diag *diag)
{
    struct vantage vantage = { .name = VANTAGE_PRESET, .interval_s = 60 };
    uint8_t key[STORE_KEY_MAX];
    struct store_item at = { .data = key, .room = sizeof(key) };
    enum result result = RESULT_OK;
    while (result == RESULT_OK) {
        result = store_find(txn, TABLE_HEALTH, SEEK_AFTER, &at, NULL);
        /* a moved row comes after the old one, with a longer key */
        if (result == RESULT_OK && at.len == ID_LEN) {
            result = migrate_row_1(txn, &at, &vantage, diag);
        }
    }
    if (result != RESULT_NOT_FOUND) {
        return result;
    }
    return vantage.well_at == 0 ? RESULT_OK : vantage_put(txn, &vantage, diag);
}

static enum result migrate_row_2(struct store_txn *txn, const struct store_item *key,
                                 struct diag *diag)
{
    struct member_health health = { .member_id = 0 };
    TRY(read_older(txn, key, 2, &health, diag));
    uint8_t data[HEALTH_ENCODED_MAX];
    struct writer w = writer_of(data, sizeof(data));
    health_encode(&w, &health);
    ASSERT(!w.failed);
    return vantage_written(diag, store_put(txn, TABLE_HEALTH, key->data, key->len, data, w.at));
}

enum result health_migrate_2(struct store_txn *txn, uint64_t, struct diag *diag)
{
    uint8_t key[STORE_KEY_MAX];
    struct store_item at = { .data = key, .room = sizeof(key) };
    enum result result = vantage_migrate_2(txn, diag);
    while (result == RESULT_OK) {
        result = store_find(txn, TABLE_HEALTH, SEEK_AFTER, &at, NULL);
        if (result == RESULT_OK) {
            result = migrate_row_2(txn, &at, diag);
        }
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

bool stage_is_in(enum stage stage)
{
    return stage == STAGE_ELIGIBLE || stage == STAGE_FALLING;
}

bool health_has_family(const struct member_health *health, enum address_family family)
{
    for (unsigned i = 0; i < health->address_count; i++) {
        if (address_family(&health->addresses[i].address) == family) {
            return true;
        }
    }
    return false;
}

const struct address_health *health_address(const struct member_health *health,
                                            const struct address *address)
{
    for (unsigned i = 0; i < health->address_count; i++) {
        if (address_equal(&health->addresses[i].address, address)) {
            return &health->addresses[i];
        }
    }
    return NULL;
}

const struct address_health *health_best_in_family(const struct member_health *health,
                                                   enum address_family family)
{
    const struct address_health *best = NULL;
    for (unsigned i = 0; i < health->address_count; i++) {
        const struct address_health *each = &health->addresses[i];
        if (address_family(&each->address) == family && each->probes > 0 &&
            (best == NULL || each->score_milli > best->score_milli)) {
            best = each;
        }
    }
    return best;
}

const struct address_health *health_best(const struct member_health *health)
{
    const struct address_health *ipv6 = health_best_in_family(health, ADDRESS_IPV6);
    const struct address_health *ipv4 = health_best_in_family(health, ADDRESS_IPV4);
    return ipv4 == NULL || (ipv6 != NULL && ipv6->score_milli > ipv4->score_milli) ? ipv6 : ipv4;
}

/* Order of the stages from out to in; their numbers are those in the store. */
static unsigned rank_of(enum stage stage)
{
    static const unsigned ranks[] = {
        [STAGE_REGISTERED] = 0, [STAGE_CERTIFIED] = 1, [STAGE_OPERATIONAL] = 2,
        [STAGE_INELIGIBLE] = 3, [STAGE_FALLING] = 4,   [STAGE_ELIGIBLE] = 5
    };
    return ranks[stage];
}

enum address_family health_better_family(const struct member_health *health)
{
    const struct family_health *ipv6 = &health->family[ADDRESS_IPV6];
    const struct family_health *ipv4 = &health->family[ADDRESS_IPV4];
    unsigned six = rank_of(ipv6->stage), four = rank_of(ipv4->stage);
    if (six == four && ipv6->weight == ipv4->weight) {
        return health_has_family(health, ADDRESS_IPV4) || !health_has_family(health, ADDRESS_IPV6)
                   ? ADDRESS_IPV4
                   : ADDRESS_IPV6;
    }
    bool better = six != four ? six > four : ipv6->weight > ipv4->weight;
    return better ? ADDRESS_IPV6 : ADDRESS_IPV4;
}

const char *stage_text(enum stage stage)
{
    static const char *const texts[] = { "registered", "certified",  "operational",
                                         "eligible",   "ineligible", "falling" };
    ASSERT((unsigned)stage < sizeof(texts) / sizeof(texts[0]));
    return texts[stage];
}

struct warning_info {
    const char *id, *advice;
};

static const struct warning_info warnings[] = {
    { "certificate-age", "Renew the certificate: under a third of its life is left." },
    { "cookies-few", "Have NTS-KE give eight cookies: clients lose one with each lost packet." },
    { "cookies-size", "Have all cookies of one length, a multiple of four octets." },
    { "no-close-notify", "Have NTS-KE end TLS by close_notify." },
    { "port", "Serve NTS-KE on port 4460: some clients take no other." },
    { "cookies-short", "Have NTP give as many new cookies as the client asks for." },
    { "web", "Have the web server refuse names that are not its own." },
    { "aead", "Check the AEAD algorithms: what NTS-KE chooses NTP must answer with." },
    { "cookie-refused", "Keep the keys of cookies for a day or more." },
    { "cookie-ignored", "Answer a cookie that is too old by NTSN." },
    { "stratum-high", "Check the server's sources: it is too many strata from a clock." },
    { "offset-large", "Check the server's sources: its time is over 100 ms off." },
    { "refused-by-chronyd",
      "Get another certificate or chain: chronyd refuses this one (`ntspool probe` says why)." },
    { "refused-by-ntpd-rs",
      "Get another certificate or chain: ntpd-rs refuses this one (`ntspool probe` says why)." }
};

_Static_assert(sizeof(warnings) / sizeof(warnings[0]) == WARNINGS, "each warning has its row");

static const struct warning_info *info_of(enum warning warning)
{
    static const struct warning_info unknown = { "unknown", "" };
    for (unsigned i = 0; i < WARNINGS; i++) {
        if ((unsigned)warning == 1U << i) {
            return &warnings[i];
        }
    }
    return &unknown;
}

const char *warning_text(enum warning warning)
{
    return info_of(warning)->id;
}

const char *warning_advice(enum warning warning)
{
    return info_of(warning)->advice;
}
