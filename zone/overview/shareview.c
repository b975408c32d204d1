#include "zone/overview/shareview.h"

#include <math.h>
#include <stdlib.h>

enum {
    DAY_H = 24
};

const double shareview_quantiles[SHAREVIEW_QUANTILES] = { 0.01, 0.5, 0.99, 1 };

static int by_ratio(const void *a, const void *b)
{
    const struct share_part *left = a, *right = b;
    return (left->ratio > right->ratio) - (left->ratio < right->ratio);
}

void shareview_of(struct shareview *out, struct share_part *parts, size_t count,
                  const struct traffic *traffic, uint64_t now)
{
    double answers = 0, weight = 0;
    size_t handed_out = 0;
    *out = (struct shareview){ .members = 0 };
    for (size_t i = 0; i < count; i++) {
        struct share_part *part = &parts[i];
        double own = (double)traffic_answers(traffic, part->member_id, DAY_H, now);
        answers += own;
        weight += part->weight;
        if (part->weight > 0) {
            parts[handed_out] = *part;
            parts[handed_out++].ratio = own / part->weight;
        }
    }
    if (answers <= 0 || handed_out == 0) {
        return;
    }
    qsort(parts, handed_out, sizeof(parts[0]), by_ratio);
    for (size_t i = 0; i < handed_out; i++) {
        parts[i].ratio *= weight / answers;
        out->sum += parts[i].ratio;
    }
    for (unsigned i = 0; i < SHAREVIEW_QUANTILES; i++) {
        size_t rank = (size_t)ceil(shareview_quantiles[i] * (double)handed_out);
        out->quantiles[i] = parts[rank > 0 ? rank - 1 : 0].ratio;
    }
    out->members = handed_out;
}
