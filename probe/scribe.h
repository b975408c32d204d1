/* Samples and events that wait to be reported along with the next verdicts. What waits is bounded, and lost when the process is
 * killed. */
#ifndef PROBE_SCRIBE_H
#define PROBE_SCRIBE_H

#include "zone/verdicts/journal.h"

enum {
    SCRIBE_SAMPLES = 1024,
    SCRIBE_EVENTS = 256
};

struct scribe;

struct scribe *scribe_new(const char *vantage);
/* What still waits is lost; NULL is fine. */
void scribe_free(struct scribe *scribe);
void scribe_sample(struct scribe *scribe, const char *label, uint64_t member_id,
                   const struct address_health *row);
void scribe_event(struct scribe *scribe, const char *label, uint64_t now, const char *text);
/* So many samples wait that they should be written. */
bool scribe_full(const struct scribe *scribe);
/* Writes all that waits; scribe_written when the journal has it. */
void scribe_write(const struct scribe *scribe, struct journal *journal);
void scribe_written(struct scribe *scribe);

#endif
