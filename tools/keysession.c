#include "tools/keysession.h"

#include <stdio.h>

#include "dnssec/keys/key.h"

enum result keysession_settings(struct keysession *keys, struct cli *cli)
{
    key_guard_memory();
    enum result result = session_zone(&keys->session, cli, &keys->settings);
    session_done(&keys->session);
    return result;
}

enum result keysession_open(struct keysession *keys, struct cli *cli, bool writing)
{
    TRY(seal_open(&keys->seal, cli->state_dir, cli->config->seal_key, &cli->diag));
    return writing ? session_write(&keys->session, cli, STORE_KEYS)
                   : session_read(&keys->session, cli, STORE_KEYS);
}

enum result keysession_begin(struct keysession *keys, struct cli *cli, bool writing)
{
    TRY(keysession_settings(keys, cli));
    return keysession_open(keys, cli, writing);
}

enum result keysession_commit(struct keysession *keys, struct cli *cli)
{
    struct store_txn *txn = keys->session.txn[STORE_KEYS];
    keys->session.txn[STORE_KEYS] = NULL;
    bool changed = store_changed(txn);
    TRY(store_commit(txn, &cli->diag));
    keys->committed = changed;
    return RESULT_OK;
}

int keysession_end(struct keysession *keys, struct cli *cli, enum result result, const char *done)
{
    session_done(&keys->session);
    seal_free(keys->seal);
    if (keys->committed) {
        auditnote_append(cli, !keys->secret_arguments);
    }
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (done != NULL) {
        puts(done);
    }
    return CLI_DONE;
}
