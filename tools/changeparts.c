#include "tools/changeparts.h"

enum result changeparts_commit(struct cli *cli, changeparts_make *make, void *arg)
{
    enum result result = RESULT_STALE;
    for (unsigned i = 0; i < FLEETCHANGE_TRIES && result == RESULT_STALE; i++) {
        struct session session = { 0 };
        cli->diag.text[0] = '\0';
        result = session_write(&session, cli, STORE_REGISTRY);
        if (result == RESULT_OK) {
            result = make(&session, cli, arg);
        }
        if (result == RESULT_OK) {
            result = session_commit(&session, cli);
        }
        session_done(&session);
        cli->again = false; /* it was called again here */
    }
    return result;
}

bool changeparts_are_needed(const struct session *session, enum result result)
{
    return result == RESULT_TOO_LONG && session->fleet != NULL;
}
