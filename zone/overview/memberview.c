#include "zone/overview/memberview.h"

enum result memberview_begin(struct memberview_source *source, uint64_t now)
{
    source->now = now;
    return source->health == NULL ? RESULT_OK
                                  : vantages_read(&source->vantages, source->health,
                                                  source->settings.verdict_fresh_s, now);
}

enum result memberview_make(struct memberview *out, const struct member *member,
                            const struct memberview_source *source)
{
    out->member = *member;
    out->row_count = 0;
    if (source->health != NULL) {
        TRY(consensus_rows(out->rows, &out->row_count, source->health, member->id,
                           &source->vantages));
    }
    consensus_of(&out->consensus, member, out->rows, out->row_count, &source->vantages,
                 &source->settings);
    out->standing =
        lifecycle_standing(&out->member, &out->consensus, &source->settings, source->now);
    return RESULT_OK;
}

bool memberview_score(const struct memberview *view, int32_t *milli)
{
    const struct address_health *best = health_best(&view->consensus.health);
    if (best != NULL) {
        *milli = best->score_milli;
    }
    return best != NULL;
}

uint64_t memberview_probed_at(const struct memberview *view)
{
    const struct address_health *best = health_best(&view->consensus.health);
    return best != NULL ? best->last_probe_at : 0;
}

uint64_t memberview_certificate_end(const struct memberview *view)
{
    uint64_t first = 0;
    for (unsigned i = 0; i < view->consensus.health.address_count; i++) {
        uint64_t end = view->consensus.health.addresses[i].cert_not_after;
        first = end != 0 && (first == 0 || end < first) ? end : first;
    }
    return first;
}
