/* A member as the CLI shows it: what the operator registered, what the probe saw, and where it
 * stands. */
#ifndef TOOLS_MEMBERVIEW_H
#define TOOLS_MEMBERVIEW_H

#include "tools/output.h"
#include "tools/session.h"
#include "zone/verdicts/lifecycle.h"

struct memberview {
    struct member member;
    struct consensus consensus;
    struct standing standing;
    unsigned row_count; /* what each vantage point says, for `member show` */
    struct member_health rows[VANTAGES_MAX];
};

/* What a view is made from: the settings, who reports, and state/health; a NULL `health` knows
 * nothing. */
struct memberview_source {
    struct store_txn *health;
    struct settings settings;
    struct vantages vantages;
};

/* Reads the vantage points; `settings` and `health` are set. */
enum result memberview_begin(struct memberview_source *source, uint64_t now);
enum result memberview_make(struct memberview *out, const struct member *member,
                            const struct memberview_source *source);
/* The best address's score in thousandths. False if there is none yet. */
bool memberview_score(const struct memberview *view, int32_t *milli);

/* The object of `member list`, and with all the rest that of `member show`. */
json_t *memberview_brief(const struct memberview *view, const struct dname *apex);
json_t *memberview_full(const struct memberview *view, const struct dname *apex);
/* The same for a reader, on stdout. */
void memberview_print(const struct memberview *view, const struct dname *apex);

#endif
