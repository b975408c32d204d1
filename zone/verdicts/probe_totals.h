/* What a probe has done since it started: how its probes ended, and how long their steps took. It
 * writes them to a file beside its journal (`probe/NAME.totals`), for the metrics.
 *
 * The file has a fixed length and is written in place: a concurrent reader finds each number old or
 * new. Nothing in it is trusted. */
#ifndef ZONE_PROBE_TOTALS_H
#define ZONE_PROBE_TOTALS_H

#include <stdint.h>

#include "zone/base/result.h"
#include "zone/verdicts/failure.h"

enum probe_step {
    PROBE_CONNECT,
    PROBE_TLS,
    PROBE_KE,
    PROBE_NTP, /* the round trip of the exchange that counts */
    PROBE_STEPS
};

enum {
    PROBE_BUCKETS = 9, /* and one for longer ones */
    PROBE_TOTALS_MAX = 16 + 8 * (FAILURE_COUNT + PROBE_STEPS * (PROBE_BUCKETS + 2))
};
/* The bounds of the buckets in seconds. */
extern const double probe_totals_bounds[PROBE_BUCKETS];

/* Starts as `{ 0 }`. */
struct probe_totals {
    uint64_t results[FAILURE_COUNT];
    struct {
        uint64_t buckets[PROBE_BUCKETS + 1], sum_us;
    } steps[PROBE_STEPS];
};

void probe_totals_result(struct probe_totals *totals, enum failure failure);
void probe_totals_step(struct probe_totals *totals, enum probe_step step, uint64_t took_us);
/* "connect", "tls", "ke", "ntp" */
const char *probe_step_text(enum probe_step step);

size_t probe_totals_encode(const struct probe_totals *totals, uint8_t out[PROBE_TOTALS_MAX]);
/* INVALID if a probe did not write that. Classes of failure that are not known here are left out.
 */
enum result probe_totals_decode(struct probe_totals *out, const uint8_t *data, size_t len);

/* Opens the file of the vantage point to write, and makes it if there is none. */
enum result probe_totals_open(int *out, const char *state_dir, const char *vantage,
                              struct diag *diag);
/* Writes them; does nothing for a descriptor of -1. */
void probe_totals_write(const struct probe_totals *totals, int file);
/* NOT_FOUND, INVALID or SYSTEM. */
enum result probe_totals_read(struct probe_totals *out, const char *state_dir, const char *vantage);

#endif
