#include "zone/base/preflight.h"

void preflight_problem(struct preflight *preflight, const char *text)
{
    preflight->problems++;
    preflight->log(LOG_ERR, text);
}

void preflight_warning(struct preflight *preflight, const char *text)
{
    struct diag line;
    preflight->warnings++;
    (void)diag_fail(&line, RESULT_OK, "warning: %s", text);
    preflight->log(LOG_WARNING, line.text);
}

void preflight_judge(struct preflight *preflight, enum result result, const struct diag *diag)
{
    if (result != RESULT_OK) {
        preflight_problem(preflight, diag->text);
    }
}

bool preflight_done(const struct preflight *preflight)
{
    struct diag line;
    bool good = preflight->problems == 0;
    (void)diag_fail(&line, RESULT_OK, "checked: problems %u, warnings %u", preflight->problems,
                    preflight->warnings);
    preflight->log(good ? LOG_INFO : LOG_ERR, line.text);
    return good;
}
