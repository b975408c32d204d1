/* Shared by fleetkeys.c and fleetkeys_settle.c only. */
#ifndef DNSSEC_FLEETKEYS_PRIVATE_H
#define DNSSEC_FLEETKEYS_PRIVATE_H

#include "dnssec/offline/fleetkeys.h"

enum {
    FLEETKEYS_PART_KSK,
    FLEETKEYS_PART_ZSK,
    FLEETKEYS_PART_REST
};

enum result fleetkeys_put(struct store_txn *keys, const struct fleetkeys *state, struct diag *diag);
/* What packages have now. */
enum result fleetkeys_digest(uint8_t out[FLEETKEYS_PARTS][FLEETKEYS_DIGEST],
                             const struct key_timeline *timeline, const struct fleetkeys_work *work,
                             struct diag *diag);
/* Notes who has what. True if that changed anything. */
bool fleetkeys_judge(struct fleetkeys *state, const struct fleetkeys_work *work);
/* The row that says that we go on without a machine. */
void fleetkeys_without_key(char out[STORE_KEY_MAX], const char *machine);
bool fleetkeys_is_without(struct store_txn *keys, const char *machine);

#endif
