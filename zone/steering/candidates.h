/* The candidates: the members that may be handed out right now, read from registry and health in
 * one pass. Immutable once built.
 *
 * Each candidate has an index that it keeps from one build to the next as long as it may be handed
 * out. The index of a member that left stays free in the next build and is reused after that. So
 * what was dealt by index can be compared from one build to the next. */
#ifndef ZONE_CANDIDATES_H
#define ZONE_CANDIDATES_H

#include "zone/places/locations.h"
#include "zone/registry/registry.h"
#include "zone/steering/allocation.h"
#include "zone/verdicts/lifecycle.h"

struct candidate {
    uint64_t member_id; /* 0: the index is free */
    uint32_t weight; /* standing.weight: capacity times ramp, at least 1; 0 if the index is free */
    uint16_t port;
    uint32_t target; /* offset in `names` of [u8 length][wire name], lower case */
    /* dname_key_hash of its name in the pool, as in registry_changes; 0: it has a name of its
     * own */
    uint64_t name;
};

/* A member whose name must not show some of its addresses. */
struct left_out {
    uint64_t member_id;
    uint8_t mask; /* standing.left_out, not 0 */
};

struct candidates {
    struct candidate *list; /* by index */
    /* Input of the allocation, by index: location, regions, failure domain, the families of the
     * addresses its name shows. An index that has just become free keeps its data, with capacity
     * 0. */
    struct allocation_member *inputs;
    size_t count;    /* indices, free ones included */
    size_t eligible; /* candidates */
    uint8_t *names;
    size_t names_len;
    struct left_out *left_out; /* in order of member_id */
    size_t left_out_count;
    size_t members; /* registered members */
    bool last_good; /* no member is eligible: these were the last ones (lifecycle_last_good) */
};

struct candidates_sources {
    struct store_txn *registry, *health;
    const struct settings *settings;
    const struct locations *locations; /* may be NULL */
    const struct candidates *before;   /* the build before, whose indices are kept, or NULL */
    uint64_t now;
};

/* Aborts when out of memory; DAMAGED if a row can't be read. */
enum result candidates_build(struct candidates *out, const struct candidates_sources *sources,
                             struct diag *diag);
void candidates_copy(struct candidates *out, const struct candidates *candidates);
void candidates_done(struct candidates *candidates);
/* The wire name that SRV points to, [u8 length][name]. */
const uint8_t *candidates_target(const struct candidates *candidates, size_t index);
/* 0 if the member's name shows all its addresses. */
uint8_t candidates_left_out(const struct candidates *candidates, uint64_t member_id);

#endif
