#include "zone/verdicts/departure.h"

#include <stdlib.h>

#include "zone/verdicts/consensus.h"
#include "zone/verdicts/history.h"

enum {
    DAY_S = 86400,
    DAYS_MAX = HISTORY_DAYS - 2 /* that the history surely has */
};

static bool was_certified(const struct member_health *row)
{
    bool certified = row->stage != STAGE_REGISTERED;
    for (unsigned i = 0; i < row->address_count; i++) {
        certified = certified || row->addresses[i].certified_at != 0;
    }
    return certified;
}

/* The days on which an address of the member was probed, from a first one on. */
struct probed_days {
    uint64_t since, last; /* Unix seconds; the last day counted */
    unsigned count;
};

static void count_day(const struct history_hour *hour, void *arg)
{
    struct probed_days *days = arg;
    uint64_t day = hour->at / DAY_S;
    if (hour->at >= days->since && hour->probes > 0 && day != days->last) {
        days->last = day;
        days->count++;
    }
}

/* The most days on which one of the addresses was probed by the vantage point of the row. */
static enum result days_of_row(unsigned *out, const struct member_health *row, uint64_t since,
                               const struct departure_sources *sources)
{
    struct history_subject subject = { .member_id = row->member_id };
    memcpy(subject.vantage, row->vantage, sizeof(subject.vantage));
    for (unsigned i = 0; i < row->address_count; i++) {
        struct probed_days days = { .since = since };
        subject.address = row->addresses[i].address;
        TRY(history_hours(sources->history, &subject, since, sources->now, count_day, &days));
        *out = days.count > *out ? days.count : *out;
    }
    return RESULT_OK;
}

/* True if the vantage point reports and holds back no removal. */
static bool judges(const struct vantages *vantages, const char *name)
{
    const struct vantage *vantage = vantages_find(vantages, name);
    return vantage != NULL && vantages->asked[vantage - vantages->list] &&
           vantage->state == VANTAGE_WELL && !vantage_is_frozen(vantage);
}

/* True if the member was probed on enough days and never certified. */
static enum result is_uncertified(bool *out, const struct member *member,
                                  const struct member_health *rows, unsigned count,
                                  const struct departure_sources *sources)
{
    unsigned needed = (sources->settings->registration_expiry_s + DAY_S - 1) / DAY_S;
    bool enough = false;
    needed = needed < DAYS_MAX ? needed : DAYS_MAX;
    *out = false;
    for (unsigned i = 0; i < count; i++) {
        unsigned days = 0;
        if (was_certified(&rows[i])) {
            return RESULT_OK;
        }
        if (!enough && judges(sources->vantages, rows[i].vantage)) {
            TRY(days_of_row(&days, &rows[i], member->changed_at, sources));
            enough = days >= needed;
        }
    }
    *out = enough;
    return RESULT_OK;
}

static bool may_expire(const struct member *member, const struct departure_sources *sources)
{
    uint32_t expiry_s = sources->settings->registration_expiry_s;
    return expiry_s != 0 && member->changed_at + expiry_s <= sources->now && !member->suspended &&
           member->override != OVERRIDE_ELIGIBLE && sources->health != NULL &&
           sources->history != NULL && !sources->vantages->silent;
}

enum result departure_of(enum departure *out, const struct member *member,
                         const struct departure_sources *sources)
{
    bool planned = member->leave_at != 0 && member->leave_at <= sources->now, uncertified = false;
    if (!planned && may_expire(member, sources)) {
        struct member_health *rows = xcalloc(VANTAGES_MAX, sizeof(*rows));
        unsigned count = 0;
        enum result result =
            consensus_rows(rows, &count, sources->health, member->id, sources->vantages);
        if (result == RESULT_OK) {
            result = is_uncertified(&uncertified, member, rows, count, sources);
        }
        free(rows);
        TRY(result);
    }
    *out = planned ? DEPARTURE_PLANNED : uncertified ? DEPARTURE_UNCERTIFIED : DEPARTURE_NONE;
    return RESULT_OK;
}

enum result departure_is_pending(bool *out, const struct member *member, struct store_txn *health,
                                 const struct vantages *vantages)
{
    struct member_health *rows = xcalloc(VANTAGES_MAX, sizeof(*rows));
    unsigned count = 0;
    enum result result = consensus_rows(rows, &count, health, member->id, vantages);
    bool certified = false;
    for (unsigned i = 0; result == RESULT_OK && i < count; i++) {
        certified = certified || was_certified(&rows[i]);
    }
    free(rows);
    *out = result == RESULT_OK && !certified;
    return result;
}
