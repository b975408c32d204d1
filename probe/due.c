#include "probe/due.h"

#include <stdlib.h>

#include "zone/base/result.h"

void due_add(struct due_list *list, uint64_t at_ms, void *what)
{
    if (list->count == list->room) {
        list->room = list->room == 0 ? 64 : 2 * list->room;
        list->items = xrealloc(list->items, list->room * sizeof(list->items[0]));
    }
    list->items[list->count++] = (struct due){ at_ms, what };
}

static int compare(const void *a, const void *b)
{
    const struct due *left = a, *right = b;
    return (left->at_ms > right->at_ms) - (left->at_ms < right->at_ms);
}

void due_sort(struct due_list *list)
{
    if (list->count > 0) {
        qsort(list->items, list->count, sizeof(list->items[0]), compare);
    }
}

void due_clear(struct due_list *list)
{
    list->count = 0;
}

void due_free(struct due_list *list)
{
    free(list->items);
    *list = (struct due_list){ 0 };
}
