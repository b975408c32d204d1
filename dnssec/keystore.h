/* The rows of state/keys: public record in the clear, private half sealed, and the life of the key. */
#ifndef DNSSEC_KEYSTORE_H
#define DNSSEC_KEYSTORE_H

#include "dnssec/key.h"
#include "dnssec/seal.h"
#include "zone/store.h"

struct key_record {
    enum algorithm algorithm;
    enum key_role role;
    uint16_t tag;
    uint8_t public_len;
    uint8_t public_key[KEY_PUBLIC_MAX];
    uint8_t sealed[KEY_PRIVATE_MAX + SEAL_OVERHEAD];
    uint64_t created_at, active_at; /* Unix seconds; rollover adds its own times with its schema */
};

/* Seals and stores a key. EXISTS if one of its algorithm and tag is there. */
enum result keystore_put(struct store_txn *txn, const struct key *key, const struct seal *seal,
                         uint64_t now, struct diag *diag);
typedef enum result key_visit(const struct key_record *record, void *arg);
enum result keystore_each(struct store_txn *txn, key_visit *visit, void *arg);
enum result keystore_unseal(struct key **out, const struct key_record *record,
                            const struct seal *seal, struct diag *diag);
/* A public-only view for those who may not open the seal (`key list`, `key ds`): DNSKEY rdata and DS rdata. */
size_t key_record_dnskey(const struct key_record *record, uint8_t out[KEY_DNSKEY_MAX]);
void key_record_ds(const struct key_record *record, const struct dname *owner,
                   uint8_t out[KEY_DS_LEN]);

#endif
