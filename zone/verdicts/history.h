/* The history of members: raw samples for two days and hourly summaries for two years in
 * state/history, a separate store, so that its size slows down no other; and the log of each label
 * in state/health. The intake of reports writes them (the CLI logs the operator's actions);
 * `ntspool history` and `ntspool log` read them. Of a *far* vantage point, whose reports are
 * imported, the hours are kept for sixty days only, and then summaries of days.
 *
 * Bounds. Both tables are rings in time: 193 quarters of an hour with at most one sample a minute,
 * and 732 days of at most 24 hours. A row holds one address as one vantage point sees it, for one
 * quarter or day. *Folding* sums up the samples of a finished quarter into its hour, and deletes
 * rows that an earlier lap of the ring left. So an address costs at most 193 x 0.3 kB and, after
 * two years, 732 x 0.6 kB: 0.7 MB of the file, as measured. Hours of far vantage points have a ring
 * of 61 days; a row that leaves it becomes one sum in a row of 61 days: 0.15 MB in all. A label's
 * log keeps 100 events: beyond that, the oldest event of the author with the most events is
 * deleted. Keys start with the ring index, so rows written together are neighbours. */
#ifndef ZONE_HISTORY_H
#define ZONE_HISTORY_H

#include "zone/verdicts/health.h"

enum {
    HISTORY_QUARTER_S = 900,
    HISTORY_QUARTERS = 193, /* two days and the current quarter */
    HISTORY_QUARTER_SAMPLES = 15,
    HISTORY_DAYS = 732,
    HISTORY_FAR_DAYS = 60, /* before today, of which a far vantage point's hours are kept */
    HISTORY_EVENTS = 100,  /* per label */
    HISTORY_EVENT_ROOM = 200,
    HISTORY_HOURS = 24,
    HISTORY_FOLD_AFTER_S = 180 /* after the end of a quarter, until all its samples are written */
};

/* The subject of samples: an address of a member, seen from a vantage point. */
struct history_subject {
    uint64_t member_id;
    struct address address;
    char vantage[VANTAGE_ROOM];
    bool far; /* its reports are imported. Matters to history_note only */
};

struct history_sample {
    uint64_t at; /* Unix seconds */
    enum failure failure;
    int32_t score_milli; /* stored in tenths of a point */
    int32_t offset_us;   /* of a successful probe */
    uint32_t rtt_us;     /* stored in steps of 20 us, up to 1.3 s */
};

/* An hour, or a day. */
struct history_hour {
    uint64_t at;     /* its first second */
    uint32_t span_s; /* its length */
    uint16_t probes, failures;
    int32_t score_low_milli, score_mean_milli;
    int32_t offset_mean_us; /* of the successful probes */
    uint32_t rtt_mean_us;
    enum failure failure; /* the last failure in the hour; NONE if there was none */
};

struct history_event {
    uint64_t at;
    char who[VANTAGE_ROOM]; /* a vantage point, or "operator" */
    char text[HISTORY_EVENT_ROOM];
};

/* Adds a sample; of several in a minute the last one stays. A sample that comes after its quarter
 * is folded at once. */
enum result history_note(struct store_txn *txn, const struct history_subject *subject,
                         const struct history_sample *sample, uint64_t now, struct diag *diag);
/* Adds an event to the log of a label in state/health; deletes the oldest one if the log is
 * full. */
enum result history_log(struct store_txn *txn, const char *label, const struct history_event *event,
                        struct diag *diag);

/* Progress of folding. Starts as { 0 }: the first pass covers everything, later ones each quarter
 * when it is over. */
struct history_fold {
    /* The caller sets them before each call. Far are those that are imported, and those that are
     * not in it. */
    const struct vantages *vantages;
    uint64_t quarter;  /* number of the quarter (since 1970) that was current in the last pass */
    unsigned left;     /* quarters still to fold, before that one */
    uint64_t day;      /* number of the day whose rows of the earlier lap were deleted */
    unsigned clearing; /* that is still under way in so many rings */
    size_t key_len;
    uint8_t key[STORE_KEY_MAX]; /* key of the last row visited */
};
/* Folds finished quarters into hours and deletes rows older than the ring, at most `budget` rows.
 * Sets `*more` if there is more to do now. */
enum result history_fold(struct store_txn *txn, struct history_fold *fold, uint64_t now,
                         unsigned budget, bool *more, struct diag *diag);

/* The samples of a subject from `since` on, oldest first. */
typedef void history_sample_visit(const struct history_sample *sample, void *arg);
enum result history_samples(struct store_txn *txn, const struct history_subject *subject,
                            uint64_t since, uint64_t now, history_sample_visit *visit, void *arg);
/* The hours from the day of `since` on, oldest first. Of a far vantage point, those that are over
 * HISTORY_FAR_DAYS old come as days: see span_s. */
typedef void history_hour_visit(const struct history_hour *hour, void *arg);
enum result history_hours(struct store_txn *txn, const struct history_subject *subject,
                          uint64_t since, uint64_t now, history_hour_visit *visit, void *arg);
/* The log of a label, oldest first. */
typedef void history_event_visit(const struct history_event *event, void *arg);
enum result history_events(struct store_txn *txn, const char *label, history_event_visit *visit,
                           void *arg);

#endif
