/* member admit: takes the application of a new member. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/application.h"
#include "tools/commands.h"
#include "tools/confirm.h"
#include "tools/infile.h"
#include "tools/memberadd.h"
#include "tools/output.h"
#include "tools/trial.h"
#include "zone/registry/consent.h"

static enum result read_application(struct cli *cli, const char *path, struct application *out)
{
    struct infile file;
    TRY(infile_read(&file, path, APPLICATION_MAX, &cli->diag));
    enum result result =
        application_read(out, file.text, file.len, cli_flag(cli, "allow-private"), &cli->diag);
    infile_done(&file);
    return result;
}

/* It must be for this pool. */
static enum result check_pool(struct cli *cli, const struct application *application,
                              struct settings *settings)
{
    char theirs[DNAME_TEXT_MAX], ours[DNAME_TEXT_MAX];
    struct session session = { 0 };
    enum result result = session_zone(&session, cli, settings);
    session_done(&session);
    TRY(result);
    return dname_equal(&application->pool, &settings->apex)
               ? RESULT_OK
               : diag_fail(
                     &cli->diag, RESULT_REFUSED, "the application is for %.200s, this is %.200s",
                     dname_text(&application->pool, theirs), dname_text(&settings->apex, ours));
}

/* Everything that can be checked before the member is added. */
static enum result check(struct cli *cli, const struct application *application,
                         struct settings *settings, struct trial_result *trial)
{
    struct member copy = application->member;
    TRY(check_pool(cli, application, settings));
    TRY(memberadd(cli, &copy, true, settings));
    const struct trial_plan plan = { .member = &application->member,
                                     .apex = &settings->apex,
                                     .consent = consent_is_needed(&application->member, settings) };
    return trial_run(trial, &plan, cli);
}

/* A name may have characters that turn a line around, or that nobody sees. */
static void show(const struct application *application)
{
    char *text = NULL, *rest = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    CHECK(out != NULL);
    application_write(out, application);
    CHECK(fclose(out) == 0);
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        size_t room = 4 * strlen(line) + 1;
        char *safe = xmalloc(room);
        puts(output_escape(safe, room, line));
        free(safe);
    }
    free(text);
}

/* Shows what would be added, and asks. */
static bool is_wanted(struct cli *cli, const struct application *application,
                      const struct trial_result *trial)
{
    if (!cli->json) {
        show(application);
        trial_print(stdout, trial);
    }
    cli_show(cli);
    return confirm_that(cli, "This registers the member");
}

int cmd_member_admit(struct cli *cli, int, char **argv)
{
    struct application application;
    struct settings settings;
    struct trial_result trial;
    enum result result = read_application(cli, argv[0], &application);
    if (result == RESULT_OK) {
        result = check(cli, &application, &settings, &trial);
    }
    if (result == RESULT_OK && !is_wanted(cli, &application, &trial)) {
        result = diag_fail(&cli->diag, RESULT_REFUSED, "nothing was changed");
    }
    if (result == RESULT_OK) {
        result = memberadd(cli, &application.member, false, &settings);
    }
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    memberadd_tell(cli, &application.member, &settings,
                   json_pack("{s:o}", "probe", trial_json(&trial)));
    return CLI_DONE;
}
