#include "tools/leader.h"

#include <string.h>

#include <sodium.h>

#include "dnssec/rollover/key_timeline.h"
#include "tools/fleet/membership.h"

#define SPLIT "`ntspool key roll split` makes two of it"

enum result leader_is_another(struct session *session, struct cli *cli, bool *out)
{
    struct key_timeline timeline;
    TRY(session_read(session, cli, STORE_KEYS));
    TRY(key_timeline_read(&timeline, session->txn[STORE_KEYS], &cli->diag));
    *out = timeline.memory.follows;
    return RESULT_OK;
}

/* Who leads the keys, as this machine knows it. */
struct key_standing {
    bool in_fleet, follows;
    enum machine_role role;   /* of this machine */
    char other[MACHINE_ROOM]; /* the machine that the fleet has named, unless it is this one; "" */
};

static enum result read_membership(struct key_standing *out, char name[MACHINE_ROOM],
                                   struct cli *cli)
{
    struct membership membership;
    enum result result = membership_read(&membership, cli->state_dir, &cli->diag);
    if (result != RESULT_OK) {
        return result == RESULT_MISSING ? RESULT_OK : result;
    }
    out->in_fleet = true;
    out->role = membership.role;
    memcpy(name, membership.name, sizeof membership.name);
    sodium_memzero(&membership, sizeof membership);
    return RESULT_OK;
}

static enum result read_stores(struct key_standing *out, const char *name, struct session *session,
                               struct cli *cli)
{
    struct machine machine;
    TRY(leader_is_another(session, cli, &out->follows));
    if (!out->in_fleet) {
        return RESULT_OK;
    }
    TRY(session_read(session, cli, STORE_REGISTRY));
    struct store_txn *registry = session->txn[STORE_REGISTRY];
    if (registry_key_leader(registry, out->other) != RESULT_OK || strcmp(out->other, name) == 0 ||
        registry_machine(registry, out->other, &machine) != RESULT_OK || machine.evicted_at != 0) {
        out->other[0] = '\0';
    }
    return RESULT_OK;
}

static enum result read_standing(struct key_standing *out, struct cli *cli)
{
    struct session session = { 0 };
    char name[MACHINE_ROOM] = "";
    *out = (struct key_standing){ .in_fleet = false };
    TRY(read_membership(out, name, cli));
    enum result result = read_stores(out, name, &session, cli);
    session_done(&session);
    return result;
}

static enum result refuse_superseded(const struct key_standing *standing, struct cli *cli)
{
    return diag_fail(&cli->diag, RESULT_REFUSED,
                     "%s leads the keys of the fleet, and those here take no step: do it there, or "
                     "bring its keys here (`ntspool key export --to` there, `ntspool key import "
                     "--package --from --replace` here) and then `ntspool key lead`",
                     standing->other);
}

enum result leader_check_keys(struct cli *cli)
{
    struct key_standing standing;
    TRY(read_standing(&standing, cli));
    bool named = standing.other[0] != '\0';
    if (!standing.in_fleet || (!standing.follows && !named)) {
        return RESULT_OK;
    }
    if (!standing.follows) {
        return refuse_superseded(&standing, cli);
    }
    return diag_fail(&cli->diag, RESULT_REFUSED, "%s%s: do it there%s",
                     named ? standing.other : "the keys come from another machine",
                     named ? " leads the keys of the fleet" : "",
                     standing.role == MACHINE_ADMIN ? ", or take over by `ntspool key lead`" : "");
}

enum result leader_check_lead(struct cli *cli)
{
    struct key_standing standing;
    TRY(read_standing(&standing, cli));
    bool named = standing.other[0] != '\0';
    if (standing.in_fleet && standing.role != MACHINE_ADMIN) {
        return diag_fail(&cli->diag, RESULT_REFUSED,
                         "only an admin can lead the keys of a fleet, and this machine is none%s%s",
                         named ? "; now they are led by " : "", standing.other);
    }
    return named && !standing.follows ? refuse_superseded(&standing, cli) : RESULT_OK;
}

enum result leader_check_split(struct cli *cli)
{
    struct session session = { 0 };
    struct key_timeline timeline = { .remembered = false };
    enum result result = session_read(&session, cli, STORE_KEYS);
    if (result == RESULT_OK) {
        result = key_timeline_read(&timeline, session.txn[STORE_KEYS], &cli->diag);
    }
    session_done(&session);
    for (size_t i = 0; i < timeline.keys.count && result == RESULT_OK; i++) {
        if (timeline.keys.list[i].role == KEY_CSK) {
            result = diag_fail(&cli->diag, RESULT_REFUSED,
                               "the zone has one key for both roles, which no other machine may "
                               "have, so none could sign: " SPLIT ", and when the old one is gone "
                               "(`ntspool key list`) the fleet can begin");
        }
    }
    return result;
}

enum result leader_check_alone(struct cli *cli)
{
    struct key_standing standing = { .in_fleet = false };
    char name[MACHINE_ROOM] = "";
    TRY(read_membership(&standing, name, cli));
    return !standing.in_fleet
               ? RESULT_OK
               : diag_fail(&cli->diag, RESULT_REFUSED,
                           "in a fleet the zone needs a KSK and a ZSK: one key for both roles is "
                           "for a machine alone, since no other one may have it");
}
