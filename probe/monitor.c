#include "probe/monitor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <syslog.h>
#include <time.h>

#include <sodium.h>

#include "probe/roll.h"
#include "probe/schedule.h"

struct monitor {
    uv_loop_t *loop;
    struct store_txn *snapshot; /* of the registry */
    struct monitor_options options;
    struct roll roll;
    uint64_t version; /* of the registry as followed */
    size_t turn;      /* where the next tick begins to look */
    unsigned flying, flying_max;
    bool stopping;
    bool complained;    /* a store failed and was not yet seen well again */
    uint64_t batch_due; /* when verdicts are written; 0: none wait */
    uv_timer_t tick, poll;
};

static void log_line(const struct monitor *monitor, int priority, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void log_line(const struct monitor *monitor, int priority, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    monitor->options.log(priority, line);
}

/* A store that fails is told once, and once when it is well again. */
static void complain(struct monitor *monitor, const char *what, const struct diag *diag)
{
    if (!monitor->complained) {
        monitor->complained = true;
        log_line(monitor, LOG_ERR, "%s: %s; going on with what is known", what, diag->text);
    }
}

static uint64_t unix_now(void)
{
    return (uint64_t)time(NULL);
}

static void soon(struct monitor *monitor)
{
    if (monitor->batch_due == 0) {
        monitor->batch_due = uv_now(monitor->loop) + LIMIT_BATCH_MS;
    }
}

/* -- verdicts ----------------------------------------------------------------------------------------------------------- */

static void write_verdicts(struct monitor *monitor)
{
    struct diag diag = { "" };
    if (roll_write(&monitor->roll, monitor->options.health, &diag) != RESULT_OK) {
        complain(monitor, "verdicts can't be written", &diag);
        monitor->batch_due = uv_now(monitor->loop) + LIMIT_RETRY_MS;
        return;
    }
    monitor->batch_due = 0;
    if (monitor->complained) {
        monitor->complained = false;
        log_line(monitor, LOG_NOTICE, "the stores work again");
    }
}

static void tell_stage(const struct monitor *monitor, const struct ward *ward, enum stage before)
{
    const struct member_health *health = &ward->health;
    if (health->stage == before) {
        return;
    }
    const struct address_health *worst = NULL;
    for (unsigned i = 0; i < health->address_count; i++) {
        if (health->addresses[i].failure != FAILURE_NONE) {
            worst = &health->addresses[i];
        }
    }
    if (health->stage != STAGE_INELIGIBLE || worst == NULL) {
        log_line(monitor, LOG_INFO, "member %s: %s", ward->label, stage_text(health->stage));
        return;
    }
    char text[ADDRESS_TEXT_MAX];
    log_line(monitor, LOG_NOTICE, "member %s: %s: %s: %s (%s)", ward->label,
             stage_text(health->stage), address_text(&worst->address, text),
             failure_id(worst->failure), worst->detail);
}

static void tell_working(const struct monitor *monitor, const struct ward *ward,
                         const struct address_health *row, const struct address_health *before)
{
    char text[ADDRESS_TEXT_MAX];
    address_text(&row->address, text);
    bool news =
        row->failure != before->failure || (row->failure == FAILURE_NONE && before->probes == 0);
    if (row->failure == FAILURE_NONE && news) {
        log_line(monitor, LOG_INFO, "member %s: %s: ok", ward->label, text);
    } else if (row->failure != FAILURE_NONE && news) {
        log_line(monitor, LOG_INFO, "member %s: %s: %s (%s)", ward->label, text,
                 failure_id(row->failure), row->detail);
    }
}

/* Enters an outcome, tells what changed, has it written. */
static void enter_verdict(struct ward *ward, unsigned index, const struct outcome *outcome)
{
    struct monitor *monitor = ward->monitor;
    struct address_health before = ward->health.addresses[index];
    enum stage stage_before = ward->health.stage;
    verdict_apply(&ward->health, index, outcome, &monitor->roll.settings, !ward->brings_name,
                  unix_now());
    ward->dirty = true;
    soon(monitor);
    tell_working(monitor, ward, &ward->health.addresses[index], &before);
    tell_stage(monitor, ward, stage_before);
    if (monitor->options.report != NULL) {
        monitor->options.report(ward->label, &ward->health.addresses[index]);
    }
}

/* -- probes ------------------------------------------------------------------------------------------------------------- */

static uint64_t next_due(const struct monitor *monitor, unsigned backoff)
{
    if (monitor->options.once) {
        return UINT64_MAX;
    }
    return schedule_next(uv_now(monitor->loop), monitor->options.interval_ms, backoff,
                         randombytes_random());
}

static void probe_over(const struct outcome *outcome, void *arg)
{
    struct watch *watch = arg;
    struct ward *ward = watch->ward;
    struct monitor *monitor = ward->monitor;
    watch->attempt = NULL;
    monitor->flying--;
    if (outcome->failure == FAILURE_NTP_RATE) {
        watch->backoff = watch->backoff * 2 > LIMIT_BACKOFF ? LIMIT_BACKOFF : watch->backoff * 2;
    } else if (outcome->failure == FAILURE_NONE) {
        watch->backoff = 1;
    }
    watch->due_ms = next_due(monitor, watch->backoff);
    enter_verdict(ward, watch->index, outcome);
}

static void start_probe(struct monitor *monitor, struct watch *watch)
{
    watch->plan.allow_private = monitor->options.allow_private;
    watch->plan.trust = monitor->options.trust;
    monitor->flying++;
    watch->attempt =
        attempt_start(monitor->loop, &watch->plan, &watch->association, probe_over, watch);
}

static int address_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct address));
}

/* A name that does not resolve fails on every address it had; one that never did has a row of its own, address ::. */
static void unresolved(struct ward *ward, const char *why)
{
    struct outcome outcome = { .failure = FAILURE_RESOLVE };
    (void)snprintf(outcome.detail, sizeof(outcome.detail), "%s: %.80s", why, ward->name);
    if (ward->health.address_count == 0) {
        const struct address unknown = { 0 };
        (void)verdict_addresses(&ward->health, &unknown, 1);
    }
    for (unsigned i = 0; i < ward->health.address_count; i++) {
        enter_verdict(ward, i, &outcome);
    }
}

static void name_resolved(const struct address *addresses, unsigned count, const char *why,
                          void *arg)
{
    struct ward *ward = arg;
    struct monitor *monitor = ward->monitor;
    ward->lookup = NULL;
    ward->resolve_due_ms = next_due(monitor, 1);
    if (count == 0) {
        unresolved(ward, why);
        for (unsigned i = 0; i < ward->watch_count; i++) {
            ward->watches[i].due_ms = ward->resolve_due_ms;
        }
        return;
    }
    struct address sorted[LIMIT_ADDRESSES];
    memcpy(sorted, addresses, count * sizeof(sorted[0]));
    qsort(sorted, count, sizeof(sorted[0]), address_order);
    ward_watch(ward, sorted, count);
    for (unsigned i = 0; i < count; i++) {
        ward->watches[i].due_ms = 0;
    }
}

/* Starts what is due of one member; returns how much was started. */
static unsigned start_due(struct monitor *monitor, struct ward *ward, uint64_t now_ms)
{
    unsigned started = 0;
    if (ward->brings_name && ward->lookup == NULL && ward->resolve_due_ms <= now_ms) {
        ward->lookup = lookup_start(monitor->loop, ward->name, name_resolved, ward);
        started++;
    }
    for (unsigned i = 0; i < ward->watch_count; i++) {
        struct watch *watch = &ward->watches[i];
        if (watch->attempt == NULL && watch->due_ms <= now_ms &&
            monitor->flying < monitor->flying_max) {
            start_probe(monitor, watch);
            started++;
        }
    }
    return started;
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
            if (ward->watches[k].attempt != NULL || ward->watches[k].due_ms != UINT64_MAX) {
                return false;
            }
        }
    }
    return true;
}

static void tick(uv_timer_t *timer)
{
    struct monitor *monitor = timer->data;
    uint64_t now_ms = uv_now(monitor->loop);
    unsigned started = 0;
    for (size_t i = 0; i < monitor->roll.ward_count && started < LIMIT_STARTS; i++) {
        monitor->turn = (monitor->turn + 1) % monitor->roll.ward_count;
        started += start_due(monitor, monitor->roll.wards[monitor->turn], now_ms);
    }
    if (monitor->batch_due != 0 && monitor->batch_due <= now_ms) {
        write_verdicts(monitor);
    }
    if (monitor->options.once && monitor->batch_due == 0 && all_done(monitor)) {
        monitor_stop(monitor);
    }
}

/* -- the registry ------------------------------------------------------------------------------------------------------- */

/* At once what is new or changed; after a start of ours, what was probed before is spread over the interval. */
static void member_changed(struct ward *ward, bool fresh, void *arg)
{
    const struct monitor *monitor = arg;
    bool known = fresh && !monitor->options.once;
    ward->resolve_due_ms = 0;
    for (unsigned i = 0; i < ward->watch_count; i++) {
        uint32_t probes = known ? ward->health.addresses[i].probes : 0;
        ward->watches[i].due_ms = schedule_first(
            uv_now(monitor->loop), monitor->options.interval_ms, probes, randombytes_random());
    }
}

/* Where an address came or went, the member stands by those that are left. */
static void settle(struct monitor *monitor)
{
    for (size_t i = 0; i < monitor->roll.ward_count; i++) {
        struct ward *ward = monitor->roll.wards[i];
        if (ward->dirty) {
            enum stage before = ward->health.stage;
            lifecycle_advance(&ward->health, &monitor->roll.settings, unix_now());
            tell_stage(monitor, ward, before);
        }
    }
    if (roll_waits(&monitor->roll)) {
        soon(monitor);
    }
}

static void poll_registry(uv_timer_t *timer)
{
    struct monitor *monitor = timer->data;
    struct diag diag = { "" };
    enum result result = store_renew(monitor->snapshot);
    if (result != RESULT_OK) {
        (void)diag_fail(&diag, result, "%s", result_text(result));
        complain(monitor, "the registry can't be read", &diag);
        return;
    }
    uint64_t version = store_version(monitor->snapshot);
    if (version != monitor->version) {
        result =
            roll_follow(&monitor->roll, monitor->snapshot, NULL, monitor, member_changed, &diag);
        if (result == RESULT_OK) {
            monitor->version = version;
        } else {
            complain(monitor, "the registry can't be read", &diag);
        }
        settle(monitor);
    }
    store_rest(monitor->snapshot);
}

/* -- life --------------------------------------------------------------------------------------------------------------- */

/* Each probe may hold LIMIT_FILES_EACH descriptors. */
static unsigned flying_max(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 1;
    }
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t room = limit.rlim_cur > LIMIT_FILES_SPARE ? limit.rlim_cur - LIMIT_FILES_SPARE : 0;
    rlim_t most = room / LIMIT_FILES_EACH;
    return most > LIMIT_FLYING ? LIMIT_FLYING : most > 0 ? (unsigned)most : 1;
}

static enum result read_all(struct monitor *monitor, struct diag *diag)
{
    struct store_txn *verdicts = NULL;
    enum result result = store_read(monitor->options.registry, &monitor->snapshot, diag);
    if (result != RESULT_OK) {
        return result;
    }
    result = store_read(monitor->options.health, &verdicts, diag);
    if (result != RESULT_OK) {
        return result;
    }
    monitor->version = store_version(monitor->snapshot);
    result =
        roll_follow(&monitor->roll, monitor->snapshot, verdicts, monitor, member_changed, diag);
    if (result == RESULT_OK) {
        result = roll_purge(&monitor->roll, verdicts, diag);
    }
    settle(monitor);
    store_abort(verdicts);
    store_rest(monitor->snapshot);
    return result;
}

enum result monitor_new(struct monitor **out, uv_loop_t *loop,
                        const struct monitor_options *options, struct diag *diag)
{
    struct monitor *monitor = xcalloc(1, sizeof(*monitor));
    monitor->loop = loop;
    monitor->options = *options;
    monitor->flying_max = flying_max();
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
        uv_timer_start(&monitor->poll, poll_registry, LIMIT_POLL_MS, LIMIT_POLL_MS);
    }
    log_line(monitor, LOG_INFO, "watching %zu members, at most %u probes at once",
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
    uv_close((uv_handle_t *)&monitor->tick, NULL);
    uv_close((uv_handle_t *)&monitor->poll, NULL);
}

void monitor_free(struct monitor *monitor)
{
    if (monitor != NULL) {
        roll_done(&monitor->roll);
        if (monitor->snapshot != NULL) {
            store_abort(monitor->snapshot);
        }
        free(monitor);
    }
}

void monitor_landed(struct monitor *monitor)
{
    monitor->flying--;
}
