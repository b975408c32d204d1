#include "tools/memberpending.h"

#include <string.h>

#include "zone/verdicts/departure.h"

static bool is_limited(const struct cli *cli, const struct member *member)
{
    return member->operator_name[0] != 0 && !cli_flag(cli, "force");
}

void memberpending_begin(struct session *session, struct cli *cli, const struct member *member)
{
    struct cli quiet = { .state_dir = cli->state_dir };
    if (is_limited(cli, member)) {
        (void)session_read(session, &quiet, STORE_HEALTH);
    }
}

struct counting {
    struct store_txn *health;
    struct vantages vantages;
    const char *operator_name;
    uint32_t pending;
};

static enum result count_pending(const struct member *member, void *arg)
{
    struct counting *counting = arg;
    bool pending = false;
    if (strcmp(member->operator_name, counting->operator_name) == 0) {
        TRY(departure_is_pending(&pending, member, counting->health, &counting->vantages));
    }
    counting->pending += pending;
    return RESULT_OK;
}

enum result memberpending_check(struct session *session, struct cli *cli,
                                const struct member *member, const struct settings *settings)
{
    struct counting counting = { .health = session->txn[STORE_HEALTH],
                                 .operator_name = member->operator_name };
    uint32_t most = settings->operator_pending;
    if (!is_limited(cli, member) || most == 0 || counting.health == NULL) {
        return RESULT_OK;
    }
    bool read = vantages_read(&counting.vantages, counting.health, settings->verdict_fresh_s,
                              session_now()) == RESULT_OK &&
                registry_each(session->txn[STORE_REGISTRY], count_pending, &counting) == RESULT_OK;
    return !read || counting.pending < most
               ? RESULT_OK
               : diag_fail(&cli->diag, RESULT_REFUSED,
                           "%u members of %s wait for their first certificate, and "
                           "operator-pending allows no more; --force adds it all the same",
                           counting.pending, member->operator_name);
}
