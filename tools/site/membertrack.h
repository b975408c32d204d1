/* All that the pages and files of one member show, read at once, so that no store is open while
 * they are written: the member as the pool sees it, two days in quarters of an hour, the failures
 * in them, and the log. */
#ifndef TOOLS_MEMBERTRACK_H
#define TOOLS_MEMBERTRACK_H

#include "zone/overview/memberview.h"
#include "zone/verdicts/history.h"

enum {
    TRACK_RUNS = 50, /* failures kept of a subject, the latest */
    TRACK_CARRY = 4, /* quarters for which a last score stands in for a missing one */
    TRACK_DAYS = 366
};

struct track_quarter {
    uint16_t probes, failures;
    enum failure failure;                 /* the last one; NONE if there was none */
    uint64_t low_at, last_at;             /* when the score was lowest, and the last probe */
    int32_t score_low_milli, score_milli; /* the lowest, and the last */
    int64_t offset_sum_us;                /* of the successful probes */
    uint64_t rtt_sum_us;
};

/* Failures of one class that came one after the other. */
struct track_run {
    uint64_t from, until;
    unsigned count;
    enum failure failure;
};

/* An address as one vantage point sees it. */
struct track_subject {
    unsigned address;                                /* index in `addresses` */
    unsigned row;                                    /* index in `view.rows` */
    struct track_quarter quarters[HISTORY_QUARTERS]; /* of the track's time */
    unsigned probes, failures;
    struct track_run runs[TRACK_RUNS]; /* number n is at n % TRACK_RUNS */
    size_t run_count;
    bool failing; /* the last sample failed */
    bool asked;   /* the verdicts of its vantage point count now */
};

struct track_day {
    uint32_t probes, failures;
    int32_t score_low_milli;
    int64_t score_sum_milli;
    int64_t offset_sum_us; /* of the successful probes */
    uint64_t rtt_sum_us;
};

/* Start from `{ 0 }`, end with membertrack_done. Large. */
struct membertrack {
    uint64_t now, from; /* `from` is when the first quarter begins */
    struct memberview view;
    /* those registered, or those that probes found for a member with its own name */
    struct address addresses[MEMBER_ADDRESSES_MAX];
    unsigned address_count;
    struct track_subject *subjects; /* by address, then by vantage point */
    size_t subject_count, subject_room;
    /* of the vantage points that count, in thousandths; NAN: unknown */
    double median_milli[MEMBER_ADDRESSES_MAX][HISTORY_QUARTERS];
    struct history_event events[HISTORY_EVENTS]; /* oldest first */
    size_t event_count;
};

struct membertrack_source {
    const struct memberview_source *view; /* with `health` */
    struct store_txn *history;            /* NULL: there is none */
    uint64_t now;
};

enum result membertrack_read(struct membertrack *out, const struct member *member,
                             const struct membertrack_source *source);
void membertrack_done(struct membertrack *track);

/* The days of a member's addresses, the last one today. */
struct memberdays {
    uint64_t first;                                          /* days since 1970 */
    struct track_day days[MEMBER_ADDRESSES_MAX][TRACK_DAYS]; /* by address of the track */
};

/* Reads the days of all vantage points together. It costs more than the track. */
enum result memberdays_read(struct memberdays *out, const struct membertrack *track,
                            struct store_txn *history);

/* The verdict of one vantage point on the subject's address. */
const struct address_health *membertrack_seen(const struct membertrack *track,
                                              const struct track_subject *subject);
const char *membertrack_vantage(const struct membertrack *track,
                                const struct track_subject *subject);
static inline uint32_t track_quarter_good(const struct track_quarter *quarter)
{
    return (uint32_t)quarter->probes - quarter->failures;
}
/* The means of the successful probes in thousandths of a second; NAN: there were none. */
double track_quarter_offset_ms(const struct track_quarter *quarter);
double track_quarter_rtt_ms(const struct track_quarter *quarter);

#endif
