/* A name to its addresses of both families, by the system's resolver (c-ares), without stopping the
 * loop and never for longer than LIMIT_RESOLVE_MS. Each lookup reads the resolver's configuration
 * anew, so a change of it needs no restart. */
#ifndef PROBE_LOOKUP_H
#define PROBE_LOOKUP_H

#include <uv.h>

#include "probe/limits.h"
#include "zone/base/address.h"

struct lookup;

enum lookup_state {
    LOOKUP_FOUND,      /* at least one address */
    LOOKUP_NO_NAME,    /* NXDOMAIN, or no name that can be asked for */
    LOOKUP_NO_ADDRESS, /* the name is there, without an address */
    LOOKUP_FAILED      /* nobody could say */
};

struct lookup_answer {
    enum lookup_state state;
    /* of what is kept of a longer answer: the lowest addresses, half of them of each family if
     * there are so many */
    unsigned count;
    struct address addresses[LIMIT_ADDRESSES]; /* in order, each once */
    bool unknown[2]; /* IPv6, IPv4: nobody could say whether there are addresses of this family */
    uint32_t ttl_s;  /* the least on the way to the addresses; 0 if there are none */
    const char *why; /* where state is not FOUND; static text */
};

/* The answer is valid during the call. */
typedef void lookup_done(const struct lookup_answer *answer, void *arg);

/* `resolver` is asked instead of the system's, unless NULL. `done` is called once, later, from the
 * loop. NULL if no resolver can be asked at all. */
struct lookup *lookup_start(uv_loop_t *loop, const struct endpoint *resolver, const char *name,
                            lookup_done *done, void *arg);
/* Ends it without a call of `done`. */
void lookup_cancel(struct lookup *lookup);

#endif
