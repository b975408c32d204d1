/* How keys come and go (RFC 7583, RFC 6781 4), as a pure function of the key records, the time and
 * the TTLs that were served.
 *
 * There is no list of phases. A key is wanted or not, and a step towards that (publish it, let it
 * sign, ask the parent for its DS, and back) is taken as soon as it is safe: when whatever caches
 * may hold from before and whatever is served after it validate together, in every combination,
 * strictly: each algorithm with a DS signs the DNSKEY RRset, each algorithm in a DNSKEY RRset signs
 * each RRset (RFC 4035 2.2). The records' times say what caches may hold. From this one rule follow
 * the pre-publication of a ZSK, the double signature of a KSK and the conservative algorithm
 * rollover (RFC 6781 4.1.4), alone, at the same time, and when one is aborted half-way. */
#ifndef DNSSEC_ROLLOVER_H
#define DNSSEC_ROLLOVER_H

#include "dnssec/keys/keystore.h"

/* What must be remembered of the zone, beside the keys. */
struct rollover_memory {
    bool insecure; /* no DS is wanted at the parent: RFC 8078 4 */
    /* another machine leads: keys and their states come from there, nothing is decided here */
    bool follows;
    /* TTLs served now, of the DNSKEY RRset and the longest of all others; and until when caches may
     * hold what was served with longer ones before. */
    uint32_t dnskey_ttl_s, zone_ttl_s;
    uint64_t dnskey_until, zone_until;
    uint64_t seen_at; /* when the server looked last, to the hour, or took the last step */
};

struct rollover_timing {
    struct rollover_memory memory;
    uint32_t propagation_s; /* until all servers of the zone serve a change */
    /* after the parent's DS was seen to be new: its propagation and the TTL of the old */
    uint32_t parent_s;
    /* the DNSKEY RRset and CDS change by rollover_apply only: a key that signs them is
     * elsewhere */
    bool offline_ksk;
};

struct key_set {
    size_t count;
    struct key_record list[KEYSTORE_MAX];
};

/* Takes over TTLs as they are now. Returns true if that changed anything. */
bool rollover_remember(struct rollover_memory *memory, uint32_t dnskey_ttl_s, uint32_t zone_ttl_s,
                       uint64_t now);
/* Takes all steps that are safe now. Returns true if there were any. None at or before the time of
 * the last one: two states in one second could not be told apart, and when the clock was set back,
 * waiting is safe. Keys that no cache knows any longer and that are not wanted are marked by
 * rollover_is_dead, for the caller to delete. */
bool rollover_advance(struct key_set *keys, const struct rollover_timing *timing, uint64_t now);
/* What the DNSKEY RRset and CDS shall be, and which of the keys that sign the zone alone are
 * wanted: bits by place in the key set. */
struct rollover_aim {
    uint32_t dnskey, ds, wanted;
};
/* Makes them so in one step, if that is safe; `force` does it also if not, and lets what it
 * publishes sign at once. A key that was planned, or is named no longer, becomes wanted or not.
 * False if nothing was done; never at or before the last step. */
bool rollover_apply(struct key_set *keys, const struct rollover_aim *aim,
                    const struct rollover_timing *timing, bool force, uint64_t now);
/* What they are; `wanted` is 0. */
struct rollover_aim rollover_as_is(const struct key_set *keys);
/* True if a key that the zone has, or shall have, has its private half elsewhere. */
bool rollover_has_offline_ksk(const struct key_set *keys);
/* The first moment after `now` at which caches forget something; 0: never. */
uint64_t rollover_next_moment(const struct key_set *keys, uint64_t now);
/* The time of the last step of all. */
uint64_t rollover_last_step_at(const struct key_set *keys);
bool rollover_is_dead(const struct key_record *key, uint64_t now);
/* True if all combinations validate as they are; false means that the records were not made by
 * these rules. */
bool rollover_is_safe(const struct key_set *keys, uint64_t now);

/* `now` is right, though steps were taken, or the server has looked, at later times: the clock was
 * ahead then. Those steps count as if they had been taken just now, in their order; waits for
 * caches begin anew, and none that the memory knows of is over `longest_s`. False: no time is later
 * than `now`. */
bool rollover_set_back(struct key_set *keys, struct rollover_memory *memory,
                       const struct rollover_timing *timing, uint64_t longest_s, uint64_t now);

/* The parent has the DS set that CDS asks for, and no other. Returns how many keys learned
 * something. */
size_t rollover_ds_seen(struct key_set *keys, const struct rollover_timing *timing, uint64_t now);
/* True if CDS asks for what the parent is not yet known to have. */
bool rollover_awaits_parent(const struct key_set *keys);
/* When CDS began to ask for it; 0 if nothing is asked for. */
uint64_t rollover_asked_at(const struct key_set *keys);

/* The wanted key of a role bit that is in use, or is to be; NULL if there is none. */
const struct key_record *rollover_current(const struct key_set *keys, enum key_role bit);
/* The planned zone-signing key that comes next, the oldest; NULL: none. */
struct key_record *rollover_planned(struct key_set *keys, enum algorithm algorithm);
/* True if the wanted keys make a zone: each of their algorithms has both roles. */
bool rollover_goal_is_complete(const struct key_set *keys);
/* True if a key with one of these role bits comes or goes. */
bool rollover_under_way(const struct key_set *keys, unsigned roles);
/* Turns keys that come and go around, of these role bits, as long as the old ones are in full use.
 * Returns how many old ones stay. */
size_t rollover_abort(struct key_set *keys, unsigned roles);

#endif
