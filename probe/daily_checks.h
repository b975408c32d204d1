/* What is looked at once a day of an address that is good otherwise, in this order:
 *
 * - A broken cookie must not be taken. This alone is a failure; all else is recorded, and some of
 * it warned of.
 * - HTTP must not serve foreign names (probe/web_dialog.h); not asked of servers that are no
 * members.
 * - Which AEAD algorithm does NTS-KE choose of all that we have, and does NTP then answer with it?
 * Servers limit how often a client may ask for keys, so the one establishment has to be some time
 * after the other (plan->ke_gap_s).
 * - A cookie that was kept for a day: is it taken still, or refused with NTSN (RFC 8915 5.7), as it
 * may be? */
#ifndef PROBE_DAILY_CHECKS_H
#define PROBE_DAILY_CHECKS_H

#include "probe/association.h"
#include "zone/verdicts/health.h"

enum {
    DAILY_WARNINGS = WARNING_WEB | WARNING_AEAD | WARNING_COOKIE_REFUSED | WARNING_COOKIE_IGNORED
};

struct probe_plan;
struct old_cookie;

/* Their owner keeps this between probes; daily_forget at its end. What can't be found out this time
 * stays as it was. */
struct daily_checks {
    uint64_t due_at;   /* clock_steady; 0: at once */
    uint16_t warnings; /* bits of DAILY_WARNINGS */
    uint16_t aead;     /* the algorithm that NTS-KE chose; 0: not known yet */
    struct old_cookie *old;
};

void daily_forget(struct daily_checks *checks);

struct daily_round;
/* NONE, and all of `checks` is up to date, or a failure; then all is due again with the next
 * probe. */
typedef void daily_done(enum failure failure, const char *detail, void *arg);

/* Makes a round with plan->rare. `plan`, `association`, which has a cookie, and `trail` are needed
 * until the end. `done` is called once, later, from the loop. */
struct daily_round *daily_start(uv_loop_t *loop, const struct probe_plan *plan,
                                const struct association *association, struct trace *trace,
                                daily_done *done, void *arg);
/* Ends it without a call of `done`. */
void daily_cancel(struct daily_round *round);

#endif
