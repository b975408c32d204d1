/* Resolves a name to its addresses of both families with c-ares, without blocking the loop, within
 * LIMIT_RESOLVE_MS. Each lookup reads the system's resolver configuration again, so a change of it
 * needs no restart. */
#ifndef PROBE_LOOKUP_H
#define PROBE_LOOKUP_H

#include <uv.h>

#include "probe/limits.h"
#include "zone/base/address.h"
#include "zone/names/dname.h"

struct lookup;

enum lookup_state {
    LOOKUP_FOUND,      /* at least one address */
    LOOKUP_NO_NAME,    /* NXDOMAIN, or a name that can't be queried */
    LOOKUP_NO_ADDRESS, /* NODATA for both families */
    LOOKUP_FAILED      /* no resolver gave an answer */
};

/* What the name's zone says of the pool (zone/registry/consent.h). */
enum lookup_consent {
    LOOKUP_NOT_ASKED,
    LOOKUP_CONSENTS,
    LOOKUP_CONSENTS_TO_OTHERS, /* there are TXT records, but none is for this pool */
    LOOKUP_NO_CONSENT,         /* NODATA or NXDOMAIN */
    LOOKUP_CONSENT_FAILED      /* no resolver gave an answer */
};

struct lookup_answer {
    enum lookup_state state;
    /* Of more addresses than fit, the lowest ones are kept, half of them of each family if there
     * are enough. */
    unsigned count;
    struct address addresses[LIMIT_ADDRESSES]; /* in order, each once */
    bool unknown[2];                           /* IPv6, IPv4: the query for this family failed */
    uint32_t ttl_s;  /* the least of the addresses and CNAMEs; 0 if there are no addresses */
    const char *why; /* static text, unless state is FOUND */
    enum lookup_consent consent;
    const char *consent_why; /* static text, unless it was not asked or consents */
};

/* The answer is valid during the call. */
typedef void lookup_done(const struct lookup_answer *answer, void *arg);

/* `resolver` replaces the system's, unless NULL. `done` is called once, later, from the loop. NULL
 * if no resolver can be asked at all. */
struct lookup *lookup_start(uv_loop_t *loop, const struct endpoint *resolver, const char *name,
                            lookup_done *done, void *arg);
/* Also asks for the TXT records of `name`, and whether one of them consents to the pool `apex`,
 * which must stay. Only right after lookup_start. An empty name stands for none. */
void lookup_ask_consent(struct lookup *lookup, const char *name, const struct dname *apex);
/* Ends it without calling `done`. */
void lookup_cancel(struct lookup *lookup);

#endif
