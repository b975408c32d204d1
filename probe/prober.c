#include "probe/prober.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "probe/dispatcher.h"
#include "probe/feed_reader.h"
#include "probe/limits.h"
#include "probe/probe_log.h"
#include "probe/stall.h"
#include "zone/base/clock.h"
#include "zone/base/u64.h"

struct prober {
    uv_loop_t *loop;
    struct prober_options options;
    struct feed_reader feed_reader;
    struct probe_context context;
    struct member_table table;
    struct dispatcher dispatcher;
    struct stall stall;
    struct report_queue *report_queue;
    struct probe_log probe_log;
    struct probe_totals totals;
    bool stopping;
    bool was_synchronised; /* the kernel's clock, at some time in this run */
    uint64_t breaker_due_ms, heartbeat_due_ms;
    uint64_t check_due_ms, check_began_ms;
    uint64_t report_due_ms; /* 0: no verdicts wait */
    uv_timer_t tick, poll;
};

/* -- reports -- */

static void report_within(struct prober *prober, uint64_t ms)
{
    uint64_t due_ms = clock_steady_ms() + ms;
    if (prober->report_due_ms == 0 || due_ms < prober->report_due_ms) {
        prober->report_due_ms = due_ms;
    }
}

/* For changes that may affect the pool's answers. */
static void report_soon(struct prober *prober)
{
    report_within(prober, LIMIT_BATCH_MS);
}

/* For changes that affect no answer. Many verdicts share a report, since each one costs a disk
 * write and wakes the server. */
static void report_later(struct prober *prober)
{
    uint64_t ms = prober->options.interval_ms / 10;
    report_within(prober, u64_min(u64_max(ms, LIMIT_BATCH_MS), LIMIT_LAZY_MS));
}

static void write_report(struct prober *prober)
{
    struct diag diag = { "" };
    vantage_mark_well(&prober->table.vantage, clock_now());
    prober->heartbeat_due_ms =
        clock_steady_ms() + u64_min(prober->options.interval_ms / 2, LIMIT_HEARTBEAT_MS);
    if (member_table_write(&prober->table, prober->report_queue, &diag) != RESULT_OK) {
        probe_log_failed(&prober->probe_log, PROBE_LOG_VERDICTS, &diag);
        prober->report_due_ms = prober->options.once ? 0 : clock_steady_ms() + LIMIT_RETRY_MS;
        return;
    }
    prober->report_due_ms = 0;
    probe_log_recovered(&prober->probe_log, PROBE_LOG_VERDICTS);
    log_say(prober->options.log, LOG_DEBUG, "wrote a report");
}

/* -- verdicts -- */

static void note_stage(struct probed_member *member, enum stage before, void *arg)
{
    const struct prober *prober = arg;
    char text[HISTORY_EVENT_ROOM];
    if (probe_log_stage(&prober->probe_log, member, before, text)) {
        report_queue_event(prober->report_queue, member->label, clock_now(), text);
    }
}

/* Applies an outcome to the member's health, logs the changes, and has them reported. */
static void enter_verdict(struct probed_member *member, unsigned index,
                          const struct outcome *outcome, void *arg)
{
    struct prober *prober = arg;
    const struct member_health before = member->health;
    const struct judgement judgement = { &prober->table.settings, &prober->table.breaker_state,
                                         !member->has_own_name, clock_now() };
    verdict_apply(&member->health, index, outcome, &judgement);
    const struct address_health *row = &member->health.addresses[index];
    member->dirty = true;
    if (!failure_is_ours(row->failure) && !member->probed_addresses[index].no_history) {
        report_queue_sample(prober->report_queue, member->label, member->id, row);
    }
    if (probed_member_is_urgent(member, &before, index)) {
        report_soon(prober);
    } else {
        report_later(prober);
    }
    probe_log_probe(&prober->probe_log, member, index, &before.addresses[index]);
    note_stage(member, before.stage, prober);
    if (prober->options.report != NULL) {
        prober->options.report(member->label, row);
    }
}

/* Where an address came or went, the member is judged by the others. */
static void advance_dirty(struct prober *prober)
{
    struct member_table *table = &prober->table;
    for (size_t i = 0; i < table->member_count; i++) {
        struct probed_member *member = table->members[i];
        if (member->dirty) {
            enum stage before = member->health.stage;
            lifecycle_advance(&member->health, &table->settings, &table->breaker_state,
                              clock_now());
            note_stage(member, before, prober);
        }
    }
    if (member_table_is_dirty(table)) {
        report_soon(prober);
    }
}

static void run_breaker(struct prober *prober)
{
    struct member_table *table = &prober->table;
    prober->breaker_due_ms = clock_steady_ms() + LIMIT_BREAKER_MS;
    if (prober->options.references == NULL) {
        table->vantage.unsynchronised = reference_unsynchronised();
        table->self.state =
            reference_by_kernel(table->vantage.unsynchronised, &prober->was_synchronised);
    }
    table->stalled_ms = stall_length(&prober->stall, stall_now() - prober->options.interval_ms);
    member_table_run_breaker(table, clock_now(), note_stage, prober);
    bool alarm = probe_log_alarm(&prober->probe_log, &table->vantage);
    bool state = probe_log_state(&prober->probe_log, &table->vantage);
    bool families = probe_log_families(&prober->probe_log, &table->vantage);
    if (alarm || state || families) {
        report_soon(prober);
    }
    if (member_table_is_dirty(table)) {
        report_later(prober);
    }
}

/* -- the check of ourselves -- */

static void check_self(struct prober *prober)
{
    const struct prober_options *options = &prober->options;
    uint64_t pause_ms = options->once ? LIMIT_TICK_MS : options->interval_ms / 4;
    prober->check_due_ms = clock_steady_ms() + u64_min(pause_ms, LIMIT_CHECK_MS);
    if (options->references != NULL && !references_are_checking(options->references)) {
        prober->check_began_ms = clock_steady_ms();
        references_check(options->references, options->trust);
    }
}

static void self_checked(const struct reference_verdict *verdict, void *arg)
{
    struct prober *prober = arg;
    prober->table.self = *verdict;
    member_table_confirm(&prober->table, prober->check_began_ms, enter_verdict, prober);
}

/* -- the ends of probes and lookups -- */

/* With references, a failure waits for the next check of ourselves. While the last check went
 * badly, every outcome waits. */
static void judge(struct prober *prober, struct probed_address *probed,
                  const struct outcome *outcome)
{
    bool well = prober->table.self.state == VANTAGE_WELL;
    bool ours = outcome->failure == FAILURE_INTERNAL;
    if (prober->options.references != NULL && !ours &&
        (outcome->failure != FAILURE_NONE || !well)) {
        probed_address_hold(probed, outcome, clock_steady_ms());
    } else if (well || ours) {
        enter_verdict(probed->member, probed->index, outcome, prober);
    }
}

/* The times of the steps that succeeded. */
static void count(struct probe_totals *totals, const struct outcome *outcome)
{
    static const char *const names[] = {
        [PROBE_CONNECT] = "connect", [PROBE_TLS] = "tls", [PROBE_KE] = "records"
    };
    const struct trace *trace = &outcome->trace;
    unsigned good = trace->count - (outcome->failed_at != NULL && trace->count > 0);
    probe_totals_result(totals, outcome->failure);
    for (unsigned i = 0; i < good; i++) {
        for (unsigned step = PROBE_CONNECT; step <= PROBE_KE; step++) {
            if (strcmp(trace->steps[i].name, names[step]) == 0) {
                probe_totals_step(totals, (enum probe_step)step, trace->steps[i].took_us);
            }
        }
    }
    if (outcome->timed) {
        probe_totals_step(totals, PROBE_NTP, outcome->sample.rtt_us);
    }
}

static void probe_ended(struct probed_address *probed, const struct outcome *outcome, void *arg)
{
    struct prober *prober = arg;
    uint64_t now_ms = clock_steady_ms();
    probed_address_back_off(probed, outcome->failure, now_ms);
    probe_log_outcome(&prober->probe_log, probed, outcome);
    count(&prober->totals, outcome);
    if (prober->options.once && outcome->failure == FAILURE_INTERNAL &&
        probed_address_repeat(probed, now_ms)) {
        return;
    }
    judge(prober, probed, outcome);
    dispatcher_probed(&prober->dispatcher, probed);
}

/* A name that does not resolve, or does not consent, is a failure of every address that it had. A
 * name that never resolved has one row, with address ::. */
static void enter_unresolved(struct prober *prober, struct probed_member *member,
                             enum failure failure, const char *why)
{
    struct outcome outcome = { .failure = failure };
    const char *name = failure == FAILURE_CONSENT ? member->consent_name : member->name;
    (void)snprintf(outcome.detail, sizeof(outcome.detail), "%s: %.80s", why, name);
    if (member->health.address_count == 0) {
        const struct address unknown = { 0 };
        (void)verdict_addresses(&member->health, &unknown, 1);
    }
    for (unsigned i = 0; i < member->health.address_count; i++) {
        enter_verdict(member, i, &outcome, prober);
    }
    probed_member_clear_addresses(member);
}

static void lookup_ended(struct probed_member *member, const struct lookup_answer *answer,
                         void *arg)
{
    struct prober *prober = arg;
    uint64_t now_ms = clock_steady_ms();
    enum failure consent = consent_watch_take(&member->consent, answer, now_ms);
    enum failure failure = resolved_addresses_take(&member->resolved, answer, now_ms);
    dispatcher_resolved(&prober->dispatcher, member, answer, now_ms);
    if (failure != FAILURE_NONE) {
        enter_unresolved(prober, member, failure, answer->why);
    } else if (consent != FAILURE_NONE) {
        bool asked = answer->consent != LOOKUP_NOT_ASKED;
        enter_unresolved(prober, member, consent, asked ? answer->consent_why : "not looked up");
    } else {
        probed_member_set_addresses(member, member->resolved.addresses, member->resolved.count);
    }
}

/* -- the feed -- */

static void member_changed(struct probed_member *member, bool is_new, void *arg)
{
    const struct prober *prober = arg;
    dispatcher_member_changed(&prober->dispatcher, member, is_new);
}

static void take_feed(struct prober *prober, const struct feed *feed)
{
    struct member_table *table = &prober->table;
    member_table_update(table, feed, member_changed, prober);
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

/* The feed of another registry (the pool was made anew, or restored) lists other members. Nothing
 * that is known of the old ones holds for them. */
static enum result check_registry(struct prober *prober, const struct feed *feed, struct diag *diag)
{
    if (member_table_is_of(&prober->table, feed)) {
        return RESULT_OK;
    }
    log_once_news(&prober->probe_log.registries, prober->options.log,
                  "the list of members is of another registry: begins anew");
    member_table_done(&prober->table);
    init_vantage(prober);
    return member_table_begin(&prober->table, feed, prober->options.state_dir, diag);
}

static void poll_feed(uv_timer_t *timer)
{
    struct prober *prober = timer->data;
    struct diag diag = { "" };
    struct feed *feed = NULL;
    if (feed_reader_look(&prober->feed_reader, &feed, &diag) != RESULT_OK) {
        probe_log_failed(&prober->probe_log, PROBE_LOG_FEED, &diag);
    } else if (feed != NULL && check_registry(prober, feed, &diag) != RESULT_OK) {
        probe_log_failed(&prober->probe_log, PROBE_LOG_VERDICTS, &diag);
        prober->report_due_ms = 0; /* there is no journal */
        prober_stop(prober);
    } else if (feed != NULL) {
        take_feed(prober, feed);
        advance_dirty(prober);
        log_say(prober->options.log, LOG_DEBUG, "took in a list of %zu members",
                prober->table.member_count);
        probe_log_recovered(&prober->probe_log, PROBE_LOG_FEED);
    }
    feed_free(feed);
}

/* -- the prober -- */

static void tick(uv_timer_t *timer)
{
    struct prober *prober = timer->data;
    uint64_t now_ms = clock_steady_ms();
    stall_tick(&prober->stall, stall_now());
    dispatcher_start_due(&prober->dispatcher, now_ms);
    if (prober->check_due_ms <= now_ms) {
        check_self(prober);
    }
    if (prober->breaker_due_ms <= now_ms) {
        run_breaker(prober);
    }
    bool due = prober->report_due_ms != 0 && prober->report_due_ms <= now_ms;
    if (due || prober->heartbeat_due_ms <= now_ms || report_queue_full(prober->report_queue)) {
        write_report(prober);
    }
    if (prober->options.once && prober->report_due_ms == 0 &&
        dispatcher_is_idle(&prober->dispatcher)) {
        prober_stop(prober);
    }
}

static enum result read_all(struct prober *prober, struct diag *diag)
{
    const char *state_dir = prober->options.state_dir;
    struct feed *feed = NULL;
    prober->feed_reader = (struct feed_reader){ .state_dir = state_dir, .mark = feed_mark_none };
    TRY(feed_reader_look(&prober->feed_reader, &feed, diag));
    enum result result = member_table_begin(&prober->table, feed, state_dir, diag);
    if (result == RESULT_OK) {
        take_feed(prober, feed);
        member_table_run_breaker(&prober->table, clock_now(), note_stage, prober);
        advance_dirty(prober);
    }
    feed_free(feed);
    return result;
}

static struct prober *make_prober(uv_loop_t *loop, const struct prober_options *options)
{
    struct prober *prober = xcalloc(1, sizeof(*prober));
    prober->loop = loop;
    prober->options = *options;
    prober->context = (struct probe_context){ .loop = loop,
                                              .settings = &prober->table.settings,
                                              .probed = probe_ended,
                                              .resolved = lookup_ended,
                                              .arg = prober };
    prober->table.context = &prober->context;
    prober->dispatcher = (struct dispatcher){ .table = &prober->table,
                                              .stall = &prober->stall,
                                              .trust = options->trust,
                                              .interval_ms = options->interval_ms,
                                              .allow_private = options->allow_private,
                                              .once = options->once };
    dispatcher_init(&prober->dispatcher);
    prober->report_queue = report_queue_new(options->vantage);
    prober->probe_log.log = options->log;
    if (options->references != NULL) {
        references_begin(options->references, loop, self_checked, prober);
    }
    init_vantage(prober);
    return prober;
}

enum result prober_new(struct prober **out, uv_loop_t *loop, const struct prober_options *options,
                       struct diag *diag)
{
    struct prober *prober = make_prober(loop, options);
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
    log_say(options->log, LOG_INFO, "probing %zu members, at most %u probes at once",
            prober->table.member_count, prober->dispatcher.in_flight_max);
    *out = prober;
    return RESULT_OK;
}

void prober_set_trust(struct prober *prober, struct tls_trust *trust)
{
    prober->options.trust = trust;
    prober->dispatcher.trust = trust;
    for (size_t i = 0; i < prober->table.member_count; i++) {
        /* the probes in flight use the old trust */
        probed_member_restart(prober->table.members[i]);
    }
    if (prober->options.references != NULL) {
        references_stop(prober->options.references);
    }
}

bool prober_has_written(const struct prober *prober)
{
    return !log_once_is_on(&prober->probe_log.troubles[PROBE_LOG_VERDICTS]);
}

void prober_stop(struct prober *prober)
{
    if (prober->stopping) {
        return;
    }
    prober->stopping = true;
    if (prober->report_due_ms != 0) {
        write_report(prober);
    }
    member_table_done(&prober->table);
    if (prober->options.references != NULL) {
        references_stop(prober->options.references);
    }
    uv_close((uv_handle_t *)&prober->tick, NULL);
    uv_close((uv_handle_t *)&prober->poll, NULL);
}

size_t prober_members(const struct prober *prober)
{
    return prober->table.member_count;
}

const struct probe_totals *prober_totals(const struct prober *prober)
{
    return &prober->totals;
}

void prober_free(struct prober *prober)
{
    if (prober != NULL) {
        member_table_done(&prober->table);
        report_queue_free(prober->report_queue);
        dispatcher_done(&prober->dispatcher);
        free(prober);
    }
}
