/* Intake of reports: from the journals of vantage points to state/health and state/history, which
 * belong to the pool.
 *
 * A report is accepted if it is signed with the key that the operator named for its vantage point,
 * and is for this pool and this registry. A verdict is accepted if its member is registered here,
 * under its label, with its addresses. Anything else changes nothing and is recorded as a refusal,
 * which `ntspool status` shows. A report is taken in once: the vantage point's row holds the number
 * of the last one, written in the same transaction.
 *
 * No transaction is open while a journal is read. Several programs may take in reports at once:
 * each starts its write transaction on the history first, then the one on the verdicts. */
#ifndef ZONE_INTAKE_H
#define ZONE_INTAKE_H

#include "zone/verdicts/journal.h"

enum {
    INTAKE_BUDGET = 512 * 1024, /* octets of one journal per look */
    /* new addresses a day that a vantage point may report, of all names that members bring */
    INTAKE_NEW_ADDRESSES = 4096,
    INTAKE_CERT_YEARS = 5,    /* a certificate's end further off is not believed */
    INTAKE_REFUSALS_MAX = 64, /* kept in the store; beyond that, the oldest is deleted */
    INTAKE_REFUSAL_S = 60,    /* a lasting refusal is recorded this often */
    INTAKE_REFUSAL_ROOM = 200
};

struct intake_stores {
    struct store *registry;         /* read only */
    struct store *health, *history; /* written; history may be NULL: samples are dropped */
};

/* A refusal: why something was not taken in. */
struct refusal {
    char source[VANTAGE_ROOM]; /* the vantage point that it claims to come from */
    uint64_t first_at, last_at, count;
    char text[INTAKE_REFUSAL_ROOM];
};

struct intake_sum {
    char vantage[VANTAGE_ROOM]; /* of the last report */
    size_t reports, verdicts;   /* taken in */
    size_t known;               /* reports taken in earlier */
    size_t skipped; /* verdicts on members that are not registered here or have other addresses */
    struct refusal refusal; /* the last refusal; its count is their number */
};

/* -- journals of this machine -- */

struct intake;

struct intake *intake_new(const char *state_dir);
void intake_free(struct intake *intake);
/* Reads all journals once. `*more` is set if there is more to take in than the budget allowed. */
enum result intake_look(struct intake *intake, const struct intake_stores *stores, uint64_t now,
                        bool *more, struct intake_sum *sum, struct diag *diag);
/* True if intake_look may find something: a report not taken in yet, a journal that is refused, or
 * one too long to tell. */
bool intake_is_due(const char *state_dir, struct store_txn *registry, struct store_txn *health);

/* -- reports from another machine -- */

/* Takes in reports from another machine, one after another in `octets`. The first octets that are
 * not a report end it: INVALID, with the number of good octets in the diag. Refusals are in the
 * sum. */
enum result intake_import(const struct intake_stores *stores, const uint8_t *octets, size_t len,
                          uint64_t now, struct intake_sum *sum, struct diag *diag);

/* -- refusals -- */

/* Reads the refusals in the health store, in order of source. */
enum result intake_refusals(struct store_txn *health, struct refusal out[INTAKE_REFUSALS_MAX],
                            unsigned *count);

/* Deletes the refusal of a source. */
enum result intake_clear_refusal(struct store_txn *health, const char *source);

/* -- the registry that verdicts belong to -- */

/* True if the verdicts belong to another registry than this one. */
bool intake_is_foreign(struct store_txn *registry, struct store_txn *health);
/* Deletes verdicts of another registry, and records this registry as the owner. Each look and
 * import starts with this. */
enum result intake_set_owner(const struct intake_stores *stores, struct diag *diag);

/* -- verdicts without a member -- */

/* Deletes verdicts on members that are not registered. */
enum result intake_purge(const struct intake_stores *stores, struct diag *diag);

#endif
