/* Row of TABLE_KEYS. Key: u8 algorithm, u16 tag. Value: the public record (u8 layout, u8 algorithm, u8 role, u64 created_at, u64
 * active_at, u8 length and octets of the public half), then the sealed private half. The public record is authenticated with
 * the private half: who can write the store but not open the seal can't turn a ZSK into a KSK or swap two keys. */
#include "dnssec/keystore.h"

#include <sodium.h>

enum {
    LAYOUT = 1,
    ROW_KEY_LEN = 3,
    PUBLIC_RECORD_MAX = 3 + 2 * 8 + 1 + KEY_PUBLIC_MAX,
    ROW_MAX = PUBLIC_RECORD_MAX + KEY_PRIVATE_MAX + SEAL_OVERHEAD
};

static void row_key(uint8_t out[ROW_KEY_LEN], enum algorithm algorithm, uint16_t tag)
{
    out[0] = (uint8_t)algorithm;
    wire_put_u16(out + 1, tag);
}

static void write_public_record(struct writer *w, const struct key_record *record)
{
    write_u8(w, LAYOUT);
    write_u8(w, (uint8_t)record->algorithm);
    write_u8(w, (uint8_t)record->role);
    write_u64(w, record->created_at);
    write_u64(w, record->active_at);
    write_u8(w, record->public_len);
    write_octets(w, record->public_key, record->public_len);
}

static uint16_t record_tag(const struct key_record *record)
{
    uint8_t dnskey[KEY_DNSKEY_MAX];
    return key_tag_of(dnskey, key_record_dnskey(record, dnskey));
}

enum result keystore_put(struct store_txn *txn, const struct key *key, const struct seal *seal,
                         uint64_t now, struct diag *diag)
{
    struct key_record record = { .algorithm = key_algorithm(key),
                                 .role = key_role(key),
                                 .tag = key_tag(key),
                                 .created_at = now,
                                 .active_at = now };
    size_t public_len = 0;
    const uint8_t *public_key = key_public(key, &public_len);
    record.public_len = (uint8_t)public_len;
    memcpy(record.public_key, public_key, public_len);

    uint8_t row[ROW_MAX];
    struct writer w = writer_of(row, sizeof row);
    write_public_record(&w, &record);
    size_t bound_len = w.at;
    uint8_t *sealed = write_room(&w, KEY_PRIVATE_MAX + SEAL_OVERHEAD);
    ASSERT(sealed != NULL);
    uint8_t private_key[KEY_PRIVATE_MAX];
    key_private(key, private_key);
    enum result result = seal_wrap(seal, private_key, sizeof private_key, row, bound_len, sealed);
    sodium_memzero(private_key, sizeof private_key);
    if (result != RESULT_OK) {
        return diag_fail(diag, result, "the private key cannot be sealed");
    }

    uint8_t id[ROW_KEY_LEN];
    row_key(id, record.algorithm, record.tag);
    uint8_t old[ROW_MAX];
    struct store_item there = { .data = old, .room = sizeof old };
    result = store_get(txn, TABLE_KEYS, id, sizeof id, &there);
    if (result == RESULT_OK) {
        return diag_fail(diag, RESULT_EXISTS, "there is a %s key with tag %u already",
                         algorithm_text(record.algorithm), record.tag);
    }
    if (result == RESULT_NOT_FOUND) {
        result = store_put(txn, TABLE_KEYS, id, sizeof id, row, w.at);
    }
    return result == RESULT_OK
               ? RESULT_OK
               : diag_fail(diag, result, "the key cannot be stored: %s", result_text(result));
}

static enum result decode(struct key_record *out, const uint8_t *id, size_t id_len,
                          const uint8_t *value, size_t value_len)
{
    struct key_record record = { 0 };
    struct reader r = reader_of(value, value_len);
    uint8_t layout = read_u8(&r);
    record.algorithm = (enum algorithm)read_u8(&r);
    record.role = (enum key_role)read_u8(&r);
    record.created_at = read_u64(&r);
    record.active_at = read_u64(&r);
    record.public_len = read_u8(&r);
    if (layout > LAYOUT) {
        return RESULT_NEWER;
    }
    if (layout != LAYOUT || record.role < KEY_KSK || record.role > KEY_CSK ||
        record.public_len != key_public_len(record.algorithm)) {
        return RESULT_DAMAGED;
    }
    read_into(&r, record.public_key, record.public_len);
    read_into(&r, record.sealed, sizeof record.sealed);
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
    enum result result = decode(&record, key, key_len, value, value_len);
    return result == RESULT_OK ? each->visit(&record, each->arg) : result;
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
    enum result result =
        seal_unwrap(seal, record->sealed, sizeof record->sealed, bound, w.at, private_key);
    if (result != RESULT_OK) {
        return diag_fail(diag, result,
                         "the %s key with tag %u cannot be opened: it was sealed with another "
                         "sealing key, or the store is damaged",
                         algorithm_text(record->algorithm), record->tag);
    }
    struct key_parts parts = { .algorithm = record->algorithm,
                               .role = record->role,
                               .public_key = record->public_key,
                               .public_len = record->public_len,
                               .private_key = private_key,
                               .private_len = sizeof private_key };
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
