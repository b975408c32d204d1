/* Samples and events that wait to be reported along with the next verdicts. What waits is bounded,
 * and lost when the process is killed. */
#ifndef PROBE_REPORT_QUEUE_H
#define PROBE_REPORT_QUEUE_H

#include "zone/verdicts/journal.h"

enum {
    REPORT_QUEUE_SAMPLES = 1024,
    REPORT_QUEUE_EVENTS = 256
};

struct report_queue;

struct report_queue *report_queue_new(const char *vantage);
/* What still waits is lost; NULL is fine. */
void report_queue_free(struct report_queue *report_queue);
void report_queue_sample(struct report_queue *report_queue, const char *label, uint64_t member_id,
                         const struct address_health *row);
void report_queue_event(struct report_queue *report_queue, const char *label, uint64_t now,
                        const char *text);
/* So many samples wait that they should be written. */
bool report_queue_full(const struct report_queue *report_queue);
/* Writes all that waits; report_queue_clear when the journal has it. */
void report_queue_write(const struct report_queue *report_queue, struct journal *journal);
void report_queue_clear(struct report_queue *report_queue);

#endif
