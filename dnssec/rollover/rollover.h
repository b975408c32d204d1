/* Key rollovers (RFC 7583, RFC 6781 4) as a pure function of the key records, the time and the TTLs
 * that were served.
 *
 * There is no list of phases. A key is wanted or not. Each step towards that (publish the key, sign
 * with it, ask the parent for its DS, and back) is taken as soon as it is safe. A step is safe if
 * everything that caches may still hold from before it validates together with everything that is
 * served after it, in every combination. This is the rule of Schaeffer's "Flexible and Robust Key
 * Rollover" (OpenDNSSEC's enforcer, BIND's dnssec-policy). Validation is strict: each algorithm
 * with a DS signs the DNSKEY RRset, and each algorithm in a DNSKEY RRset signs each RRset (RFC
 * 4035 2.2). struct record_state says what caches may hold.
 *
 * From this one rule follow the pre-publication of a ZSK, the double signature of a KSK and the
 * conservative algorithm rollover (RFC 6781 4.1.4), each alone, several at once, and aborted
 * half-way. */
#ifndef DNSSEC_ROLLOVER_H
#define DNSSEC_ROLLOVER_H

#include "dnssec/keys/keystore.h"

enum {
    /* For so long after other keys began to sign the zone, signatures made before are still
     * served, and replaced bit by bit. The waits for caches begin after that. */
    ROLLOVER_RESIGN_S = 600
};

/* Facts about the zone that must be remembered beside its keys. */
struct rollover_memory {
    bool insecure; /* no DS is wanted at the parent (RFC 8078 4) */
    bool follows;  /* keys and their states come from the leader; nothing is decided here */
    /* The TTLs that are served now: of the DNSKEY RRset, and the longest of all other RRsets. */
    uint32_t dnskey_ttl_s, zone_ttl_s;
    /* Until when caches may hold records that were served with longer TTLs before. */
    uint64_t dnskey_until, zone_until;
    uint64_t seen_at; /* when the server last looked (to the hour) or took a step */
};

struct rollover_timing {
    struct rollover_memory memory;
    uint32_t propagation_s; /* until all servers of the zone serve a change */
    /* From when the parent's new DS was seen until caches have it: the parent's propagation and the
     * TTL of the old DS. */
    uint32_t parent_s;
    /* A KSK is offline: the DNSKEY RRset and CDS change by rollover_apply only. */
    bool offline_ksk;
    unsigned held; /* keys with one of these role bits take no step: others are waited for */
};

struct key_set {
    size_t count;
    struct key_record list[KEYSTORE_MAX];
};

/* Some keys of a key set as bits: bit i stands for key i. */
static inline uint32_t key_bit(size_t i)
{
    return UINT32_C(1) << i;
}
static inline bool key_bits_have(uint32_t bits, size_t i)
{
    return (bits >> i & 1) != 0;
}

/* Notes the TTLs that are served from now on. Returns true if that changed anything. */
bool rollover_remember(struct rollover_memory *memory, uint32_t dnskey_ttl_s, uint32_t zone_ttl_s,
                       uint64_t now);
/* Takes all steps that are safe now. Returns true if there were any. Takes none at or before the
 * time of the last step: two states within one second could not be told apart, and after the clock
 * was set back waiting is safe. The caller deletes keys that are rollover_is_dead. */
bool rollover_advance(struct key_set *keys, const struct rollover_timing *timing, uint64_t now);

/* What the DNSKEY RRset and CDS are to be, and which of the ZSKs are wanted: key bits. */
struct rollover_aim {
    uint32_t dnskey, ds, wanted;
};
/* Reaches the aim in one step if that is safe. `force` takes the step in any case, and lets the
 * keys that it publishes sign at once. Planned ZSKs that the aim names become wanted or not; those
 * that it no longer names are not wanted. False if nothing was done, as always at or before the
 * last step. */
bool rollover_apply(struct key_set *keys, const struct rollover_aim *aim,
                    const struct rollover_timing *timing, bool force, uint64_t now);
/* The aim that describes the records served now; `wanted` is 0. */
struct rollover_aim rollover_as_is(const struct key_set *keys);
/* True if a KSK that is in use, or is to be, is offline. */
bool rollover_has_offline_ksk(const struct key_set *keys);

/* The first time after `now` at which a wait for caches ends; 0: never. */
uint64_t rollover_next_moment(const struct key_set *keys, uint64_t now);
/* The time of the latest step of any key. */
uint64_t rollover_last_step_at(const struct key_set *keys);
/* True if no cache knows the key and it is neither wanted nor planned (RFC 7583 3.1: dead). */
bool rollover_is_dead(const struct key_record *key, uint64_t now);
/* True if all combinations validate as things are. False means that the records were not made by
 * these rules. */
bool rollover_is_safe(const struct key_set *keys, uint64_t now);
/* True if RRsets signed by the keys of `before` may be served for ROLLOVER_RESIGN_S more when these
 * are the keys: all combinations validate, with what `before` signs and with what it still counted
 * as in caches. False after any step that was forced, and when a key is gone too soon. */
bool rollover_keeps(const struct key_set *before, const struct key_set *keys, uint64_t now);

/* Recovers from a clock that was ahead: `now` is right, and steps or looks have later times. Those
 * steps count as taken just now, in their order. Waits for caches begin again; waits that the
 * memory knows of are cut to `longest_s`. False if no time is later than `now`. */
bool rollover_set_back(struct key_set *keys, struct rollover_memory *memory,
                       const struct rollover_timing *timing, uint64_t longest_s, uint64_t now);

/* The parent has the DS RRset that CDS asks for. Returns how many keys' states changed. */
size_t rollover_ds_seen(struct key_set *keys, const struct rollover_timing *timing, uint64_t now);
/* True if CDS asks for a change that the parent is not known to have made. */
bool rollover_awaits_parent(const struct key_set *keys);
/* Since when CDS asks for it; 0 if it asks for no change. */
uint64_t rollover_asked_at(const struct key_set *keys);

/* The newest wanted key with this role bit; NULL if there is none. */
const struct key_record *rollover_current(const struct key_set *keys, enum key_role bit);
/* The oldest planned ZSK: the next to be used. NULL if there is none. */
struct key_record *rollover_planned(struct key_set *keys, enum algorithm algorithm);
/* True if the wanted keys can sign a zone: each of their algorithms has both roles. */
bool rollover_goal_is_complete(const struct key_set *keys);
/* True if a key with one of these role bits is coming or going. */
bool rollover_under_way(const struct key_set *keys, unsigned roles);
/* Turns back the keys with these role bits: the new ones are no longer wanted, the old ones are
 * again. Only old keys still in full use can stay. Returns how many stay. */
size_t rollover_abort(struct key_set *keys, unsigned roles);

#endif
