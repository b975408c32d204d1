#include "tools/fleetdoubts.h"

#include <stdio.h>

#include "tools/fleet/agree.h"
#include "tools/output.h"
#include "tools/session.h"

void fleetdoubts_read(struct fleetdoubts *out, struct store_txn *registry)
{
    *out = (struct fleetdoubts){ .outcomes = { FLEETDOUBTS_OPEN } };
    registry_doubts(registry, &out->doubts);
}

static enum fleetdoubts_outcome find(struct etcd *etcd, const struct membership *membership,
                                     const struct ledgerhead *head)
{
    struct ledgerhead_position at;
    switch (agree_find(etcd, membership, head, &at, NULL)) {
    case RESULT_OK:
        return FLEETDOUBTS_MADE;
    case RESULT_NOT_FOUND:
        return FLEETDOUBTS_NOT_MADE;
    case RESULT_EXHAUSTED:
        return FLEETDOUBTS_LOST;
    default:
        return FLEETDOUBTS_OPEN;
    }
}

void fleetdoubts_settle(struct fleetdoubts *doubts, struct etcd *etcd,
                        const struct membership *membership)
{
    for (unsigned i = 0; i < doubts->doubts.count; i++) {
        doubts->outcomes[i] = find(etcd, membership, &doubts->doubts.list[i].head);
    }
}

void fleetdoubts_place(struct fleetdoubts *doubts, const struct ledgerhead *head)
{
    for (unsigned i = 0; i < doubts->doubts.count; i++) {
        const struct ledgerhead *other = &doubts->doubts.list[i].head;
        if (doubts->outcomes[i] == FLEETDOUBTS_OPEN && other->epoch == head->epoch &&
            other->seq == head->seq) {
            doubts->outcomes[i] = FLEETDOUBTS_NOT_MADE;
        }
    }
}

void fleetdoubts_add(struct fleetdoubts *doubts, const struct ledgerhead *head,
                     const struct cli *cli)
{
    char words[DOUBT_COMMAND_ROOM], command[2 * DOUBT_COMMAND_ROOM];
    (void)snprintf(command, sizeof command, "%s %s", cli->command->name,
                   cli_words(cli, words, sizeof words));
    registry_doubts_add(&doubts->fresh, head, command);
}

const char *fleetdoubts_text(enum fleetdoubts_outcome outcome)
{
    static const char *const texts[] = {
        [FLEETDOUBTS_OPEN] = "is still in doubt",
        [FLEETDOUBTS_MADE] = "was made",
        [FLEETDOUBTS_NOT_MADE] = "was not made",
        [FLEETDOUBTS_LOST] = "is too long ago for the engine to know whether it was made",
    };
    return texts[outcome];
}

void fleetdoubts_tell(const struct fleetdoubts *doubts)
{
    for (unsigned i = 0; i < doubts->doubts.count; i++) {
        const struct doubt *doubt = &doubts->doubts.list[i];
        char at[OUTPUT_TIME_ROOM], safe[2 * DOUBT_COMMAND_ROOM];
        if (doubts->outcomes[i] != FLEETDOUBTS_OPEN) {
            (void)fprintf(stderr, "ntspool: the change in doubt (%s, at %s) %s\n",
                          output_escape(safe, sizeof safe, doubt->command),
                          output_time(doubt->head.at, at), fleetdoubts_text(doubts->outcomes[i]));
        }
    }
}

static void drop(struct doubts *doubts, const struct ledgerhead *head)
{
    for (unsigned i = doubts->count; i-- > 0;) {
        if (memcmp(doubts->list[i].head.change, head->change, sizeof head->change) == 0) {
            registry_doubts_drop(doubts, i);
        }
    }
}

/* Another command may have written meanwhile. */
static enum result write_left(const struct fleetdoubts *doubts, struct store_txn *txn,
                              struct diag *diag)
{
    struct registry_change change;
    struct doubts left;
    registry_doubts(txn, &left);
    for (unsigned i = 0; i < doubts->doubts.count; i++) {
        if (doubts->outcomes[i] != FLEETDOUBTS_OPEN) {
            drop(&left, &doubts->doubts.list[i].head);
        }
    }
    for (unsigned i = 0; i < doubts->fresh.count; i++) {
        registry_doubts_add(&left, &doubts->fresh.list[i].head, doubts->fresh.list[i].command);
    }
    registry_begin(&change, txn, session_now(), diag);
    enum result result = registry_put_doubts(&change, &left);
    if (result != RESULT_OK) {
        store_abort(txn);
        return result;
    }
    return registry_commit_beside(&change);
}

enum result fleetdoubts_write(const struct fleetdoubts *doubts, struct store *registry,
                              struct diag *diag)
{
    struct store_txn *txn = NULL;
    bool is_new = doubts->fresh.count > 0;
    for (unsigned i = 0; i < doubts->doubts.count; i++) {
        is_new = is_new || doubts->outcomes[i] != FLEETDOUBTS_OPEN;
    }
    if (!is_new) {
        return RESULT_OK;
    }
    TRY(store_write(registry, &txn, diag));
    return write_left(doubts, txn, diag);
}
