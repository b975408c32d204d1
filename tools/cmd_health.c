/* health release, forget, export, import.
 *
 * Results of a vantage point on another machine are carried as its journal: a sequence of signed
 * reports (zone/verdicts/report.h). So anybody may carry them, and any number of times. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/commands.h"
#include "tools/infile.h"
#include "tools/outfile.h"
#include "tools/output.h"
#include "tools/session.h"
#include "zone/verdicts/intake.h"

static enum result commit(struct session *session, struct cli *cli)
{
    struct store_txn *txn = session->txn[STORE_HEALTH];
    session->txn[STORE_HEALTH] = NULL;
    return store_commit(txn, &cli->diag);
}

/* -- release, forget -- */

/* The release is written to both stores, to the registry first: the probe learns of it from there
 * by the feed, readers of verdicts from state/health. */
static enum result release_in_registry(struct session *session, const struct vantages *vantages,
                                       uint64_t now, unsigned *released)
{
    struct vantage_key key;
    for (unsigned i = 0; i < vantages->count; i++) {
        if (!vantage_is_frozen(&vantages->list[i])) {
            continue;
        }
        (*released)++;
        if (registry_vantage(session->txn[STORE_REGISTRY], vantages->list[i].name, &key) ==
            RESULT_OK) {
            key.released_at = now;
            TRY(registry_put_vantage(&session->change, &key));
        }
    }
    return RESULT_OK;
}

static enum result release_in_health(struct session *session, struct cli *cli,
                                     const struct vantages *vantages, uint64_t now)
{
    struct vantage vantage;
    TRY(session_write(session, cli, STORE_HEALTH));
    for (unsigned i = 0; i < vantages->count; i++) {
        if (vantage_is_frozen(&vantages->list[i]) &&
            vantage_get(session->txn[STORE_HEALTH], vantages->list[i].name, &vantage) ==
                RESULT_OK) {
            vantage.released_at = now;
            TRY(vantage_put(session->txn[STORE_HEALTH], &vantage, &cli->diag));
        }
    }
    return commit(session, cli);
}

static enum result release_all(struct session *session, struct cli *cli, unsigned *released)
{
    struct vantages vantages;
    uint64_t now = session_now();
    TRY(session_write(session, cli, STORE_REGISTRY));
    TRY(session_read(session, cli, STORE_HEALTH));
    TRY(vantages_read(&vantages, session->txn[STORE_HEALTH], 0, now));
    session_end(session, STORE_HEALTH);
    TRY(release_in_registry(session, &vantages, now, released));
    if (*released == 0) {
        return diag_fail(&cli->diag, RESULT_REFUSED,
                         "no vantage point holds removals back: there is nothing to release");
    }
    TRY(session_commit(session, cli));
    return release_in_health(session, cli, &vantages, now);
}

int cmd_health_release(struct cli *cli, int, char **)
{
    struct session session = { 0 };
    unsigned released = 0;
    enum result result = release_all(&session, cli, &released);
    session_done(&session);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_print(json_pack("{s:i}", "released", (int)released));
    } else {
        puts("Members that fell at once are taken out now.");
    }
    return CLI_DONE;
}

/* Forgets all results. A vantage point that the registry names keeps its row, since it may report
 * again. */
static enum result forget(struct session *session, struct cli *cli, const char *name)
{
    struct vantage_key key;
    TRY(session_read(session, cli, STORE_REGISTRY));
    TRY(session_write(session, cli, STORE_HEALTH));
    if (!vantage_name_fine(name)) {
        return RESULT_NOT_FOUND;
    }
    bool named = registry_vantage(session->txn[STORE_REGISTRY], name, &key) == RESULT_OK;
    return health_forget_vantage(session->txn[STORE_HEALTH], name, named, &cli->diag);
}

int cmd_health_forget(struct cli *cli, int, char **argv)
{
    struct session session = { 0 };
    enum result result = forget(&session, cli, argv[0]);
    if (result == RESULT_NOT_FOUND) {
        result =
            diag_fail(&cli->diag, result,
                      "there is no vantage point \"%.40s\": `ntspool status` lists them", argv[0]);
    }
    result = result == RESULT_OK ? commit(&session, cli) : result;
    session_done(&session);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    auditnote_append(cli, true);
    if (cli->json) {
        json_print(json_pack("{s:s}", "forgotten", argv[0]));
    } else {
        printf("The results of %s are forgotten. If its probe still runs, it will report again.\n",
               argv[0]);
    }
    return CLI_DONE;
}

/* -- export -- */

/* Finds a vantage point that reports on this machine: the one of --id, or the only one. */
static enum result choose(struct cli *cli, char name[VANTAGE_ROOM])
{
    char names[JOURNALS_MAX][VANTAGE_ROOM];
    const char *wanted = cli_value(cli, "id", 0);
    unsigned found = 0, count = journal_list(cli->state_dir, names);
    for (unsigned i = 0; i < count; i++) {
        if (wanted == NULL || strcmp(names[i], wanted) == 0) {
            memcpy(name, names[i], VANTAGE_ROOM);
            found++;
        }
    }
    if (found != 1) {
        return diag_fail(&cli->diag, RESULT_NOT_FOUND,
                         found == 0 ? "no vantage point of that name reports on this machine: is "
                                      "ntspool-probed running?"
                                    : "several vantage points report on this machine: name one by "
                                      "--id");
    }
    return RESULT_OK;
}

/* Writes all complete reports, up to the size that an import takes. */
static enum result export_journal(FILE *to, struct cli *cli, const char *name)
{
    struct journal_reader reader;
    uint8_t *room = xmalloc(REPORT_MAX);
    size_t len = 0, budget = INTAKE_IMPORT_MAX;
    enum result result = journal_reader_begin(&reader, cli->state_dir, name, &cli->diag);
    /* After a damaged report, the reader goes on with the next file. */
    while (result == RESULT_OK || result == RESULT_DAMAGED) {
        result = journal_next(&reader, 0, room, &len, &budget);
        if (result == RESULT_OK) {
            (void)fwrite(room, 1, len, to);
        }
    }
    journal_reader_end(&reader);
    free(room);
    if (result == RESULT_EXHAUSTED) {
        return diag_fail(&cli->diag, RESULT_FULL,
                         "the journal of %s is longer than the %d MiB that an import takes", name,
                         INTAKE_IMPORT_MAX >> 20);
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

int cmd_health_export(struct cli *cli, int argc, char **argv)
{
    char name[VANTAGE_ROOM] = "";
    struct outfile out;
    enum result result = choose(cli, name);
    if (result == RESULT_OK) {
        result = outfile_begin(&out, argc > 0 ? argv[0] : NULL, &cli->diag);
    }
    if (result == RESULT_OK) {
        result = export_journal(out.file, cli, name);
        enum result ended = outfile_end(&out, result == RESULT_OK, &cli->diag);
        result = result == RESULT_OK ? ended : result;
    }
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}

/* -- import -- */

static enum result import_from(const struct infile *in, struct session *session, struct cli *cli,
                               struct intake_sum *sum)
{
    struct intake_stores stores;
    TRY(session_intake(session, cli, &stores));
    TRY(intake_import(&stores, (const uint8_t *)in->text, in->len, session_now(), sum, &cli->diag));
    if (sum->reports + sum->known == 0) {
        return diag_fail(&cli->diag, RESULT_REFUSED, "%s%s%s",
                         sum->refusal.count > 0 ? sum->refusal.source : "there is no report in it",
                         sum->refusal.count > 0 ? ": nothing was imported: " : "",
                         sum->refusal.text);
    }
    return RESULT_OK;
}

int cmd_health_import(struct cli *cli, int, char **argv)
{
    struct session session = { 0 };
    struct intake_sum sum = { .reports = 0 };
    struct infile in = { 0 };
    enum result result = infile_read(&in, argv[0], INTAKE_IMPORT_MAX, &cli->diag);
    if (result == RESULT_OK) {
        result = import_from(&in, &session, cli, &sum);
    }
    session_done(&session);
    infile_done(&in);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_print(json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "vantage", sum.vantage, "reports",
                             (json_int_t)sum.reports, "known", (json_int_t)sum.known, "rows",
                             (json_int_t)sum.verdicts, "skipped", (json_int_t)sum.skipped,
                             "refused", (json_int_t)sum.refusal.count));
    } else {
        printf("%zu reports of %s are imported, %zu were known: %zu verdicts, %zu skipped of "
               "members that are not here or have other addresses\n",
               sum.reports, sum.vantage, sum.known, sum.verdicts, sum.skipped);
    }
    if (sum.refusal.count > 0) {
        (void)fprintf(stderr, "ntspool: %s: %llu reports were refused: %s\n", sum.refusal.source,
                      (unsigned long long)sum.refusal.count, sum.refusal.text);
    }
    return CLI_DONE;
}
