/* Shared by fleetkeys.c, fleetkeys_missed.c and fleetkeys_settle.c only. */
#ifndef DNSSEC_FLEETKEYS_PRIVATE_H
#define DNSSEC_FLEETKEYS_PRIVATE_H

#include "dnssec/offline/fleetkeys.h"

enum {
    FLEETKEYS_PART_KSK,
    FLEETKEYS_PART_ZSK,
    FLEETKEYS_PART_PLAN, /* no digest, but the settings themselves */
    FLEETKEYS_PART_REST
};

enum result fleetkeys_put(struct store_txn *keys, const struct fleetkeys *state, struct diag *diag);
/* What packages have now. */
enum result fleetkeys_digest(uint8_t out[FLEETKEYS_PARTS][FLEETKEYS_DIGEST],
                             const struct key_timeline *timeline, const struct fleetkeys_work *work,
                             struct diag *diag);
bool fleetkeys_differs(const struct fleetkeys *state,
                       uint8_t digests[FLEETKEYS_PARTS][FLEETKEYS_DIGEST], size_t part);
/* The present packages are made anew. */
void fleetkeys_renumber(struct fleetkeys *state, uint64_t now);
/* True if this machine was off while others took steps. Not if the operator has changed the keys
 * since: they are on another way then. */
bool fleetkeys_is_behind(const struct fleetkeys *state, const struct key_timeline *timeline,
                         const struct fleetkeys_work *work,
                         uint8_t digests[FLEETKEYS_PARTS][FLEETKEYS_DIGEST]);
/* Notes when the next rollover of the ZSK begins by the packages. */
enum result fleetkeys_note_roll(struct fleetkeys *state, const struct key_timeline *timeline,
                                const struct fleetkeys_work *work, struct diag *diag);
/* Takes those steps, each at its time. */
enum result fleetkeys_catch_up(struct fleetkeys *state, const struct fleetkeys_work *work,
                               struct diag *what, struct diag *diag);
/* The settings that the packages were planned with: `present` but for what the plan depends on. */
struct settings fleetkeys_settings(const struct fleetkeys *state, const struct settings *present);
/* Notes who has what. True if that changed anything. */
bool fleetkeys_judge(struct fleetkeys *state, const struct fleetkeys_work *work);
/* The row that says that we go on without a machine. */
void fleetkeys_without_key(char out[STORE_KEY_MAX], const char *machine);
bool fleetkeys_is_without(struct store_txn *keys, const char *machine);

#endif
