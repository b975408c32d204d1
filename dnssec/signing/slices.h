/* Slices: the DNSKEY RRset, CDS and CDNSKEY of coming times, signed ahead by KSKs whose private
 * keys are kept offline.
 *
 * A slice is one time slot (ICANN and Knot call it a bundle). Our *request* is the text with all
 * slices to be signed (key signing request, KSR); our *bundle* is the text with all of them signed
 * (signed key response, SKR): dnssec/offline/bundle.h. state/keys keeps the bundle's slices.
 *
 * A slice says which keys are in the DNSKEY RRset from its time on. It is entered at that time if
 * that is safe (dnssec/rollover/rollover.h), else later: the signatures of each slice outlast the
 * beginning of the next, so a server that was away can still catch up in order. Only when the
 * signatures of what is served are about to expire is the slice of the present time entered in any
 * case. */
#ifndef DNSSEC_SLICES_H
#define DNSSEC_SLICES_H

#include "dnssec/rollover/rollover.h"
#include "dnssec/signing/sigcache.h"

enum {
    SLICES_MAX = 512,
    SLICE_SIGNERS_MAX = 4,
    SLICE_TYPES = 3,             /* RRset types that a KSK signs */
    SLICES_MARGIN_S = 12 * 3600, /* a signature that expires sooner is replaced in any case */
    SLICES_RRSET_ROOM = KEYSTORE_MAX * (KEY_DNSKEY_MAX + 2)
};

/* The types in the order of a slice's signatures. */
extern const uint16_t slice_types[SLICE_TYPES];

struct slice {
    uint64_t from, inception, expiration; /* Unix seconds */
    uint32_t ttl_s;
    struct rollover_aim aim; /* bits of the key set that the slice was made for */
    uint32_t signed_by;      /* key bits; signatures are in this order, lowest bit first */
    uint8_t signatures[SLICE_SIGNERS_MAX][SLICE_TYPES][KEY_SIGNATURE_LEN];
};

/* In order of time. Start from `{ 0 }`. */
struct slices {
    size_t count, room;
    struct slice *list;
    uint64_t made_at;  /* when the bundle's request was made; 0: there is no bundle */
    uint64_t begin_at; /* when its first slice begins */
};
void slices_done(struct slices *slices);
/* Appends a slice. False if there are SLICES_MAX. */
bool slices_add(struct slices *slices, const struct slice *slice);

/* Reads the stored slices, with bits of these keys. Leaves out slices with a key that is not among
 * them. DAMAGED, NEWER. */
enum result slices_read(struct slices *out, struct store_txn *txn, const struct key_set *keys,
                        struct diag *diag);
/* Replaces the stored slices. */
enum result slices_write(const struct slices *slices, struct store_txn *txn,
                         const struct key_set *keys, struct diag *diag);

/* Builds the RRset of one of the slice_types. `scratch` has SLICES_RRSET_ROOM octets. */
bool slice_rrset(const struct slice *slice, const struct key_set *keys, const struct dname *apex,
                 uint16_t type, uint8_t *scratch, struct rrset *out);
/* The signature of key `i` over slice_types[type]; NULL: none. */
const uint8_t *slice_signature(const struct slice *slice, size_t i, size_t type);
/* Where to write that signature; NULL if the slice has SLICE_SIGNERS_MAX signers. Add keys in
 * ascending order. */
uint8_t *slice_sign(struct slice *slice, size_t i, size_t type);
/* True if the slice's RRsets are those that are served. */
static inline bool slice_is_served(const struct slice *slice, const struct rollover_aim *served)
{
    return slice->aim.dnskey == served->dnskey && slice->aim.ds == served->ds;
}

/* The index of the slice of the present time; -1: none has begun. */
ptrdiff_t slices_due(const struct slices *slices, uint64_t now);
/* Until when the slices' signatures over the records served now are valid; 0: there is none. */
uint64_t slices_signed_until(const struct slices *slices, const struct key_set *keys, uint64_t now);
/* When the last signature expires; 0: there is none. */
uint64_t slices_end(const struct slices *slices);
/* Until when the slices that begin before `from` sign without a gap; 0: none begins before it. A
 * successor must begin SLICES_MARGIN_S earlier. */
uint64_t slices_covered(const struct slices *slices, uint64_t from);
/* The TTL of the slice that is served; 0: none is. */
uint32_t slices_ttl(const struct slices *slices, const struct key_set *keys, uint64_t now);
/* When other keys are to be served next; 0: never. */
uint64_t slices_next_change(const struct slices *slices, const struct key_set *keys, uint64_t now);

enum slices_step {
    SLICES_UNCHANGED,
    SLICES_ENTERED,
    SLICES_FORCED /* entered though it was not safe */
};
/* Enters the next slice if it is time. */
enum slices_step slices_advance(const struct slices *slices, struct key_set *keys,
                                const struct rollover_timing *timing, uint64_t now);
/* The first time after `now` and before `to` at which slices or keys can change; else `to`. */
uint64_t slices_next_moment(const struct slices *slices, const struct key_set *keys, uint64_t now,
                            uint64_t to);
/* Takes all steps that were due from `from` to before `to`, each at its time, as if somebody had
 * looked all the while. SLICES_UNCHANGED if there were none. */
enum slices_step slices_catch_up(const struct slices *slices, struct key_set *keys,
                                 struct rollover_timing timing, uint64_t from, uint64_t to);
/* The same as a trial. False if a slice would have to be forced. */
bool slices_replay(const struct slices *slices, struct key_set *keys, struct rollover_timing timing,
                   uint64_t from, uint64_t to);

#endif
