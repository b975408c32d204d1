/* Looks after all members: follows the feed, probes on schedule, writes verdicts to its journal.
 *
 * One loop, one thread. Verdicts that fall within LIMIT_BATCH_MS share a report. */
#ifndef PROBE_PROBER_H
#define PROBE_PROBER_H

#include <uv.h>

#include "probe/reference.h"
#include "zone/verdicts/health.h"

struct prober;

struct prober_options {
    const char *state_dir;         /* with the feed and the journal */
    struct references *references; /* NULL: none */
    struct tls_trust *trust;       /* used until prober_trust gives another */
    const char *vantage;           /* our name, a fine one (vantage_name_fine) */
    uint32_t interval_ms;
    bool allow_private;
    bool once; /* probe each address once, then stop */
    /* One line for the operator. `priority` is that of syslog(3). */
    void (*log)(int priority, const char *text);
    /* After each probe; may be NULL. */
    void (*report)(const char *label, const struct address_health *row);
};

/* Reads the feed and the verdicts of earlier runs, and starts. Loop and trust stay the caller's. */
enum result prober_new(struct prober **out, uv_loop_t *loop, const struct prober_options *options,
                       struct diag *diag);
/* Believes other CAs from now on: probes in flight start again. The old trust may be freed
 * after. */
void prober_trust(struct prober *prober, struct tls_trust *trust);
/* Ends what is in flight, writes the verdicts that are known and lets the loop run out. Fine to
 * call again. */
void prober_stop(struct prober *prober);
/* The last verdicts could be written. */
bool prober_wrote(const struct prober *prober);
/* After the loop has run out. */
void prober_free(struct prober *prober);
/* A probe or lookup that was in flight was ended by its ward. */
void prober_landed(struct prober *prober);

#endif
