#include "tools/session.h"

#include <time.h>

enum result session_read(struct session *session, struct cli *cli, enum store_kind kind)
{
    enum result result = store_open(&session->store[kind], cli->state_dir, kind, false, &cli->diag);
    if (result == RESULT_OK) {
        result = store_read(session->store[kind], &session->txn[kind], &cli->diag);
    }
    return result;
}

enum result session_write(struct session *session, struct cli *cli, enum store_kind kind)
{
    enum result result = store_open(&session->store[kind], cli->state_dir, kind, true, &cli->diag);
    if (result == RESULT_OK) {
        result = store_write(session->store[kind], &session->txn[kind], &cli->diag);
    }
    return result;
}

enum result session_commit(struct session *session, struct cli *cli)
{
    struct store_txn *txn = session->txn[STORE_REGISTRY];
    session->txn[STORE_REGISTRY] = NULL;
    return registry_commit(txn, session_now(), &cli->diag);
}

void session_done(struct session *session)
{
    for (size_t kind = 0; kind < STORE_KINDS; kind++) {
        if (session->txn[kind] != NULL) {
            store_abort(session->txn[kind]);
        }
        if (session->store[kind] != NULL) {
            store_close(session->store[kind]);
        }
    }
    *session = (struct session){ 0 };
}

enum result session_zone(struct session *session, struct cli *cli, struct settings *settings)
{
    enum result result = session_read(session, cli, STORE_REGISTRY);
    if (result == RESULT_OK) {
        result = registry_settings(session->txn[STORE_REGISTRY], settings, &cli->diag);
    }
    return result;
}

uint64_t session_now(void)
{
    return (uint64_t)time(NULL);
}
