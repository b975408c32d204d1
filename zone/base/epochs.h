/* Tells when memory that threads read without a lock may be written again: after all readers that
 * could have found it have left it.
 *
 * A reader takes a seat once, and enters and leaves it around its reads: one store each, to a cache
 * line of its own. Who has made memory unreachable gets a stamp. The memory may be written as soon
 * as the stamp is less than epochs_passed(). A reader that never leaves holds up only that. */
#ifndef ZONE_EPOCHS_H
#define ZONE_EPOCHS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define EPOCHS_AWAY UINT64_MAX /* reads nothing now */

struct epochs_seat {
    _Alignas(64) atomic_uint_fast64_t entered; /* the epoch at that time, or EPOCHS_AWAY */
};

struct epochs {
    atomic_uint_fast64_t now;
    size_t seats;
    atomic_size_t taken;
    struct epochs_seat seat[];
};

struct epochs *epochs_new(size_t seats);
void epochs_free(struct epochs *epochs);
/* No more often than there are seats (asserted). */
struct epochs_seat *epochs_take_seat(struct epochs *epochs);
/* A stamp for what has been made unreachable until now, by sequentially consistent operations. */
static inline uint64_t epochs_stamp(struct epochs *epochs)
{
    return atomic_fetch_add(&epochs->now, 1);
}
/* What has a lesser stamp is read by nobody. */
uint64_t epochs_passed(const struct epochs *epochs);

/* The loads by which the reader finds memory are sequentially consistent, as this store is: either
 * epochs_passed() sees the reader, or the reader sees what was made unreachable. */
static inline void epochs_enter(const struct epochs *epochs, struct epochs_seat *seat)
{
    atomic_store(&seat->entered, atomic_load(&epochs->now));
}

static inline void epochs_leave(struct epochs_seat *seat)
{
    atomic_store_explicit(&seat->entered, EPOCHS_AWAY, memory_order_release);
}

#endif
