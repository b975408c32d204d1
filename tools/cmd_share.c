/* share: shows each member's part of all answers, beside its fair part. */
#include <stdio.h>

#include "tools/commands.h"
#include "tools/output.h"
#include "tools/steershare.h"

struct share_report {
    struct steerview view;
    struct steershare share;
};

static json_t *row_json(const struct steershare_row *row)
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
        json_array_append_new(members, row_json(&report->share.rows[i]));
    }
    return json_pack("{s:b, s:I, s:I, s:I, s:f, s:o, s:o}", "located", view->locations != NULL,
                     "machines", (json_int_t)view->fleet.machines + view->own, "answers_hour",
                     (json_int_t)report->share.hour, "answers_day", (json_int_t)report->share.day,
                     "measured", view->measured, "demand", demand_json(view), "members", members);
}

static void print_rows(const struct share_report *report)
{
    static const char *const heads[] = { "NAME",     "STATE",     "MBIT/S",   "FAIR",
                                         "EXPECTED", "LAST HOUR", "LAST DAY", "RATIO" };
    struct table table;
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    for (size_t i = 0; i < report->view.count; i++) {
        const struct steershare_row *row = &report->share.rows[i];
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

/* Who counted, unless it is this machine alone. */
static void print_counters(const struct steerview *view)
{
    size_t others = view->fleet.machines;
    if (!view->own) {
        puts(others > 0 ? "counted by that machine: answers in its last full hour, and in the 24 "
                          "hours that end with it"
                        : "that machine has not told for five minutes what it counts");
    } else if (others > 0) {
        printf("counted by this machine and %zu other%s, whose answers are those of full hours\n",
               others, others == 1 ? "" : "s");
    }
}

static void print_report(const struct share_report *report)
{
    const struct steerview *view = &report->view;
    print_rows(report);
    printf("\n%zu members, of which %zu are handed out; handed out %llu times in the last hour, "
           "%llu in the last day\n",
           view->count, view->candidates.eligible, (unsigned long long)report->share.hour,
           (unsigned long long)report->share.day);
    print_counters(view);
    if (report->share.day == 0) {
        puts("no answers were counted yet: the ratios are those expected");
    }
    if (view->locations == NULL) {
        puts("no location file: the expected parts are for clients without a location. Name one by "
             "--locations, or in the configuration file");
    }
}

int cmd_share(struct cli *cli, int, char **)
{
    struct share_report report = { .share.rows = NULL };
    enum result result = steerview_begin(&report.view, cli);
    if (result == RESULT_OK) {
        steershare_of(&report.share, &report.view);
        if (cli->json) {
            json_print(report_json(&report));
        } else {
            print_report(&report);
        }
        steershare_done(&report.share);
    }
    steerview_done(&report.view);
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}
