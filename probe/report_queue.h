/* Samples and events that wait for the next report. Their number is bounded. They are lost if the
 * process is killed. */
#ifndef PROBE_REPORT_QUEUE_H
#define PROBE_REPORT_QUEUE_H

#include "zone/verdicts/journal.h"

enum {
    REPORT_QUEUE_SAMPLES = 1024,
    REPORT_QUEUE_EVENTS = 256
};

struct report_queue;

struct report_queue *report_queue_new(const char *vantage);
/* Drops the reports that still wait. NULL is fine. */
void report_queue_free(struct report_queue *queue);
void report_queue_sample(struct report_queue *queue, const char *label, uint64_t member_id,
                         const struct address_health *row);
void report_queue_event(struct report_queue *queue, const char *label, uint64_t now,
                        const char *text);
/* True if enough samples wait to write a report now. */
bool report_queue_full(const struct report_queue *queue);
/* Adds all events, or all samples, that wait. report_queue_clear follows once they are written. */
void report_queue_write_events(const struct report_queue *queue, struct journal *journal);
void report_queue_write_samples(const struct report_queue *queue, struct journal *journal);
void report_queue_clear(struct report_queue *queue);

#endif
