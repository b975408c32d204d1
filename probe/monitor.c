#include "probe/monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include <sodium.h>

#include "probe/descriptors.h"
#include "probe/follow.h"
#include "probe/news.h"
#include "probe/patience.h"
#include "probe/quota.h"
#include "probe/roll.h"
#include "probe/schedule.h"
#include "zone/base/clock.h"

struct monitor {
    uv_loop_t *loop;
    struct monitor_options options;
    struct follow follow; /* the feed */
    struct roll roll;
    struct due_list names, watches; /* what is due in this tick */
    unsigned flying, flying_max;
    struct quota *quota;
    struct patience patience;
    bool stopping;
    bool kept_time; /* the kernel has said so once in this run */
    struct news news;
    uint64_t census_due, word_due, check_due, check_began;
    uint64_t batch_due; /* when verdicts are written; 0: none wait */
    uv_timer_t tick, poll;
};

static void within(struct monitor *monitor, uint64_t ms)
{
    uint64_t due = clock_steady_ms() + ms;
    if (monitor->batch_due == 0 || due < monitor->batch_due) {
        monitor->batch_due = due;
    }
}

/* For what may change the pool's answers. */
static void soon(struct monitor *monitor)
{
    within(monitor, LIMIT_BATCH_MS);
}

/* For what changes no answer: many share a transaction, which costs the disk and wakes the server. */
static void some_time(struct monitor *monitor)
{
    uint64_t ms = monitor->options.interval_ms / 10;
    within(monitor, ms < LIMIT_BATCH_MS ? LIMIT_BATCH_MS : ms > LIMIT_LAZY_MS ? LIMIT_LAZY_MS : ms);
}

/* -- verdicts ----------------------------------------------------------------------------------------------------------- */

static void write_verdicts(struct monitor *monitor)
{
    struct diag diag = { "" };
    vantage_word(&monitor->roll.vantage, clock_now());
    uint32_t pause_ms = monitor->options.interval_ms / 2;
    monitor->word_due = clock_steady_ms() + (pause_ms > LIMIT_WORD_MS ? LIMIT_WORD_MS : pause_ms);
    if (roll_write(&monitor->roll, &diag) != RESULT_OK) {
        news_complain(&monitor->news, NEWS_VERDICTS, &diag);
        monitor->batch_due = monitor->options.once ? 0 : clock_steady_ms() + LIMIT_RETRY_MS;
        return;
    }
    monitor->batch_due = 0;
    news_well_again(&monitor->news, NEWS_VERDICTS);
}

/* Enters an outcome, tells what changed, has it written. */
static void enter_verdict(struct ward *ward, unsigned index, const struct outcome *outcome)
{
    struct monitor *monitor = ward->monitor;
    const struct member_health before = ward->health;
    const struct judgement judgement = { &monitor->roll.settings, &monitor->roll.caution,
                                         !ward->brings_name, clock_now() };
    verdict_apply(&ward->health, index, outcome, &judgement);
    ward->dirty = true;
    if (!failure_is_ours(ward->health.addresses[index].failure) && !ward->watches[index].unnoted) {
        scribe_sample(monitor->news.scribe, ward->label, ward->id, &ward->health.addresses[index]);
    }
    if (ward_has_news(ward, &before, index)) {
        soon(monitor);
    } else {
        some_time(monitor);
    }
    news_probe(&monitor->news, ward, &ward->health.addresses[index], &before.addresses[index]);
    news_stage(&monitor->news, ward, before.stage, judgement.now);
    if (monitor->options.report != NULL) {
        monitor->options.report(ward->label, &ward->health.addresses[index]);
    }
}

static void stage_moved(struct ward *ward, enum stage before, void *arg)
{
    const struct monitor *monitor = arg;
    news_stage(&monitor->news, ward, before, clock_now());
}

static void take_census(struct monitor *monitor)
{
    monitor->census_due = clock_steady_ms() + LIMIT_CENSUS_MS;
    if (monitor->options.references == NULL) {
        monitor->roll.vantage.unsynchronised = reference_unsynchronised();
        monitor->roll.self.state =
            reference_by_kernel(monitor->roll.vantage.unsynchronised, &monitor->kept_time);
    }
    monitor->roll.held_ms =
        patience_held(&monitor->patience, patience_now() - monitor->options.interval_ms);
    roll_census(&monitor->roll, clock_now(), stage_moved, monitor);
    bool alarm = news_alarm(&monitor->news, &monitor->roll.vantage);
    bool state = news_state(&monitor->news, &monitor->roll.vantage);
    bool families = news_families(&monitor->news, &monitor->roll.vantage);
    if (alarm || state || families) {
        soon(monitor);
    }
    if (roll_waits(&monitor->roll)) {
        some_time(monitor);
    }
}

/* -- probes ------------------------------------------------------------------------------------------------------------- */

static uint64_t next_due(const struct monitor *monitor, unsigned backoff, uint64_t dead_s)
{
    if (monitor->options.once) {
        return UINT64_MAX;
    }
    uint64_t pause_ms = schedule_pause_ms(monitor->options.interval_ms, backoff, dead_s);
    return schedule_next(clock_steady_ms(), pause_ms, randombytes_random());
}

/* For how long the address has failed. Nobody is dead while the fault may be ours. */
static uint64_t dead_for(const struct watch *watch)
{
    const struct roll *roll = &watch->ward->monitor->roll;
    const struct address_health *row = &watch->ward->health.addresses[watch->index];
    bool ours = failure_is_ours(row->failure) || roll->caution.members_frozen ||
                roll->vantage.state != VANTAGE_WELL;
    return ours ? 0 : watch_dead_s(watch, clock_steady_ms());
}

/* -- the check of ourselves --------------------------------------------------------------------------------------------- */

static void check_self(struct monitor *monitor)
{
    const struct monitor_options *options = &monitor->options;
    uint32_t pause_ms = options->once ? LIMIT_TICK_MS : options->interval_ms / 4;
    monitor->check_due =
        clock_steady_ms() + (pause_ms > LIMIT_CHECK_MS ? LIMIT_CHECK_MS : pause_ms);
    if (options->references != NULL && !references_checking(options->references)) {
        monitor->check_began = clock_steady_ms();
        references_check(options->references, options->trust);
    }
}

/* What came before the check began is believed by its result. */
static void self_judged(const struct reference_word *word, void *arg)
{
    struct monitor *monitor = arg;
    monitor->roll.self = *word;
    roll_believe(&monitor->roll, monitor->check_began, enter_verdict);
}

static void probe_over(const struct outcome *outcome, void *arg)
{
    struct watch *watch = arg;
    struct ward *ward = watch->ward;
    struct monitor *monitor = ward->monitor;
    watch->attempt = NULL;
    monitor->flying--;
    watch_heed(watch, outcome->failure, clock_steady_ms());
    if (monitor->options.once && outcome->failure == FAILURE_INTERNAL &&
        watch_repeats(watch, clock_steady_ms())) {
        return;
    }
    bool checked = monitor->options.references != NULL && outcome->failure != FAILURE_INTERNAL;
    if (checked && (outcome->failure != FAILURE_NONE || monitor->roll.self.state != VANTAGE_WELL)) {
        watch_doubt(watch, outcome, clock_steady_ms());
    } else if (monitor->roll.self.state == VANTAGE_WELL || outcome->failure == FAILURE_INTERNAL) {
        enter_verdict(ward, watch->index, outcome);
    }
    uint64_t next_ms = next_due(monitor, watch->backoff, dead_for(watch));
    watch->due_ms = next_ms < watch->due_ms ? next_ms : watch->due_ms;
}

static void start_probe(struct monitor *monitor, struct watch *watch)
{
    watch->plan.allow_private = monitor->options.allow_private;
    watch->plan.trust = monitor->options.trust;
    watch->plan.patience = &monitor->patience;
    watch->plan.ke_life_s = schedule_ke_life_s(randombytes_random());
    watch->plan.ke_gap_s =
        monitor->options.once ? 0 : schedule_ke_gap_s(monitor->options.interval_ms);
    monitor->flying++;
    watch->due_ms = UINT64_MAX; /* until then only a change says otherwise */
    watch->attempt =
        attempt_start(monitor->loop, &watch->plan, &watch->association, probe_over, watch);
}

/* A name that does not resolve fails on every address it had; one that never did has a row of its own, address ::. */
static void unresolved(struct ward *ward, enum failure failure, const char *why)
{
    struct outcome outcome = { .failure = failure };
    (void)snprintf(outcome.detail, sizeof(outcome.detail), "%s: %.80s", why, ward->name);
    if (ward->health.address_count == 0) {
        const struct address unknown = { 0 };
        (void)verdict_addresses(&ward->health, &unknown, 1);
    }
    for (unsigned i = 0; i < ward->health.address_count; i++) {
        enter_verdict(ward, i, &outcome);
    }
    ward_leave(ward);
}

static void name_resolved(const struct lookup_answer *answer, void *arg)
{
    struct ward *ward = arg;
    struct monitor *monitor = ward->monitor;
    uint64_t now_ms = uv_now(monitor->loop);
    ward->lookup = NULL;
    monitor->flying--;
    ward->resolve_due_ms = monitor->options.once
                               ? UINT64_MAX
                               : now_ms + target_pause_ms(answer, monitor->options.interval_ms);
    enum failure failure = target_take(&ward->target, answer, now_ms);
    if (failure != FAILURE_NONE) {
        unresolved(ward, failure, answer->why);
    } else {
        ward_watch(ward, ward->target.addresses, ward->target.count);
    }
}

static bool may_fly(const struct monitor *monitor)
{
    return monitor->flying < monitor->flying_max;
}

static bool start_lookup(struct monitor *monitor, struct ward *ward)
{
    ward->lookup = lookup_start(monitor->loop, NULL, ward->name, name_resolved, ward);
    if (ward->lookup == NULL) {
        ward->resolve_due_ms = next_due(monitor, 1, 0);
        return false;
    }
    monitor->flying++;
    return true;
}

/* Starts what is due, as far as it may be: the longest waiting first, so that a quota or a bound starves nobody. */
static void start_due(struct monitor *monitor, uint64_t now_ms)
{
    struct due_list *names = &monitor->names, *watches = &monitor->watches;
    unsigned started = 0;
    roll_due(&monitor->roll, now_ms, names, watches);
    for (size_t i = 0; i < names->count && started < LIMIT_STARTS && may_fly(monitor); i++) {
        started += start_lookup(monitor, names->items[i].what);
    }
    for (size_t i = 0; i < watches->count && started < LIMIT_STARTS && may_fly(monitor); i++) {
        struct watch *watch = watches->items[i].what;
        if (quota_take(monitor->quota, &watch->plan.endpoint.address, now_ms)) {
            start_probe(monitor, watch);
            started++;
        }
    }
}

/* With --once: nothing is in flight and nothing is due any more. */
static bool all_done(const struct monitor *monitor)
{
    for (size_t i = 0; i < monitor->roll.ward_count; i++) {
        const struct ward *ward = monitor->roll.wards[i];
        if (ward->lookup != NULL || (ward->brings_name && ward->resolve_due_ms != UINT64_MAX)) {
            return false;
        }
        for (unsigned k = 0; k < ward->watch_count; k++) {
            const struct watch *watch = &ward->watches[k];
            if (watch->attempt != NULL || watch->doubted != NULL || watch->due_ms != UINT64_MAX) {
                return false;
            }
        }
    }
    return true;
}

static void tick(uv_timer_t *timer)
{
    struct monitor *monitor = timer->data;
    uint64_t now_ms = clock_steady_ms();
    patience_look(&monitor->patience, patience_now());
    start_due(monitor, now_ms);
    if (monitor->check_due <= now_ms) {
        check_self(monitor);
    }
    if (monitor->census_due <= now_ms) {
        take_census(monitor);
    }
    bool batch = monitor->batch_due != 0 && monitor->batch_due <= now_ms;
    if (batch || monitor->word_due <= now_ms || scribe_full(monitor->news.scribe)) {
        write_verdicts(monitor);
    }
    if (monitor->options.once && monitor->batch_due == 0 && all_done(monitor)) {
        monitor_stop(monitor);
    }
}

/* -- the feed ----------------------------------------------------------------------------------------------------------- */

/* At once what is new or changed; after a start of ours, what was probed before is spread over the interval. */
static void member_changed(struct ward *ward, bool fresh, void *arg)
{
    const struct monitor *monitor = arg;
    bool known = fresh && !monitor->options.once;
    ward->resolve_due_ms = 0;
    for (unsigned i = 0; i < ward->watch_count; i++) {
        uint32_t probes = known ? ward->health.addresses[i].probes : 0;
        ward->watches[i].due_ms = schedule_first(clock_steady_ms(), monitor->options.interval_ms,
                                                 probes, randombytes_random());
        if (!known) {
            ward->watches[i].failing_since_ms = 0;
        }
    }
}

/* Where an address came or went, the member stands by those that are left. */
static void settle(struct monitor *monitor)
{
    for (size_t i = 0; i < monitor->roll.ward_count; i++) {
        struct ward *ward = monitor->roll.wards[i];
        if (ward->dirty) {
            enum stage before = ward->health.stage;
            lifecycle_advance(&ward->health, &monitor->roll.settings, &monitor->roll.caution,
                              clock_now());
            news_stage(&monitor->news, ward, before, clock_now());
        }
    }
    if (roll_waits(&monitor->roll)) {
        soon(monitor);
    }
}

/* What the pool says is under watch from here on. */
static void take_feed(struct monitor *monitor, const struct feed *feed)
{
    struct roll *roll = &monitor->roll;
    roll_follow(roll, feed, monitor, member_changed);
    news_named(&monitor->news, &feed->vantages, roll->vantage.name, journal_public(roll->journal));
}

static void init_vantage(struct monitor *monitor)
{
    struct vantage *vantage = &monitor->roll.vantage;
    *vantage = (struct vantage){ .interval_s = (monitor->options.interval_ms + 999) / 1000,
                                 .started_at = clock_now() };
    (void)snprintf(vantage->name, VANTAGE_ROOM, "%s", monitor->options.vantage);
}

/* A feed of another registry (the pool was made anew, or restored): what is known of the members before means nothing. */
static enum result begin_again(struct monitor *monitor, const struct feed *feed, struct diag *diag)
{
    if (roll_is_of(&monitor->roll, feed)) {
        return RESULT_OK;
    }
    news_line(&monitor->news, LOG_NOTICE,
              "the list of members is of another registry: begins anew");
    roll_done(&monitor->roll);
    init_vantage(monitor);
    return roll_begin(&monitor->roll, feed, monitor->options.state_dir, monitor, diag);
}

static void poll_feed(uv_timer_t *timer)
{
    struct monitor *monitor = timer->data;
    struct diag diag = { "" };
    struct feed *feed = NULL;
    if (follow_look(&monitor->follow, &feed, &diag) != RESULT_OK) {
        news_complain(&monitor->news, NEWS_FEED, &diag);
    } else if (feed != NULL && begin_again(monitor, feed, &diag) != RESULT_OK) {
        news_complain(&monitor->news, NEWS_VERDICTS, &diag);
        monitor->batch_due = 0; /* there is no journal */
        monitor_stop(monitor);
    } else if (feed != NULL) {
        take_feed(monitor, feed);
        settle(monitor);
        news_well_again(&monitor->news, NEWS_FEED);
    }
    feed_free(feed);
}

/* -- life --------------------------------------------------------------------------------------------------------------- */

static enum result read_all(struct monitor *monitor, struct diag *diag)
{
    const char *state_dir = monitor->options.state_dir;
    struct feed *feed = NULL;
    monitor->follow = (struct follow){ .state_dir = state_dir, .mark = feed_mark_none };
    enum result result = follow_look(&monitor->follow, &feed, diag);
    if (result == RESULT_OK) {
        result = roll_begin(&monitor->roll, feed, state_dir, monitor, diag);
    }
    if (result == RESULT_OK) {
        take_feed(monitor, feed);
        roll_census(&monitor->roll, clock_now(), stage_moved, monitor);
        settle(monitor);
    }
    feed_free(feed);
    return result;
}

enum result monitor_new(struct monitor **out, uv_loop_t *loop,
                        const struct monitor_options *options, struct diag *diag)
{
    struct monitor *monitor = xcalloc(1, sizeof(*monitor));
    monitor->loop = loop;
    monitor->options = *options;
    monitor->news.log = options->log;
    monitor->news.scribe = scribe_new(options->vantage);
    monitor->roll.scribe = monitor->news.scribe;
    if (options->references != NULL) {
        references_begin(options->references, loop, self_judged, monitor);
    }
    monitor->flying_max = descriptors_flights();
    monitor->quota = quota_new();
    init_vantage(monitor);
    enum result result = read_all(monitor, diag);
    if (result != RESULT_OK) {
        monitor_free(monitor);
        return result;
    }
    monitor->tick.data = monitor;
    monitor->poll.data = monitor;
    uv_timer_init(loop, &monitor->tick);
    uv_timer_init(loop, &monitor->poll);
    uv_timer_start(&monitor->tick, tick, 0, LIMIT_TICK_MS);
    if (!options->once) {
        uv_timer_start(&monitor->poll, poll_feed, LIMIT_POLL_MS, LIMIT_POLL_MS);
    }
    news_line(&monitor->news, LOG_INFO, "watching %zu members, at most %u probes at once",
              monitor->roll.ward_count, monitor->flying_max);
    *out = monitor;
    return RESULT_OK;
}

void monitor_trust(struct monitor *monitor, struct tls_trust *trust)
{
    monitor->options.trust = trust;
    for (size_t i = 0; i < monitor->roll.ward_count; i++) {
        /* what is in flight holds the old trust, which is about to go */
        ward_restart(monitor->roll.wards[i]);
    }
    if (monitor->options.references != NULL) {
        references_stop(monitor->options.references);
    }
}

bool monitor_wrote(const struct monitor *monitor)
{
    return !monitor->news.complained[NEWS_VERDICTS];
}

void monitor_stop(struct monitor *monitor)
{
    if (monitor->stopping) {
        return;
    }
    monitor->stopping = true;
    if (monitor->batch_due != 0) {
        write_verdicts(monitor);
    }
    roll_done(&monitor->roll);
    if (monitor->options.references != NULL) {
        references_stop(monitor->options.references);
    }
    uv_close((uv_handle_t *)&monitor->tick, NULL);
    uv_close((uv_handle_t *)&monitor->poll, NULL);
}

void monitor_free(struct monitor *monitor)
{
    if (monitor != NULL) {
        roll_done(&monitor->roll);
        scribe_free(monitor->news.scribe);
        quota_free(monitor->quota);
        due_free(&monitor->names);
        due_free(&monitor->watches);
        free(monitor);
    }
}

void monitor_landed(struct monitor *monitor)
{
    monitor->flying--;
}
