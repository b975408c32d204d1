/* The rows of state/keys: public record in the clear, private half sealed, and the life of the
 * key. */
#ifndef DNSSEC_KEYSTORE_H
#define DNSSEC_KEYSTORE_H

#include "dnssec/keys/key.h"
#include "dnssec/keys/seal.h"
#include "zone/store/store.h"

enum {
    KEYSTORE_MAX = 16,    /* keys of a zone, */
    KEYSTORE_USED_MAX = 8 /* of which all others are for later */
};

/* One way in which a key shows itself, and when. Unix seconds, 0: not yet. Clear: when no cache
 * holds what was served before. */
struct record_state {
    uint64_t introduced_at, omnipresent_at, withdrawn_at, hidden_at;
};

/* Where a key is in its life, and where it shall go (dnssec/rollover/rollover.h). Not sealed: who
 * can write the store can also delete keys. */
struct key_life {
    bool wanted;  /* to be in use; else to disappear, */
    bool planned; /* but for this: to be wanted when a bundle says so (dnssec/signing/slices.h) */
    struct record_state dnskey; /* it is in the DNSKEY RRset, which a KSK then signs */
    struct record_state zone;   /* it signs the zone's records */
    /* CDS asks the parent for its DS; clear: 0 until the parent is known to have done it */
    struct record_state ds;
};

struct key_record {
    enum algorithm algorithm;
    enum key_role role;
    uint16_t tag;
    uint8_t public_len;
    uint8_t public_key[KEY_PUBLIC_MAX];
    bool offline; /* the private half is elsewhere, and `sealed` is nothing */
    uint8_t sealed[KEY_PRIVATE_MAX + SEAL_OVERHEAD];
    uint64_t created_at; /* Unix seconds */
    struct key_life life;
    uint8_t layout;     /* of the row it was read from */
    uint64_t active_at; /* of a row with layout 1, where it is sealed with the rest */
};

void key_life_write(struct writer *w, const struct key_life *life);
/* Fails the reader if it is none. */
struct key_life key_life_read(struct reader *r);
/* The life of a key that is all that its role can be since `now`. */
struct key_life key_life_in_use(enum key_role role, uint64_t now);

/* Seals and stores a key, or a public half alone, made at `now`. EXISTS if one of its algorithm and
 * tag is there. */
enum result keystore_add(struct store_txn *txn, const struct key *key, const struct seal *seal,
                         const struct key_life *life, uint64_t now, struct diag *diag);
/* Writes the life of a key that is there. A row of an old layout is sealed anew. */
enum result keystore_update(struct store_txn *txn, const struct key_record *record,
                            const struct seal *seal, struct diag *diag);
/* Seals the private half anew, with another seal. */
enum result keystore_reseal(struct store_txn *txn, const struct key_record *record,
                            const struct seal *from, const struct seal *to, struct diag *diag);
/* The private half is to be here no longer, or to be here again: `key` is the whole key of the
 * record, else INVALID. */
enum result keystore_forget(struct store_txn *txn, const struct key_record *record,
                            struct diag *diag);
enum result keystore_restore(struct store_txn *txn, const struct key_record *record,
                             const struct key *key, const struct seal *seal, struct diag *diag);
enum result keystore_delete(struct store_txn *txn, const struct key_record *record);
typedef enum result key_visit(const struct key_record *record, void *arg);
enum result keystore_each(struct store_txn *txn, key_visit *visit, void *arg);
/* A public half alone if the record has no more. */
enum result keystore_unseal(struct key **out, const struct key_record *record,
                            const struct seal *seal, struct diag *diag);
/* A public-only view for those who may not open the seal (`key list`, `key ds`): DNSKEY rdata and
 * DS rdata. */
size_t key_record_dnskey(const struct key_record *record, uint8_t out[KEY_DNSKEY_MAX]);
void key_record_ds(const struct key_record *record, const struct dname *owner,
                   uint8_t out[KEY_DS_LEN]);

#endif
