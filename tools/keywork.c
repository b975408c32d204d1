#include "tools/keywork.h"

#include <stdio.h>

#include "dnssec/keys/key.h"

enum result keywork_zone(struct keywork *work, struct cli *cli)
{
    key_guard_memory();
    enum result result = session_zone(&work->session, cli, &work->settings);
    session_done(&work->session);
    return result;
}

enum result keywork_begin(struct keywork *work, struct cli *cli, bool writing)
{
    enum result result = keywork_zone(work, cli);
    if (result == RESULT_OK) {
        result = seal_open(&work->seal, cli->state_dir, cli->config->seal_key, &cli->diag);
    }
    if (result == RESULT_OK) {
        result = writing ? session_write(&work->session, cli, STORE_KEYS)
                         : session_read(&work->session, cli, STORE_KEYS);
    }
    return result;
}

enum result keywork_commit(struct keywork *work, struct cli *cli)
{
    struct store_txn *txn = work->session.txn[STORE_KEYS];
    work->session.txn[STORE_KEYS] = NULL;
    bool changed = store_changed(txn);
    enum result result = store_commit(txn, &cli->diag);
    work->committed = changed && result == RESULT_OK;
    return result;
}

int keywork_end(struct keywork *work, struct cli *cli, enum result result, const char *done)
{
    session_done(&work->session);
    seal_free(work->seal);
    if (work->committed) {
        auditnote_append(cli, true);
    }
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (done != NULL) {
        puts(done);
    }
    return CLI_DONE;
}
