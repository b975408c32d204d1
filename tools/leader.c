#include "tools/leader.h"

#include "dnssec/rollover/key_timeline.h"

enum result leader_is_another(struct session *session, struct cli *cli, bool *out)
{
    struct key_timeline timeline;
    TRY(session_read(session, cli, STORE_KEYS));
    TRY(key_timeline_read(&timeline, session->txn[STORE_KEYS], &cli->diag));
    *out = timeline.memory.follows;
    return RESULT_OK;
}
