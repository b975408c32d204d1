#include "zone/base/epochs.h"

#include <stdlib.h>

#include "zone/base/result.h"

struct epochs *epochs_new(size_t seats)
{
    struct epochs *epochs =
        aligned_alloc(_Alignof(struct epochs), sizeof(*epochs) + seats * sizeof(epochs->seat[0]));
    ASSERT(epochs != NULL);
    atomic_init(&epochs->now, 0);
    atomic_init(&epochs->taken, 0);
    epochs->seats = seats;
    for (size_t i = 0; i < seats; i++) {
        atomic_init(&epochs->seat[i].entered, EPOCHS_AWAY);
    }
    return epochs;
}

void epochs_free(struct epochs *epochs)
{
    free(epochs);
}

struct epochs_seat *epochs_take_seat(struct epochs *epochs)
{
    size_t number = atomic_fetch_add(&epochs->taken, 1);
    ASSERT(number < epochs->seats);
    return &epochs->seat[number];
}

uint64_t epochs_passed(const struct epochs *epochs)
{
    uint64_t passed = EPOCHS_AWAY;
    size_t taken = atomic_load(&epochs->taken);
    for (size_t i = 0; i < taken; i++) {
        uint64_t entered = atomic_load(&epochs->seat[i].entered);
        passed = entered < passed ? entered : passed;
    }
    return passed;
}
