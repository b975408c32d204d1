/* The DNSSEC keys of state/keys: the public record in the clear, the private key sealed, and where
 * the key is in its life. */
#ifndef DNSSEC_KEYSTORE_H
#define DNSSEC_KEYSTORE_H

#include "dnssec/keys/key.h"
#include "dnssec/keys/seal.h"
#include "zone/store/store.h"

enum {
    KEYSTORE_MAX = 16,    /* most keys in the store */
    KEYSTORE_USED_MAX = 8 /* most keys in use at once; the rest are planned */
};

/* How far one kind of a key's records has spread to caches, by the four states of key timing
 * (Schaeffer, "Flexible and Robust Key Rollover"; RFC 7583 has the intervals):
 *
 *     hidden       no cache holds the record       never introduced, or since hidden_at
 *     rumoured     some caches may hold it         since introduced_at
 *     omnipresent  no cache is without it          since omnipresent_at
 *     unretentive  some caches may still hold it   since withdrawn_at
 *
 * Unix seconds; 0: not yet, or not known yet. omnipresent_at and hidden_at are set ahead, by the
 * step that begins the wait. */
struct record_state {
    uint64_t introduced_at, omnipresent_at, withdrawn_at, hidden_at;
};

/* Where a key is in its life, and where it is to go (dnssec/rollover/rollover.h). Not sealed: a
 * process that can write the store can delete keys as well. */
struct key_life {
    /* To come into use, or to stay in use; else to be removed. */
    bool wanted;
    /* Not wanted yet: a slice says when (dnssec/signing/slices.h). Kept until then. */
    bool planned;
    struct record_state dnskey; /* the key is in the DNSKEY RRset; a KSK then signs that */
    struct record_state zone;   /* the key signs all other RRsets */
    /* The key is in CDS, and so the parent is asked for its DS. omnipresent_at and hidden_at stay 0
     * until the parent is known to have followed. */
    struct record_state ds;
};

/* True if the record is served: rumoured or omnipresent. */
static inline bool record_state_is_published(const struct record_state *state)
{
    return state->introduced_at != 0 && state->withdrawn_at == 0;
}
static inline bool record_state_is_hidden(const struct record_state *state, uint64_t now)
{
    return state->introduced_at == 0 ||
           (state->withdrawn_at != 0 && state->hidden_at != 0 && state->hidden_at <= now);
}

struct key_record {
    enum algorithm algorithm;
    enum key_role role;
    uint16_t tag;
    uint8_t public_len;
    uint8_t public_key[KEY_PUBLIC_MAX];
    bool offline; /* the private key is kept elsewhere; `sealed` is unused */
    uint8_t sealed[KEY_PRIVATE_MAX + SEAL_OVERHEAD];
    uint64_t created_at; /* Unix seconds */
    struct key_life life;
    uint8_t layout;     /* of the row it was read from */
    uint64_t active_at; /* of layout 1 only, where the seal covers it */
};

void key_life_write(struct writer *w, const struct key_life *life);
/* Fails the reader if the octets are not valid. */
struct key_life key_life_read(struct reader *r);
/* The life of a key that has been in full use of its role since `now`. */
struct key_life key_life_in_use(enum key_role role, uint64_t now);

/* Seals and stores a key, created at `now`. EXISTS if the store has a key of this algorithm and
 * tag. */
enum result keystore_add(struct store_txn *txn, const struct key *key, const struct seal *seal,
                         const struct key_life *life, uint64_t now, struct diag *diag);
/* Writes the life of a stored key. A row of layout 1 is sealed anew. */
enum result keystore_update(struct store_txn *txn, const struct key_record *record,
                            const struct seal *seal, struct diag *diag);
/* Moves the private key from one seal to another. */
enum result keystore_reseal(struct store_txn *txn, const struct key_record *record,
                            const struct seal *from, const struct seal *to, struct diag *diag);
/* Drops the private key; the public record stays, offline. */
enum result keystore_forget(struct store_txn *txn, const struct key_record *record,
                            struct diag *diag);
/* Brings the private key back. INVALID if `key` is not the record's key with its private key. */
enum result keystore_restore(struct store_txn *txn, const struct key_record *record,
                             const struct key *key, const struct seal *seal, struct diag *diag);
enum result keystore_delete(struct store_txn *txn, const struct key_record *record);
typedef enum result key_visit(const struct key_record *record, void *arg);
enum result keystore_each(struct store_txn *txn, key_visit *visit, void *arg);
/* A public-only key if the record is offline. UNSEALABLE. */
enum result keystore_unseal(struct key **out, const struct key_record *record,
                            const struct seal *seal, struct diag *diag);
/* DNSKEY and DS rdata of a record. Neither needs the seal. */
size_t key_record_dnskey(const struct key_record *record, uint8_t out[KEY_DNSKEY_MAX]);
void key_record_ds(const struct key_record *record, const struct dname *owner,
                   uint8_t out[KEY_DS_LEN]);

#endif
