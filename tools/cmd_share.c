/* share: shows each member's part of all answers, beside its fair part. */
#include <stdio.h>
#include <stdlib.h>

#include "tools/commands.h"
#include "tools/output.h"
#include "tools/steerview.h"

enum {
    DAY_H = 24
};

struct row {
    const struct steered *member;
    double fair;     /* part of the capacity that is handed out, with the ramp: 0 to 1 */
    double expected; /* part of all answers by steering: 0 to 1 */
    uint64_t hour, day;
    double ratio; /* of the last day's part, or else the expected one, to `fair`; negative: none */
};

struct share_report {
    struct steerview view;
    struct row *rows;
    uint64_t hour, day; /* of all members */
};

static int compare_rows(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    if (left->ratio != right->ratio) {
        return left->ratio > right->ratio ? -1 : 1;
    }
    return strcmp(left->member->label, right->member->label);
}

static void compute(struct share_report *report)
{
    const struct steerview *view = &report->view;
    report->rows = xcalloc(view->count + 1, sizeof(report->rows[0]));
    for (size_t i = 0; i < view->count; i++) {
        struct row *row = &report->rows[i];
        const struct steered *member = row->member = &view->members[i];
        row->hour = traffic_answers(&view->traffic, member->id, 1, view->now);
        row->day = traffic_answers(&view->traffic, member->id, DAY_H, view->now);
        if (member->index != STEERVIEW_OUT) {
            row->fair = steerview_weight(view, member->index) / view->weight;
            row->expected = view->steering.loads[member->index];
        }
        report->hour += row->hour;
        report->day += row->day;
    }
    for (size_t i = 0; i < view->count; i++) {
        struct row *row = &report->rows[i];
        double got = report->day > 0 ? (double)row->day / (double)report->day : row->expected;
        row->ratio = row->fair > 0 ? got / row->fair : -1;
    }
    qsort(report->rows, view->count, sizeof(report->rows[0]), compare_rows);
}

static json_t *row_json(const struct row *row)
{
    const struct steered *member = row->member;
    bool out = row->fair <= 0;
    return json_pack("{s:o, s:o, s:I, s:f, s:f, s:o, s:I, s:I, s:o}", "name",
                     json_text(member->label), "state", json_text(member->state), "capacity_mbit",
                     (json_int_t)member->capacity_mbit, "fair", row->fair, "expected",
                     row->expected, "expected_ratio",
                     out ? json_null() : json_real(row->expected / row->fair), "answers_hour",
                     (json_int_t)row->hour, "answers_day", (json_int_t)row->day, "ratio",
                     out ? json_null() : json_real(row->ratio));
}

/* The measured demand of each cell. */
static json_t *demand_json(const struct steerview *view)
{
    json_t *list = json_array();
    for (size_t i = 0; i < view->cell_count; i++) {
        const struct cell *cell = &view->cells[i];
        if (view->demand[i] > 0) {
            json_array_append_new(list, json_pack("{s:o, s:o, s:f}", "country",
                                                  json_text_or_null(cell->country), "subdivision",
                                                  json_text_or_null(cell->subdivision), "queries",
                                                  view->demand[i]));
        }
    }
    return list;
}

static json_t *report_json(const struct share_report *report)
{
    const struct steerview *view = &report->view;
    json_t *members = json_array();
    for (size_t i = 0; i < view->count; i++) {
        json_array_append_new(members, row_json(&report->rows[i]));
    }
    return json_pack("{s:b, s:I, s:I, s:f, s:o, s:o}", "located", view->locations != NULL,
                     "answers_hour", (json_int_t)report->hour, "answers_day",
                     (json_int_t)report->day, "measured", traffic_total(&view->traffic, view->now),
                     "demand", demand_json(view), "members", members);
}

static void print_rows(const struct share_report *report)
{
    static const char *const heads[] = { "NAME",     "STATE",     "MBIT/S",   "FAIR",
                                         "EXPECTED", "LAST HOUR", "LAST DAY", "RATIO" };
    struct table table;
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    for (size_t i = 0; i < report->view.count; i++) {
        const struct row *row = &report->rows[i];
        table_cell(&table, row->member->label);
        table_cell(&table, row->member->state);
        table_cellf(&table, "%u", row->member->capacity_mbit);
        table_cellf(&table, "%.3f %%", 100 * row->fair);
        table_cellf(&table, "%.3f %%", 100 * row->expected);
        table_cellf(&table, "%llu", (unsigned long long)row->hour);
        table_cellf(&table, "%llu", (unsigned long long)row->day);
        if (row->ratio < 0) {
            table_cell(&table, "");
        } else {
            table_cellf(&table, "%.3f", row->ratio);
        }
    }
    table_end(&table);
}

static void print_report(const struct share_report *report)
{
    const struct steerview *view = &report->view;
    print_rows(report);
    printf("\n%zu members, of which %zu are handed out; handed out %llu times in the last hour, "
           "%llu in the last day\n",
           view->count, view->candidates.eligible, (unsigned long long)report->hour,
           (unsigned long long)report->day);
    if (report->day == 0) {
        puts("no answers were counted yet: the ratios are those expected");
    }
    if (view->locations == NULL) {
        puts("no location file: the expected parts are for clients without a location. Name one by "
             "--locations, or in the configuration file");
    }
}

int cmd_share(struct cli *cli, int, char **)
{
    struct share_report report = { .rows = NULL };
    enum result result = steerview_begin(&report.view, cli);
    if (result == RESULT_OK) {
        compute(&report);
        if (cli->json) {
            json_print(report_json(&report));
        } else {
            print_report(&report);
        }
        free(report.rows);
    }
    steerview_done(&report.view);
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}
