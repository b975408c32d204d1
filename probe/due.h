/* A list of what is due, sorted by how long it has waited. So whatever a limit holds back now comes
 * before what becomes due later. */
#ifndef PROBE_DUE_H
#define PROBE_DUE_H

#include <stddef.h>
#include <stdint.h>

struct due {
    uint64_t at_ms; /* due since then */
    void *what;
};

/* All zero to begin with. */
struct due_list {
    struct due *items;
    size_t count, room;
};

void due_add(struct due_list *list, uint64_t at_ms, void *what);
void due_sort(struct due_list *list);
/* Empties the list and keeps its memory. */
void due_clear(struct due_list *list);
void due_free(struct due_list *list);

#endif
