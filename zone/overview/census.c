#include "zone/overview/census.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zone/base/array.h"
#include "zone/base/u64.h"
#include "zone/registry/registry.h"

enum {
    DAY_S = 86400,
    GOOD_STALE_S = DAY_S /* beyond it, warnings of the last good probe don't count */
};

const uint32_t census_within_s[CENSUS_WITHINS] = { 7 * DAY_S, 14 * DAY_S, 30 * DAY_S };

struct counting {
    struct census *census;
    const struct memberview_source *source;
    uint64_t now;
    const struct memberview *view;
};

const char *census_state_text(unsigned state)
{
    return state <= STAGE_FALLING       ? stage_text((enum stage)state)
           : state == STAGE_FALLING + 1 ? "leaving"
                                        : "suspended";
}

unsigned census_state_number(const char *state)
{
    unsigned i = 0;
    while (i < CENSUS_STATES - 1 && strcmp(census_state_text(i), state) != 0) {
        i++;
    }
    return i;
}

/* True from the later of two times: that of the setting, and the last third of the certificate's
 * lifetime, since some certificates live for days only. The probe reports the latter by a warning,
 * which does not count if the last good probe was long ago. */
static bool ends_soon(const struct counting *counting, const struct address_health *seen)
{
    uint64_t end = seen->cert_not_after, now = counting->now;
    bool by_life = (seen->warnings & WARNING_CERT_AGE) != 0 || end <= now ||
                   seen->last_good_at + GOOD_STALE_S < now;
    return end != 0 && end < now + counting->source->settings.certificate_warning_s && by_life;
}

static void note_ending(struct census *census, const char *label)
{
    if (census->ending++ < CENSUS_NAMES) {
        size_t len = strlen(census->ending_names);
        (void)snprintf(census->ending_names + len, sizeof(census->ending_names) - len, "%s%s",
                       len > 0 ? ", " : "", label);
    }
}

static void count_address(struct census *census, const struct address_health *seen)
{
    enum address_family family = address_family(&seen->address);
    if (seen->probes > 0) {
        census->addresses[family][seen->working]++;
        if (seen->failure != FAILURE_NONE && seen->failure < FAILURE_COUNT) {
            census->failing[seen->failure][family]++;
        }
    }
}

static void count_certificate(struct census *census, uint64_t end, uint64_t now)
{
    if (end == 0) {
        return;
    }
    if (end <= now) {
        census->ended++;
        return;
    }
    if (census->next_end == 0 || end < census->next_end) {
        census->next_end = end;
    }
    for (unsigned i = 0; i < CENSUS_WITHINS; i++) {
        census->ends_within[i] += end <= now + census_within_s[i];
    }
}

static void count_addresses(const struct counting *counting)
{
    struct census *census = counting->census;
    const struct member_health *health = &counting->view->consensus.health;
    unsigned warnings = 0;
    bool soon = false;
    for (unsigned i = 0; i < health->address_count; i++) {
        const struct address_health *seen = &health->addresses[i];
        count_address(census, seen);
        warnings |= seen->warnings;
        if (seen->last_probe_at > census->last_probe_at) {
            census->last_probe_at = seen->last_probe_at;
        }
        soon = soon || ends_soon(counting, seen);
    }
    for (unsigned i = 0; i < WARNINGS; i++) {
        census->warnings[i] += warnings >> i & 1;
    }
    if (soon) {
        note_ending(census, counting->view->member.label);
    }
    count_certificate(census, memberview_certificate_end(counting->view), counting->now);
}

void census_count(struct census *census, const struct memberview *view,
                  const struct memberview_source *source, uint64_t now)
{
    const struct counting counting = { census, source, now, view };
    const struct member *member = &view->member;
    const struct standing *standing = &view->standing;
    census->members++;
    census->eligible += standing->eligible;
    census->capacity_mbit += member->capacity_mbit;
    if (member->leave_at != 0 && member->leave_at + DAY_S <= now) {
        census->overdue_since = census->overdue++ == 0
                                    ? member->leave_at
                                    : u64_min(census->overdue_since, member->leave_at);
    }
    census->eligible_mbit += standing->eligible ? member->capacity_mbit : 0;
    ARRAY_PUSH(census->parts, census->part_count, census->part_room,
               (struct share_part){ .member_id = member->id, .weight = standing->weight });
    census->states[census_state_number(standing->state)]++;
    count_addresses(&counting);
    vantageview_count(&census->vantages, view, &source->vantages, now);
    if (standing->last_eligible_at > census->last_eligible_at) {
        census->last_eligible_at = standing->last_eligible_at;
    }
}

void census_done(struct census *census)
{
    free(census->parts);
    census->parts = NULL;
    census->part_count = census->part_room = 0;
}

struct reading {
    struct census *census;
    const struct memberview_source *source;
    uint64_t now;
    struct memberview view;
};

static enum result read_member(const struct member *member, void *arg)
{
    struct reading *reading = arg;
    TRY(memberview_make(&reading->view, member, reading->source));
    census_count(reading->census, &reading->view, reading->source, reading->now);
    return RESULT_OK;
}

enum result census_read(struct census *out, struct store_txn *registry,
                        const struct memberview_source *source, uint64_t now)
{
    struct reading reading = { .census = out, .source = source, .now = now };
    return registry_each(registry, read_member, &reading);
}

void census_warn(const struct census *census, const struct settings *settings,
                 struct concerns *concerns)
{
    char within[16];
    if (census->members > 0 && census->eligible == 0) {
        if (census->last_eligible_at != 0) {
            concern_add(concerns, CONCERN_LAST_GOOD_SERVED, NULL, census->last_eligible_at,
                        "no member is eligible: SRV answers hold those who were until the last");
        } else {
            concern_add(concerns, CONCERN_NO_MEMBER_ELIGIBLE, NULL, 0,
                        "no member is eligible: SRV answers say that there is no service");
        }
    }
    if (census->ending > 0) {
        concern_add(concerns, CONCERN_CERTIFICATES_END, NULL, 0,
                    "the certificates of %zu members end within %s or have ended: %s%s",
                    census->ending, duration_text(settings->certificate_warning_s, within),
                    census->ending_names, census->ending > CENSUS_NAMES ? " ..." : "");
    }
    if (census->overdue > 0) {
        concern_add(concerns, CONCERN_MEMBERS_OVERDUE, NULL, census->overdue_since,
                    "%zu members should have left, and nothing removes them", census->overdue);
    }
}
