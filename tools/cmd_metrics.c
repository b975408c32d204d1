/* metrics: the metrics of the pool as text, for the textfile collector of node_exporter. */
#include <stdlib.h>

#include "tools/commands.h"
#include "tools/membermetrics.h"
#include "tools/outfile.h"
#include "tools/poolsurvey.h"
#include "tools/session.h"
#include "tools/vantagestatus.h"
#include "zone/overview/poolmetrics.h"

enum {
    MEMBERS_MAX = 8000 /* with which the text stays under OPENMETRICS_MAX */
};

/* On a machine that only probes: what it knows. */
static enum result write_local(struct openmetrics *om, struct cli *cli, struct concerns *concerns)
{
    struct localview *view = xcalloc(1, sizeof *view);
    enum result result = localview_read(view, cli->state_dir, session_now(), concerns, &cli->diag);
    if (result == RESULT_OK) {
        poolmetrics_write_vantages(om, &view->vantages, &view->seen);
        poolmetrics_write_probes(om, &view->run);
        poolmetrics_write_fleet(om, &view->fleet);
        poolmetrics_write_warnings(om, concerns);
    }
    free(view);
    return result;
}

static enum result make(struct openmetrics *om, struct cli *cli)
{
    uint32_t most = 0;
    TRY(cli_number(cli, "members", 1, MEMBERS_MAX, &most));
    struct survey *survey = xcalloc(1, sizeof *survey);
    enum result result = RESULT_OK;
    if (vantagestatus_applies(cli)) {
        result = write_local(om, cli, &survey->concerns);
    } else {
        poolsurvey_read(survey, cli);
        survey_write(om, survey);
        result = most > 0 ? membermetrics_write(om, cli, most) : RESULT_OK;
    }
    free(survey);
    return result;
}

/* No store is open any more. */
static enum result write_file(const struct openmetrics *om, const char *path, struct diag *diag)
{
    struct outfile out;
    TRY(outfile_begin(&out, path, diag));
    bool good = fwrite(om->text, 1, om->len, out.file) == om->len;
    return outfile_end(&out, good, diag);
}

int cmd_metrics(struct cli *cli, int argc, char **argv)
{
    struct openmetrics om;
    openmetrics_init(&om, OPENMETRICS_PROMETHEUS);
    enum result result = make(&om, cli);
    if (result == RESULT_OK && !openmetrics_end(&om)) {
        result = diag_fail(&cli->diag, RESULT_TOO_LONG, "the metrics are too many");
    }
    if (result == RESULT_OK) {
        result = write_file(&om, argc > 0 ? argv[0] : NULL, &cli->diag);
    }
    openmetrics_done(&om);
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}
