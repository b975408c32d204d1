#include "tools/fleetdoubts.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/fleet/agree.h"
#include "tools/output.h"
#include "tools/session.h"

enum {
    ASKING_S = 60
};

/* True while the command may still ask. Its process is known by number, and only for as long as a
 * command may last: numbers are used again. */
static bool is_asking(const struct doubt *doubt)
{
    uint64_t now = session_now();
    return doubt->asked_by != 0 && doubt->head.at <= now && now - doubt->head.at < ASKING_S &&
           (kill((pid_t)doubt->asked_by, 0) == 0 || errno == EPERM);
}

void fleetdoubts_read(struct fleetdoubts *out, struct store_txn *registry)
{
    struct doubts *doubts = &out->doubts;
    *out = (struct fleetdoubts){ .outcomes = { FLEETDOUBTS_OPEN } };
    registry_doubts(registry, doubts);
    for (unsigned i = doubts->count; i-- > 0;) {
        if (is_asking(&doubts->list[i])) {
            registry_doubts_drop(doubts, i);
        }
    }
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
        if (doubts->outcomes[i] == FLEETDOUBTS_OPEN) {
            return; /* later ones want the same place, or the engine does not answer */
        }
    }
}

/* That place is taken. */
static void place(struct fleetdoubts *doubts, const struct ledgerhead *head)
{
    for (unsigned i = 0; i < doubts->doubts.count; i++) {
        const struct ledgerhead *other = &doubts->doubts.list[i].head;
        if (doubts->outcomes[i] == FLEETDOUBTS_OPEN && other->epoch == head->epoch &&
            other->seq == head->seq) {
            doubts->outcomes[i] = FLEETDOUBTS_NOT_MADE;
        }
    }
}

enum result fleetdoubts_begin(struct fleetdoubts *doubts, const struct ledgerhead *head,
                              const struct cli *cli, struct store *registry, struct diag *diag)
{
    struct store_txn *txn = NULL;
    struct registry_change change;
    struct doubts all;
    char words[DOUBT_COMMAND_ROOM], command[2 * DOUBT_COMMAND_ROOM];
    (void)snprintf(command, sizeof command, "%s %s", cli->command->name,
                   cli_words(cli, words, sizeof words));
    TRY(store_write(registry, &txn, diag));
    registry_begin(&change, txn, session_now(), diag);
    registry_doubts(txn, &all);
    registry_doubts_add(&all, head, (uint32_t)getpid(), command);
    enum result result = registry_put_doubts(&change, &all);
    if (result != RESULT_OK) {
        store_abort(txn);
        return result;
    }
    TRY(registry_commit_beside(&change));
    doubts->own = *head;
    return RESULT_OK;
}

void fleetdoubts_end(struct fleetdoubts *doubts, enum result agreed)
{
    doubts->own_outcome = agreed == RESULT_OK          ? FLEETDOUBTS_MADE
                          : agreed == RESULT_UNCERTAIN ? FLEETDOUBTS_OPEN
                                                       : FLEETDOUBTS_NOT_MADE;
    if (agreed == RESULT_OK) {
        place(doubts, &doubts->own);
    }
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
    const struct doubt *found = registry_doubts_find(doubts, head);
    if (found != NULL) {
        registry_doubts_drop(doubts, (unsigned)(found - doubts->list));
    }
}

static bool has_news(const struct fleetdoubts *doubts)
{
    bool news = doubts->own.seq != 0;
    for (unsigned i = 0; i < doubts->doubts.count; i++) {
        news = news || doubts->outcomes[i] != FLEETDOUBTS_OPEN;
    }
    return news;
}

enum result fleetdoubts_write(const struct fleetdoubts *doubts, struct registry_change *change)
{
    struct doubts left; /* another command may have written meanwhile */
    if (!has_news(doubts)) {
        return RESULT_OK;
    }
    registry_doubts(change->txn, &left);
    for (unsigned i = 0; i < doubts->doubts.count; i++) {
        if (doubts->outcomes[i] != FLEETDOUBTS_OPEN) {
            drop(&left, &doubts->doubts.list[i].head);
        }
    }
    struct doubt *own = registry_doubts_find(&left, &doubts->own);
    if (own != NULL && doubts->own_outcome == FLEETDOUBTS_OPEN) {
        own->asked_by = 0;
    } else {
        drop(&left, &doubts->own);
    }
    return registry_put_doubts(change, &left);
}

enum result fleetdoubts_save(const struct fleetdoubts *doubts, struct store *registry,
                             struct diag *diag)
{
    struct store_txn *txn = NULL;
    struct registry_change change;
    if (!has_news(doubts)) {
        return RESULT_OK;
    }
    TRY(store_write(registry, &txn, diag));
    registry_begin(&change, txn, session_now(), diag);
    enum result result = fleetdoubts_write(doubts, &change);
    if (result != RESULT_OK) {
        store_abort(txn);
        return result;
    }
    return registry_commit_beside(&change);
}
