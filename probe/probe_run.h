/* One probe of one address, from key establishment to the judgement of its time.
 *
 * Behaves like a good client: keys and cookies are kept between probes (struct association), so a
 * key establishment is made only when there is none, when it is an hour old, or when the server no
 * longer knows its cookies. After one, two NTP exchanges are made, the second with a cookie of the
 * first; else one. When the rest is good, rare checks follow that are due. */
#ifndef PROBE_PROBE_RUN_H
#define PROBE_PROBE_RUN_H

#include "probe/association.h"
#include "probe/ntp_sample.h"
#include "probe/probe_plan.h"

struct outcome {
    enum failure failure;
    char detail[NTS_DETAIL_ROOM];
    const char *failed_at; /* the step, as the trail names it; NULL: it is good */
    bool certified;        /* a certificate was seen in this probe, or is in force, that is right */
    struct tls_certificate certificate; /* not_after 0: none seen */
    uint16_t warnings;                  /* bits, enum warning */
    bool agreed;                        /* keys were agreed on in this probe, or are in force */
    /* what NTS-KE chose of all that we have; with plan.rare as far as that is known; 0: it is
     * not */
    uint16_t aead;
    bool timed; /* sample is filled */
    bool cookies_short;
    struct ntp_sample sample;
    struct trace trace;
};

struct probe_run;
typedef void probe_run_done(const struct outcome *outcome, void *arg);

/* `kept` is where the association lives between probes; it is replaced or freed as things go, and
 * must outlive the attempt. `plan` and what it points to are needed until the end. `done` is called
 * once, later, from the loop. */
struct probe_run *probe_run_start(uv_loop_t *loop, const struct probe_plan *plan,
                                  struct association **kept, probe_run_done *done, void *arg);
/* Ends it without a call of `done`. */
void probe_run_cancel(struct probe_run *run);

#endif
