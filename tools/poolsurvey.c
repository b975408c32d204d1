#include "tools/poolsurvey.h"

#include <stdlib.h>

#include "tools/session.h"

void poolsurvey_read(struct survey *out, struct cli *cli)
{
    struct survey_source *source = xcalloc(1, sizeof *source);
    struct overview_source *pool = &source->pool;
    struct session session = { 0 };
    struct seal *seal = NULL;
    struct diag diag = { "" };
    pool->state_dir = cli->state_dir;
    pool->now = session_now();
    runview_read(&pool->run, cli->state_dir);
    for (unsigned kind = 0; kind < STORE_KINDS; kind++) {
        struct storeview_source *store = &pool->stores[kind];
        if (kind == STORE_FLEET && !store_is_in(cli->state_dir, STORE_FLEET)) {
            continue;
        }
        if (session_read(&session, cli, (enum store_kind)kind) == RESULT_OK) {
            store->store = session.store[kind];
            store->txn = session.txn[kind];
        } else {
            store->error = cli->diag;
            cli->diag.text[0] = 0;
        }
    }
    enum result result = seal_open(&seal, cli->state_dir, cli->config->seal_key, &diag);
    /* This user may not read it, or a running server has it as a credential. */
    bool elsewhere =
        result == RESULT_SYSTEM || (result == RESULT_MISSING && pool->run.server.running);
    source->seal = seal;
    source->unsealable = result == RESULT_OK || elsewhere ? NULL : diag.text;
    survey_read(out, source);
    seal_free(seal);
    session_done(&session);
    free(source);
}
