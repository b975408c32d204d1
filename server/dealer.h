/* The dealer: deals anew when it is time, in a thread of its own, so that changes are worked into the old deal meanwhile and show as soon as
 * ever. The thread is nice: signing some ten thousand sets must not keep answers waiting.
 *
 * One deal at a time. All functions are for one thread, the refresher. */
#ifndef SERVER_DEALER_H
#define SERVER_DEALER_H

#include "server/view.h"

struct dealer;

struct dealer *dealer_new(struct sigcache *cache);
/* Gives up what is being dealt. */
void dealer_free(struct dealer *dealer);
/* Starts upon the view's deal, unless it is busy already. Takes `demand` (struct deal_parts), in any case. */
enum result dealer_start(struct dealer *dealer, struct view *view, double *demand, uint64_t now,
                         struct diag *diag);
/* The finished deal, with a reference, for the one that follows the view's; NULL: there is none. One that the view's own has overtaken
 * is dropped. Fails as dealing did. */
enum result dealer_take(struct dealer *dealer, const struct view *view, struct deal **out,
                        struct diag *diag);

#endif
