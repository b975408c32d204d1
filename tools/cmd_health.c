/* health release, forget, export, import.
 *
 * What a remote vantage point saw comes as text: a head line, a line for the vantage point, one for each member, a last line with
 * their number, so that a file that was cut is seen. The values are the store's own rows in hexadecimal; an import decodes them
 * all, takes the members that the registry here knows, and replaces what that vantage point said before, in one transaction. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "tools/commands.h"
#include "tools/outfile.h"
#include "tools/output.h"
#include "tools/session.h"
#include "zone/health.h"

#define HEAD "ntspool-health 3"

enum {
    LINE_MAX_LEN = 2 * HEALTH_ENCODED_MAX + 64
};

static enum result commit(struct session *session, struct cli *cli)
{
    struct store_txn *txn = session->txn[STORE_HEALTH];
    session->txn[STORE_HEALTH] = NULL;
    return store_commit(txn, &cli->diag);
}

/* -- release, forget ------------------------------------------------------------------------------------------------------ */

static enum result release_all(struct session *session, struct cli *cli, unsigned *released)
{
    struct vantages vantages;
    struct store_txn *txn = session->txn[STORE_HEALTH];
    enum result result = vantages_read(&vantages, txn, 0, session_now());
    for (unsigned i = 0; i < vantages.count && result == RESULT_OK; i++) {
        struct vantage *each = &vantages.list[i];
        if (vantage_is_frozen(each)) {
            each->released_at = session_now();
            result = vantage_put(txn, each, &cli->diag);
            (*released)++;
        }
    }
    if (result == RESULT_OK && *released == 0) {
        return diag_fail(&cli->diag, RESULT_REFUSED,
                         "no vantage point holds removals back: there is nothing to release");
    }
    return result == RESULT_OK ? commit(session, cli) : result;
}

int cmd_health_release(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct session session = { 0 };
    unsigned released = 0;
    enum result result = session_write(&session, cli, STORE_HEALTH);
    if (result == RESULT_OK) {
        result = release_all(&session, cli, &released);
    }
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

int cmd_health_forget(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct session session = { 0 };
    enum result result = session_write(&session, cli, STORE_HEALTH);
    if (result == RESULT_OK && vantage_name_fine(argv[0])) {
        result = health_forget_vantage(session.txn[STORE_HEALTH], argv[0], &cli->diag);
    } else if (result == RESULT_OK) {
        result = RESULT_NOT_FOUND;
    }
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
    if (cli->json) {
        json_print(json_pack("{s:s}", "forgotten", argv[0]));
    } else {
        printf("What %s saw is forgotten. If its probe still runs, it comes back.\n", argv[0]);
    }
    return CLI_DONE;
}

/* -- export --------------------------------------------------------------------------------------------------------------- */

struct export
{
    FILE *file;
    const struct vantage *vantage;
    size_t rows;
};

static void print_hex(FILE *file, const struct writer *w)
{
    static char text[2 * HEALTH_ENCODED_MAX + 1];
    ASSERT(!w->failed);
    sodium_bin2hex(text, sizeof text, w->data, w->at);
    (void)fprintf(file, "%s\n", text);
}

static enum result export_row(const struct member_health *health, void *arg)
{
    struct export *export = arg;
    uint8_t data[HEALTH_ENCODED_MAX];
    struct writer w = writer_of(data, sizeof data);
    if (strcmp(health->vantage, export->vantage->name) == 0) {
        health_encode(&w, health);
        (void)fprintf(export->file, "row ");
        print_hex(export->file, &w);
        export->rows++;
    }
    return RESULT_OK;
}

/* The one that was named, or the only one that probes here. */
static enum result choose(const struct vantages *vantages, struct cli *cli,
                          const struct vantage **out)
{
    const char *name = cli_value(cli, "id", 0);
    const struct vantage *found = NULL;
    unsigned count = 0;
    for (unsigned i = 0; i < vantages->count; i++) {
        const struct vantage *each = &vantages->list[i];
        bool wanted = name == NULL ? !each->imported : strcmp(each->name, name) == 0;
        found = wanted ? each : found;
        count += wanted;
    }
    if (count != 1) {
        return diag_fail(&cli->diag, RESULT_NOT_FOUND,
                         count == 0
                             ? "there is no such vantage point here: `ntspool status` lists them"
                             : "several vantage points probe here: name one by --id");
    }
    *out = found;
    return RESULT_OK;
}

static enum result export_to(FILE *file, struct store_txn *txn, const struct vantage *vantage)
{
    struct export export = { .file = file, .vantage = vantage };
    uint8_t data[HEALTH_ENCODED_MAX];
    struct writer w = writer_of(data, sizeof data);
    vantage_encode(&w, vantage);
    (void)fprintf(file, HEAD "\nvantage %s ", vantage->name);
    print_hex(file, &w);
    enum result result = health_each(txn, export_row, &export);
    (void)fprintf(file, "end %zu\n", export.rows);
    return result;
}

int cmd_health_export(struct cli *cli, int argc, char **argv)
{
    struct session session = { 0 };
    struct vantages vantages;
    const struct vantage *vantage = NULL;
    struct outfile out;
    enum result result = session_read(&session, cli, STORE_HEALTH);
    if (result == RESULT_OK) {
        result = vantages_read(&vantages, session.txn[STORE_HEALTH], 0, session_now());
    }
    if (result == RESULT_OK) {
        result = choose(&vantages, cli, &vantage);
    }
    if (result == RESULT_OK) {
        result = outfile_begin(&out, argc > 0 ? argv[0] : NULL, &cli->diag);
    }
    if (result == RESULT_OK) {
        enum result made = export_to(out.file, session.txn[STORE_HEALTH], vantage);
        result = outfile_end(&out, made == RESULT_OK, &cli->diag);
        result = made != RESULT_OK ? made : result;
    }
    session_done(&session);
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}

/* -- import --------------------------------------------------------------------------------------------------------------- */

struct import {
    struct cli *cli;
    FILE *file;
    struct store_txn *health;
    size_t line, rows, skipped;
    bool begun, ended;
    char vantage[VANTAGE_ROOM];
    uint64_t *ids; /* of the members here, in order */
    size_t id_count, id_room;
};

static enum result bad_line(struct import *import, const char *why)
{
    return diag_fail(&import->cli->diag, RESULT_INVALID, "line %zu: %s: nothing was imported",
                     import->line, why);
}

static enum result add_id(const struct member *member, void *arg)
{
    struct import *import = arg;
    if (import->id_count == import->id_room) {
        import->id_room = import->id_room == 0 ? 256 : 2 * import->id_room;
        import->ids = xrealloc(import->ids, import->id_room * sizeof import->ids[0]);
    }
    import->ids[import->id_count++] = member->id;
    return RESULT_OK;
}

static int compare_ids(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* The octets of the line's last word. */
static bool read_hex(const char *text, uint8_t out[HEALTH_ENCODED_MAX], size_t *len)
{
    const char *end = NULL;
    return sodium_hex2bin(out, HEALTH_ENCODED_MAX, text, strlen(text), NULL, len, &end) == 0 &&
           *end == '\0';
}

/* A probe that writes here itself is not overwritten, nor is newer word by older. */
static enum result begin_vantage(struct import *import, const char *name, const char *hex)
{
    uint8_t data[HEALTH_ENCODED_MAX];
    size_t len = 0;
    struct vantage vantage, old;
    struct diag *diag = &import->cli->diag;
    if (!read_hex(hex, data, &len)) {
        return bad_line(import, "this is no vantage point's row");
    }
    struct reader r = reader_of(data, len);
    if (vantage_decode(&vantage, name, &r) != RESULT_OK || !reader_done(&r)) {
        return bad_line(import, "this is no vantage point's row");
    }
    if (vantage.well_at > session_now() + VANTAGE_AHEAD_S) {
        return bad_line(import, "the vantage point's clock is ahead of ours");
    }
    enum result result = vantage_get(import->health, name, &old);
    if (result == RESULT_OK && !old.imported) {
        return diag_fail(diag, RESULT_REFUSED,
                         "a probe here is called %s, too: give one of them another name (--id)",
                         name);
    }
    if (result == RESULT_OK && old.well_at > vantage.well_at) {
        return diag_fail(diag, RESULT_REFUSED, "what is here of %s is newer", name);
    }
    if (result == RESULT_OK && old.released_at > vantage.released_at) {
        vantage.released_at = old.released_at;
    }
    result = health_forget_vantage(import->health, name, diag);
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        return result;
    }
    vantage.imported = true;
    memcpy(import->vantage, vantage.name, sizeof import->vantage);
    import->begun = true;
    return vantage_put(import->health, &vantage, diag);
}

static enum result take_row(struct import *import, const char *hex)
{
    uint8_t data[HEALTH_ENCODED_MAX];
    size_t len = 0;
    struct member_health health;
    if (!import->begun || !read_hex(hex, data, &len) ||
        health_decode(&health, data, len) != RESULT_OK) {
        return bad_line(import, "this is no verdict");
    }
    import->rows++;
    if (import->id_count == 0 || bsearch(&health.member_id, import->ids, import->id_count,
                                         sizeof import->ids[0], compare_ids) == NULL) {
        import->skipped++;
        return RESULT_OK;
    }
    memcpy(health.vantage, import->vantage, sizeof health.vantage);
    return health_put(import->health, &health, &import->cli->diag);
}

static enum result take_line(struct import *import, char *line)
{
    char *rest = line;
    const char *word = strsep(&rest, " ");
    if (import->ended) {
        return bad_line(import, "more after the end");
    }
    if (import->line == 1) {
        return rest != NULL && strcmp(word, "ntspool-health") == 0 && strcmp(rest, "3") == 0
                   ? RESULT_OK
                   : bad_line(import, "this is no export of `ntspool health export`, or another "
                                      "version's");
    }
    if (rest != NULL && strcmp(word, "vantage") == 0 && !import->begun) {
        const char *name = strsep(&rest, " ");
        return begin_vantage(import, name, rest != NULL ? rest : "");
    }
    if (rest != NULL && strcmp(word, "row") == 0) {
        return take_row(import, rest);
    }
    uint32_t count = 0;
    if (rest != NULL && strcmp(word, "end") == 0 && import->begun &&
        output_number(rest, 0, UINT32_MAX, &count) && count == import->rows) {
        import->ended = true;
        return RESULT_OK;
    }
    return bad_line(import, "this is no line of an export");
}

static enum result take_all(struct import *import)
{
    static char line[LINE_MAX_LEN];
    enum result result = RESULT_OK;
    while (result == RESULT_OK && fgets(line, sizeof line, import->file) != NULL) {
        import->line++;
        size_t len = strcspn(line, "\n");
        if (line[len] != '\n') {
            return bad_line(import, "the line is too long or cut");
        }
        line[len] = '\0';
        result = take_line(import, line);
    }
    if (result == RESULT_OK && !import->ended) {
        import->line++;
        return bad_line(import, "the end is missing");
    }
    return result;
}

static enum result import_from(struct import *import, struct session *session)
{
    struct settings settings;
    struct cli *cli = import->cli;
    enum result result = session_zone(session, cli, &settings);
    if (result == RESULT_OK) {
        result = session_write(session, cli, STORE_HEALTH);
    }
    if (result == RESULT_OK) {
        import->health = session->txn[STORE_HEALTH];
        result = registry_each(session->txn[STORE_REGISTRY], add_id, import);
    }
    if (result == RESULT_OK) {
        if (import->id_count > 0) {
            qsort(import->ids, import->id_count, sizeof import->ids[0], compare_ids);
        }
        result = take_all(import);
    }
    return result == RESULT_OK ? commit(session, cli) : result;
}

int cmd_health_import(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct session session = { 0 };
    struct import import = { .cli = cli };
    bool standard = strcmp(argv[0], "-") == 0;
    import.file = standard ? stdin : fopen(argv[0], "re");
    if (import.file == NULL) {
        return cli_fail(cli, diag_fail(&cli->diag, RESULT_SYSTEM, "can't read %s: %s", argv[0],
                                       strerror(errno)));
    }
    enum result result = import_from(&import, &session);
    session_done(&session);
    if (!standard) {
        (void)fclose(import.file);
    }
    free(import.ids);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_print(json_pack("{s:s, s:I, s:I}", "vantage", import.vantage, "rows",
                             (json_int_t)import.rows, "skipped", (json_int_t)import.skipped));
    } else {
        printf("%zu verdicts of %s are imported; %zu of members that are not here were skipped\n",
               import.rows - import.skipped, import.vantage, import.skipped);
    }
    return CLI_DONE;
}
