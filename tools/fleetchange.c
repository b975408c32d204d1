#include "tools/fleetchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "tools/fleet/agree.h"
#include "tools/fleet/follow.h"
#include "tools/fleetdoubts.h"
#include "tools/infile.h"
#include "tools/output.h"
#include "tools/session.h"

struct fleetchange {
    struct membership membership;
    struct registry_fleet noted;
    struct ledgerhead before;
    struct etcd *etcd;
    struct taking_change change;
    struct fleetdoubts doubts; /* of earlier changes */
};

void fleetchange_free(struct fleetchange *fleet)
{
    if (fleet != NULL) {
        registry_fleet_free(&fleet->noted);
        taking_free(&fleet->change);
        if (fleet->etcd != NULL) {
            etcd_free(fleet->etcd);
        }
        sodium_memzero(fleet, sizeof *fleet);
        free(fleet);
    }
}

/* The engine takes the change of an admin whose eviction has not reached it yet. No machine does
 * then, and all would be stuck. */
static bool is_admin(const struct membership *membership, struct store_txn *registry)
{
    const uint8_t *key = membership->secret + LEDGERHEAD_SECRET - LEDGERHEAD_KEY;
    struct machine self;
    return registry_machine(registry, membership->name, &self) == RESULT_OK &&
           self.role == MACHINE_ADMIN && self.evicted_at == 0 &&
           memcmp(self.key, key, sizeof self.key) == 0;
}

/* True in `*in` if this machine's changes are the fleet's. */
static enum result look(struct fleetchange *fleet, struct cli *cli, struct store_txn *registry,
                        bool *in)
{
    struct ledgerhead_position position;
    enum result member = membership_read(&fleet->membership, cli->state_dir, &cli->diag);
    enum result placed = registry_position(registry, &position);
    if (placed != RESULT_OK && placed != RESULT_NOT_FOUND) {
        return diag_fail(&cli->diag, placed, "the position of this machine in its fleet is %s",
                         placed == RESULT_NEWER ? "of a newer ntspool" : "damaged");
    }
    *in = placed == RESULT_OK;
    if (member == RESULT_MISSING) {
        cli->diag.text[0] = 0;
        return *in ? diag_fail(&cli->diag, RESULT_REFUSED,
                               "this registry is a copy of a fleet's, which this machine is not "
                               "of: `ntspool fleet join`, or `ntspool fleet leave` to make it a "
                               "pool of its own")
                   : RESULT_OK;
    }
    TRY(member);
    if (fleet->membership.role != MACHINE_ADMIN) {
        return diag_fail(&cli->diag, RESULT_REFUSED,
                         "this machine is %s of its fleet, and changes nothing of the pool: run "
                         "the command on an admin",
                         fleet->membership.role == MACHINE_EDGE ? "an edge" : "a vantage point");
    }
    if (*in && !is_admin(&fleet->membership, registry)) {
        return diag_fail(&cli->diag, RESULT_REFUSED,
                         "this machine is no admin of its fleet any more: it was evicted, and "
                         "nobody would take its changes");
    }
    fleet->before = *in ? position.head : fleet->before;
    fleetdoubts_read(&fleet->doubts, registry);
    return RESULT_OK;
}

enum result fleetchange_begin(struct fleetchange **out, struct cli *cli, struct store_txn *registry)
{
    struct fleetchange *fleet = xcalloc(1, sizeof *fleet);
    bool in = false;
    enum result result = look(fleet, cli, registry, &in);
    if (result != RESULT_OK || !in) {
        fleetchange_free(fleet);
        return result;
    }
    fleetchange_free(*out);
    registry_fleet_note(&fleet->noted, registry);
    *out = fleet;
    return RESULT_OK;
}

/* The rows and the next head; then gives the transaction up. */
static enum result collect(struct fleetchange *fleet, struct session *session)
{
    struct registry_change *change = &session->change;
    struct rowset *rows = &fleet->change.rows;
    struct ledgerrow_digest root;
    enum result result = registry_fleet_collect(&fleet->noted, change, rowset_visit, rows);
    if (result == RESULT_OK) {
        result = agree_check(rows, change->diag);
    }
    if (result == RESULT_OK) {
        result = registry_ledger_note(change, rows->list, rows->count);
    }
    if (result == RESULT_OK) {
        result = registry_ledger_root(change->txn, &root);
    }
    if (result == RESULT_OK) {
        agree_head(&fleet->change.after.head, &fleet->membership, &fleet->before, &root,
                   session_now());
    }
    store_abort(change->txn);
    session->txn[STORE_REGISTRY] = NULL;
    return result;
}

static enum result ask(struct fleetchange *fleet, struct cli *cli)
{
    const struct etcd_config config = membership_engine(&fleet->membership);
    TRY(etcd_new(&fleet->etcd, &config, &cli->diag));
    fleetdoubts_settle(&fleet->doubts, fleet->etcd, &fleet->membership);
    return agree(fleet->etcd, &fleet->membership, &fleet->before, &fleet->change, &cli->diag);
}

/* Takes the change and ends its doubt, with the audit entries of the command, which are this
 * machine's own. */
static enum result take(struct fleetchange *fleet, struct session *session, struct cli *cli)
{
    struct store_txn *txn = NULL;
    struct registry_change change;
    TRY(store_write(session->store[STORE_REGISTRY], &txn, &cli->diag));
    registry_begin(&change, txn, session_now(), &cli->diag);
    enum result result = taking_next(&change, &fleet->membership, &fleet->change);
    bool faster = result == RESULT_EXISTS; /* than this is ntspool-feedd */
    if (result == RESULT_OK || faster) {
        result = auditnote_write(&session->notes, cli, txn);
    }
    if (result == RESULT_OK) {
        result = fleetdoubts_write(&fleet->doubts, &change);
    }
    if (result == RESULT_OK && faster) {
        return registry_commit_beside(&change);
    }
    if (result != RESULT_OK) {
        store_abort(txn);
        return result;
    }
    return store_commit(txn, &cli->diag);
}

/* Another change was first: takes it, so that the command can be called once more. */
static enum result go_again(struct fleetchange *fleet, struct session *session, struct cli *cli)
{
    const struct diag why = cli->diag;
    TRY(follow_catch_up(fleet->etcd, &fleet->membership, session->store[STORE_REGISTRY],
                        FLEETCHANGE_CATCH_UP_MS, &cli->diag));
    cli->again = !cli->agreed && !infile_has_read_stdin() && cli->tries < FLEETCHANGE_TRIES;
    return diag_fail(&cli->diag, RESULT_STALE, "%s: repeat the command", why.text);
}

/* What the engine has said of this change and of earlier ones. If it is made, taking it ends its
 * doubt. */
static void end_doubts(struct fleetchange *fleet, const struct session *session, enum result result)
{
    struct diag why = { "" };
    fleetdoubts_end(&fleet->doubts, result);
    fleetdoubts_tell(&fleet->doubts);
    if (result != RESULT_OK &&
        fleetdoubts_save(&fleet->doubts, session->store[STORE_REGISTRY], &why) != RESULT_OK) {
        (void)fprintf(stderr, "ntspool: what is in doubt can't be noted: %s\n", why.text);
    }
}

static enum result explain(struct cli *cli, enum result result)
{
    const struct diag why = cli->diag;
    if (result == RESULT_UNCERTAIN) {
        return diag_fail(&cli->diag, result,
                         "%s: `ntspool fleet status` or the next change says it when the engine "
                         "answers",
                         why.text);
    }
    if (result == RESULT_FULL) {
        return diag_fail(&cli->diag, result,
                         "nothing was changed: the engine is full (a machine in foreign hands can "
                         "fill it: `ntspool fleet evict` makes room, ntspool-fleet(7))");
    }
    return diag_fail(&cli->diag, result, "nothing was changed: %s",
                     why.text[0] != 0 ? why.text : result_text(result));
}

enum result fleetchange_commit(struct session *session, struct cli *cli)
{
    struct fleetchange *fleet = session->fleet;
    enum result result = collect(fleet, session);
    if (result == RESULT_OK) {
        result = fleetdoubts_begin(&fleet->doubts, &fleet->change.after.head, cli,
                                   session->store[STORE_REGISTRY], &cli->diag);
    }
    if (result == RESULT_OK) {
        result = ask(fleet, cli);
        end_doubts(fleet, session, result);
    }
    if (result == RESULT_STALE) {
        result = go_again(fleet, session, cli);
    }
    if (result != RESULT_OK) {
        return explain(cli, result);
    }
    cli->agreed = true;
    cli->agreed_epoch = fleet->change.after.head.epoch;
    cli->agreed_seq = fleet->change.after.head.seq;
    result = take(fleet, session, cli);
    if (result != RESULT_OK) { /* the feed takes it later */
        char safe[2 * sizeof cli->diag.text];
        (void)fprintf(stderr, "ntspool: the fleet has the change, but this machine not yet: %s\n",
                      cli->diag.text[0] != 0 ? output_escape(safe, sizeof safe, cli->diag.text)
                                             : result_text(result));
    }
    return RESULT_OK;
}
