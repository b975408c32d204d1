#include "probe/prober.h"

#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include <sodium.h>

#include "probe/descriptors.h"
#include "probe/feed_reader.h"
#include "probe/host_rate.h"
#include "probe/member_table.h"
#include "probe/probe_log.h"
#include "probe/schedule.h"
#include "probe/stall.h"
#include "zone/base/clock.h"

struct prober {
    uv_loop_t *loop;
    struct prober_options options;
    struct feed_reader feed_reader;
    struct member_table table;
    struct due_list names, probed_addresses; /* what is due in this tick */
    unsigned flying, flying_max;
    struct host_rate *host_rate;
    struct stall stall;
    bool stopping;
    bool kept_time; /* the kernel has said so once in this run */
    struct probe_log probe_log;
    uint64_t breaker_due, word_due, check_due, check_began;
    uint64_t batch_due; /* when verdicts are written; 0: none wait */
    uv_timer_t tick, poll;
};

static void within(struct prober *prober, uint64_t ms)
{
    uint64_t due = clock_steady_ms() + ms;
    if (prober->batch_due == 0 || due < prober->batch_due) {
        prober->batch_due = due;
    }
}

/* For what may change the pool's answers. */
static void soon(struct prober *prober)
{
    within(prober, LIMIT_BATCH_MS);
}

/* For what changes no answer: many share a transaction, which costs the disk and wakes the
 * server. */
static void some_time(struct prober *prober)
{
    uint64_t ms = prober->options.interval_ms / 10;
    within(prober, ms < LIMIT_BATCH_MS ? LIMIT_BATCH_MS : ms > LIMIT_LAZY_MS ? LIMIT_LAZY_MS : ms);
}

static void write_verdicts(struct prober *prober)
{
    struct diag diag = { "" };
    vantage_word(&prober->table.vantage, clock_now());
    uint32_t pause_ms = prober->options.interval_ms / 2;
    prober->word_due = clock_steady_ms() + (pause_ms > LIMIT_WORD_MS ? LIMIT_WORD_MS : pause_ms);
    if (member_table_write(&prober->table, &diag) != RESULT_OK) {
        probe_log_complain(&prober->probe_log, PROBE_LOG_VERDICTS, &diag);
        prober->batch_due = prober->options.once ? 0 : clock_steady_ms() + LIMIT_RETRY_MS;
        return;
    }
    prober->batch_due = 0;
    probe_log_well_again(&prober->probe_log, PROBE_LOG_VERDICTS);
}

/* Enters an outcome, tells what changed, has it written. */
static void enter_verdict(struct probed_member *member, unsigned index,
                          const struct outcome *outcome)
{
    struct prober *prober = member->prober;
    const struct member_health before = member->health;
    const struct judgement judgement = { &prober->table.settings, &prober->table.breaker_state,
                                         !member->brings_name, clock_now() };
    verdict_apply(&member->health, index, outcome, &judgement);
    member->dirty = true;
    if (!failure_is_ours(member->health.addresses[index].failure) &&
        !member->probed_addresses[index].unnoted) {
        report_queue_sample(prober->probe_log.report_queue, member->label, member->id,
                            &member->health.addresses[index]);
    }
    if (probed_member_is_urgent(member, &before, index)) {
        soon(prober);
    } else {
        some_time(prober);
    }
    probe_log_probe(&prober->probe_log, member, &member->health.addresses[index],
                    &before.addresses[index]);
    probe_log_stage(&prober->probe_log, member, before.stage, judgement.now);
    if (prober->options.report != NULL) {
        prober->options.report(member->label, &member->health.addresses[index]);
    }
}

static void stage_moved(struct probed_member *member, enum stage before, void *arg)
{
    const struct prober *prober = arg;
    probe_log_stage(&prober->probe_log, member, before, clock_now());
}

static void count_failing(struct prober *prober)
{
    prober->breaker_due = clock_steady_ms() + LIMIT_BREAKER_MS;
    if (prober->options.references == NULL) {
        prober->table.vantage.unsynchronised = reference_unsynchronised();
        prober->table.self.state =
            reference_by_kernel(prober->table.vantage.unsynchronised, &prober->kept_time);
    }
    prober->table.held_ms = stall_length(&prober->stall, stall_now() - prober->options.interval_ms);
    member_table_run_breaker(&prober->table, clock_now(), stage_moved, prober);
    bool alarm = probe_log_alarm(&prober->probe_log, &prober->table.vantage);
    bool state = probe_log_state(&prober->probe_log, &prober->table.vantage);
    bool families = probe_log_families(&prober->probe_log, &prober->table.vantage);
    if (alarm || state || families) {
        soon(prober);
    }
    if (member_table_waits(&prober->table)) {
        some_time(prober);
    }
}

static uint64_t next_due(const struct prober *prober, unsigned backoff, uint64_t dead_s)
{
    if (prober->options.once) {
        return UINT64_MAX;
    }
    uint64_t pause_ms = schedule_pause_ms(prober->options.interval_ms, backoff, dead_s);
    return schedule_next(clock_steady_ms(), pause_ms, randombytes_random());
}

/* For how long the address has failed. Nobody is dead while the fault may be ours. */
static uint64_t dead_for(const struct probed_address *probed)
{
    const struct member_table *table = &probed->member->prober->table;
    const struct address_health *row = &probed->member->health.addresses[probed->index];
    bool ours = failure_is_ours(row->failure) || table->breaker_state.members_frozen ||
                table->vantage.state != VANTAGE_WELL;
    return ours ? 0 : probed_address_dead_s(probed, clock_steady_ms());
}

static void check_self(struct prober *prober)
{
    const struct prober_options *options = &prober->options;
    uint32_t pause_ms = options->once ? LIMIT_TICK_MS : options->interval_ms / 4;
    prober->check_due = clock_steady_ms() + (pause_ms > LIMIT_CHECK_MS ? LIMIT_CHECK_MS : pause_ms);
    if (options->references != NULL && !references_checking(options->references)) {
        prober->check_began = clock_steady_ms();
        references_check(options->references, options->trust);
    }
}

/* What came before the check began is believed by its result. */
static void self_judged(const struct reference_word *word, void *arg)
{
    struct prober *prober = arg;
    prober->table.self = *word;
    member_table_believe(&prober->table, prober->check_began, enter_verdict);
}

static void probe_over(const struct outcome *outcome, void *arg)
{
    struct probed_address *probed = arg;
    struct probed_member *member = probed->member;
    struct prober *prober = member->prober;
    probed->run = NULL;
    prober->flying--;
    probed_address_back_off(probed, outcome->failure, clock_steady_ms());
    if (prober->options.once && outcome->failure == FAILURE_INTERNAL &&
        probed_address_repeats(probed, clock_steady_ms())) {
        return;
    }
    bool checked = prober->options.references != NULL && outcome->failure != FAILURE_INTERNAL;
    if (checked && (outcome->failure != FAILURE_NONE || prober->table.self.state != VANTAGE_WELL)) {
        probed_address_doubt(probed, outcome, clock_steady_ms());
    } else if (prober->table.self.state == VANTAGE_WELL || outcome->failure == FAILURE_INTERNAL) {
        enter_verdict(member, probed->index, outcome);
    }
    uint64_t next_ms = next_due(prober, probed->backoff, dead_for(probed));
    probed->due_ms = next_ms < probed->due_ms ? next_ms : probed->due_ms;
}

static void start_probe(struct prober *prober, struct probed_address *probed)
{
    probed->plan.allow_private = prober->options.allow_private;
    probed->plan.trust = prober->options.trust;
    probed->plan.stall = &prober->stall;
    probed->plan.ke_life_s = schedule_ke_life_s(randombytes_random());
    probed->plan.ke_gap_s =
        prober->options.once ? 0 : schedule_ke_gap_s(prober->options.interval_ms);
    prober->flying++;
    probed->due_ms = UINT64_MAX; /* until then only a change says otherwise */
    probed->run =
        probe_run_start(prober->loop, &probed->plan, &probed->association, probe_over, probed);
}

/* A name that does not resolve fails on every address it had; one that never did has a row of its
 * own, address ::. */
static void unresolved(struct probed_member *member, enum failure failure, const char *why)
{
    struct outcome outcome = { .failure = failure };
    (void)snprintf(outcome.detail, sizeof(outcome.detail), "%s: %.80s", why, member->name);
    if (member->health.address_count == 0) {
        const struct address unknown = { 0 };
        (void)verdict_addresses(&member->health, &unknown, 1);
    }
    for (unsigned i = 0; i < member->health.address_count; i++) {
        enter_verdict(member, i, &outcome);
    }
    probed_member_clear_addresses(member);
}

static void name_resolved(const struct lookup_answer *answer, void *arg)
{
    struct probed_member *member = arg;
    struct prober *prober = member->prober;
    uint64_t now_ms = uv_now(prober->loop);
    member->lookup = NULL;
    prober->flying--;
    member->resolve_due_ms =
        prober->options.once
            ? UINT64_MAX
            : now_ms + resolved_addresses_pause_ms(answer, prober->options.interval_ms);
    enum failure failure = resolved_addresses_take(&member->resolved, answer, now_ms);
    if (failure != FAILURE_NONE) {
        unresolved(member, failure, answer->why);
    } else {
        probed_member_set_addresses(member, member->resolved.addresses, member->resolved.count);
    }
}

static bool may_fly(const struct prober *prober)
{
    return prober->flying < prober->flying_max;
}

static bool start_lookup(struct prober *prober, struct probed_member *member)
{
    member->lookup = lookup_start(prober->loop, NULL, member->name, name_resolved, member);
    if (member->lookup == NULL) {
        member->resolve_due_ms = next_due(prober, 1, 0);
        return false;
    }
    prober->flying++;
    return true;
}

/* Starts what is due, as far as it may be: the longest waiting first, so that a quota or a bound
 * starves nobody. */
static void start_due(struct prober *prober, uint64_t now_ms)
{
    struct due_list *names = &prober->names, *probed_addresses = &prober->probed_addresses;
    unsigned started = 0;
    member_table_due(&prober->table, now_ms, names, probed_addresses);
    for (size_t i = 0; i < names->count && started < LIMIT_STARTS && may_fly(prober); i++) {
        started += start_lookup(prober, names->items[i].what);
    }
    for (size_t i = 0; i < probed_addresses->count && started < LIMIT_STARTS && may_fly(prober);
         i++) {
        struct probed_address *probed = probed_addresses->items[i].what;
        if (host_rate_take(prober->host_rate, &probed->plan.endpoint.address, now_ms)) {
            start_probe(prober, probed);
            started++;
        }
    }
}

/* With --once: nothing is in flight and nothing is due any more. */
static bool all_done(const struct prober *prober)
{
    for (size_t i = 0; i < prober->table.member_count; i++) {
        const struct probed_member *member = prober->table.members[i];
        if (member->lookup != NULL ||
            (member->brings_name && member->resolve_due_ms != UINT64_MAX)) {
            return false;
        }
        for (unsigned k = 0; k < member->address_count; k++) {
            const struct probed_address *probed = &member->probed_addresses[k];
            if (probed->run != NULL || probed->doubted != NULL || probed->due_ms != UINT64_MAX) {
                return false;
            }
        }
    }
    return true;
}

static void tick(uv_timer_t *timer)
{
    struct prober *prober = timer->data;
    uint64_t now_ms = clock_steady_ms();
    stall_tick(&prober->stall, stall_now());
    start_due(prober, now_ms);
    if (prober->check_due <= now_ms) {
        check_self(prober);
    }
    if (prober->breaker_due <= now_ms) {
        count_failing(prober);
    }
    bool batch = prober->batch_due != 0 && prober->batch_due <= now_ms;
    if (batch || prober->word_due <= now_ms || report_queue_full(prober->probe_log.report_queue)) {
        write_verdicts(prober);
    }
    if (prober->options.once && prober->batch_due == 0 && all_done(prober)) {
        prober_stop(prober);
    }
}

/* At once what is new or changed; after a start of ours, what was probed before is spread over the
 * interval. */
static void member_changed(struct probed_member *member, bool fresh, void *arg)
{
    const struct prober *prober = arg;
    bool known = fresh && !prober->options.once;
    member->resolve_due_ms = 0;
    for (unsigned i = 0; i < member->address_count; i++) {
        uint32_t probes = known ? member->health.addresses[i].probes : 0;
        member->probed_addresses[i].due_ms = schedule_first(
            clock_steady_ms(), prober->options.interval_ms, probes, randombytes_random());
        if (!known) {
            member->probed_addresses[i].failing_since_ms = 0;
        }
    }
}

/* Where an address came or went, the member stands by those that are left. */
static void settle(struct prober *prober)
{
    for (size_t i = 0; i < prober->table.member_count; i++) {
        struct probed_member *member = prober->table.members[i];
        if (member->dirty) {
            enum stage before = member->health.stage;
            lifecycle_advance(&member->health, &prober->table.settings,
                              &prober->table.breaker_state, clock_now());
            probe_log_stage(&prober->probe_log, member, before, clock_now());
        }
    }
    if (member_table_waits(&prober->table)) {
        soon(prober);
    }
}

/* What the pool says is under watch from here on. */
static void take_feed(struct prober *prober, const struct feed *feed)
{
    struct member_table *table = &prober->table;
    member_table_update(table, feed, prober, member_changed);
    probe_log_named(&prober->probe_log, &feed->vantages, table->vantage.name,
                    journal_public(table->journal));
}

static void init_vantage(struct prober *prober)
{
    struct vantage *vantage = &prober->table.vantage;
    *vantage = (struct vantage){ .interval_s = (prober->options.interval_ms + 999) / 1000,
                                 .started_at = clock_now() };
    (void)snprintf(vantage->name, VANTAGE_ROOM, "%s", prober->options.vantage);
}

/* A feed of another registry (the pool was made anew, or restored): what is known of the members
 * before means nothing. */
static enum result begin_again(struct prober *prober, const struct feed *feed, struct diag *diag)
{
    if (member_table_is_of(&prober->table, feed)) {
        return RESULT_OK;
    }
    probe_log_line(&prober->probe_log, LOG_NOTICE,
                   "the list of members is of another registry: begins anew");
    member_table_done(&prober->table);
    init_vantage(prober);
    return member_table_begin(&prober->table, feed, prober->options.state_dir, prober, diag);
}

static void poll_feed(uv_timer_t *timer)
{
    struct prober *prober = timer->data;
    struct diag diag = { "" };
    struct feed *feed = NULL;
    if (feed_reader_look(&prober->feed_reader, &feed, &diag) != RESULT_OK) {
        probe_log_complain(&prober->probe_log, PROBE_LOG_FEED, &diag);
    } else if (feed != NULL && begin_again(prober, feed, &diag) != RESULT_OK) {
        probe_log_complain(&prober->probe_log, PROBE_LOG_VERDICTS, &diag);
        prober->batch_due = 0; /* there is no journal */
        prober_stop(prober);
    } else if (feed != NULL) {
        take_feed(prober, feed);
        settle(prober);
        probe_log_well_again(&prober->probe_log, PROBE_LOG_FEED);
    }
    feed_free(feed);
}

static enum result read_all(struct prober *prober, struct diag *diag)
{
    const char *state_dir = prober->options.state_dir;
    struct feed *feed = NULL;
    prober->feed_reader = (struct feed_reader){ .state_dir = state_dir, .mark = feed_mark_none };
    enum result result = feed_reader_look(&prober->feed_reader, &feed, diag);
    if (result == RESULT_OK) {
        result = member_table_begin(&prober->table, feed, state_dir, prober, diag);
    }
    if (result == RESULT_OK) {
        take_feed(prober, feed);
        member_table_run_breaker(&prober->table, clock_now(), stage_moved, prober);
        settle(prober);
    }
    feed_free(feed);
    return result;
}

enum result prober_new(struct prober **out, uv_loop_t *loop, const struct prober_options *options,
                       struct diag *diag)
{
    struct prober *prober = xcalloc(1, sizeof(*prober));
    prober->loop = loop;
    prober->options = *options;
    prober->probe_log.log = options->log;
    prober->probe_log.report_queue = report_queue_new(options->vantage);
    prober->table.report_queue = prober->probe_log.report_queue;
    if (options->references != NULL) {
        references_begin(options->references, loop, self_judged, prober);
    }
    prober->flying_max = descriptors_flights();
    prober->host_rate = host_rate_new();
    init_vantage(prober);
    enum result result = read_all(prober, diag);
    if (result != RESULT_OK) {
        prober_free(prober);
        return result;
    }
    prober->tick.data = prober;
    prober->poll.data = prober;
    uv_timer_init(loop, &prober->tick);
    uv_timer_init(loop, &prober->poll);
    uv_timer_start(&prober->tick, tick, 0, LIMIT_TICK_MS);
    if (!options->once) {
        uv_timer_start(&prober->poll, poll_feed, LIMIT_POLL_MS, LIMIT_POLL_MS);
    }
    probe_log_line(&prober->probe_log, LOG_INFO, "watching %zu members, at most %u probes at once",
                   prober->table.member_count, prober->flying_max);
    *out = prober;
    return RESULT_OK;
}

void prober_trust(struct prober *prober, struct tls_trust *trust)
{
    prober->options.trust = trust;
    for (size_t i = 0; i < prober->table.member_count; i++) {
        /* what is in flight holds the old trust, which is about to go */
        probed_member_restart(prober->table.members[i]);
    }
    if (prober->options.references != NULL) {
        references_stop(prober->options.references);
    }
}

bool prober_wrote(const struct prober *prober)
{
    return !prober->probe_log.complained[PROBE_LOG_VERDICTS];
}

void prober_stop(struct prober *prober)
{
    if (prober->stopping) {
        return;
    }
    prober->stopping = true;
    if (prober->batch_due != 0) {
        write_verdicts(prober);
    }
    member_table_done(&prober->table);
    if (prober->options.references != NULL) {
        references_stop(prober->options.references);
    }
    uv_close((uv_handle_t *)&prober->tick, NULL);
    uv_close((uv_handle_t *)&prober->poll, NULL);
}

void prober_free(struct prober *prober)
{
    if (prober != NULL) {
        member_table_done(&prober->table);
        report_queue_free(prober->probe_log.report_queue);
        host_rate_free(prober->host_rate);
        due_free(&prober->names);
        due_free(&prober->probed_addresses);
        free(prober);
    }
}

void prober_landed(struct prober *prober)
{
    prober->flying--;
}
