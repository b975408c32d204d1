#include "probe/verdict.h"

#include <stdio.h>

#include "probe/score.h"

bool verdict_addresses(struct member_health *health, const struct address *addresses,
                       unsigned count)
{
    struct address_health rows[MEMBER_ADDRESSES_MAX] = { 0 };
    bool changed = health->address_count != count;
    for (unsigned i = 0; i < count; i++) {
        rows[i].address = addresses[i];
        changed |= !address_equal(&health->addresses[i].address, &addresses[i]);
        for (unsigned k = 0; k < health->address_count; k++) {
            if (address_equal(&health->addresses[k].address, &addresses[i])) {
                rows[i] = health->addresses[k];
            }
        }
    }
    memcpy(health->addresses, rows, sizeof(rows));
    health->address_count = (uint8_t)count;
    return changed;
}

static void note_certificate(struct member_health *health, struct address_health *row,
                             const struct outcome *outcome, const struct judgement *judgement)
{
    const struct tls_certificate *certificate = &outcome->certificate;
    if (certificate->not_after != 0) {
        row->cert_not_after = certificate->not_after;
    }
    if (outcome->certified && row->certified_at == 0) {
        row->certified_at = judgement->now;
    }
    if (judgement->own_label && certificate->for_name &&
        certificate->not_after > health->last_cert_not_after) {
        health->last_cert_not_after = certificate->not_after;
    }
}

static void note_time(struct address_health *row, const struct outcome *outcome)
{
    row->aead = outcome->aead != 0 ? outcome->aead : row->aead;
    row->warnings = outcome->has_keys ? outcome->warnings : row->warnings;
    if (outcome->timed) {
        row->stratum = outcome->sample.stratum;
        row->offset_us = outcome->sample.offset_us;
        row->rtt_us = outcome->sample.rtt_us;
    }
}

/* An address that fails counts as working until its score is low, and while the breaker suspects a
 * fault of ours. */
static void note_failure(struct address_health *row, const struct judgement *judgement)
{
    bool frozen = judgement->breaker_state->family_frozen[address_family(&row->address)];
    row->failures++;
    row->working =
        row->working && (frozen || row->score_milli >= judgement->settings->exit_score_milli);
}

static void note_success(struct address_health *row, uint64_t now)
{
    row->failures = 0;
    row->working = true;
    row->last_good_at = now;
    if (row->operational_at == 0) {
        row->operational_at = now;
    }
}

/* True if the outcome says more about us than about the server. Then the row shows it, and it does
 * not count. */
static bool set_aside(struct address_health *row, const struct outcome *outcome,
                      const struct breaker_state *breaker_state)
{
    bool waits = breaker_state->family_waits[address_family(&row->address)] &&
                 failure_is_silence(outcome->failure);
    if (!waits && outcome->failure != FAILURE_INTERNAL) {
        return false;
    }
    row->failure = waits ? FAILURE_FAMILY_OFF : FAILURE_INTERNAL;
    if (waits) {
        (void)snprintf(row->detail, sizeof(row->detail), "%s: %.100s", failure_id(outcome->failure),
                       outcome->detail);
    } else {
        (void)snprintf(row->detail, sizeof(row->detail), "%s", outcome->detail);
    }
    return true;
}

bool verdict_withdraw(struct member_health *health, const struct vantage *vantage)
{
    bool changed = false;
    for (unsigned i = 0; i < health->address_count; i++) {
        struct address_health *row = &health->addresses[i];
        enum address_family family = address_family(&row->address);
        bool unseen =
            vantage->family[family].state == FAMILY_UNSEEN && vantage_family_waits(vantage, family);
        if (!unseen || row->probes == 0 || !failure_is_silence(row->failure)) {
            continue;
        }
        const struct address_health was = *row;
        *row = (struct address_health){ .address = was.address, .failure = FAILURE_FAMILY_OFF };
        (void)snprintf(row->detail, sizeof(row->detail), "%s: %.100s", failure_id(was.failure),
                       was.detail);
        changed = true;
    }
    return changed;
}

void verdict_apply(struct member_health *health, unsigned index, const struct outcome *outcome,
                   const struct judgement *judgement)
{
    struct address_health *row = &health->addresses[index];
    uint64_t now = judgement->now;
    if (set_aside(row, outcome, judgement->breaker_state)) {
        return;
    }
    row->failure = outcome->failure;
    (void)snprintf(row->detail, sizeof(row->detail), "%s", outcome->detail);
    row->probes++;
    row->last_probe_at = now;
    if (row->first_probe_at == 0) {
        row->first_probe_at = now;
    }
    note_certificate(health, row, outcome, judgement);
    note_time(row, outcome);
    uint64_t error_us = outcome->timed ? ntp_sample_error_us(&outcome->sample) : 0;
    row->score_milli =
        score_next(row->score_milli,
                   score_step_of(outcome->failure, error_us, row->stratum, outcome->cookies_short));
    if (outcome->failure == FAILURE_NONE) {
        int32_t exit_milli = judgement->settings->exit_score_milli;
        bool lift = lifecycle_fell_while_frozen(health, address_family(&row->address)) &&
                    row->score_milli < exit_milli;
        row->score_milli = lift ? exit_milli : row->score_milli;
        note_success(row, now);
    } else {
        note_failure(row, judgement);
    }
    lifecycle_advance(health, judgement->settings, judgement->breaker_state, now);
}
