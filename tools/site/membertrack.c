#include "tools/site/membertrack.h"

#include <math.h>
#include <stdlib.h>

#include "zone/base/array.h"

enum {
    DAY_S = 86400
};

static void find_addresses(struct membertrack *track)
{
    const struct member *member = &track->view.member;
    const struct member_health *health = &track->view.consensus.health;
    bool own = member->address_count == 0;
    track->address_count = own ? health->address_count : member->address_count;
    for (unsigned i = 0; i < track->address_count; i++) {
        track->addresses[i] = own ? health->addresses[i].address : member->addresses[i];
    }
}

/* -- samples -- */

struct taking {
    struct track_subject *subject;
    uint64_t from;
};

static void take_failure(struct track_subject *subject, const struct history_sample *sample)
{
    struct track_run *run = &subject->runs[(subject->run_count - 1) % TRACK_RUNS];
    if (!subject->failing || run->failure != sample->failure) {
        run = &subject->runs[subject->run_count++ % TRACK_RUNS];
        *run = (struct track_run){ .from = sample->at, .failure = sample->failure };
    }
    run->until = sample->at;
    run->count++;
}

static void take_sample(const struct history_sample *sample, void *arg)
{
    const struct taking *taking = arg;
    struct track_subject *subject = taking->subject;
    bool failed = sample->failure != FAILURE_NONE;
    size_t index = (sample->at - taking->from) / HISTORY_QUARTER_S;
    if (sample->at < taking->from || index >= HISTORY_QUARTERS) {
        return;
    }
    struct track_quarter *quarter = &subject->quarters[index];
    if (quarter->probes == 0 || sample->score_milli < quarter->score_low_milli) {
        quarter->score_low_milli = sample->score_milli;
        quarter->low_at = sample->at;
    }
    quarter->score_milli = sample->score_milli;
    quarter->last_at = sample->at;
    quarter->probes++;
    subject->probes++;
    if (failed) {
        quarter->failures++;
        quarter->failure = sample->failure;
        subject->failures++;
        take_failure(subject, sample);
    } else {
        quarter->offset_sum_us += sample->offset_us;
        quarter->rtt_sum_us += sample->rtt_us;
    }
    subject->failing = failed;
}

static struct history_subject history_subject_of(const struct membertrack *track,
                                                 const struct track_subject *subject)
{
    struct history_subject out = { .member_id = track->view.member.id,
                                   .address = track->addresses[subject->address] };
    memcpy(out.vantage, membertrack_vantage(track, subject), sizeof(out.vantage));
    return out;
}

static enum result read_subject(struct membertrack *track, unsigned address, unsigned row,
                                struct store_txn *history)
{
    if (health_address(&track->view.rows[row], &track->addresses[address]) == NULL) {
        return RESULT_OK; /* the vantage point has not seen it */
    }
    ARRAY_RESERVE(track->subjects, track->subject_room, track->subject_count + 1);
    struct track_subject *subject = &track->subjects[track->subject_count++];
    *subject = (struct track_subject){ .address = address, .row = row };
    struct taking taking = { subject, track->from };
    const struct history_subject wanted = history_subject_of(track, subject);
    return history == NULL
               ? RESULT_OK
               : history_samples(history, &wanted, track->from, track->now, take_sample, &taking);
}

static enum result read_subjects(struct membertrack *track, struct store_txn *history)
{
    for (unsigned i = 0; i < track->address_count; i++) {
        for (unsigned j = 0; j < track->view.row_count; j++) {
            TRY(read_subject(track, i, j, history));
        }
    }
    return RESULT_OK;
}

/* -- medians -- */

static int by_value(const void *a, const void *b)
{
    const int32_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static bool is_asked(const struct vantages *vantages, const char *name)
{
    const struct vantage *vantage = vantages_find(vantages, name);
    return vantage != NULL && vantages->asked[vantage - vantages->list];
}

/* The last score at the end of the quarter. False if there was none lately. */
static bool score_at(const struct track_subject *subject, size_t quarter, int32_t *milli)
{
    for (size_t back = 0; back < TRACK_CARRY && back <= quarter; back++) {
        const struct track_quarter *found = &subject->quarters[quarter - back];
        if (found->probes > 0) {
            *milli = found->score_milli;
            return true;
        }
    }
    return false;
}

/* Of the vantage points that count now; the worse one of two, as in the consensus. */
static double median_at(const struct membertrack *track, unsigned address, size_t quarter)
{
    int32_t scores[VANTAGES_MAX], milli = 0;
    size_t count = 0;
    for (size_t i = 0; i < track->subject_count; i++) {
        const struct track_subject *subject = &track->subjects[i];
        if (subject->address == address && subject->asked && score_at(subject, quarter, &milli)) {
            scores[count++] = milli;
        }
    }
    if (count == 0) {
        return (double)NAN;
    }
    qsort(scores, count, sizeof(scores[0]), by_value);
    milli = scores[(count - 1) / 2];
    return milli;
}

static void find_medians(struct membertrack *track, const struct vantages *vantages)
{
    for (size_t i = 0; i < track->subject_count; i++) {
        struct track_subject *subject = &track->subjects[i];
        subject->asked = is_asked(vantages, membertrack_vantage(track, subject));
    }
    for (unsigned i = 0; i < track->address_count; i++) {
        for (size_t j = 0; j < HISTORY_QUARTERS; j++) {
            track->median_milli[i][j] = median_at(track, i, j);
        }
    }
}

/* -- the whole -- */

static void take_event(const struct history_event *event, void *arg)
{
    struct membertrack *track = arg;
    if (track->event_count < HISTORY_EVENTS) {
        track->events[track->event_count++] = *event;
    }
}

enum result membertrack_read(struct membertrack *out, const struct member *member,
                             const struct membertrack_source *source)
{
    uint64_t quarter = source->now / HISTORY_QUARTER_S + 1;
    out->now = source->now;
    out->from =
        (quarter - (quarter < HISTORY_QUARTERS ? quarter : HISTORY_QUARTERS)) * HISTORY_QUARTER_S;
    out->subject_count = 0;
    out->event_count = 0;
    TRY(memberview_make(&out->view, member, source->view));
    find_addresses(out);
    TRY(read_subjects(out, source->history));
    find_medians(out, &source->view->vantages);
    return source->view->health == NULL
               ? RESULT_OK
               : history_events(source->view->health, member->label, take_event, out);
}

void membertrack_done(struct membertrack *track)
{
    free(track->subjects);
    track->subjects = NULL;
    track->subject_count = track->subject_room = 0;
}

struct taking_days {
    struct track_day *days;
    uint64_t first;
};

static void take_hour(const struct history_hour *hour, void *arg)
{
    const struct taking_days *taking = arg;
    uint64_t index = hour->at / DAY_S - taking->first;
    if (hour->at / DAY_S < taking->first || index >= TRACK_DAYS || hour->probes == 0) {
        return;
    }
    struct track_day *day = &taking->days[index];
    int64_t probes = hour->probes, good = probes - hour->failures;
    if (day->probes == 0 || hour->score_low_milli < day->score_low_milli) {
        day->score_low_milli = hour->score_low_milli;
    }
    day->probes += hour->probes;
    day->failures += hour->failures;
    day->score_sum_milli += hour->score_mean_milli * probes;
    day->offset_sum_us += hour->offset_mean_us * good;
    day->rtt_sum_us += (uint64_t)(hour->rtt_mean_us * good);
}

enum result memberdays_read(struct memberdays *out, const struct membertrack *track,
                            struct store_txn *history)
{
    uint64_t today = track->now / DAY_S;
    *out = (struct memberdays){ .first = today < TRACK_DAYS ? 0 : today - TRACK_DAYS + 1 };
    for (size_t i = 0; i < track->subject_count; i++) {
        const struct track_subject *subject = &track->subjects[i];
        const struct history_subject wanted = history_subject_of(track, subject);
        struct taking_days taking = { out->days[subject->address], out->first };
        TRY(history_hours(history, &wanted, out->first * DAY_S, track->now, take_hour, &taking));
    }
    return RESULT_OK;
}

const struct address_health *membertrack_seen(const struct membertrack *track,
                                              const struct track_subject *subject)
{
    return health_address(&track->view.rows[subject->row], &track->addresses[subject->address]);
}

const char *membertrack_vantage(const struct membertrack *track,
                                const struct track_subject *subject)
{
    return track->view.rows[subject->row].vantage;
}

static double mean_ms(const struct track_quarter *quarter, double sum_us)
{
    uint32_t good = track_quarter_good(quarter);
    return good > 0 ? sum_us / good / 1000 : NAN;
}

double track_quarter_offset_ms(const struct track_quarter *quarter)
{
    return mean_ms(quarter, (double)quarter->offset_sum_us);
}

double track_quarter_rtt_ms(const struct track_quarter *quarter)
{
    return mean_ms(quarter, (double)quarter->rtt_sum_us);
}
