#include "probe/scribe.h"

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

struct scribe {
    char vantage[VANTAGE_ROOM];
    unsigned sample_count, event_count;
    struct noted_sample samples[SCRIBE_SAMPLES];
    struct noted_event events[SCRIBE_EVENTS];
};

struct scribe *scribe_new(const char *vantage)
{
    struct scribe *scribe = xcalloc(1, sizeof(*scribe));
    (void)snprintf(scribe->vantage, sizeof(scribe->vantage), "%s", vantage);
    return scribe;
}

void scribe_free(struct scribe *scribe)
{
    free(scribe);
}

static int32_t clamp(int64_t value)
{
    return value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : (int32_t)value;
}

void scribe_sample(struct scribe *scribe, const char *label, uint64_t member_id,
                   const struct address_health *row)
{
    if (scribe->sample_count == SCRIBE_SAMPLES) {
        return;
    }
    struct noted_sample *noted = &scribe->samples[scribe->sample_count++];
    *noted = (struct noted_sample){
        .subject = {.member_id = member_id,             .address = row->address},
        .sample = { .at = row->last_probe_at,
                    .failure = row->failure,
                    .score_milli = row->score_milli,
                    .offset_us = clamp(row->offset_us),
                    .rtt_us = row->rtt_us },
    };
    (void)snprintf(noted->label, sizeof(noted->label), "%s", label);
    memcpy(noted->subject.vantage, scribe->vantage, sizeof(noted->subject.vantage));
}

void scribe_event(struct scribe *scribe, const char *label, uint64_t now, const char *text)
{
    if (scribe->event_count == SCRIBE_EVENTS) {
        return;
    }
    struct noted_event *noted = &scribe->events[scribe->event_count++];
    *noted = (struct noted_event){ .event = { .at = now } };
    (void)snprintf(noted->label, sizeof(noted->label), "%s", label);
    (void)snprintf(noted->event.text, sizeof(noted->event.text), "%s", text);
    memcpy(noted->event.who, scribe->vantage, sizeof(noted->event.who));
}

bool scribe_full(const struct scribe *scribe)
{
    return scribe->sample_count >= SCRIBE_SAMPLES / 2;
}

void scribe_write(const struct scribe *scribe, struct journal *journal)
{
    for (unsigned i = 0; i < scribe->event_count; i++) {
        journal_event(journal, scribe->events[i].label, &scribe->events[i].event);
    }
    for (unsigned i = 0; i < scribe->sample_count; i++) {
        const struct noted_sample *noted = &scribe->samples[i];
        journal_sample(journal, noted->label, &noted->subject, &noted->sample);
    }
}

void scribe_written(struct scribe *scribe)
{
    scribe->event_count = 0;
    scribe->sample_count = 0;
}
