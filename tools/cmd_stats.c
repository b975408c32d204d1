/* stats: shows the counters of the running server. */
#include <stdio.h>

#include "tools/commands.h"
#include "tools/output.h"
#include "tools/scrape.h"
#include "zone/base/unixsocket.h"

#define SOCKET_PRESET "/run/ntspool/ntspoold.sock"

enum {
    LABELS_ROOM = 512
};

static const char *socket_path(const struct cli *cli)
{
    const char *path = cli_value(cli, "socket", 0);
    for (unsigned i = 0; path == NULL && i < cli->config->metrics_count; i++) {
        path = unixsocket_path(cli->config->metrics[i]);
    }
    return path == NULL ? SOCKET_PRESET : path;
}

static json_t *sample_json(const struct scrape_sample *sample)
{
    json_t *labels = json_object();
    for (size_t i = 0; i < sample->label_count; i++) {
        json_object_set_new(labels, sample->labels[i].name, json_text(sample->labels[i].value));
    }
    /* NULL for a value that JSON has no number for. */
    json_t *value = json_real(sample->value);
    return json_pack("{s:o, s:o, s:o}", "name", json_text(sample->name), "labels", labels, "value",
                     value == NULL ? json_null() : value);
}

static const char *labels_text(const struct scrape_sample *sample, char out[LABELS_ROOM])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sample->label_count && used < LABELS_ROOM; i++) {
        used += (size_t)snprintf(out + used, LABELS_ROOM - used, "%s%s=%s", i == 0 ? "" : " ",
                                 sample->labels[i].name, sample->labels[i].value);
    }
    return out;
}

static void print_samples(const struct scrape *scrape, bool all)
{
    static const char *const heads[] = { "METRIC", "VALUE", "LABELS" };
    struct table table;
    table_begin(&table, heads, sizeof(heads) / sizeof(heads[0]));
    for (size_t i = 0; i < scrape->count; i++) {
        const struct scrape_sample *sample = &scrape->samples[i];
        char labels[LABELS_ROOM];
        if (!all && (sample->value == 0 || scrape_is_bucket(sample))) {
            continue;
        }
        table_cell(&table, sample->name);
        table_cellf(&table, "%.15g", sample->value);
        table_cell(&table, labels_text(sample, labels));
    }
    table_end(&table);
}

int cmd_stats(struct cli *cli, int, char **)
{
    struct scrape scrape = { .text = NULL };
    enum result result = scrape_get(&scrape, socket_path(cli), &cli->diag);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_t *list = json_array();
        for (size_t i = 0; i < scrape.count; i++) {
            json_array_append_new(list, sample_json(&scrape.samples[i]));
        }
        json_print(json_pack("{s:o}", "samples", list));
    } else if (!cli_flag(cli, "quiet")) {
        print_samples(&scrape, cli_flag(cli, "all"));
    }
    scrape_free(&scrape);
    return CLI_DONE;
}
