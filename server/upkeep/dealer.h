/* The dealer: makes a new deal in a thread of its own. Meanwhile changes are patched into the old
 * deal and show as soon as ever. The thread has a low priority (nice), so that signing some ten
 * thousand sets does not delay answers. Between two deals it rests DEALER_REST times as long as a
 * deal took it: in a pool so large that a deal takes seconds there are fewer deals.
 *
 * One deal at a time. All functions are for one thread, the refresher. */
#ifndef SERVER_DEALER_H
#define SERVER_DEALER_H

#include "server/state/zone_state.h"

enum {
    DEALER_REST = 100 /* all deals together take a hundredth of a core */
};

struct dealer;

/* Written by the dealer's threads, one at a time; any thread may read. */
struct dealer_facts {
    struct signature_counts signatures;
    atomic_uint_fast64_t duration_ns; /* of the last deal */
};

/* The facts outlive the dealer. */
struct dealer *dealer_new(struct sigcache *cache, struct dealer_facts *facts);
/* Gives up the deal in progress. */
void dealer_free(struct dealer *dealer);
/* True if it is neither busy nor resting. */
bool dealer_is_free(const struct dealer *dealer);
/* Starts the deal after that of the zone state; the dealer must be free. Takes over the demand,
 * also when it fails. */
enum result dealer_start(struct dealer *dealer, struct zone_state *zone, struct demand *demand,
                         uint64_t now, struct diag *diag);
/* The finished deal with a reference, NULL if there is none. A deal that does not come right after
 * that of the zone state is dropped. Fails as the deal did. */
enum result dealer_take(struct dealer *dealer, const struct zone_state *zone, struct deal **out,
                        struct diag *diag);

#endif
