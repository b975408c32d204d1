#include "probe/scribe.h"

#include <stdio.h>
#include <stdlib.h>

struct noted_sample {
    struct history_subject subject;
    struct history_sample sample;
};

struct noted_event {
    char label[LABEL_ROOM];
    struct history_event event;
};

struct scribe {
    struct store *store;
    char vantage[VANTAGE_ROOM];
    struct history_fold fold;
    unsigned sample_count, event_count;
    struct noted_sample samples[SCRIBE_SAMPLES];
    struct noted_event events[SCRIBE_EVENTS];
};

struct scribe *scribe_new(struct store *history, const char *vantage)
{
    struct scribe *scribe = xcalloc(1, sizeof(*scribe));
    scribe->store = history;
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

void scribe_sample(struct scribe *scribe, uint64_t member_id, const struct address_health *row)
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

enum result scribe_log(const struct scribe *scribe, struct store_txn *health, struct diag *diag)
{
    enum result result = RESULT_OK;
    for (unsigned i = 0; i < scribe->event_count && result == RESULT_OK; i++) {
        result = history_log(health, scribe->events[i].label, &scribe->events[i].event, diag);
    }
    return result;
}

void scribe_logged(struct scribe *scribe)
{
    scribe->event_count = 0;
}

static enum result write_all(struct scribe *scribe, struct store_txn *txn, uint64_t now, bool *more,
                             struct diag *diag)
{
    enum result result = RESULT_OK;
    for (unsigned i = 0; i < scribe->sample_count && result == RESULT_OK; i++) {
        const struct noted_sample *noted = &scribe->samples[i];
        result = history_note(txn, &noted->subject, &noted->sample, diag);
    }
    return result == RESULT_OK ? history_fold(txn, &scribe->fold, now, SCRIBE_FOLDS, more, diag)
                               : result;
}

enum result scribe_write(struct scribe *scribe, uint64_t now, bool *more, struct diag *diag)
{
    struct store_txn *txn = NULL;
    *more = false;
    enum result result = store_write(scribe->store, &txn, diag);
    if (result == RESULT_OK) {
        result = write_all(scribe, txn, now, more, diag);
        if (result == RESULT_OK) {
            result = store_commit(txn, diag);
        } else {
            store_abort(txn);
        }
    }
    scribe->sample_count = 0;
    if (result != RESULT_OK) {
        scribe->fold =
            (struct history_fold){ 0 }; /* all is looked at again: what was done is marked */
    }
    return result;
}
