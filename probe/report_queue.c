#include "probe/report_queue.h"

#include <stdio.h>
#include <stdlib.h>

struct queued_sample {
    char label[LABEL_ROOM];
    struct history_subject subject;
    struct history_sample sample;
};

struct queued_event {
    char label[LABEL_ROOM];
    struct history_event event;
};

struct report_queue {
    char vantage[VANTAGE_ROOM];
    unsigned sample_count, event_count;
    struct queued_sample samples[REPORT_QUEUE_SAMPLES];
    struct queued_event events[REPORT_QUEUE_EVENTS];
};

struct report_queue *report_queue_new(const char *vantage)
{
    struct report_queue *queue = xcalloc(1, sizeof(*queue));
    (void)snprintf(queue->vantage, sizeof(queue->vantage), "%s", vantage);
    return queue;
}

void report_queue_free(struct report_queue *queue)
{
    free(queue);
}

static int32_t clamp(int64_t value)
{
    return value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : (int32_t)value;
}

void report_queue_sample(struct report_queue *queue, const char *label, uint64_t member_id,
                         const struct address_health *row)
{
    if (queue->sample_count == REPORT_QUEUE_SAMPLES) {
        return;
    }
    struct queued_sample *queued = &queue->samples[queue->sample_count++];
    *queued = (struct queued_sample){
        .subject = { .member_id = member_id, .address = row->address },
        .sample = { .at = row->last_probe_at,
                    .failure = row->failure,
                    .score_milli = row->score_milli,
                    .offset_us = clamp(row->offset_us),
                    .rtt_us = row->rtt_us },
    };
    (void)snprintf(queued->label, sizeof(queued->label), "%s", label);
    memcpy(queued->subject.vantage, queue->vantage, sizeof(queued->subject.vantage));
}

void report_queue_event(struct report_queue *queue, const char *label, uint64_t now,
                        const char *text)
{
    if (queue->event_count == REPORT_QUEUE_EVENTS) {
        return;
    }
    struct queued_event *queued = &queue->events[queue->event_count++];
    *queued = (struct queued_event){ .event = { .at = now } };
    (void)snprintf(queued->label, sizeof(queued->label), "%s", label);
    (void)snprintf(queued->event.text, sizeof(queued->event.text), "%s", text);
    memcpy(queued->event.who, queue->vantage, sizeof(queued->event.who));
}

bool report_queue_full(const struct report_queue *queue)
{
    return queue->sample_count >= REPORT_QUEUE_SAMPLES / 2;
}

void report_queue_write_events(const struct report_queue *queue, struct journal *journal)
{
    for (unsigned i = 0; i < queue->event_count; i++) {
        journal_event(journal, queue->events[i].label, &queue->events[i].event);
    }
}

void report_queue_write_samples(const struct report_queue *queue, struct journal *journal)
{
    for (unsigned i = 0; i < queue->sample_count; i++) {
        const struct queued_sample *queued = &queue->samples[i];
        journal_sample(journal, queued->label, &queued->subject, &queued->sample);
    }
}

void report_queue_clear(struct report_queue *queue)
{
    queue->event_count = 0;
    queue->sample_count = 0;
}
