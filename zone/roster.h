/* Who may be handed out right now, read from registry and health in one pass. Immutable once built. */
#ifndef ZONE_ROSTER_H
#define ZONE_ROSTER_H

#include "zone/lifecycle.h"
#include "zone/registry.h"

struct candidate {
    uint64_t member_id;
    uint32_t weight; /* standing.weight: capacity times ramp, at least 1 */
    uint16_t port;
    char country[3]; /* empty: the world only */
    uint32_t target; /* offset in `names` of [u8 length][wire name], lower case */
};

/* A member whose name must not show some of its addresses. */
struct left_out {
    uint64_t member_id;
    uint8_t mask; /* standing.left_out, not 0 */
};

struct roster {
    struct candidate *list; /* those to hand out, in order of country, then id */
    size_t count;
    uint8_t *names;
    size_t names_len;
    struct left_out *left_out; /* in order of member_id */
    size_t left_out_count;
    size_t members; /* registered */
    bool last_good; /* nobody is eligible: these are the last who were (lifecycle_last_good) */
};

/* Aborts when out of memory; DAMAGED if a row can't be read. */
enum result roster_build(struct roster *out, struct store_txn *registry, struct store_txn *health,
                         const struct settings *settings, uint64_t now, struct diag *diag);
void roster_done(struct roster *roster);
/* 0 if the member's name shows all its addresses. */
uint8_t roster_left_out(const struct roster *roster, uint64_t member_id);

#endif
