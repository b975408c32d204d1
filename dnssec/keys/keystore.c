/* Row of TABLE_KEYS. Key: u8 algorithm, u16 tag. Value: the public record (u8 layout, u8 algorithm,
 * u8 role, u64 created_at, u8 length and octets of the public key), the sealed private key, the
 * life (u8 0, 1: wanted or 2: planned; three record states of four u64). Layout 1 had a u64
 * active_at after created_at and no life. Layout 3 has no private key.
 *
 * The seal authenticates the public record with the private key. A process that can write the store
 * but cannot open the seal can neither turn a ZSK into a KSK nor swap two keys. */
#include "dnssec/keys/keystore.h"

#include <sodium.h>

enum {
    LAYOUT = 2,
    LAYOUT_WITHOUT_LIFE = 1,
    LAYOUT_PUBLIC = 3,
    WANTED = 1,
    PLANNED = 2,
    ROW_KEY_LEN = 3,
    PUBLIC_RECORD_MAX = 3 + 2 * 8 + 1 + KEY_PUBLIC_MAX,
    LIFE_LEN = 1 + 3 * 4 * 8,
    ROW_MAX = PUBLIC_RECORD_MAX + KEY_PRIVATE_MAX + SEAL_OVERHEAD + LIFE_LEN
};

static void row_key(uint8_t out[ROW_KEY_LEN], enum algorithm algorithm, uint16_t tag)
{
    out[0] = (uint8_t)algorithm;
    wire_put_u16(out + 1, tag);
}

static void write_public_record(struct writer *w, const struct key_record *record)
{
    write_u8(w, record->layout);
    write_u8(w, (uint8_t)record->algorithm);
    write_u8(w, (uint8_t)record->role);
    write_u64(w, record->created_at);
    if (record->layout == LAYOUT_WITHOUT_LIFE) {
        write_u64(w, record->active_at);
    }
    write_u8(w, record->public_len);
    write_octets(w, record->public_key, record->public_len);
}

static void write_state(struct writer *w, const struct record_state *state)
{
    write_u64(w, state->introduced_at);
    write_u64(w, state->omnipresent_at);
    write_u64(w, state->withdrawn_at);
    write_u64(w, state->hidden_at);
}

static struct record_state read_state(struct reader *r)
{
    struct record_state state;
    state.introduced_at = read_u64(r);
    state.omnipresent_at = read_u64(r);
    state.withdrawn_at = read_u64(r);
    state.hidden_at = read_u64(r);
    return state;
}

void key_life_write(struct writer *w, const struct key_life *life)
{
    write_u8(w, life->planned ? PLANNED : life->wanted ? WANTED : 0);
    write_state(w, &life->dnskey);
    write_state(w, &life->zone);
    write_state(w, &life->ds);
}

struct key_life key_life_read(struct reader *r)
{
    struct key_life life;
    uint8_t wanted = read_u8(r);
    r->failed = r->failed || wanted > PLANNED;
    life.wanted = wanted == WANTED;
    life.planned = wanted == PLANNED;
    life.dnskey = read_state(r);
    life.zone = read_state(r);
    life.ds = read_state(r);
    return life;
}

static enum result write_row(struct store_txn *txn, const struct key_record *record)
{
    uint8_t id[ROW_KEY_LEN], row[ROW_MAX];
    struct writer w = writer_of(row, sizeof row);
    row_key(id, record->algorithm, record->tag);
    write_public_record(&w, record);
    if (!record->offline) {
        write_octets(&w, record->sealed, sizeof record->sealed);
    }
    key_life_write(&w, &record->life);
    ASSERT(!w.failed);
    return store_put(txn, TABLE_KEYS, id, sizeof id, row, w.at);
}

struct key_life key_life_in_use(enum key_role role, uint64_t now)
{
    const struct record_state since = { .introduced_at = now, .omnipresent_at = now };
    struct key_life life = { .wanted = true, .dnskey = since };
    if ((role & KEY_ZSK) != 0) {
        life.zone = since;
    }
    if ((role & KEY_KSK) != 0) {
        life.ds.introduced_at = now; /* the parent has not confirmed it yet */
    }
    return life;
}

static uint16_t record_tag(const struct key_record *record)
{
    uint8_t dnskey[KEY_DNSKEY_MAX];
    return key_tag_of(dnskey, key_record_dnskey(record, dnskey));
}

/* Seals the key's private key into the record. */
static enum result seal_record(struct key_record *record, const struct key *key,
                               const struct seal *seal, struct diag *diag)
{
    uint8_t bound[PUBLIC_RECORD_MAX], private_key[KEY_PRIVATE_MAX];
    struct writer w = writer_of(bound, sizeof bound);
    record->layout = LAYOUT;
    write_public_record(&w, record);
    key_private(key, private_key);
    enum result result =
        seal_wrap(seal, private_key, sizeof private_key, bound, w.at, record->sealed);
    sodium_memzero(private_key, sizeof private_key);
    return result == RESULT_OK ? result
                               : diag_fail(diag, result, "the private key cannot be sealed");
}

static void make_public(struct key_record *record)
{
    record->layout = LAYOUT_PUBLIC;
    record->offline = true;
    sodium_memzero(record->sealed, sizeof record->sealed);
}

static enum result explain(enum result result, struct diag *diag)
{
    return result == RESULT_OK
               ? result
               : diag_fail(diag, result, "the key cannot be stored: %s", result_text(result));
}

enum result keystore_add(struct store_txn *txn, const struct key *key, const struct seal *seal,
                         const struct key_life *life, uint64_t now, struct diag *diag)
{
    struct key_record record = { .algorithm = key_algorithm(key),
                                 .role = key_role(key),
                                 .tag = key_tag(key),
                                 .created_at = now,
                                 .life = *life };
    size_t public_len = 0;
    const uint8_t *public_key = key_public(key, &public_len);
    record.public_len = (uint8_t)public_len;
    memcpy(record.public_key, public_key, public_len);
    if (key_has_private(key)) {
        TRY(seal_record(&record, key, seal, diag));
    } else {
        make_public(&record);
    }
    uint8_t id[ROW_KEY_LEN];
    row_key(id, record.algorithm, record.tag);
    enum result result = store_get(txn, TABLE_KEYS, id, sizeof id, NULL);
    if (result == RESULT_OK) {
        return diag_fail(diag, RESULT_EXISTS, "there is a %s key with tag %u already",
                         algorithm_text(record.algorithm), record.tag);
    }
    return explain(result == RESULT_NOT_FOUND ? write_row(txn, &record) : result, diag);
}

enum result keystore_update(struct store_txn *txn, const struct key_record *record,
                            const struct seal *seal, struct diag *diag)
{
    return record->layout != LAYOUT_WITHOUT_LIFE ? explain(write_row(txn, record), diag)
                                                 : keystore_reseal(txn, record, seal, seal, diag);
}

enum result keystore_reseal(struct store_txn *txn, const struct key_record *record,
                            const struct seal *from, const struct seal *to, struct diag *diag)
{
    struct key_record now = *record;
    struct key *key = NULL;
    if (record->offline) {
        return RESULT_OK;
    }
    TRY(keystore_unseal(&key, record, from, diag));
    enum result result = seal_record(&now, key, to, diag);
    key_free(key);
    return result == RESULT_OK ? explain(write_row(txn, &now), diag) : result;
}

enum result keystore_forget(struct store_txn *txn, const struct key_record *record,
                            struct diag *diag)
{
    struct key_record now = *record;
    make_public(&now);
    return explain(write_row(txn, &now), diag);
}

enum result keystore_restore(struct store_txn *txn, const struct key_record *record,
                             const struct key *key, const struct seal *seal, struct diag *diag)
{
    struct key_record now = *record;
    size_t len = 0;
    const uint8_t *public_key = key_public(key, &len);
    if (!key_has_private(key) || key_algorithm(key) != record->algorithm ||
        key_role(key) != record->role || len != record->public_len ||
        memcmp(public_key, record->public_key, len) != 0) {
        return diag_fail(diag, RESULT_INVALID, "this is not the key with tag %u", record->tag);
    }
    now.offline = false;
    TRY(seal_record(&now, key, seal, diag));
    return explain(write_row(txn, &now), diag);
}

enum result keystore_delete(struct store_txn *txn, const struct key_record *record)
{
    uint8_t id[ROW_KEY_LEN];
    row_key(id, record->algorithm, record->tag);
    return store_delete(txn, TABLE_KEYS, id, sizeof id);
}

static enum result decode(struct key_record *out, const uint8_t *id, size_t id_len,
                          const uint8_t *value, size_t value_len)
{
    struct key_record record = { 0 };
    struct reader r = reader_of(value, value_len);
    record.layout = read_u8(&r);
    record.algorithm = (enum algorithm)read_u8(&r);
    record.role = (enum key_role)read_u8(&r);
    record.created_at = read_u64(&r);
    record.active_at = record.layout == LAYOUT_WITHOUT_LIFE ? read_u64(&r) : 0;
    record.public_len = read_u8(&r);
    if (record.layout > LAYOUT_PUBLIC) {
        return RESULT_NEWER;
    }
    if (record.layout == 0 || record.role < KEY_KSK || record.role > KEY_CSK ||
        record.public_len != key_public_len(record.algorithm)) {
        return RESULT_DAMAGED;
    }
    read_into(&r, record.public_key, record.public_len);
    record.offline = record.layout == LAYOUT_PUBLIC;
    read_into(&r, record.sealed, record.offline ? 0 : sizeof record.sealed);
    record.life = record.layout == LAYOUT_WITHOUT_LIFE
                      ? key_life_in_use(record.role, record.active_at)
                      : key_life_read(&r);
    if (!reader_done(&r)) {
        return RESULT_DAMAGED;
    }
    record.tag = record_tag(&record);
    uint8_t want[ROW_KEY_LEN];
    row_key(want, record.algorithm, record.tag);
    if (id_len != sizeof want || memcmp(id, want, sizeof want) != 0) {
        return RESULT_DAMAGED;
    }
    *out = record;
    return RESULT_OK;
}

struct each {
    key_visit *visit;
    void *arg;
};

static enum result visit_row(const uint8_t *key, size_t key_len, const uint8_t *value,
                             size_t value_len, void *arg)
{
    const struct each *each = arg;
    struct key_record record;
    TRY(decode(&record, key, key_len, value, value_len));
    return each->visit(&record, each->arg);
}

enum result keystore_each(struct store_txn *txn, key_visit *visit, void *arg)
{
    struct each each = { .visit = visit, .arg = arg };
    return store_each(txn, TABLE_KEYS, visit_row, &each);
}

enum result keystore_unseal(struct key **out, const struct key_record *record,
                            const struct seal *seal, struct diag *diag)
{
    uint8_t bound[PUBLIC_RECORD_MAX];
    struct writer w = writer_of(bound, sizeof bound);
    write_public_record(&w, record);
    uint8_t private_key[KEY_PRIVATE_MAX];
    struct key_parts parts = { .algorithm = record->algorithm,
                               .role = record->role,
                               .public_key = record->public_key,
                               .public_len = record->public_len };
    if (record->offline) {
        return key_from_parts(out, &parts, diag);
    }
    enum result result =
        seal_unwrap(seal, record->sealed, sizeof record->sealed, bound, w.at, private_key);
    if (result != RESULT_OK) {
        return diag_fail(diag, result,
                         "the %s key with tag %u cannot be opened: it was sealed with another "
                         "sealing key, or the store is damaged",
                         algorithm_text(record->algorithm), record->tag);
    }
    parts.private_key = private_key;
    parts.private_len = sizeof private_key;
    result = key_from_parts(out, &parts, diag);
    sodium_memzero(private_key, sizeof private_key);
    return result;
}

size_t key_record_dnskey(const struct key_record *record, uint8_t out[KEY_DNSKEY_MAX])
{
    return key_dnskey_of(record->algorithm, record->role, record->public_key, record->public_len,
                         out);
}

void key_record_ds(const struct key_record *record, const struct dname *owner,
                   uint8_t out[KEY_DS_LEN])
{
    uint8_t dnskey[KEY_DNSKEY_MAX];
    key_ds_of(dnskey, key_record_dnskey(record, dnskey), owner, out);
}
