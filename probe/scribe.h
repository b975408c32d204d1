/* Writes the history: samples wait here to share a transaction, so that state/history is written seldom, and events for the next
 * transaction on state/health. What waits is bounded, and lost when the process is killed. */
#ifndef PROBE_SCRIBE_H
#define PROBE_SCRIBE_H

#include "zone/history.h"

enum {
    SCRIBE_SAMPLES = 1024,
    SCRIBE_EVENTS = 256,
    SCRIBE_FOLDS = 500 /* rows folded in one transaction, so that the loop is never busy for long */
};

struct scribe;

struct scribe *scribe_new(struct store *history, const char *vantage);
/* What still waits is lost; NULL is fine. */
void scribe_free(struct scribe *scribe);
void scribe_sample(struct scribe *scribe, uint64_t member_id, const struct address_health *row);
void scribe_event(struct scribe *scribe, const char *label, uint64_t now, const char *text);
/* Enough samples wait for a transaction. */
bool scribe_full(const struct scribe *scribe);
/* Writes the events that wait, in a transaction on state/health; scribe_logged when it is committed. */
enum result scribe_log(const struct scribe *scribe, struct store_txn *health, struct diag *diag);
void scribe_logged(struct scribe *scribe);
/* Writes the samples that wait, and folds a part of what is over; sets `*more` if some is left. What can't be written is lost: the
 * history is not worth holding up the probe. */
enum result scribe_write(struct scribe *scribe, uint64_t now, bool *more, struct diag *diag);

#endif
