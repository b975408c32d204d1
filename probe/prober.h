/* Probes the members of the feed on schedule, and writes their verdicts to this vantage point's
 * journal. One loop, one thread. */
#ifndef PROBE_PROBER_H
#define PROBE_PROBER_H

#include <uv.h>

#include "probe/reference.h"
#include "zone/base/log.h"
#include "zone/verdicts/health.h"
#include "zone/verdicts/probe_totals.h"

struct prober;

struct prober_options {
    const char *state_dir;         /* with the feed and the journal */
    struct references *references; /* NULL: none */
    struct tls_trust *trust;       /* until prober_set_trust */
    const char *vantage;           /* our name, which vantage_name_fine accepts */
    uint32_t interval_ms;
    bool allow_private;
    bool once;     /* probe each address once, then stop */
    log_sink *log; /* takes the lines for the operator */
    /* Called after each verdict. May be NULL. */
    void (*report)(const char *label, const struct address_health *row);
};

/* Reads the feed and the verdicts of earlier runs, and starts. `loop`, and what `options` points
 * to, stay the caller's. */
enum result prober_new(struct prober **out, uv_loop_t *loop, const struct prober_options *options,
                       struct diag *diag);
/* Trusts other CAs from now on and starts the probes in flight again. Afterwards the old trust may
 * be freed. */
void prober_set_trust(struct prober *prober, struct tls_trust *trust);
/* Cancels what is in flight, writes the verdicts that are known and lets the loop run out. May be
 * called again. */
void prober_stop(struct prober *prober);
/* True if the last verdicts were written. */
bool prober_has_written(const struct prober *prober);
/* How many members it probes. */
size_t prober_members(const struct prober *prober);
/* What it has done. */
const struct probe_totals *prober_totals(const struct prober *prober);
/* After the loop has run out. */
void prober_free(struct prober *prober);

#endif
