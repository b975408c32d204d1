/* Inside the intake: what its files share. */
#ifndef ZONE_INTAKE_PRIVATE_H
#define ZONE_INTAKE_PRIVATE_H

#include "zone/verdicts/intake.h"

/* What a report has to be for. */
struct intake_pool {
    uint64_t version; /* of the registry it was read from; 0: none */
    struct dname apex;
    uint8_t registry[REGISTRY_ID_LEN];
    struct vantage_keys keys;
};

/* Reports that may be taken in, one after the other, and what was refused beside them. */
struct intake_batch {
    uint8_t *octets;
    size_t len, room;
    bool imported;
    const struct refusal *refusals;
    unsigned refusal_count;
};

/* Takes the reports in, and notes the refusals, in one transaction a store. */
enum result intake_apply(const struct intake_stores *stores, const struct intake_batch *batch,
                         uint64_t now, struct intake_sum *sum, struct diag *diag);

/* intake_refusals.c: notes one in the health store. */
enum result intake_note(struct store_txn *health, const struct refusal *refusal, uint64_t now,
                        struct diag *diag);

#endif
