/* A member as the CLI shows it: its registration, the probes' results, and its standing. */
#ifndef TOOLS_MEMBERVIEW_H
#define TOOLS_MEMBERVIEW_H

#include "tools/output.h"
#include "tools/session.h"
#include "zone/verdicts/lifecycle.h"

struct memberview {
    struct member member;
    struct consensus consensus;
    struct standing standing;
    unsigned row_count;
    struct member_health rows[VANTAGES_MAX]; /* one a vantage point, for `member show` */
};

/* The sources of a view. A NULL `health` means that no results are known. */
struct memberview_source {
    struct store_txn *health;
    struct settings settings;
    struct vantages vantages;
};

/* Reads the vantage points. The caller has set `settings` and `health`. */
enum result memberview_begin(struct memberview_source *source, uint64_t now);
enum result memberview_make(struct memberview *out, const struct member *member,
                            const struct memberview_source *source);
/* The score of the best address in thousandths. False if there is none yet. */
bool memberview_score(const struct memberview *view, int32_t *milli);

/* The JSON object of `member list`. */
json_t *memberview_brief(const struct memberview *view, const struct dname *apex);
/* The JSON object of `member show`, a superset. */
json_t *memberview_full(const struct memberview *view, const struct dname *apex);
/* The text of `member show`, on stdout. */
void memberview_print(const struct memberview *view, const struct dname *apex);

#endif
