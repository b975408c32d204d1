/* member import, export: the members as comma-separated values. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/changeparts.h"
#include "tools/commands.h"
#include "tools/csv.h"
#include "tools/infile.h"
#include "tools/membertext.h"
#include "tools/outfile.h"
#include "tools/output.h"
#include "tools/session.h"

enum {
    PROGRESS_ROWS = 500,
    PROGRESS_WIDTH = 40
};

struct import {
    struct cli *cli;
    struct registry_change *change;
    struct auditnotes *notes;
    struct csv csv;
    enum column columns[CSV_FIELDS_MAX]; /* of each field */
    size_t width;                        /* fields a row */
    const char *values[COLUMN_COUNT];    /* of the row; "" for columns that the file lacks */
    size_t rows;
    off_t size; /* of the file in octets */
    bool progress;
    struct {
        off_t at;
        unsigned lines;
        size_t rows;
    } part;           /* where it begins */
    unsigned changes; /* in which the members are imported */
};

static enum result fail_row(const struct import *in, enum result result, const char *why)
{
    char text[sizeof in->cli->diag.text];
    (void)snprintf(text, sizeof text, "%s", why);
    return diag_fail(&in->cli->diag, result, "%s:%u: %s", in->csv.path, in->csv.line, text);
}

static enum result read_header(struct import *in)
{
    bool seen[COLUMN_COUNT] = { false };
    enum result result = csv_next(&in->csv, &in->cli->diag);
    if (result == RESULT_NOT_FOUND) {
        return fail_row(in, RESULT_INVALID, "the file is empty: its first line names the columns");
    }
    for (size_t i = 0; i < in->csv.count && result == RESULT_OK; i++) {
        size_t k = 0;
        while (k < COLUMN_COUNT && strcmp(column_name((enum column)k), in->csv.fields[i]) != 0) {
            k++;
        }
        if (k == COLUMN_COUNT || seen[k]) {
            char why[256];
            (void)snprintf(
                why, sizeof why,
                "column \"%.60s\" is %s; the columns are name, country, ipv4, ipv6, "
                "capacity_mbit, operator, port, target, accounturi, override, suspended, position, "
                "contact, leave, unlisted",
                in->csv.fields[i], k == COLUMN_COUNT ? "unknown" : "named twice");
            return fail_row(in, RESULT_INVALID, why);
        }
        seen[k] = true;
        in->columns[i] = (enum column)k;
    }
    in->width = in->csv.count;
    return result != RESULT_OK || seen[COLUMN_NAME]
               ? result
               : fail_row(in, RESULT_INVALID,
                          "the first line must name the columns, name among them");
}

static enum result read_member(const struct import *in, struct member *out)
{
    member_defaults(out);
    for (enum column column = 0; column < COLUMN_COUNT; column++) {
        struct diag why;
        enum result result = membertext_set(out, column, in->values[column], &why);
        if (result != RESULT_OK) {
            return fail_row(in, result, why.text);
        }
    }
    return RESULT_OK;
}

/* A table may be old. A member that left long ago would be removed at once. */
static enum result check_leave(const struct import *in, const struct member *member)
{
    return member->leave_at == 0 || member->leave_at > in->change->now
               ? RESULT_OK
               : fail_row(in, RESULT_INVALID,
                          "leave is over: leave the member out, or leave the field empty");
}

static enum result import_row(struct import *in)
{
    struct member member;
    if (in->csv.count != in->width) {
        char why[120];
        (void)snprintf(why, sizeof why, "the row has %zu fields, the first line %zu", in->csv.count,
                       in->width);
        return fail_row(in, RESULT_INVALID, why);
    }
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        in->values[i] = "";
    }
    for (size_t i = 0; i < in->width; i++) {
        in->values[in->columns[i]] = in->csv.fields[i];
    }
    TRY(read_member(in, &member));
    TRY(check_leave(in, &member));
    enum result result = registry_add(in->change, &member, cli_flag(in->cli, "allow-private"));
    char change[MEMBERTEXT_CHANGE_ROOM];
    auditnote_add(in->notes, member.label, "%s",
                  in->notes->count < AUDITNOTES_MAX ? membertext_change(NULL, &member, change)
                                                    : "");
    return result == RESULT_OK
               ? result
               : fail_row(in, result,
                          in->cli->diag.text[0] != 0 ? in->cli->diag.text : result_text(result));
}

static void show_progress(const struct import *in, bool end)
{
    if (!in->progress || (!end && in->rows % PROGRESS_ROWS != 0)) {
        return;
    }
    off_t at = ftello(in->csv.file);
    int done = in->size > 0 && at > 0 ? (int)(at * PROGRESS_WIDTH / in->size) : 0;
    done = end || done > PROGRESS_WIDTH ? PROGRESS_WIDTH : done;
    struct pollfd terminal = { .fd = STDERR_FILENO, .events = POLLOUT };
    if (poll(&terminal, 1, 0) != 1) {
        return; /* a stopped terminal: don't wait for it with the store locked */
    }
    (void)fprintf(stderr, "\r[%.*s%*s] %zu members%s", done,
                  "########################################", PROGRESS_WIDTH - done, "", in->rows,
                  end ? "\n" : "");
}

/* Imports the next rows, at most so many. */
static enum result import_rows(struct import *in, size_t most)
{
    for (size_t i = 0; i < most; i++) {
        enum result result = csv_next(&in->csv, &in->cli->diag);
        if (result == RESULT_NOT_FOUND) {
            return RESULT_OK;
        }
        if (result == RESULT_OK) {
            result = import_row(in);
        }
        if (result != RESULT_OK) {
            if (in->progress && in->rows >= PROGRESS_ROWS) {
                (void)fputs("\n", stderr);
            }
            return result;
        }
        in->rows++;
        show_progress(in, false);
    }
    return RESULT_OK;
}

static void begin_part(struct import *in)
{
    in->part.at = ftello(in->csv.file);
    in->part.lines = in->csv.lines_read;
    in->part.rows = in->rows;
}

static enum result import_part(struct session *session, struct cli *cli, void *arg)
{
    struct import *in = arg;
    in->change = &session->change;
    in->notes = &session->notes;
    in->rows = in->part.rows;
    in->csv.lines_read = in->part.lines;
    return fseeko(in->csv.file, in->part.at, SEEK_SET) == 0
               ? import_rows(in, CHANGEPARTS_MEMBERS)
               : diag_fail(&cli->diag, RESULT_SYSTEM, "%s can't be read again", in->csv.path);
}

/* All rows are fine, and too many for one change of the fleet. */
static enum result import_parts(struct import *in)
{
    struct cli *cli = in->cli;
    size_t all = in->rows;
    rewind(in->csv.file);
    csv_begin(&in->csv, in->csv.file, in->csv.path);
    TRY(read_header(in));
    in->rows = 0;
    begin_part(in);
    while (in->rows < all) {
        enum result result = changeparts_commit(cli, import_part, in);
        if (result != RESULT_OK) {
            const struct diag why = cli->diag;
            in->rows = in->part.rows;
            return in->changes == 0
                       ? result
                       : diag_fail(&cli->diag, result,
                                   "%zu of %zu members are imported, up to line %u; then: %s",
                                   in->rows, all, in->part.lines, why.text);
        }
        in->changes++;
        begin_part(in);
    }
    show_progress(in, true);
    return RESULT_OK;
}

static enum result import_file(struct import *in, bool dry)
{
    struct session session = { 0 };
    bool is_fine = false;
    enum result result = session_write(&session, in->cli, STORE_REGISTRY);
    if (result == RESULT_OK) {
        in->change = &session.change;
        in->notes = &session.notes;
        result = read_header(in);
    }
    if (result == RESULT_OK) {
        result = import_rows(in, SIZE_MAX);
        is_fine = result == RESULT_OK;
    }
    if (is_fine) {
        show_progress(in, true);
    }
    if (is_fine && !dry) {
        result = session_commit(&session, in->cli);
    }
    bool in_parts = is_fine && changeparts_are_needed(&session, result);
    session_done(&session);
    return in_parts ? import_parts(in) : result;
}

static void tell(const struct import *in, bool dry)
{
    if (in->cli->json) {
        json_print(json_pack("{s:I, s:b}", "imported", (json_int_t)in->rows, "dry_run", dry));
    } else if (dry) {
        printf("%zu members can be imported; nothing was changed\n", in->rows);
    } else if (in->changes > 1) {
        printf("%zu members imported, in %u changes: they are too many for one\n", in->rows,
               in->changes);
    } else {
        printf("%zu members imported\n", in->rows);
    }
}

int cmd_member_import(struct cli *cli, int, char **argv)
{
    struct infile file;
    bool dry = cli_flag(cli, "dry-run");
    enum result result = infile_read(&file, argv[0], INFILE_MAX, &cli->diag);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    struct import *in = xcalloc(1, sizeof *in);
    in->cli = cli;
    in->progress = isatty(STDERR_FILENO) == 1;
    in->size = (off_t)file.len;
    csv_begin(&in->csv, file.file, file.path);
    result = import_file(in, dry);
    infile_done(&file);
    if (result == RESULT_OK) {
        tell(in, dry);
    }
    free(in);
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}

static enum result export_member(const struct member *member, void *arg)
{
    FILE *file = arg;
    for (enum column column = 0; column < COLUMN_COUNT; column++) {
        char text[MEMBERTEXT_ROOM];
        (void)fputs(column > 0 ? "," : "", file);
        csv_put(file, membertext(member, column, text));
    }
    (void)putc('\n', file);
    return RESULT_OK;
}

int cmd_member_export(struct cli *cli, int argc, char **argv)
{
    struct session session = { 0 };
    struct outfile out;
    enum result result = outfile_begin(&out, argc > 0 ? argv[0] : NULL, &cli->diag);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    result = session_read(&session, cli, STORE_REGISTRY);
    if (result == RESULT_OK) {
        for (size_t i = 0; i < COLUMN_COUNT; i++) {
            (void)fprintf(out.file, "%s%s", i > 0 ? "," : "", column_name((enum column)i));
        }
        (void)putc('\n', out.file);
        result = registry_each(session.txn[STORE_REGISTRY], export_member, out.file);
    }
    session_done(&session);
    enum result end = outfile_end(&out, result == RESULT_OK, &cli->diag);
    result = result == RESULT_OK ? end : result;
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}
