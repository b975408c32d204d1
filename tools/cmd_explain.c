/* explain: shows a client's answers and the reasons for them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/commands.h"
#include "tools/output.h"
#include "tools/steerview.h"

/* The steering of the client's cell, to be printed. */
struct explanation {
    const struct steerview *view;
    struct address client;
    struct location location;
    const struct cell *cell;
    uint16_t area;
    struct allocation_list list;
    double *expected; /* by candidate: the part of the sets that contain it */
    size_t out;       /* members that are not handed out */
};

static const char no_file[] =
    "no location file: all clients are in one cell, the world's. Name one "
    "by --locations, or in the configuration file";

/* What gets the same answers as the client: in JSON and as text. */
static const struct {
    const char *word, *text;
} extents[] = {
    [STEERING_WORLD] = { "world", "as the whole world" },
    [STEERING_CONTINENT] = { "continent",
                             "with its continent, since nobody asked from there lately" },
    [STEERING_COUNTRY] = { "country", "with the rest of its country" },
    [STEERING_CELL] = { "cell", "by itself" }
};

static enum steering_extent extent(const struct explanation *e)
{
    return steering_extent(&e->view->steering, e->view->cells, e->location.cell);
}

/* The distance in km from the area's centre; negative: unknown. */
static double distance(const struct explanation *e, long index)
{
    const struct point *from = &e->view->steering.areas[e->area].at.point;
    const struct point *to = &e->view->steering.inputs[index].point;
    return from->placed && to->placed ? point_km(from, to) : -1;
}

static void explain(struct explanation *e, struct steerview *view)
{
    e->view = view;
    e->location = locations_find(view->locations, &e->client);
    e->cell = &view->cells[e->location.cell];
    e->area = steering_area(&view->steering, e->location.cell);
    e->list = steering_list(&view->steering, e->area);
    e->expected = xcalloc(view->candidates.count + 1, sizeof(*e->expected));
    for (size_t i = 0; i < e->list.count; i++) {
        e->expected[view->steering.list[i].member] = view->steering.list[i].expected;
    }
}

/* -- rows: by expected share, then the members that are not handed out -- */

struct row {
    const struct steered *member;
    double expected; /* negative: not handed out */
};

static int compare_rows(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    if (left->expected != right->expected) {
        return left->expected > right->expected ? -1 : 1;
    }
    return strcmp(left->member->label, right->member->label);
}

static struct row *sorted_rows(struct explanation *e)
{
    const struct steerview *view = e->view;
    struct row *rows = xcalloc(view->count + 1, sizeof(*rows));
    for (size_t i = 0; i < view->count; i++) {
        const struct steered *member = &view->members[i];
        bool out = member->index == STEERVIEW_OUT;
        rows[i] = (struct row){ member, out ? -1 : e->expected[member->index] };
        e->out += out;
    }
    qsort(rows, view->count, sizeof(*rows), compare_rows);
    return rows;
}

/* -- JSON -- */

static json_t *cell_json(const struct explanation *e)
{
    const struct cell *cell = e->cell;
    return json_pack("{s:o, s:o, s:o, s:i, s:f}", "country", json_text_or_null(cell->country),
                     "subdivision", json_text_or_null(cell->subdivision), "continent",
                     json_text_or_null(cell->continent), "scope", (int)e->location.scope, "demand",
                     e->view->demand[e->location.cell]);
}

static json_t *candidate_json(const struct explanation *e, const struct row *row)
{
    const struct steered *member = row->member;
    uint32_t weight = steerview_weight(e->view, member->index);
    double km = distance(e, member->index);
    return json_pack("{s:o, s:o, s:o, s:I, s:I, s:f, s:f, s:f}", "name", json_text(member->label),
                     "state", json_text(member->state), "km",
                     km < 0 ? json_null() : json_real(round(km)), "capacity_mbit",
                     (json_int_t)member->capacity_mbit, "weight", (json_int_t)weight, "factor",
                     (double)e->view->steering.factors[member->index], "expected", row->expected,
                     "share", row->expected / e->list.per_set);
}

static json_t *explanation_json(const struct explanation *e, const struct row *rows)
{
    char text[ADDRESS_TEXT_MAX];
    json_t *candidates = json_array(), *others = json_array();
    for (size_t i = 0; i < e->view->count; i++) {
        const struct steered *member = rows[i].member;
        if (rows[i].expected > 0) {
            json_array_append_new(candidates, candidate_json(e, &rows[i]));
        } else if (rows[i].expected < 0) {
            json_array_append_new(others,
                                  json_pack("{s:s, s:s, s:s}", "name", member->label, "state",
                                            member->state, "reason", member->reason));
        }
    }
    return json_pack("{s:o, s:b, s:o, s:o, s:i, s:o, s:o}", "client",
                     json_text(address_text(&e->client, text)), "located",
                     e->view->locations != NULL, "cell", cell_json(e), "area",
                     json_text(extents[extent(e)].word), "members_an_answer", (int)e->list.per_set,
                     "candidates", candidates, "out", others);
}

/* -- text -- */

static void print_cell(const struct explanation *e)
{
    const struct cell *cell = e->cell;
    char text[ADDRESS_TEXT_MAX];
    printf("client     %s\n", address_text(&e->client, text));
    if (e->view->locations == NULL) {
        printf("cell       %s\n", no_file);
    } else if (cell->country[0] == '\0') {
        printf("cell       the world: the location file does not know the client\n");
    } else {
        printf("cell       %s%s%s, the same for all of its /%u\n", cell->country,
               cell->subdivision[0] == '\0' ? "" : "-", cell->subdivision, e->location.scope);
    }
    printf("answered   %s\n", extents[extent(e)].text);
    if (e->list.count == 0) {
        puts("an answer  0 0 0 . (there is no service), since no member is eligible");
        return;
    }
    printf("an answer  %u of %zu members%s\n\n", e->list.per_set, e->list.count,
           e->view->candidates.last_good ? ": no member is eligible, these were the last" : "");
}

static void print_candidates(const struct explanation *e, const struct row *rows)
{
    static const char *const heads[] = { "NAME",   "STATE",  "KM",      "MBIT/S",
                                         "WEIGHT", "FACTOR", "IN SETS", "SHARE" };
    struct table table;
    if (e->list.count == 0) {
        return;
    }
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    for (size_t i = 0; i < e->view->count && rows[i].expected > 0; i++) {
        const struct steered *member = rows[i].member;
        double km = distance(e, member->index);
        table_cell(&table, member->label);
        table_cell(&table, member->state);
        if (km < 0) {
            table_cell(&table, "");
        } else {
            table_cellf(&table, "%.0f", km);
        }
        table_cellf(&table, "%u", member->capacity_mbit);
        table_cellf(&table, "%u", steerview_weight(e->view, member->index));
        table_cellf(&table, "%.3f", e->view->steering.factors[member->index]);
        table_cellf(&table, "%.2f %%", 100 * rows[i].expected);
        table_cellf(&table, "%.2f %%", 100 * rows[i].expected / e->list.per_set);
    }
    table_end(&table);
}

static void print_others(const struct explanation *e, const struct row *rows)
{
    static const char *const heads[] = { "NOT HANDED OUT", "STATE", "WHY" };
    struct table table;
    if (e->out == 0) {
        return;
    }
    puts("");
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    for (size_t i = e->view->count - e->out; i < e->view->count; i++) {
        table_cell(&table, rows[i].member->label);
        table_cell(&table, rows[i].member->state);
        table_cell(&table, rows[i].member->reason);
    }
    table_end(&table);
}

int cmd_explain(struct cli *cli, int, char **)
{
    struct explanation e = { .view = NULL };
    struct steerview view = { .count = 0 };
    const char *client = cli_value(cli, "client", 0);
    if (client == NULL || address_parse(&e.client, client) != RESULT_OK) {
        return cli_usage(cli, "--client takes an IPv4 or IPv6 address%s%s",
                         client == NULL ? "" : ", not ", client == NULL ? "" : client);
    }
    enum result result = steerview_begin(&view, cli);
    if (result == RESULT_OK) {
        explain(&e, &view);
        struct row *rows = sorted_rows(&e);
        if (cli->json) {
            json_print(explanation_json(&e, rows));
        } else {
            print_cell(&e);
            print_candidates(&e, rows);
            print_others(&e, rows);
        }
        free(rows);
        free(e.expected);
    }
    steerview_done(&view);
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}
