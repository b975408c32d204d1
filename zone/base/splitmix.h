/* SplitMix64 (Steele, Lea and Flood 2014): a small random generator for draws and jitter, not for
 * secrets. A seed gives the same numbers on every machine. */
#ifndef ZONE_SPLITMIX_H
#define ZONE_SPLITMIX_H

#include <stdint.h>

static inline uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

/* Adds a value, or a text with its end, to a sum that tells one series of them from another. */
static inline void splitmix_add(uint64_t *sum, uint64_t value)
{
    uint64_t state = *sum ^ value;
    *sum = splitmix(&state);
}

static inline void splitmix_add_text(uint64_t *sum, const char *text)
{
    do {
        splitmix_add(sum, (unsigned char)*text);
    } while (*text++ != 0);
}

#endif
