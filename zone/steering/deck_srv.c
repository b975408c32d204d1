#include "zone/steering/deck_srv.h"

/* The weight to publish. Only proportions within a set matter (RFC 2782), so a set with a weight
 * that does not fit is scaled down. */
static uint16_t published_weight(uint32_t weight, uint32_t most)
{
    if (most > UINT16_MAX) {
        weight = (uint32_t)((uint64_t)weight * UINT16_MAX / most);
    }
    return (uint16_t)(weight > 0 ? weight : 1);
}

void deck_srv(const struct deck_set *set, const struct candidates *candidates, bool weights,
              uint32_t ttl, uint8_t scratch[DECK_SRV_SCRATCH], struct rrset *out)
{
    struct rrset_builder b;
    rrset_begin(&b, RR_SRV, ttl, scratch, DECK_SRV_SCRATCH);
    if (set == NULL || set->count == 0) {
        const uint8_t unavailable[7] = { 0 };
        rrset_add(&b, unavailable, sizeof unavailable);
        CHECK(rrset_end(&b, out));
        return;
    }
    uint32_t most = 0;
    for (unsigned i = 0; i < set->count; i++) {
        uint32_t weight = candidates->list[set->members[i]].weight;
        most = weight > most ? weight : most;
    }
    for (unsigned i = 0; i < set->count; i++) {
        const struct candidate *candidate = &candidates->list[set->members[i]];
        const uint8_t *target = candidates_target(candidates, set->members[i]);
        uint8_t rdata[6 + DNAME_MAX];
        wire_put_u16(rdata, 0);
        wire_put_u16(rdata + 2, weights ? published_weight(candidate->weight, most) : 1);
        wire_put_u16(rdata + 4, candidate->port);
        memcpy(rdata + 6, target + 1, target[0]);
        rrset_add(&b, rdata, 6 + (size_t)target[0]);
    }
    CHECK(rrset_end(&b, out));
}
