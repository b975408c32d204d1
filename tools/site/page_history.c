#include "tools/site/page_history.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tools/site/chart.h"
#include "tools/site/page.h"
#include "tools/site/sitetable.h"

#define HOUR_S (uint64_t)3600
#define DAY_S  (uint64_t)86400

enum {
    DAYS_LEAST = 14, /* of a chart */
    HEIGHT = 110,
    NOTE_ROOM = 32,
    DATE_ROOM = 16
};

/* What a line shows of a day; false if that is not known. */
typedef bool day_value(const struct sitehistory_day *day, double *out);

static bool members_of(const struct sitehistory_day *day, double *out)
{
    *out = day->members;
    return day->counted;
}

static bool eligible_of(const struct sitehistory_day *day, double *out)
{
    *out = day->eligible;
    return day->counted;
}

static bool ipv4_of(const struct sitehistory_day *day, double *out)
{
    *out = day->eligible_in[ADDRESS_IPV4];
    return day->counted;
}

static bool ipv6_of(const struct sitehistory_day *day, double *out)
{
    *out = day->eligible_in[ADDRESS_IPV6];
    return day->counted;
}

static bool queries_of(const struct sitehistory_day *day, double *out)
{
    *out = (double)day->queries;
    return day->asked;
}

static bool answers_of(const struct sitehistory_day *day, double *out)
{
    *out = (double)day->answers;
    return day->asked;
}

/* A chart of two lines and the memory for them. */
struct pair {
    struct chart chart;
    struct chart_line lines[2];
    char notes[2][NOTE_ROOM];
    struct chart_point points[2][SITEHISTORY_DAYS];
};
_Static_assert(SITEHISTORY_DAYS >= SITEHISTORY_HOURS, "a pair has room for hours");

/* Numbers of more than four digits have no room at the axis. */
static void scale(struct pair *pair)
{
    static const struct {
        double from, by;
        const char *unit;
    } scales[] = { { 1e6, 1e6, "million" }, { 1e4, 1e3, "thousand" } };
    double most = 0;
    for (unsigned i = 0; i < 2; i++) {
        for (size_t j = 0; j < pair->lines[i].point_count; j++) {
            most = fmax(most, pair->points[i][j].value);
        }
    }
    pair->chart.unit = "";
    for (size_t s = 0; s < sizeof(scales) / sizeof(scales[0]); s++) {
        if (most >= scales[s].from) {
            pair->chart.unit = scales[s].unit;
            for (size_t j = 0; j < 2 * (size_t)SITEHISTORY_DAYS; j++) {
                pair->points[j / SITEHISTORY_DAYS][j % SITEHISTORY_DAYS].value /= scales[s].by;
            }
            return;
        }
    }
}

static void write_pair(struct markup *m, struct pair *pair, const char *const names[2])
{
    for (unsigned i = 0; i < 2; i++) {
        struct chart_line *line = &pair->lines[i];
        if (line->point_count > 0) {
            struct markup last = { 0 };
            page_count(&last, (uint64_t)pair->points[i][line->point_count - 1].value);
            (void)snprintf(pair->notes[i], NOTE_ROOM, "%s", last.text);
            markup_done(&last);
        }
        line->name = names[i];
        line->note = pair->notes[i];
        line->style = i;
        line->points = pair->points[i];
    }
    scale(pair);
    pair->chart.lines = pair->lines;
    pair->chart.line_count = 2;
    pair->chart.height = HEIGHT;
    chart_fit(&pair->chart, 4, false);
    pair->chart.floor = pair->chart.low;
    markup_put(m, "<figure>\n<figcaption>%s</figcaption>\n", pair->chart.title);
    if (pair->lines[0].point_count < 2) {
        markup_raw(m, "<p class=\"soft\">Not counted for long enough yet.</p>\n");
    } else {
        chart_write(m, &pair->chart);
    }
    markup_raw(m, "</figure>\n");
}

struct days_chart {
    const char *id, *title, *desc;
    const char *names[2];
    day_value *values[2];
    bool sums; /* of whole days: today is not over */
};

/* From the first day that has a value; two weeks at least. */
static void put_days(struct markup *m, const struct sitehistory *history,
                     const struct days_chart *chart)
{
    const unsigned end = SITEHISTORY_DAYS - chart->sums;
    struct pair *pair = xcalloc(1, sizeof(*pair));
    uint64_t from = history->now - DAYS_LEAST * DAY_S;
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned day = 0; day < end; day++) {
            uint64_t at = (history->first + day) * DAY_S + (chart->sums ? DAY_S / 2 : 0);
            double value = 0;
            if (chart->values[i](&history->days[day], &value)) {
                pair->points[i][pair->lines[i].point_count++] = (struct chart_point){ at, value };
                from = at < from ? at : from;
            }
        }
    }
    pair->chart = (struct chart){ .id = chart->id,
                                  .title = chart->title,
                                  .desc = chart->desc,
                                  .from = from,
                                  .until = history->now,
                                  .gap_s = 3 * DAY_S };
    write_pair(m, pair, chart->names);
    free(pair);
}

static void put_hours(struct markup *m, const struct sitehistory *history)
{
    static const char *const names[] = { "queries", "answers with members" };
    struct pair *pair = xcalloc(1, sizeof(*pair));
    pair->chart = (struct chart){ .id = "hours",
                                  .title = "Queries an hour, two weeks",
                                  .desc = "Queries of all kinds, and answers with members, in each "
                                          "hour of the last two weeks.",
                                  .from = history->now - SITEHISTORY_HOURS * HOUR_S,
                                  .until = history->now,
                                  .gap_s = 2 * HOUR_S };
    for (size_t i = 0; i < history->hour_count; i++) {
        const struct traffic_hour *hour = &history->hours[i];
        uint64_t at = hour->at + HOUR_S / 2;
        pair->points[0][i] = (struct chart_point){ at, (double)hour->queries };
        pair->points[1][i] = (struct chart_point){ at, (double)hour->answers };
    }
    pair->lines[0].point_count = pair->lines[1].point_count = history->hour_count;
    write_pair(m, pair, names);
    free(pair);
}

static void put_charts(struct markup *m, const struct sitehistory *history)
{
    static const struct days_chart charts[] = {
        { "members",
          "Members",
          "The number of members of each day, and how many of them are handed out.",
          { "handed out", "members" },
          { eligible_of, members_of },
          false },
        { "addresses",
          "Addresses that are handed out",
          "The number of working addresses of members that are handed out, on each day.",
          { "IPv4", "IPv6" },
          { ipv4_of, ipv6_of },
          false },
        { "queries",
          "Queries a day",
          "Queries of all kinds, and answers with members, on each day.",
          { "queries", "answers with members" },
          { queries_of, answers_of },
          true },
    };
    markup_raw(m, "<div class=\"charts\">\n");
    put_hours(m, history);
    for (size_t i = 0; i < sizeof(charts) / sizeof(charts[0]); i++) {
        put_days(m, history, &charts[i]);
    }
    markup_raw(m, "</div>\n");
}

static char *date_of(const struct sitehistory *history, unsigned day, char out[DATE_ROOM])
{
    time_t at = (time_t)((history->first + day) * DAY_S);
    struct tm date;
    CHECK(gmtime_r(&at, &date) != NULL && strftime(out, DATE_ROOM, "%Y-%m-%d", &date) > 0);
    return out;
}

static const struct {
    const char *name;
    day_value *value;
} columns[] = {
    { "members", members_of }, { "handed_out", eligible_of }, { "ipv4", ipv4_of },
    { "ipv6", ipv6_of },       { "queries", queries_of },     { "answers", answers_of }
};
enum {
    COLUMNS = sizeof(columns) / sizeof(columns[0])
};

static bool known(const struct sitehistory_day *day)
{
    return day->counted || day->asked;
}

static void put_table(struct markup *m, const struct sitehistory *history)
{
    static const char *const heads[] = { "Day",   "#Members", "#Handed out", "#IPv4",
                                         "#IPv6", "#Queries", "#Answers" };
    char date[DATE_ROOM];
    double value = 0;
    sitetable_begin(m, "The last days (UTC)", heads, sizeof(heads) / sizeof(heads[0]));
    for (unsigned i = 0; i < PAGE_HISTORY_ROWS; i++) {
        unsigned day = SITEHISTORY_DAYS - 1 - i;
        if (!known(&history->days[day])) {
            continue;
        }
        markup_put(m, "<tr><th scope=\"row\">%s</th>", date_of(history, day, date));
        for (unsigned j = 0; j < COLUMNS; j++) {
            markup_raw(m, "<td class=\"number\">");
            if (columns[j].value(&history->days[day], &value)) {
                page_count(m, (uint64_t)value);
            } else {
                markup_raw(m, "-");
            }
            markup_raw(m, "</td>");
        }
        markup_raw(m, "</tr>\n");
    }
    sitetable_end(m);
}

void page_history(struct markup *m, const struct sitepool *pool, const struct sitehistory *history)
{
    const struct page_head head = { .title = "History",
                                    .root = "",
                                    .here = "history.html",
                                    .description = "Members, addresses and queries over time." };
    page_begin(m, pool, &head);
    markup_raw(m, "<p>Members and addresses are those of the day's last count. Queries and answers "
                  "are those of one name server. <a href=\"history.csv\">history.csv</a> has all "
                  "days.</p>\n");
    put_charts(m, history);
    put_table(m, history);
    page_end(m, pool);
}

void page_history_csv(struct markup *m, const struct sitehistory *history)
{
    char date[DATE_ROOM];
    double value = 0;
    markup_raw(m, "day");
    for (unsigned j = 0; j < COLUMNS; j++) {
        markup_put(m, ",%s", columns[j].name);
    }
    markup_raw(m, "\n");
    for (unsigned day = 0; day < SITEHISTORY_DAYS; day++) {
        if (!known(&history->days[day])) {
            continue;
        }
        markup_put(m, "%s", date_of(history, day, date));
        for (unsigned j = 0; j < COLUMNS; j++) {
            markup_raw(m, ",");
            if (columns[j].value(&history->days[day], &value)) {
                markup_put(m, "%.0f", value);
            }
        }
        markup_raw(m, "\n");
    }
}
