/* The members under watch: kept in step with the registry, and their verdicts with state/health. */
#ifndef PROBE_ROLL_H
#define PROBE_ROLL_H

#include "probe/census.h"
#include "probe/reference.h"
#include "probe/scribe.h"
#include "probe/ward.h"
#include "zone/registry.h"

struct roll {
    struct settings settings;
    struct vantage vantage; /* what we say of ourselves */
    struct caution caution;
    struct scribe *scribe;      /* its events are written along with the verdicts */
    struct reference_word self; /* what the references say */
    unsigned held_ms;           /* patience_held in the last interval */
    struct ward **wards;        /* in order of id */
    size_t ward_count;
    uint64_t *departed; /* ids whose verdicts have to be forgotten */
    size_t departed_count, departed_room;
};

/* What a new or changed member's ward has to be set up with. `fresh` says that it was not under watch before. */
typedef void roll_changed(struct ward *ward, bool fresh, void *arg);

/* Follows the registry: new members come in (with the verdicts of earlier runs, if `verdicts` is not NULL), removed ones go and
 * are noted as departed. After a registry that could not be read to its end nobody goes. */
enum result roll_follow(struct roll *roll, struct store_txn *registry, struct store_txn *verdicts,
                        struct monitor *monitor, roll_changed *changed, struct diag *diag);
/* Notes as departed whom `verdicts` knows and the registry does not. */
enum result roll_purge(struct roll *roll, struct store_txn *verdicts, struct diag *diag);
/* Takes over what an earlier run said of this vantage point, and what the operator has said to it since. */
enum result roll_begin(struct roll *roll, struct store_txn *verdicts, struct diag *diag);
/* Counts how much is down at once, and moves those on whose fall has lasted. Calls `moved` for each whose stage changes. */
typedef void roll_moved(struct ward *ward, enum stage before, void *arg);
void roll_census(struct roll *roll, uint64_t now, roll_moved *moved, void *arg);
/* The references say that what is seen of the family may be believed. */
bool roll_trusts(const struct roll *roll, enum address_family family);
/* Failures that were doubted before `since_ms` are handed to `enter` if the check of ourselves went well, and dropped if not. */
typedef void roll_enter(struct ward *ward, unsigned index, const struct outcome *outcome);
void roll_believe(struct roll *roll, uint64_t since_ms, roll_enter *enter);
/* Writes what is dirty and the vantage point's own row, and forgets who departed, in one transaction. */
enum result roll_write(struct roll *roll, struct store *health, struct diag *diag);
/* Something waits for roll_write. */
bool roll_waits(const struct roll *roll);
/* Ends what is in flight and frees all wards. */
void roll_done(struct roll *roll);

#endif
