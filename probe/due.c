#include "probe/due.h"

#include <stdlib.h>

#include "zone/base/array.h"
#include "zone/base/u64.h"

void due_add(struct due_list *list, uint64_t at_ms, void *what)
{
    ARRAY_PUSH(list->items, list->count, list->room, (struct due){ at_ms, what });
}

void due_sort(struct due_list *list)
{
    if (list->count > 0) {
        qsort(list->items, list->count, sizeof(list->items[0]), u64_compare);
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
