/* What is due, the longest waiting first: what a quota holds back now comes before what is due
 * later, so everybody has a fair turn. */
#ifndef PROBE_DUE_H
#define PROBE_DUE_H

#include <stddef.h>
#include <stdint.h>

struct due {
    uint64_t at_ms; /* since when */
    void *what;
};

/* All zero to begin with. */
struct due_list {
    struct due *items;
    size_t count, room;
};

void due_add(struct due_list *list, uint64_t at_ms, void *what);
void due_sort(struct due_list *list);
/* Empties it; the room stays. */
void due_clear(struct due_list *list);
void due_free(struct due_list *list);

#endif
