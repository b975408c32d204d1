/* One probe of one address, from key establishment to the judgement of its time.
 *
 * The probe behaves like a good client. It keeps keys and cookies between probes (struct
 * association) and establishes new keys only if it has none, if they are an hour old, or if the
 * server no longer knows its cookies. After a key establishment it makes two NTP exchanges, the
 * second one with a cookie from the first, else one. If all is well, the daily checks follow when
 * they are due. */
#ifndef PROBE_PROBE_RUN_H
#define PROBE_PROBE_RUN_H

#include "probe/association.h"
#include "probe/ntp_sample.h"
#include "probe/probe_plan.h"

struct outcome {
    enum failure failure;
    char detail[NTS_DETAIL_ROOM];
    const char *failed_at; /* the step, by its name in the trace; NULL: none */
    /* a valid certificate was seen in this probe, or belongs to the keys in force */
    bool certified;
    struct tls_certificate certificate; /* not_after 0: none seen */
    uint16_t warnings;                  /* bits, enum warning */
    bool has_keys;                      /* established in this probe, or in force */
    /* the algorithm that NTS-KE chose; with plan->daily, of all that we support; 0: not known */
    uint16_t aead;
    bool timed;         /* sample is filled */
    bool cookies_short; /* a reply had fewer cookies than were asked for */
    struct ntp_sample sample;
    struct trace trace;
};

struct probe_run;
typedef void probe_run_done(const struct outcome *outcome, void *arg);

/* `*association` lives on between probes; NULL: none. The run replaces or frees it. The pointer to
 * it, `plan`, and what `plan` points to are needed until the end. `done` is called once, later,
 * from the loop. */
struct probe_run *probe_run_start(uv_loop_t *loop, const struct probe_plan *plan,
                                  struct association **association, probe_run_done *done,
                                  void *arg);
/* Ends it without calling `done`. */
void probe_run_cancel(struct probe_run *run);

#endif
