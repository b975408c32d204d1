/* The dealer: deals anew when it is time, in a thread of its own, so that changes are worked into
 * the old deal meanwhile and show as soon as ever. The thread is nice, since signing some ten
 * thousand sets must not keep answers waiting, and between two deals it rests DEALER_REST times as
 * long as one takes it: pools so large that a deal takes a second and more are dealt less often
 * than they might.
 *
 * One deal at a time. All functions are for one thread, the refresher. */
#ifndef SERVER_DEALER_H
#define SERVER_DEALER_H

#include "server/state/zone_state.h"

enum {
    DEALER_REST = 100 /* so all deals together take a hundredth of a core */
};

struct dealer;

struct dealer *dealer_new(struct sigcache *cache);
/* Gives up what is being dealt. */
void dealer_free(struct dealer *dealer);
/* True if it is neither busy nor at rest. */
bool dealer_is_free(const struct dealer *dealer);
/* Starts upon the view's deal; is free. Takes the usage over, in any case. */
enum result dealer_start(struct dealer *dealer, struct zone_state *zone, struct demand *demand,
                         uint64_t now, struct diag *diag);
/* The finished deal, with a reference, for the one that follows the view's; NULL: there is none.
 * One that the view's own has overtaken is dropped. Fails as dealing did. */
enum result dealer_take(struct dealer *dealer, const struct zone_state *zone, struct deal **out,
                        struct diag *diag);

#endif
