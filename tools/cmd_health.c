/* health release, forget. */
#include <stdio.h>

#include "tools/commands.h"
#include "tools/output.h"
#include "tools/session.h"
#include "zone/verdicts/health.h"

static enum result commit(struct session *session, struct cli *cli)
{
    struct store_txn *txn = session->txn[STORE_HEALTH];
    session->txn[STORE_HEALTH] = NULL;
    return store_commit(txn, &cli->diag);
}

/* -- release, forget -- */

/* The release is written to both stores, to the registry first: the probe learns of it from there
 * by the feed, readers of verdicts from state/health. */
static enum result release_in_registry(struct session *session, const struct vantages *vantages,
                                       uint64_t now, unsigned *released)
{
    struct vantage_key key;
    for (unsigned i = 0; i < vantages->count; i++) {
        if (!vantage_is_frozen(&vantages->list[i])) {
            continue;
        }
        (*released)++;
        if (registry_vantage(session->txn[STORE_REGISTRY], vantages->list[i].name, &key) ==
            RESULT_OK) {
            key.released_at = now;
            TRY(registry_put_vantage(&session->change, &key));
        }
    }
    return RESULT_OK;
}

static enum result release_in_health(struct session *session, struct cli *cli,
                                     const struct vantages *vantages, uint64_t now)
{
    struct vantage vantage;
    TRY(session_write(session, cli, STORE_HEALTH));
    for (unsigned i = 0; i < vantages->count; i++) {
        if (vantage_is_frozen(&vantages->list[i]) &&
            vantage_get(session->txn[STORE_HEALTH], vantages->list[i].name, &vantage) ==
                RESULT_OK) {
            vantage.released_at = now;
            TRY(vantage_put(session->txn[STORE_HEALTH], &vantage, &cli->diag));
        }
    }
    return commit(session, cli);
}

static enum result release_all(struct session *session, struct cli *cli, unsigned *released)
{
    struct vantages vantages;
    uint64_t now = session_now();
    TRY(session_write(session, cli, STORE_REGISTRY));
    TRY(session_read(session, cli, STORE_HEALTH));
    TRY(vantages_read(&vantages, session->txn[STORE_HEALTH], 0, now));
    session_end(session, STORE_HEALTH);
    TRY(release_in_registry(session, &vantages, now, released));
    if (*released == 0) {
        return diag_fail(&cli->diag, RESULT_REFUSED,
                         "no vantage point holds removals back: there is nothing to release");
    }
    TRY(session_commit(session, cli));
    return release_in_health(session, cli, &vantages, now);
}

int cmd_health_release(struct cli *cli, int, char **)
{
    struct session session = { 0 };
    unsigned released = 0;
    enum result result = release_all(&session, cli, &released);
    session_done(&session);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_print(json_pack("{s:i}", "released", (int)released));
    } else {
        puts("Members that fell at once are taken out now.");
    }
    return CLI_DONE;
}

/* Forgets all results. A vantage point that the registry names keeps its row, since it may report
 * again. */
static enum result forget(struct session *session, struct cli *cli, const char *name)
{
    struct vantage_key key;
    TRY(session_read(session, cli, STORE_REGISTRY));
    TRY(session_write(session, cli, STORE_HEALTH));
    if (!vantage_name_fine(name)) {
        return RESULT_NOT_FOUND;
    }
    bool named = registry_vantage(session->txn[STORE_REGISTRY], name, &key) == RESULT_OK;
    return health_forget_vantage(session->txn[STORE_HEALTH], name, named, &cli->diag);
}

int cmd_health_forget(struct cli *cli, int, char **argv)
{
    struct session session = { 0 };
    enum result result = forget(&session, cli, argv[0]);
    if (result == RESULT_NOT_FOUND) {
        result =
            diag_fail(&cli->diag, result,
                      "there is no vantage point \"%.40s\": `ntspool status` lists them", argv[0]);
    }
    result = result == RESULT_OK ? commit(&session, cli) : result;
    session_done(&session);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    auditnote_append(cli, true);
    if (cli->json) {
        json_print(json_pack("{s:s}", "forgotten", argv[0]));
    } else {
        printf("The results of %s are forgotten. If its probe still runs, it will report again.\n",
               argv[0]);
    }
    return CLI_DONE;
}
