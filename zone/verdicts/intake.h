/* Taking in what vantage points report: the way from their journals to state/health and
 * state/history, which belong to the pool.
 *
 * A report counts if it is signed with the key that the operator has named for its vantage point,
 * and is for this pool and this registry; its verdicts if they are of members that are here, under
 * their label, with their addresses. Anything else changes nothing and is noted as a refusal, which
 * `ntspool status` shows. A report is taken in once: its vantage point's row holds the number of
 * the last one, in the same transaction.
 *
 * No transaction is open while a journal is read. Several programs may take in at once: each begins
 * to write the history first, then the verdicts. */
#ifndef ZONE_INTAKE_H
#define ZONE_INTAKE_H

#include "zone/verdicts/journal.h"

enum {
    INTAKE_BUDGET = 512 * 1024,    /* octets of one journal in one look */
    INTAKE_IMPORT_MAX = 256 << 20, /* octets of an import */
    /* new addresses a day of all names that members bring, of a vantage point */
    INTAKE_NEWCOMERS = 4096,
    INTAKE_CERT_YEARS = 5,    /* no certificate's end is believed that is further off */
    INTAKE_REFUSALS_MAX = 64, /* kept in the store; the oldest goes */
    INTAKE_REFUSAL_S = 60,    /* a refusal that lasts is noted so often */
    INTAKE_REFUSAL_ROOM = 200
};

struct intake_stores {
    struct store *registry;         /* read */
    struct store *health, *history; /* written; history may be NULL: samples are dropped */
};

/* Why something was not taken in. */
struct refusal {
    char source[VANTAGE_ROOM]; /* the vantage point it claims to come from */
    uint64_t first_at, last_at, count;
    char text[INTAKE_REFUSAL_ROOM];
};

struct intake_sum {
    char vantage[VANTAGE_ROOM]; /* of the last report */
    size_t reports, verdicts;   /* taken in */
    size_t known;               /* reports that had been taken in before */
    size_t skipped;             /* verdicts of members that are not here, or have other addresses */
    struct refusal refusal;     /* the last one; count is their number */
};

/* -- journals of this machine -- */

struct intake;

struct intake *intake_new(const char *state_dir);
void intake_free(struct intake *intake);
/* Looks once at all journals. `*more`: there is more to take in than the budget allowed. */
enum result intake_look(struct intake *intake, const struct intake_stores *stores, uint64_t now,
                        bool *more, struct intake_sum *sum, struct diag *diag);
/* True if a look may find something: a report that was not taken in, or a journal that is refused,
 * or too long to tell. */
bool intake_is_due(const char *state_dir, struct store_txn *registry, struct store_txn *health);

/* -- reports from elsewhere -- */

/* Takes in reports that were carried here, one after the other in `octets`. What is no report ends
 * it: INVALID, with the number of octets that were good in the diag. What is refused is in the
 * sum. */
enum result intake_import(const struct intake_stores *stores, const uint8_t *octets, size_t len,
                          uint64_t now, struct intake_sum *sum, struct diag *diag);

/* -- refusals -- */

/* Those of the health store, in order of source. */
enum result intake_refusals(struct store_txn *health, struct refusal out[INTAKE_REFUSALS_MAX],
                            unsigned *count);

/* What was refused is over. */
enum result intake_pardon(struct store_txn *health, const char *source);

/* -- whose verdicts these are -- */

/* True if the store of verdicts belongs to another registry than this one. */
bool intake_is_foreign(struct store_txn *registry, struct store_txn *health);
/* Drops verdicts that belong to another registry, and notes this one. A look or an import begins
 * with that. */
enum result intake_own(const struct intake_stores *stores, struct diag *diag);

/* -- what has no owner any more -- */

/* Deletes verdicts of members that are not in the registry. */
enum result intake_purge(const struct intake_stores *stores, struct diag *diag);

#endif
