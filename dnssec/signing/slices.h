/* The DNSKEY RRset, CDS and CDNSKEY of coming times, with the signatures of key-signing keys whose
 * private halves are elsewhere: what a bundle brings (dnssec/offline/bundle.h) and state/keys
 * keeps.
 *
 * A slice says which keys are in the DNSKEY RRset from its time on. It is entered then if that is
 * safe (dnssec/rollover/rollover.h), else later: each slice's signatures outlast its successor's
 * begin, so that a machine that was away finds its way through. Only when the signatures of what is
 * served come to their end is the slice of the time entered in any case. */
#ifndef DNSSEC_SLICES_H
#define DNSSEC_SLICES_H

#include "dnssec/rollover/rollover.h"
#include "dnssec/signing/sigcache.h"

enum {
    SLICES_MAX = 512,
    SLICE_SIGNERS_MAX = 4,
    SLICE_TYPES = 3,             /* that a key-signing key signs */
    SLICES_MARGIN_S = 12 * 3600, /* a signature with less left is replaced, at any cost */
    SLICES_RRSET_ROOM = KEYSTORE_MAX * (KEY_DNSKEY_MAX + 2)
};

/* By these, signatures are numbered. */
extern const uint16_t slice_types[SLICE_TYPES];

struct slice {
    uint64_t from, inception, expiration; /* Unix seconds */
    uint32_t ttl_s;
    struct rollover_aim aim; /* places in the key set they were made for */
    uint32_t signed_by;      /* whose signatures these are, from the lowest place on */
    uint8_t signatures[SLICE_SIGNERS_MAX][SLICE_TYPES][KEY_SIGNATURE_LEN];
};

/* In order of time. Begin from { 0 }. */
struct slices {
    size_t count;
    struct slice *list;
    uint64_t made_at;  /* the bundle's request; 0: there was none */
    uint64_t begin_at; /* of its first slice */
};
void slices_done(struct slices *slices);
/* Appends one. False if there are SLICES_MAX. */
bool slices_add(struct slices *slices, const struct slice *slice);

/* What is in the store, for these keys. Slices with a key that the store has no longer are left
 * out. DAMAGED, NEWER. */
enum result slices_read(struct slices *out, struct store_txn *txn, const struct key_set *keys,
                        struct diag *diag);
/* Replaces what is there. */
enum result slices_write(const struct slices *slices, struct store_txn *txn,
                         const struct key_set *keys, struct diag *diag);

/* The RRset of one of the slice_types. `scratch` has room for SLICES_RRSET_ROOM octets. */
bool slice_rrset(const struct slice *slice, const struct key_set *keys, const struct dname *apex,
                 uint16_t type, uint8_t *scratch, struct rrset *out);
/* The signature of key number `i` over one of the slice_types; NULL: none. */
const uint8_t *slice_signature(const struct slice *slice, size_t i, size_t type);
/* Where to write it, for whoever signs; NULL if the slice has SLICE_SIGNERS_MAX signers. Keys are
 * added from the lowest place on. */
uint8_t *slice_sign(struct slice *slice, size_t i, size_t type);

/* The slice whose time it is; -1: none yet. */
ptrdiff_t slices_due(const struct slices *slices, uint64_t now);
/* Until when what is served now is signed by the slices; 0: it is not. */
uint64_t slices_signed_until(const struct slices *slices, const struct key_set *keys, uint64_t now);
/* The end of all signatures; 0: there are none. */
uint64_t slices_end(const struct slices *slices);
/* Until when the slices sign without a gap that begin before `from`; 0: none does. What follows
 * begins SLICES_MARGIN_S earlier. */
uint64_t slices_covered(const struct slices *slices, uint64_t from);
/* The TTL of what is served; 0: nothing of it is in the slices. */
uint32_t slices_ttl(const struct slices *slices, const struct key_set *keys, uint64_t now);
/* The next time at which other keys are served; 0: none. */
uint64_t slices_next_change(const struct slices *slices, const struct key_set *keys, uint64_t now);

enum slices_step {
    SLICES_UNCHANGED,
    SLICES_ENTERED,
    SLICES_FORCED /* though it was not safe */
};
/* Enters the slice that it is time for. */
enum slices_step slices_advance(const struct slices *slices, struct key_set *keys,
                                const struct rollover_timing *timing, uint64_t now);
/* The next moment after `now` at which anything may change; `to` if there is none before. */
uint64_t slices_next_moment(const struct slices *slices, const struct key_set *keys, uint64_t now,
                            uint64_t to);
/* Lets keys and slices run ahead until `to`. Returns false if a slice would have to be entered by
 * force before. */
bool slices_replay(const struct slices *slices, struct key_set *keys, struct rollover_timing timing,
                   uint64_t from, uint64_t to);

#endif
