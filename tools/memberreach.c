#include "tools/memberreach.h"

#include <stdio.h>

#include "zone/verdicts/reach.h"

char *memberreach_last(const struct memberview *view, uint64_t now, char out[MEMBERREACH_ROOM])
{
    static const struct {
        unsigned s;
        char letter;
    } units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
    uint64_t at = memberview_probed_at(view), age_s = now > at ? now - at : 0;
    size_t unit = 0;
    while (units[unit].s > 1 && age_s / units[unit].s < 2) {
        unit++;
    }
    (void)snprintf(out, MEMBERREACH_ROOM, "%llu%c", (unsigned long long)age_s / units[unit].s,
                   units[unit].letter);
    return at != 0 ? out : memset(out, 0, 1);
}

enum result memberreach_octal(const struct memberview *view, const struct memberview_source *source,
                              struct store_txn *history, uint64_t now, char out[MEMBERREACH_ROOM])
{
    const struct address_health *best = health_best(&view->consensus.health);
    struct reach reach = { 0 };
    out[0] = 0;
    for (unsigned i = 0; best != NULL && i < view->row_count; i++) {
        const struct vantage *vantage = vantages_find(&source->vantages, view->rows[i].vantage);
        struct history_subject subject = { .member_id = view->member.id, .address = best->address };
        (void)snprintf(subject.vantage, sizeof subject.vantage, "%s", view->rows[i].vantage);
        TRY(reach_add(&reach, history, &subject, vantage != NULL ? vantage->interval_s : 0, now));
    }
    if (best != NULL) {
        (void)snprintf(out, MEMBERREACH_ROOM, "%o", (unsigned)reach_bits(&reach));
    }
    return RESULT_OK;
}
