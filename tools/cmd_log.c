/* log: shows the audit trail of the pool, or the events of one member. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/commands.h"
#include "tools/output.h"
#include "tools/session.h"
#include "zone/verdicts/history.h"

/* One line of a log. */
struct line {
    uint64_t at;
    size_t nth; /* reading order, for lines of the same second */
    char who[AUDIT_WHO_ROOM];
    char from[AUDIT_FROM_ROOM];
    char command[AUDIT_COMMAND_ROOM];
    char subject[AUDIT_SUBJECT_ROOM];
    char text[AUDIT_CHANGE_ROOM];
};

struct log {
    const char *label; /* NULL: the whole audit trail */
    uint64_t since;
    struct line *lines;
    size_t count, room;
    bool known; /* the label is or was in use */
};

static struct line *add_line(struct log *log, uint64_t at)
{
    if (log->count == log->room) {
        log->room = log->room * 2 + 64;
        log->lines = xrealloc(log->lines, log->room * sizeof *log->lines);
    }
    struct line *line = &log->lines[log->count++];
    *line = (struct line){ .at = at, .nth = log->count };
    return line;
}

static enum result take_entry(const struct audit_entry *entry, void *arg)
{
    struct log *log = arg;
    if (log->label != NULL && strcmp(log->label, entry->subject) != 0) {
        return RESULT_OK;
    }
    log->known = true;
    if (entry->at < log->since) {
        return RESULT_OK;
    }
    struct line *line = add_line(log, entry->at);
    memcpy(line->who, entry->who, sizeof line->who);
    memcpy(line->from, entry->from, sizeof line->from);
    memcpy(line->command, entry->command, sizeof line->command);
    memcpy(line->subject, entry->subject, sizeof line->subject);
    memcpy(line->text, entry->change, sizeof line->text);
    return RESULT_OK;
}

static void take_event(const struct history_event *event, void *arg)
{
    struct log *log = arg;
    log->known = true;
    if (event->at >= log->since) {
        struct line *line = add_line(log, event->at);
        (void)snprintf(line->who, sizeof line->who, "%s", event->who);
        (void)snprintf(line->text, sizeof line->text, "%s", event->text);
    }
}

/* NOT_FOUND if the log has no line of the label, and it is not that of a present or removed
 * member. */
static enum result check_label(struct log *log, struct store_txn *registry, struct diag *diag)
{
    struct member member;
    struct tombstone tombstone;
    log->known = log->known || registry_member(registry, log->label, &member) == RESULT_OK ||
                 registry_tombstone(registry, log->label, &tombstone) == RESULT_OK;
    return log->known ? RESULT_OK
                      : diag_fail(diag, RESULT_NOT_FOUND,
                                  "nothing is known of a member %s: `ntspool member list` lists "
                                  "them",
                                  log->label);
}

static int compare_lines(const void *a, const void *b)
{
    const struct line *first = a, *second = b;
    if (first->at != second->at) {
        return first->at < second->at ? -1 : 1;
    }
    return first->nth < second->nth ? -1 : first->nth > second->nth;
}

/* Reads the lines. The log outlives its member, and state/health may be missing. */
static enum result read_log(struct log *log, struct session *session, struct cli *cli)
{
    TRY(session_read(session, cli, STORE_REGISTRY));
    TRY(audit_each(session->txn[STORE_REGISTRY], take_entry, log));
    if (log->label == NULL) {
        return RESULT_OK;
    }
    enum result result = session_read(session, cli, STORE_HEALTH);
    if (result != RESULT_MISSING) {
        TRY(result);
        TRY(history_events(session->txn[STORE_HEALTH], log->label, take_event, log));
    }
    if (log->count > 0) {
        qsort(log->lines, log->count, sizeof *log->lines, compare_lines);
    }
    return check_label(log, session->txn[STORE_REGISTRY], &cli->diag);
}

/* The text of a member's line. An operator's change begins with the command. */
static void line_text(const struct line *line, char *out, size_t room)
{
    bool both = line->command[0] != 0 && line->text[0] != 0;
    (void)snprintf(out, room, "%s%s%s", line->command, both ? ": " : "", line->text);
}

static json_t *line_json(const struct log *log, const struct line *line)
{
    char text[sizeof line->command + sizeof line->text + 2];
    if (log->label != NULL) {
        line_text(line, text, sizeof text);
        return json_pack("{s:o, s:o, s:o, s:o}", "at", json_time(line->at), "who",
                         json_text(line->who), "from", json_text_or_null(line->from), "what",
                         json_text(text));
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "at", json_time(line->at), "who",
                     json_text(line->who), "from", json_text_or_null(line->from), "command",
                     json_text(line->command), "subject", json_text_or_null(line->subject),
                     "change", json_text_or_null(line->text));
}

static void print_line(const struct log *log, const struct line *line, struct table *table)
{
    char at[OUTPUT_TIME_ROOM], text[sizeof line->command + sizeof line->text + 2];
    table_cell(table, output_time(line->at, at));
    table_cell(table, line->who);
    if (log->label != NULL) {
        line_text(line, text, sizeof text);
        table_cell(table, text);
        return;
    }
    table_cell(table, line->from);
    table_cell(table, line->command);
    table_cell(table, line->subject);
    table_cell(table, line->text);
}

static void print_log(const struct log *log, size_t first, bool json)
{
    static const char *const all[] = { "TIME", "WHO", "FROM", "COMMAND", "OF", "CHANGE" };
    static const char *const own[] = { "TIME", "WHO", "WHAT" };
    struct table table;
    json_t *list = json_array();
    table_begin(&table, log->label != NULL ? own : all, log->label != NULL ? 3 : 6);
    for (size_t i = first; i < log->count; i++) {
        if (json) {
            json_array_append_new(list, line_json(log, &log->lines[i]));
        } else {
            print_line(log, &log->lines[i], &table);
        }
    }
    if (json) {
        table_drop(&table);
        json_print(list);
    } else {
        table_end(&table);
        json_decref(list);
    }
}

int cmd_log(struct cli *cli, int argc, char **argv)
{
    struct session session = { 0 };
    struct log log = { .label = NULL };
    uint32_t limit = UINT32_MAX;
    char label[LABEL_ROOM];
    enum result result = cli_number(cli, "limit", 1, UINT32_MAX, &limit);
    if (result == RESULT_OK) {
        result = cli_time(cli, "since", session_now(), CLI_PAST, &log.since);
    }
    if (result == RESULT_OK && argc > 0) {
        result = label_check(label, argv[0], &cli->diag);
        log.label = label;
    }
    if (result == RESULT_OK) {
        result = read_log(&log, &session, cli);
    }
    session_done(&session);
    if (result == RESULT_OK) {
        print_log(&log, log.count > limit ? log.count - limit : 0, cli->json);
    }
    free(log.lines);
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}
