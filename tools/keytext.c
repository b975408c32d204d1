#include "tools/keytext.h"

#include <stdio.h>

#include <sodium.h>

#include "dnssec/rollover/rollover.h"
#include "tools/output.h"

char *keytext_ds(const struct key_record *record, const struct dname *apex, char out[KEYTEXT_ROOM])
{
    char name[DNAME_TEXT_MAX];
    char hex[2 * KEY_DS_LEN + 1];
    uint8_t ds[KEY_DS_LEN];
    key_record_ds(record, apex, ds);
    struct reader r = reader_of(ds, sizeof ds);
    unsigned tag = read_u16(&r);
    unsigned algorithm = read_u8(&r);
    unsigned digest = read_u8(&r);
    sodium_bin2hex(hex, sizeof hex, ds + r.at, sizeof ds - r.at);
    (void)snprintf(out, KEYTEXT_ROOM, "%s IN DS %u %u %u %s", dname_text(apex, name), tag,
                   algorithm, digest, hex);
    return out;
}

char *keytext_dnskey(const struct key_record *record, const struct dname *apex,
                     char out[KEYTEXT_ROOM])
{
    char name[DNAME_TEXT_MAX];
    char base64[sodium_base64_ENCODED_LEN(KEY_DNSKEY_MAX, sodium_base64_VARIANT_ORIGINAL)];
    uint8_t dnskey[KEY_DNSKEY_MAX];
    size_t len = key_record_dnskey(record, dnskey);
    struct reader r = reader_of(dnskey, len);
    unsigned flags = read_u16(&r);
    unsigned protocol = read_u8(&r);
    unsigned algorithm = read_u8(&r);
    sodium_bin2base64(base64, sizeof base64, dnskey + r.at, len - r.at,
                      sodium_base64_VARIANT_ORIGINAL);
    (void)snprintf(out, KEYTEXT_ROOM, "%s IN DNSKEY %u %u %u %s", dname_text(apex, name), flags,
                   protocol, algorithm, base64);
    return out;
}

struct visit {
    const struct dname *apex;
    json_t *list; /* or NULL: print */
    bool dnskey;
    unsigned printed;
};

static enum result visit_key(const struct key_record *record, void *arg)
{
    struct visit *visit = arg;
    char line[KEYTEXT_ROOM];
    if (!record_state_is_published(&record->life.ds)) {
        return RESULT_OK;
    }
    if (visit->list == NULL) {
        printf("%s\n", visit->dnskey ? keytext_dnskey(record, visit->apex, line)
                                     : keytext_ds(record, visit->apex, line));
        visit->printed++;
        return RESULT_OK;
    }
    json_t *row =
        json_pack("{s:i, s:s}", "tag", record->tag, "algorithm", algorithm_text(record->algorithm));
    json_object_set_new(row, "ds", json_text(keytext_ds(record, visit->apex, line)));
    json_object_set_new(row, "dnskey", json_text(keytext_dnskey(record, visit->apex, line)));
    json_array_append_new(visit->list, row);
    return RESULT_OK;
}

enum result keytext_json(struct store_txn *keys, const struct dname *apex, json_t **out)
{
    struct visit visit = { .apex = apex, .list = json_array() };
    enum result result = keystore_each(keys, visit_key, &visit);
    if (result != RESULT_OK) {
        json_decref(visit.list);
        return result;
    }
    *out = visit.list;
    return RESULT_OK;
}

enum result keytext_print(struct store_txn *keys, const struct dname *apex, bool dnskey,
                          const char **note)
{
    struct visit visit = { .apex = apex, .dnskey = dnskey };
    enum result result = keystore_each(keys, visit_key, &visit);
    if (result == RESULT_OK && visit.printed == 0) {
        *note = store_count(keys, TABLE_KEYS) > 0
                    ? "the parent zone is to have no DS now: see `ntspool key list`"
                    : "there are no keys here yet: see `ntspool key list`";
    }
    return result;
}

char *keytext_identity(const struct seal *seal, char out[KEYTEXT_IDENTITY_ROOM])
{
    uint8_t identity[SEAL_PUBLIC_LEN];
    seal_public(seal, identity);
    return keytransfer_identity_text(identity, out);
}
