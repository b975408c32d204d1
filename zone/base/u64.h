/* Order of 64-bit numbers: ids, times, counts. */
#ifndef ZONE_U64_H
#define ZONE_U64_H

#include <stdint.h>

static inline uint64_t u64_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t u64_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Less than, equal to or greater than 0, as strcmp(3). */
static inline int u64_order(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* The same for qsort(3) and bsearch(3) of uint64_t, or of structs whose first field is one. */
static inline int u64_compare(const void *a, const void *b)
{
    return u64_order(*(const uint64_t *)a, *(const uint64_t *)b);
}

/* The next of two moments after `now`: `at` if it is still to come and before `best`, or if there
 * is no `best` (0); else `best`. */
static inline uint64_t u64_sooner(uint64_t best, uint64_t at, uint64_t now)
{
    return at > now && (best == 0 || at < best) ? at : best;
}

#endif
