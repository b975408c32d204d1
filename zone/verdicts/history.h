/* What became of a member: raw samples for two days and hourly summaries for two years, in
 * state/history, a store of its own so that its size slows no other; and the log of its life, in
 * state/health. Written by the intake of reports (the operator's own acts by the CLI), read by
 * `ntspool history` and `ntspool log`.
 *
 * Bounds. Time is cut into slots that are reused in a ring: 193 of a quarter of an hour with at
 * most one sample a minute, 732 days of at most 24 hours. A row is one address as one vantage point
 * sees it in one slot; what an earlier lap left in a slot is deleted when the slot is folded. So an
 * address costs at most 193 x 0.3 kB and, after two years, 732 x 0.6 kB: half a megabyte in all. A
 * label's log keeps 100 events; beyond, the oldest goes of whoever has most of them. Keys begin
 * with the slot, so that what is written together stands together. */
#ifndef ZONE_HISTORY_H
#define ZONE_HISTORY_H

#include "zone/verdicts/health.h"

enum {
    HISTORY_SLOT_S = 900,
    HISTORY_SLOTS = 193, /* two days and the slot that is being filled */
    HISTORY_SLOT_SAMPLES = 15,
    HISTORY_DAYS = 732,
    HISTORY_EVENTS = 100, /* of a label */
    HISTORY_EVENT_ROOM = 200,
    HISTORY_HOURS = 24,
    HISTORY_FOLD_AFTER_S = 180 /* until all samples of a slot are written */
};

/* Whose samples: an address of a member as a vantage point sees it. */
struct history_subject {
    uint64_t member_id;
    struct address address;
    char vantage[VANTAGE_ROOM];
};

struct history_sample {
    uint64_t at; /* Unix seconds */
    enum failure failure;
    int32_t score_milli; /* kept in tenths */
    int32_t offset_us;   /* of a good probe */
    uint32_t rtt_us;     /* kept in steps of 20 us, up to 1.3 s */
};

struct history_hour {
    uint64_t at; /* its first second */
    uint16_t probes, failures;
    int32_t score_low_milli, score_mean_milli;
    int32_t offset_mean_us; /* of the good probes */
    uint32_t rtt_mean_us;
    enum failure failure; /* the last one in the hour, NONE if there was none */
};

struct history_event {
    uint64_t at;
    char who[VANTAGE_ROOM]; /* vantage point, or "operator" */
    char text[HISTORY_EVENT_ROOM];
};

/* Notes a sample; of several in a minute the last stays. One that comes when its slot is over is
 * summed up at once. */
enum result history_note(struct store_txn *txn, const struct history_subject *subject,
                         const struct history_sample *sample, uint64_t now, struct diag *diag);
/* Notes an event of the member's life in state/health, and lets the oldest go. */
enum result history_log(struct store_txn *txn, const char *label, const struct history_event *event,
                        struct diag *diag);

/* Where folding stands. Start from { 0 }: everything is looked at once, then each slot when it is
 * over. */
struct history_fold {
    uint64_t slot; /* number of the slot since 1970 that was current at the last look */
    unsigned left; /* slots to go through, back from that one */
    uint64_t day;  /* number of the day whose slot was cleared of its earlier lap */
    bool clearing; /* it still is */
    size_t key_len;
    uint8_t key[STORE_KEY_MAX]; /* the last row looked at */
};
/* Sums up what is over into hours and deletes what is older than the ring, `budget` rows at most.
 * Sets `*more` if there is more to do now. */
enum result history_fold(struct store_txn *txn, struct history_fold *fold, uint64_t now,
                         unsigned budget, bool *more, struct diag *diag);

/* The samples of a subject from `since` on, oldest first. */
typedef void history_sample_visit(const struct history_sample *sample, void *arg);
enum result history_samples(struct store_txn *txn, const struct history_subject *subject,
                            uint64_t since, uint64_t now, history_sample_visit *visit, void *arg);
/* The hours from the day of `since` on, oldest first. */
typedef void history_hour_visit(const struct history_hour *hour, void *arg);
enum result history_hours(struct store_txn *txn, const struct history_subject *subject,
                          uint64_t since, uint64_t now, history_hour_visit *visit, void *arg);
/* The log of a label, oldest first. */
typedef void history_event_visit(const struct history_event *event, void *arg);
enum result history_events(struct store_txn *txn, const char *label, history_event_visit *visit,
                           void *arg);

#endif
