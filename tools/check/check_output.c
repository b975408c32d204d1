/* The findings as text, as JSON, for Nagios and for Prometheus. */
#include <stdio.h>
#include <stdlib.h>

#include "tools/check/check.h"
#include "tools/nagios.h"
#include "tools/outfile.h"
#include "tools/output.h"
#include "zone/base/openmetrics.h"

enum {
    ID_WIDTH = 24,
    FINDING_ROOM = 4 * (CHECK_SUBJECT_ROOM + CHECK_TEXT_ROOM) + 64
};

static const char *const level_texts[CHECK_LEVELS] = { "ok", "info", "warning", "error" };
static const char *const level_marks[CHECK_LEVELS] = { "ok", "info", "warn", "FAIL" };

static const char *finding_text(const struct finding *finding, char out[FINDING_ROOM])
{
    char subject[4 * CHECK_SUBJECT_ROOM], text[4 * CHECK_TEXT_ROOM];
    (void)snprintf(
        out, FINDING_ROOM, "%-4s  %-*s  %s%s%s", level_marks[finding->level], ID_WIDTH,
        check_rows[finding->id].id, output_escape(subject, sizeof(subject), finding->subject),
        finding->subject[0] != '\0' ? ": " : "", output_escape(text, sizeof(text), finding->text));
    return out;
}

static void print_advice(const struct check_row *row)
{
    const char *source = row->source;
    (void)printf("      %s%s%s%s\n", row->advice, *source != '\0' ? " (" : "", source,
                 *source != '\0' ? ")" : "");
}

/* "41 ok, 1 warning; as a client in NL would: 4 of 4 members give time". For the caller to free. */
static char *summary_of(const struct check *check)
{
    unsigned tally[CHECK_LEVELS];
    char text[4 * CHECK_TEXT_ROOM], *out = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&out, &len);
    CHECK(file != NULL);
    check_tally(&check->findings, tally);
    (void)fprintf(file, "%u ok", tally[CHECK_OK] + tally[CHECK_INFO]);
    for (enum check_level level = CHECK_WARNING; level < CHECK_LEVELS; level++) {
        if (tally[level] > 0) {
            (void)fprintf(file, ", %u %s%s", tally[level], level_texts[level],
                          tally[level] > 1 ? "s" : "");
        }
    }
    if (check->findings.lost > 0) {
        (void)fprintf(file, ", %zu findings more than fit", check->findings.lost);
    }
    if (check->late) {
        (void)fprintf(file, ", not finished within %u s", (unsigned)check->options.timeout_s);
    }
    if (check->summary[0] != '\0') {
        (void)fprintf(file, "; %s", output_escape(text, sizeof(text), check->summary));
    }
    CHECK(fclose(file) == 0);
    return out;
}

void check_print(const struct check *check)
{
    char line[FINDING_ROOM];
    for (enum check_id id = 0; id < CHECK_COUNT; id++) {
        bool bad = false;
        for (size_t i = 0; i < check->findings.count; i++) {
            const struct finding *finding = &check->findings.list[i];
            if (finding->id == id) {
                (void)puts(finding_text(finding, line));
                bad = bad || finding->level > CHECK_INFO;
            }
        }
        if (bad) {
            print_advice(&check_rows[id]);
        }
    }
    char *summary = summary_of(check);
    (void)puts(summary);
    free(summary);
}

static json_t *json_row(const struct check_row *row)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:o}", "id", row->id, "level", level_texts[row->worst],
                     "what", row->what, "advice", row->advice, "source",
                     json_text_or_null(row->source));
}

bool check_explain(const char *id, bool json)
{
    json_t *list = json_array();
    size_t len = strlen(id);
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        const struct check_row *row = &check_rows[i];
        if (strncmp(row->id, id, len) != 0 || (row->id[len] != '\0' && row->id[len] != '/')) {
            continue;
        }
        json_array_append_new(list, json_row(row));
        if (!json) {
            (void)printf("%s (%s): %s\n", row->id, level_texts[row->worst], row->what);
            print_advice(row);
        }
    }
    bool found = json_array_size(list) > 0;
    if (json && found) {
        json_t *out = json_object();
        json_object_set(out, "checks", list);
        json_print(out);
    }
    json_decref(list);
    return found;
}

int check_print_nagios(const struct check *check)
{
    static const enum nagios_status statuses[CHECK_LEVELS] = { NAGIOS_OK, NAGIOS_OK, NAGIOS_WARNING,
                                                               NAGIOS_CRITICAL };
    unsigned tally[CHECK_LEVELS];
    char line[FINDING_ROOM], *summary = summary_of(check);
    check_tally(&check->findings, tally);
    const struct nagios_figure figures[] = { { "ok", tally[CHECK_OK] + tally[CHECK_INFO] },
                                             { "warnings", tally[CHECK_WARNING] },
                                             { "errors", tally[CHECK_ERROR] } };
    int status = nagios_print(statuses[check_worst(check)], summary, figures,
                              sizeof(figures) / sizeof(figures[0]));
    for (size_t i = 0; i < check->findings.count; i++) {
        if (check->findings.list[i].level > CHECK_INFO) {
            nagios_print_more(finding_text(&check->findings.list[i], line));
        }
    }
    free(summary);
    return status;
}

void check_print_json(const struct check *check)
{
    unsigned tally[CHECK_LEVELS];
    char name[DNAME_TEXT_MAX];
    json_t *out = json_object(), *list = json_array();
    check_tally(&check->findings, tally);
    json_object_set_new(out, "pool", json_text(dname_text(&check->pool, name)));
    json_object_set_new(out, "at", json_time(check->now));
    json_object_set_new(out, "good", json_boolean(check_worst(check) <= CHECK_INFO));
    json_object_set_new(out, "ok", json_integer(tally[CHECK_OK] + tally[CHECK_INFO]));
    json_object_set_new(out, "warnings", json_integer(tally[CHECK_WARNING]));
    json_object_set_new(out, "errors", json_integer(tally[CHECK_ERROR]));
    json_object_set_new(out, "lost", json_integer((json_int_t)check->findings.lost));
    json_object_set_new(out, "finished", json_boolean(!check->late));
    json_object_set_new(out, "summary", json_text_or_null(check->summary));
    for (size_t i = 0; i < check->findings.count; i++) {
        const struct finding *finding = &check->findings.list[i];
        const struct check_row *row = &check_rows[finding->id];
        json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o, s:s, s:o}", "id", row->id,
                                              "level", level_texts[finding->level], "subject",
                                              json_text_or_null(finding->subject), "text",
                                              json_text(finding->text), "advice", row->advice,
                                              "source", json_text_or_null(row->source)));
    }
    json_object_set_new(out, "findings", list);
    json_print(out);
}

/* One series for each check that ran: 0 ok, 1 warning, 2 error. */
static void write_metrics(const struct check *check, struct openmetrics *om)
{
    char pool[DNAME_TEXT_MAX];
    (void)dname_text(&check->pool, pool);
    openmetrics_family(om, OPENMETRICS_GAUGE, "ntspool_check_level",
                       "What a check found: 0 ok, 1 warning, 2 error.");
    for (enum check_id id = 0; id < CHECK_COUNT; id++) {
        int level = check_level_of(&check->findings, id);
        if (level >= 0) {
            openmetrics_sample(om, level > CHECK_INFO ? level - CHECK_INFO : 0, "pool", pool,
                               "check", check_rows[id].id, NULL);
        }
    }
    openmetrics_family(om, OPENMETRICS_GAUGE, "ntspool_check_timestamp_seconds",
                       "When the check was made.");
    openmetrics_sample(om, (double)check->now, "pool", pool, NULL);
}

enum result check_write_metrics(const struct check *check, struct diag *diag)
{
    struct outfile out;
    struct openmetrics om;
    TRY(outfile_begin(&out, check->options.metrics, diag));
    openmetrics_init(&om, OPENMETRICS_PROMETHEUS);
    write_metrics(check, &om);
    CHECK(openmetrics_end(&om));
    (void)fwrite(om.text, 1, om.len, out.file); /* outfile_end asks for errors */
    openmetrics_done(&om);
    return outfile_end(&out, true, diag);
}
