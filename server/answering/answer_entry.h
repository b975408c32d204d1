/* An entry of the answer cache: an RRset of a name with its signatures, as short as it can be. */
#ifndef SERVER_ANSWER_ENTRY_H
#define SERVER_ANSWER_ENTRY_H

#include "server/answering/answer_heap.h"
#include "server/state/zone_state.h"

enum {
    ANSWER_ENTRY_OCTETS = 320, /* records at most */
    ANSWER_ENTRY_LIFETIME_UNIT = 4
};

/* Name and type; NXNAME stands for the compact NSEC (server/answering/nsec_chain.h). */
struct answer_cache_key {
    const struct dname_key *name;
    uint64_t hash;
    uint16_t type;
};
static inline struct answer_cache_key answer_cache_key_of(const struct dname_key *name,
                                                          uint64_t name_hash, uint16_t type)
{
    uint64_t h = (name_hash ^ type) * UINT64_C(0xd6e8feb86659fd93);
    return (struct answer_cache_key){ name, h ^ h >> 32, type };
}

/* What is found. */
struct cached_answer {
    struct block block;
    const uint8_t *next; /* of an NSEC: the next name's key */
    uint16_t next_len;
};

/* An RRset of a name. All but the atomics is as it was when it was put in. Numbers of zone states
 * and seconds are cut to 32 bits. */
struct answer_entry {
    struct answer_heap_piece piece;
    uint32_t style;
    uint64_t version;
    uint64_t member_id;
    uint32_t made_at;
    _Atomic uint32_t checked_in; /* the zone state for which it was last found to be valid */
    _Atomic uint32_t used_at;
    uint16_t type;
    uint8_t left_out;
    uint8_t lifetime; /* zone_state_lifetime_s, in units of so many seconds */
    uint8_t key_len, next_len;
    uint8_t count[2], patch_count[2]; /* of the block, as are */
    uint16_t len[2];
    uint8_t octets[]; /* patches, key, key of the next name, wire */
};

/* The parts of an entry. */
struct cached_answer_parts {
    uint64_t member_id; /* 0: not a member's name */
    struct block_parts block;
    const struct dname_key *next; /* of an NSEC: the next name; else NULL */
};
_Static_assert(ZONE_STATE_AGE_MAX_S / ANSWER_ENTRY_LIFETIME_UNIT <= UINT8_MAX, "fits");

/* A new entry before there is memory for it. */
struct answer_draft {
    const struct answer_cache_key *key;
    const struct cached_answer_parts *parts;
    struct block block;
    uint8_t wire[ANSWER_ENTRY_OCTETS];
    unsigned lines; /* of memory that it takes */
};

/* False if it is too long. Key and parts outlive the draft. */
bool answer_entry_draft(struct answer_draft *out, const struct answer_cache_key *key,
                        const struct cached_answer_parts *parts, const struct dname *apex);
/* For a zone state and a version of the registry, at this time in Unix seconds. */
struct answer_times {
    const struct zone_state *zone;
    uint64_t version, now;
};
void answer_entry_fill(struct answer_entry *entry, const struct answer_draft *draft,
                       const struct answer_times *times);
bool answer_entry_is(const struct answer_entry *entry, const struct answer_cache_key *key);
void answer_entry_show(const struct answer_entry *entry, struct cached_answer *out);

/* True if it suits the zone state: settings, keys and addresses left out are the same. Notes that
 * it does. */
bool answer_entry_suits(struct answer_entry *entry, const struct zone_state *zone);
/* Use is noted in units of 64 s. */
static inline uint32_t answer_entry_time(uint64_t now)
{
    return (uint32_t)(now >> 6);
}

#endif
