/* Internal to the intake: shared by its files. */
#ifndef ZONE_INTAKE_PRIVATE_H
#define ZONE_INTAKE_PRIVATE_H

#include "zone/verdicts/intake.h"

/* The values that a report must match. */
struct intake_pool {
    uint64_t version; /* of the registry it was read from; 0: not read */
    struct dname apex;
    uint8_t registry[REGISTRY_ID_LEN];
    struct vantage_keys keys;
};

/* Accepted reports, one after the other, and refusals. */
struct intake_batch {
    uint8_t *octets;
    size_t len, room;
    bool imported;
    const struct refusal *refusals;
    unsigned refusal_count;
};

/* Applies the reports and records the refusals, in one transaction per store. */
enum result intake_apply(const struct intake_stores *stores, const struct intake_batch *batch,
                         uint64_t now, struct intake_sum *sum, struct diag *diag);

/* intake_refusals.c: records a refusal in the health store. */
enum result intake_note(struct store_txn *health, const struct refusal *refusal, uint64_t now,
                        struct diag *diag);

#endif
