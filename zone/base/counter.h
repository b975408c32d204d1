/* Counters that one thread writes and any thread reads. With one writer no locked instruction is
 * needed: readers only have to see whole numbers. */
#ifndef ZONE_COUNTER_H
#define ZONE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

static inline void counter_add(atomic_uint_fast64_t *counter, uint64_t count)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + count,
                          memory_order_relaxed);
}

static inline void counter_set(atomic_uint_fast64_t *counter, uint64_t value)
{
    atomic_store_explicit(counter, value, memory_order_relaxed);
}

static inline uint64_t counter_get(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
