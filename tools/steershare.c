#include "tools/steershare.h"

#include <stdlib.h>
#include <string.h>

static int compare_rows(const void *a, const void *b)
{
    const struct steershare_row *left = a, *right = b;
    if (left->ratio != right->ratio) {
        return left->ratio > right->ratio ? -1 : 1;
    }
    return strcmp(left->member->label, right->member->label);
}

void steershare_of(struct steershare *out, const struct steerview *view)
{
    *out = (struct steershare){ .rows = xcalloc(view->count + 1, sizeof(out->rows[0])) };
    for (size_t i = 0; i < view->count; i++) {
        struct steershare_row *row = &out->rows[i];
        const struct steered *member = row->member = &view->members[i];
        row->hour = steerview_hour(view, member->id);
        row->day = steerview_day(view, member->id);
        if (member->index != STEERVIEW_OUT) {
            row->fair = steerview_weight(view, member->index) / view->weight;
            row->expected = view->steering.loads[member->index];
        }
        out->hour += row->hour;
        out->day += row->day;
    }
    for (size_t i = 0; i < view->count; i++) {
        struct steershare_row *row = &out->rows[i];
        double got = out->day > 0 ? (double)row->day / (double)out->day : row->expected;
        row->ratio = row->fair > 0 ? got / row->fair : -1;
    }
    qsort(out->rows, view->count, sizeof(out->rows[0]), compare_rows);
}

void steershare_done(struct steershare *share)
{
    free(share->rows);
    share->rows = NULL;
}
