#include "zone/base/preflight.h"

void preflight_problem(struct preflight *preflight, const char *text)
{
    preflight->problems++;
    preflight->log(LOG_ERR, NULL, text);
}

void preflight_warning(struct preflight *preflight, const char *text)
{
    preflight->warnings++;
    log_say(preflight->log, LOG_WARNING, "warning: %s", text);
}

void preflight_judge(struct preflight *preflight, enum result result, const struct diag *diag)
{
    if (result != RESULT_OK) {
        preflight_problem(preflight, diag->text);
    }
}

bool preflight_done(const struct preflight *preflight)
{
    bool good = preflight->problems == 0;
    log_say(preflight->log, good ? LOG_INFO : LOG_ERR, "checked: problems %u, warnings %u",
            preflight->problems, preflight->warnings);
    return good;
}
