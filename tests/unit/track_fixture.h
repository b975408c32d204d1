/* A member with two addresses as two vantage points see it, and the pool that it belongs to. */
#ifndef TESTS_TRACK_FIXTURE_H
#define TESTS_TRACK_FIXTURE_H

#include <math.h>

#include "tests/unit/unit.h"
#include "tools/site/membertrack.h"
#include "tools/site/sitepool.h"

enum {
    NOW = 1796000400
};

static struct sitepool pool;
static struct membertrack track;

/* Markup that no text may become. */
#define HOSTILE "</script>\"'<b>&\x1b[31m\xff"

static inline void add_vantage(const char *name, enum vantage_state state)
{
    struct vantages *vantages = &pool.source.vantages;
    struct vantage *vantage = &vantages->list[vantages->count];
    *vantage = (struct vantage){ .well_at = NOW - 10, .state = state };
    (void)snprintf(vantage->name, sizeof(vantage->name), "%s", name);
    for (unsigned i = 0; i < ADDRESS_FAMILIES; i++) {
        vantage->family[i] = (struct vantage_family){ .state = FAMILY_ON, .well_at = NOW - 10 };
    }
    vantages->asked[vantages->count++] = state == VANTAGE_WELL;
}

static inline struct address_health probed_address(const char *text)
{
    return (struct address_health){ .address = address_of(text),
                                    .score_milli = 20000,
                                    .working = true,
                                    .probes = 2700,
                                    .first_probe_at = NOW - 172800,
                                    .last_probe_at = NOW - 30,
                                    .last_good_at = NOW - 30,
                                    .cert_not_after = NOW + 30 * 86400,
                                    .certified_at = NOW - 172800,
                                    .operational_at = NOW - 172800,
                                    .aead = 15,
                                    .stratum = 2,
                                    .offset_us = -1500,
                                    .rtt_us = 25250 };
}

static inline void add_subject(unsigned address, unsigned row, bool asked)
{
    struct track_subject *subject = &track.subjects[track.subject_count++];
    *subject = (struct track_subject){ .address = address, .row = row, .asked = asked };
    for (size_t i = 0; i < HISTORY_QUARTERS; i++) {
        uint64_t at = track.from + i * HISTORY_QUARTER_S;
        subject->quarters[i] = (struct track_quarter){ .probes = 14,
                                                       .low_at = at,
                                                       .last_at = at + 890,
                                                       .score_low_milli = 20000,
                                                       .score_milli = 20000,
                                                       .offset_sum_us = INT64_C(-14) * 1500,
                                                       .rtt_sum_us = UINT64_C(14) * 25250 };
        subject->probes += 14;
    }
}

/* Lets the last probes of a subject fail. */
static inline void fail_subject(size_t index, enum failure failure, const char *detail)
{
    struct track_subject *subject = &track.subjects[index];
    struct track_quarter *last = &subject->quarters[HISTORY_QUARTERS - 1];
    struct address_health *seen = &track.view.rows[subject->row].addresses[subject->address];
    last->failures = 3;
    last->failure = failure;
    last->score_milli = last->score_low_milli = 5000;
    subject->failures = 3;
    subject->runs[subject->run_count++] =
        (struct track_run){ .from = NOW - 158, .until = NOW - 30, .count = 3, .failure = failure };
    seen->failure = failure;
    seen->score_milli = 5000;
    (void)snprintf(seen->detail, sizeof(seen->detail), "%s", detail);
    track.view.consensus.health.addresses[subject->address] = *seen;
}

/* The member's state follows from what the test has set. */
static inline void judge(void)
{
    track.view.standing =
        lifecycle_standing(&track.view.member, &track.view.consensus, &pool.source.settings, NOW);
}

static inline void begin_pool(void)
{
    pool = (struct sitepool){ .now = NOW,
                              .apex = "pool.example",
                              .options = { .title = "", .url = "", .imprint = "" } };
    pool.source.settings = default_settings();
    pool.source.settings.apex = name_of("pool.example");
    add_vantage("delft", VANTAGE_WELL);
    add_vantage("tokyo", VANTAGE_CLOCK_OFF);
}

/* Eligible, without a failure. */
static inline int begin_track(void **)
{
    begin_pool();
    track =
        (struct membertrack){ .now = NOW,
                              .from = NOW / HISTORY_QUARTER_S * HISTORY_QUARTER_S -
                                      (HISTORY_QUARTERS - 1) * HISTORY_QUARTER_S,
                              .address_count = 2,
                              .subjects = xcalloc(4, sizeof(struct track_subject)),
                              .addresses = { address_of("192.0.2.1"), address_of("2001:db8::1") } };
    struct memberview *view = &track.view;
    member_defaults(&view->member);
    (void)snprintf(view->member.label, sizeof(view->member.label), "alice");
    view->member.id = 7;
    view->member.added_at = NOW - 400 * 86400;
    view->member.address_count = 2;
    memcpy(view->member.addresses, track.addresses, sizeof(track.addresses));
    view->row_count = 2;
    for (unsigned i = 0; i < 2; i++) {
        view->rows[i] = (struct member_health){ .member_id = 7,
                                                .stage = STAGE_ELIGIBLE,
                                                .stage_since = NOW - 86400,
                                                .weight = HEALTH_WEIGHT_MAX,
                                                .address_count = 2 };
        (void)snprintf(view->rows[i].vantage, VANTAGE_ROOM, "%s", i == 0 ? "delft" : "tokyo");
        view->rows[i].addresses[0] = probed_address("192.0.2.1");
        view->rows[i].addresses[1] = probed_address("2001:db8::1");
    }
    view->consensus = (struct consensus){ .known = true, .health = view->rows[0] };
    for (unsigned i = 0; i < 2; i++) {
        add_subject(i, 0, true);
        add_subject(i, 1, false);
        for (size_t j = 0; j < HISTORY_QUARTERS; j++) {
            track.median_milli[i][j] = 20000;
        }
    }
    judge();
    return 0;
}

static inline int end_track(void **)
{
    membertrack_done(&track);
    return 0;
}

#endif
