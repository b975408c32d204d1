#include "tools/session.h"

#include "tools/output.h"
#include "zone/clock.h"

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
    enum result result = auditnote_write(&session->notes, cli, txn);
    if (result != RESULT_OK) {
        store_abort(txn);
        return diag_fail(&cli->diag, result, "the audit trail can't be written: %s",
                         result_text(result));
    }
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
    auditnote_done(&session->notes);
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

enum result session_member(struct session *session, struct cli *cli, const char *label,
                           struct member *out)
{
    struct store_txn *txn = session->txn[STORE_REGISTRY];
    struct tombstone tombstone;
    char until[OUTPUT_TIME_ROOM];
    enum result result = registry_member(txn, label, out);
    if (result != RESULT_NOT_FOUND) {
        return result;
    }
    if (registry_tombstone(txn, label, &tombstone) == RESULT_OK) {
        return diag_fail(
            &cli->diag, result, "%s was removed; the name is in quarantine until %s%s%s%s", label,
            output_time(tombstone.quarantined_until, until),
            tombstone.kept ? ", and `ntspool member restore " : "", tombstone.kept ? label : "",
            tombstone.kept ? "` brings the member back" : "");
    }
    return diag_fail(&cli->diag, result, "there is no member %s: `ntspool member list` lists them",
                     label);
}

uint64_t session_now(void)
{
    return clock_now();
}
