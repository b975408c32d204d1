#include "tools/site/sitehistory.h"

#include "zone/store/store.h"

enum {
    HOUR_S = 3600,
    DAY_S = 86400
};

static struct sitehistory_day *day_of(struct sitehistory *history, uint64_t at)
{
    uint64_t day = at / DAY_S;
    bool inside = day >= history->first && day - history->first < SITEHISTORY_DAYS;
    return inside ? &history->days[day - history->first] : NULL;
}

static void take_count(const struct poolhistory_hour *hour, void *arg)
{
    struct sitehistory_day *day = day_of(arg, hour->at);
    if (day == NULL) {
        return;
    }
    day->counted = true;
    day->members = 0;
    for (unsigned i = 0; i < CENSUS_STATES; i++) {
        day->members += hour->states[i];
    }
    day->eligible = hour->eligible;
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        day->eligible_in[i] = hour->family[i].eligible;
    }
}

static void take_traffic(const struct traffic_hour *hour, void *arg)
{
    struct sitehistory *history = arg;
    struct sitehistory_day *day = day_of(history, hour->at);
    if (day != NULL) {
        day->asked = true;
        day->queries += hour->queries;
        day->answers += hour->answers;
    }
    bool recent = hour->at + (uint64_t)SITEHISTORY_HOURS * HOUR_S >= history->now;
    bool over = hour->at + HOUR_S <= history->now;
    if (recent && over && history->hour_count < SITEHISTORY_HOURS) {
        history->hours[history->hour_count++] = *hour;
    }
}

static enum result read_store(struct sitehistory *out, const char *state_dir, enum store_kind kind,
                              struct diag *diag)
{
    const uint64_t since = out->first * DAY_S;
    struct store *store = NULL;
    struct store_txn *txn = NULL;
    TRY(store_open_unread(&store, state_dir, kind, diag));
    enum result result = store_read(store, &txn, diag);
    if (result == RESULT_OK) {
        result = kind == STORE_HISTORY ? poolhistory_hours(txn, since, out->now, take_count, out)
                                       : traffic_hours(txn, since, out->now, take_traffic, out);
        store_abort(txn);
        if (result != RESULT_OK) {
            result = diag_fail(diag, result, "the history of the pool can't be read: %s",
                               result_text(result));
        }
    }
    store_close(store);
    return result;
}

enum result sitehistory_read(struct sitehistory *out, const char *state_dir, uint64_t now,
                             struct diag *diag)
{
    uint64_t today = now / DAY_S;
    *out = (struct sitehistory){ .now = now };
    out->first = today >= SITEHISTORY_DAYS ? today - SITEHISTORY_DAYS + 1 : 0;
    TRY(read_store(out, state_dir, STORE_HISTORY, diag));
    return read_store(out, state_dir, STORE_TRAFFIC, diag);
}
