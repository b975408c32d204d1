/* A member as the pool sees it: its registration, the probes' results, and its standing. */
#ifndef ZONE_MEMBERVIEW_H
#define ZONE_MEMBERVIEW_H

#include "zone/verdicts/lifecycle.h"

struct memberview {
    struct member member;
    struct consensus consensus;
    struct standing standing;
    unsigned row_count;
    struct member_health rows[VANTAGES_MAX]; /* one a vantage point */
};

/* The sources of a view. A NULL `health` means that no results are known. */
struct memberview_source {
    struct store_txn *health;
    struct settings settings;
    struct vantages vantages;
    uint64_t now; /* set by memberview_begin */
};

/* Reads the vantage points. The caller has set `settings` and `health`. */
enum result memberview_begin(struct memberview_source *source, uint64_t now);
enum result memberview_make(struct memberview *out, const struct member *member,
                            const struct memberview_source *source);
/* The score of the best address in thousandths. False if there is none yet. */
bool memberview_score(const struct memberview *view, int32_t *milli);
/* When the best address was probed last; 0: never. */
uint64_t memberview_probed_at(const struct memberview *view);
/* The earliest end of the member's certificates; 0: none was seen. */
uint64_t memberview_certificate_end(const struct memberview *view);

#endif
