#include "tools/newstate.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "dnssec/keys/cookie_secrets.h"
#include "dnssec/rollover/key_timeline.h"

enum {
    STATE_MODE = 0755
};

static enum result make_store(struct cli *cli, enum store_kind kind)
{
    enum result result = store_create(cli->state_dir, kind, &cli->diag);
    return result == RESULT_EXISTS ? RESULT_OK : result;
}

enum result newstate_make(struct cli *cli, bool answers)
{
    if (mkdir(cli->state_dir, STATE_MODE) != 0 && errno != EEXIST) {
        return diag_fail(&cli->diag, RESULT_SYSTEM, "can't make the directory %s: %s",
                         cli->state_dir, strerror(errno));
    }
    TRY(make_store(cli, STORE_HEALTH));
    TRY(make_store(cli, STORE_HISTORY));
    TRY(make_store(cli, STORE_TRAFFIC));
    if (answers) {
        TRY(make_store(cli, STORE_KEYS));
    }
    TRY(make_store(cli, STORE_REGISTRY));
    enum result result =
        answers ? seal_create(cli->state_dir, cli->config->seal_key, &cli->diag) : RESULT_OK;
    return result == RESULT_EXISTS ? RESULT_OK : result;
}

enum result newstate_cookie_secret(struct store_txn *keys, const struct seal *seal,
                                   struct diag *diag)
{
    struct cookie_secrets secrets = { .present = true, .changed_at = session_now() };
    TRY(cookie_secret_parse(secrets.current, "random", diag));
    return cookie_secrets_put(keys, seal, &secrets, diag);
}

static enum result follow(struct keysession *keys, struct cli *cli)
{
    struct key_timeline timeline;
    TRY(keysession_open(keys, cli, true));
    struct store_txn *txn = keys->session.txn[STORE_KEYS];
    TRY(key_timeline_read(&timeline, txn, &cli->diag));
    if (timeline.remembered || store_count(txn, TABLE_KEYS) > 0) {
        return RESULT_OK;
    }
    TRY(key_timeline_init_follower(txn, &cli->diag));
    TRY(newstate_cookie_secret(txn, keys->seal, &cli->diag));
    return keysession_commit(keys, cli);
}

enum result newstate_follow(struct cli *cli)
{
    struct keysession keys = { .seal = NULL };
    enum result result = follow(&keys, cli);
    session_done(&keys.session);
    seal_free(keys.seal);
    return result;
}
