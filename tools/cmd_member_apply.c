/* member apply: what the operator of a server sends to a pool. Needs no state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/application.h"
#include "tools/commands.h"
#include "tools/memberoptions.h"
#include "tools/outfile.h"
#include "tools/output.h"
#include "tools/trial.h"
#include "zone/registry/consent.h"

/* Takes NAME.POOL apart. */
static enum result split(const char *text, struct application *out, struct diag *diag)
{
    struct dname name;
    char label[LABEL_ROOM];
    bool named = dname_parse(&name, text, NULL) == RESULT_OK && dname_labels(&name) > 1;
    size_t len = named ? name.wire[0] : 0;
    if (!named || len >= sizeof label || memchr(name.wire + 1, 0, len) != NULL) {
        return diag_fail(diag, RESULT_USAGE,
                         "\"%.80s\" is no name in a pool, such as alice.pool.example", text);
    }
    dname_lower(&name);
    memcpy(label, name.wire + 1, len);
    label[len] = 0;
    out->pool = dname_parent(&name, 1);
    return label_check(out->member.label, label, diag);
}

/* What the operator has to know, beside the application. */
static void advise(const struct application *application, const struct trial_result *trial)
{
    struct dname name;
    char owner[DNAME_TEXT_MAX], text[CONSENT_TEXT_ROOM];
    trial_print(stderr, trial);
    if (application->member.target.len > 0 &&
        consent_name(&name, &application->member.target) == RESULT_OK) {
        (void)fprintf(stderr,
                      "The pool may look for this record, which consents to it:\n%s IN TXT "
                      "\"%s\"\n",
                      dname_text(&name, owner), consent_text(&application->pool, text));
    }
}

static enum result write_out(struct cli *cli, const struct application *application,
                             const char *path)
{
    struct outfile out;
    TRY(outfile_begin(&out, path, &cli->diag));
    application_write(out.file, application);
    return outfile_end(&out, true, &cli->diag);
}

static void show_json(const struct application *application, const struct trial_result *trial)
{
    char *text = NULL, pool[DNAME_TEXT_MAX];
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    CHECK(out != NULL);
    application_write(out, application);
    CHECK(fclose(out) == 0);
    json_print(json_pack("{s:o, s:o, s:o, s:o}", "pool",
                         json_text(dname_text(&application->pool, pool)), "name",
                         json_text(application->member.label), "probe", trial_json(trial), "text",
                         json_string(text)));
    free(text);
}

int cmd_member_apply(struct cli *cli, int argc, char **argv)
{
    struct application application = { .pool = { .len = 0 } };
    const struct member *member = &application.member;
    const struct trial_plan plan = { .member = member, .apex = &application.pool };
    struct trial_result trial;
    const char *path = argc > 1 ? argv[1] : NULL;
    member_defaults(&application.member);
    enum result result = split(argv[0], &application, &cli->diag);
    if (result == RESULT_OK) {
        result = memberoptions_fill(cli, &application.member);
    }
    if (result == RESULT_OK) {
        result =
            member_check(member, &application.pool, cli_flag(cli, "allow-private"), &cli->diag);
    }
    if (result == RESULT_OK) {
        result = trial_run(&trial, &plan, cli);
    }
    if (result == RESULT_OK && (path != NULL || !cli->json)) {
        result = write_out(cli, &application, path);
    }
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (cli->json) {
        show_json(&application, &trial);
    } else {
        advise(&application, &trial);
    }
    return CLI_DONE;
}
