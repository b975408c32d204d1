/* A name to addresses by the system's resolver, without stopping the loop and never for longer than LIMIT_RESOLVE_MS. */
#ifndef PROBE_LOOKUP_H
#define PROBE_LOOKUP_H

#include <uv.h>

#include "probe/limits.h"
#include "zone/address.h"

struct lookup;

/* `count` is 0 on failure, and `why` then says why. The addresses are valid during the call. */
typedef void lookup_done(const struct address *addresses, unsigned count, const char *why,
                         void *arg);

/* `done` is called once, from the loop. NULL if the resolver can't be asked at all. */
struct lookup *lookup_start(uv_loop_t *loop, const char *name, lookup_done *done, void *arg);
/* Ends it without a call of `done`. */
void lookup_cancel(struct lookup *lookup);

#endif
