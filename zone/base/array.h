/* Growing arrays and binary search for any type of item. */
#ifndef ZONE_ARRAY_H
#define ZONE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

#include "zone/base/result.h"

/* Makes room for `needed` items at `list`. `room`, an lvalue of type size_t, is the present room in
 * items. The room grows by half, so that appending takes constant time on average. Aborts when
 * memory is out. */
#define ARRAY_RESERVE(list, room, needed)                                                          \
    ((list) = array_reserve((list), &(room), (needed), sizeof *(list)))
/* Appends an item. */
#define ARRAY_PUSH(list, count, room, ...)                                                         \
    (ARRAY_RESERVE(list, room, (count) + 1), (void)((list)[(count)++] = (__VA_ARGS__)))

static inline void *array_reserve(void *list, size_t *room, size_t needed, size_t item_size)
{
    enum {
        ARRAY_ROOM_MIN = 16
    };
    if (needed <= *room) {
        return list;
    }
    size_t grown = *room + *room / 2 + ARRAY_ROOM_MIN;
    *room = grown > needed ? grown : needed;
    return xrealloc(list, *room * item_size);
}

/* Binary search: the number of leading items for which `is_before` holds, of `count` items where
 * those for which it holds come first. This is the index of the first other item. */
static inline size_t array_count_before(size_t count,
                                        bool (*is_before)(const void *context, size_t i),
                                        const void *context)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is_before(context, middle)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

#endif
