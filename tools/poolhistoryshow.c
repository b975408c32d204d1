#include "tools/poolhistoryshow.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/output.h"
#include "tools/session.h"
#include "zone/overview/poolhistory.h"
#include "zone/steering/traffic.h"

enum {
    DAY_S = 86400
};

/* One row of the text. */
struct day_row {
    bool counted, asked; /* what is known of it */
    struct poolhistory_hour last;
    uint64_t queries, answers;
};

struct pool_view {
    uint64_t first, count;               /* days */
    struct day_row *days;                /* text */
    struct poolhistory_day newest;       /* by country */
    json_t *hours, *countries, *traffic; /* JSON; else NULL */
};

static struct day_row *row_of(struct pool_view *view, uint64_t at)
{
    uint64_t place = at / DAY_S - view->first;
    ASSERT(place < view->count);
    return &view->days[place];
}

static json_t *family_json(const struct poolhistory_family *family)
{
    return json_pack("{s:I, s:I, s:I}", "addresses", (json_int_t)family->known, "working",
                     (json_int_t)family->working, "eligible", (json_int_t)family->eligible);
}

static void take_hour(const struct poolhistory_hour *hour, void *arg)
{
    struct pool_view *view = arg;
    struct day_row *row = row_of(view, hour->at);
    row->counted = true;
    row->last = *hour;
    if (view->hours == NULL) {
        return;
    }
    json_t *states = json_object();
    for (unsigned i = 0; i < CENSUS_STATES; i++) {
        json_object_set_new(states, census_state_text(i), json_integer(hour->states[i]));
    }
    json_array_append_new(view->hours,
                          json_pack("{s:o, s:o, s:I, s:I, s:o, s:o}", "at", json_time(hour->at),
                                    "states", states, "eligible", (json_int_t)hour->eligible,
                                    "eligible_mbit", (json_int_t)hour->eligible_mbit, "ipv4",
                                    family_json(&hour->family[ADDRESS_IPV4]), "ipv6",
                                    family_json(&hour->family[ADDRESS_IPV6])));
}

static void take_day(const struct poolhistory_day *day, void *arg)
{
    struct pool_view *view = arg;
    view->newest = *day;
    if (view->countries == NULL) {
        return;
    }
    json_t *list = json_array();
    for (unsigned i = 0; i < day->count; i++) {
        const struct poolhistory_country *each = &day->countries[i];
        json_array_append_new(
            list,
            json_pack("{s:o, s:I, s:I, s:I, s:I}", "country", json_text_or_null(each->country),
                      "members", (json_int_t)each->members, "eligible", (json_int_t)each->eligible,
                      "eligible_ipv4", (json_int_t)each->eligible_in[ADDRESS_IPV4], "eligible_ipv6",
                      (json_int_t)each->eligible_in[ADDRESS_IPV6]));
    }
    json_array_append_new(view->countries,
                          json_pack("{s:o, s:o}", "at", json_time(day->at), "countries", list));
}

static void take_traffic(const struct traffic_hour *hour, void *arg)
{
    struct pool_view *view = arg;
    struct day_row *row = row_of(view, hour->at);
    row->asked = true;
    row->queries += hour->queries;
    row->answers += hour->answers;
    if (view->traffic != NULL) {
        json_array_append_new(view->traffic, json_pack("{s:o, s:I, s:I}", "at", json_time(hour->at),
                                                       "queries", (json_int_t)hour->queries,
                                                       "answers", (json_int_t)hour->answers));
    }
}

static uint32_t members_of(const struct poolhistory_hour *hour)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < CENSUS_STATES; i++) {
        sum += hour->states[i];
    }
    return sum;
}

static void print_day(struct table *table, uint64_t day, const struct day_row *row)
{
    char at[OUTPUT_TIME_ROOM];
    table_cellf(table, "%.10s", output_time(day * DAY_S, at));
    if (row->counted) {
        table_cellf(table, "%u", members_of(&row->last));
        table_cellf(table, "%u", row->last.eligible);
        table_cellf(table, "%u", row->last.family[ADDRESS_IPV4].eligible);
        table_cellf(table, "%u", row->last.family[ADDRESS_IPV6].eligible);
    } else {
        for (unsigned i = 0; i < 4; i++) {
            table_cell(table, "");
        }
    }
    if (row->asked) {
        table_cellf(table, "%llu", (unsigned long long)row->queries);
        table_cellf(table, "%llu", (unsigned long long)row->answers);
    } else {
        table_cell(table, "");
        table_cell(table, "");
    }
}

static void print_countries(const struct poolhistory_day *day)
{
    static const char *const heads[] = { "COUNTRY", "MEMBERS", "ELIGIBLE", "IPV4", "IPV6" };
    struct table table;
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    for (unsigned i = 0; i < day->count; i++) {
        const struct poolhistory_country *each = &day->countries[i];
        table_cell(&table, each->country);
        table_cellf(&table, "%u", each->members);
        table_cellf(&table, "%u", each->eligible);
        table_cellf(&table, "%u", each->eligible_in[ADDRESS_IPV4]);
        table_cellf(&table, "%u", each->eligible_in[ADDRESS_IPV6]);
    }
    table_end(&table);
}

static void print_view(const struct pool_view *view)
{
    static const char *const heads[] = { "DAY",  "MEMBERS", "ELIGIBLE", "IPV4",
                                         "IPV6", "QUERIES", "ANSWERS" };
    struct table table;
    unsigned known = 0;
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    for (uint64_t i = 0; i < view->count; i++) {
        const struct day_row *row = &view->days[i];
        if (row->counted || row->asked) {
            print_day(&table, view->first + i, row);
            known++;
        }
    }
    if (known == 0) {
        table_drop(&table);
        puts("Nothing was counted in this time: is ntspoold running?");
        return;
    }
    table_end(&table);
    if (view->newest.count > 0) {
        puts("");
        print_countries(&view->newest);
    }
}

static enum result read_view(struct pool_view *view, struct session *session, struct cli *cli,
                             uint64_t since, uint64_t now)
{
    struct store_txn **txn = session->txn;
    TRY(session_read(session, cli, STORE_HISTORY));
    TRY(session_read(session, cli, STORE_TRAFFIC));
    enum result result = poolhistory_hours(txn[STORE_HISTORY], since, now, take_hour, view);
    if (result == RESULT_OK) {
        result = poolhistory_days(txn[STORE_HISTORY], since, now, take_day, view);
    }
    if (result == RESULT_OK) {
        result = traffic_hours(txn[STORE_TRAFFIC], since, now, take_traffic, view);
    }
    return result == RESULT_OK
               ? result
               : diag_fail(&cli->diag, result, "the history of the pool can't be read: %s",
                           result_text(result));
}

enum result poolhistoryshow(struct cli *cli, uint64_t since)
{
    struct session session = { 0 };
    struct pool_view *view = xcalloc(1, sizeof(*view));
    uint64_t now = session_now(), last = now / DAY_S;
    view->first = since < now ? since / DAY_S : last;
    view->first = last - view->first < POOLHISTORY_DAYS ? view->first : last - POOLHISTORY_DAYS + 1;
    view->count = last - view->first + 1;
    view->days = xcalloc(view->count, sizeof(view->days[0]));
    if (cli->json) {
        view->hours = json_array();
        view->countries = json_array();
        view->traffic = json_array();
    }
    enum result result = read_view(view, &session, cli, since, now);
    session_done(&session);
    if (result == RESULT_OK && cli->json) {
        json_print(json_pack("{s:O, s:O, s:O}", "hours", view->hours, "days", view->countries,
                             "traffic", view->traffic));
    } else if (result == RESULT_OK) {
        print_view(view);
    }
    json_decref(view->hours);
    json_decref(view->countries);
    json_decref(view->traffic);
    free(view->days);
    free(view);
    return result;
}
