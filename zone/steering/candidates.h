/* Who may be handed out right now, read from registry and health in one pass. Immutable once built.
 *
 * Each has a seat, a number that it keeps from roster to roster as long as it may be handed out;
 * the seat of one who left stays empty in the next roster and is given away after that. So what was
 * dealt by seats from one roster can be compared with the next. */
#ifndef ZONE_CANDIDATES_H
#define ZONE_CANDIDATES_H

#include "zone/places/locations.h"
#include "zone/registry/registry.h"
#include "zone/steering/allocation.h"
#include "zone/verdicts/lifecycle.h"

struct candidate {
    uint64_t member_id; /* 0: the seat is empty */
    uint32_t weight;    /* standing.weight: capacity times ramp, at least 1; 0 if empty */
    uint16_t port;
    uint32_t target; /* offset in `names` of [u8 length][wire name], lower case */
    /* dname_key_hash of its name in the pool, as registry_changes has it; 0: it brought one of its
     * own */
    uint64_t name;
};

/* A member whose name must not show some of its addresses. */
struct left_out {
    uint64_t member_id;
    uint8_t mask; /* standing.left_out, not 0 */
};

struct candidates {
    struct candidate *list; /* by seat */
    /* the same for shares: place, regions, kin, families of the addresses its name shows; of one
     * who just left too, with capacity 0 */
    struct allocation_member *inputs;
    size_t count;    /* seats */
    size_t eligible; /* of them taken: those to hand out */
    uint8_t *names;
    size_t names_len;
    struct left_out *left_out; /* in order of member_id */
    size_t left_out_count;
    size_t members; /* registered */
    bool last_good; /* nobody is eligible: these are the last who were (lifecycle_last_good) */
};

struct candidates_sources {
    struct store_txn *registry, *health;
    const struct settings *settings;
    const struct locations *locations; /* may be NULL */
    const struct candidates *before;   /* whose seats are kept, or NULL */
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
