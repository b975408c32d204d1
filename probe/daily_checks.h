/* The checks that are made once a day of an address that is good otherwise, in this order:
 *
 * - A broken cookie must be rejected. Only this check can fail; the others record, and may warn.
 * - The web server must not serve foreign names (probe/web_dialog.h). Only members are asked.
 * - Which AEAD algorithm does NTS-KE choose of all that we support, and does NTP answer with it?
 *   Servers limit how often a client may establish keys, so plan->ke_gap_s must have passed since
 *   the probe's own key establishment.
 * - Is a cookie that was kept for a day accepted still, or rejected with NTSN (RFC 8915 5.7)? Both
 *   are allowed. Silence draws a warning. */
#ifndef PROBE_DAILY_CHECKS_H
#define PROBE_DAILY_CHECKS_H

#include "probe/association.h"
#include "zone/verdicts/health.h"

enum {
    DAILY_WARNINGS = WARNING_WEB | WARNING_AEAD | WARNING_COOKIE_REFUSED | WARNING_COOKIE_IGNORED
};

struct probe_plan;
struct old_cookie;

/* Kept between probes by the owner, who ends it with daily_forget. A result that can't be found out
 * this time stays as it was. */
struct daily_checks {
    uint64_t due_at;   /* clock_steady; 0: at once */
    uint16_t warnings; /* bits of DAILY_WARNINGS */
    uint16_t aead;     /* the algorithm that NTS-KE chose; 0: not known yet */
    struct old_cookie *old;
};

void daily_forget(struct daily_checks *checks);

struct daily_round;
/* NONE: the checks are up to date. A failure: all are due again with the next probe. */
typedef void daily_done(enum failure failure, const char *detail, void *arg);

/* Makes the checks of plan->daily. `association` has a cookie. It, `plan` and `trace` are needed
 * until the end. `done` is called once, later, from the loop. */
struct daily_round *daily_start(uv_loop_t *loop, const struct probe_plan *plan,
                                const struct association *association, struct trace *trace,
                                daily_done *done, void *arg);
/* Ends it without calling `done`. */
void daily_cancel(struct daily_round *round);

#endif
