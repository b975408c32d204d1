#include "probe/report_queue.h"

#include <stdio.h>
#include <stdlib.h>

struct noted_sample {
    char label[LABEL_ROOM];
    struct history_subject subject;
    struct history_sample sample;
};

struct noted_event {
    char label[LABEL_ROOM];
    struct history_event event;
};

struct report_queue {
    char vantage[VANTAGE_ROOM];
    unsigned sample_count, event_count;
    struct noted_sample samples[REPORT_QUEUE_SAMPLES];
    struct noted_event events[REPORT_QUEUE_EVENTS];
};

struct report_queue *report_queue_new(const char *vantage)
{
    struct report_queue *report_queue = xcalloc(1, sizeof(*report_queue));
    (void)snprintf(report_queue->vantage, sizeof(report_queue->vantage), "%s", vantage);
    return report_queue;
}

void report_queue_free(struct report_queue *report_queue)
{
    free(report_queue);
}

static int32_t clamp(int64_t value)
{
    return value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : (int32_t)value;
}

void report_queue_sample(struct report_queue *report_queue, const char *label, uint64_t member_id,
                         const struct address_health *row)
{
    if (report_queue->sample_count == REPORT_QUEUE_SAMPLES) {
        return;
    }
    struct noted_sample *noted = &report_queue->samples[report_queue->sample_count++];
    *noted = (struct noted_sample){
        .subject = { .member_id = member_id, .address = row->address },
        .sample = { .at = row->last_probe_at,
                    .failure = row->failure,
                    .score_milli = row->score_milli,
                    .offset_us = clamp(row->offset_us),
                    .rtt_us = row->rtt_us },
    };
    (void)snprintf(noted->label, sizeof(noted->label), "%s", label);
    memcpy(noted->subject.vantage, report_queue->vantage, sizeof(noted->subject.vantage));
}

void report_queue_event(struct report_queue *report_queue, const char *label, uint64_t now,
                        const char *text)
{
    if (report_queue->event_count == REPORT_QUEUE_EVENTS) {
        return;
    }
    struct noted_event *noted = &report_queue->events[report_queue->event_count++];
    *noted = (struct noted_event){ .event = { .at = now } };
    (void)snprintf(noted->label, sizeof(noted->label), "%s", label);
    (void)snprintf(noted->event.text, sizeof(noted->event.text), "%s", text);
    memcpy(noted->event.who, report_queue->vantage, sizeof(noted->event.who));
}

bool report_queue_full(const struct report_queue *report_queue)
{
    return report_queue->sample_count >= REPORT_QUEUE_SAMPLES / 2;
}

void report_queue_write(const struct report_queue *report_queue, struct journal *journal)
{
    for (unsigned i = 0; i < report_queue->event_count; i++) {
        journal_event(journal, report_queue->events[i].label, &report_queue->events[i].event);
    }
    for (unsigned i = 0; i < report_queue->sample_count; i++) {
        const struct noted_sample *noted = &report_queue->samples[i];
        journal_sample(journal, noted->label, &noted->subject, &noted->sample);
    }
}

void report_queue_clear(struct report_queue *report_queue)
{
    report_queue->event_count = 0;
    report_queue->sample_count = 0;
}
