/* A member as the CLI shows it: what the operator registered, what the probe saw, and where it stands. */
#ifndef TOOLS_MEMBERVIEW_H
#define TOOLS_MEMBERVIEW_H

#include "tools/output.h"
#include "tools/session.h"
#include "zone/lifecycle.h"

struct memberview {
    struct member member;
    struct member_health health; /* if `seen` */
    bool seen;
    struct standing standing;
};

/* Adds what state/health knows of `member`; a NULL `health` knows nothing. */
enum result memberview_make(struct memberview *out, const struct member *member,
                            struct store_txn *health);
/* What was seen of one address, or NULL. */
const struct address_health *memberview_address(const struct memberview *view,
                                                const struct address *address);
/* The best address's score in thousandths. False if there is none yet. */
bool memberview_score(const struct memberview *view, int32_t *milli);

/* The object of `member list`, and with all the rest that of `member show`. */
json_t *memberview_brief(const struct memberview *view, const struct dname *apex);
json_t *memberview_full(const struct memberview *view, const struct dname *apex);
/* The same for a reader, on stdout. */
void memberview_print(const struct memberview *view, const struct dname *apex);

#endif
