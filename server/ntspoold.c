/* ntspoold, the nameserver: opens the stores, starts the threads, waits for a signal. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sodium.h>

#include "server/confine.h"
#include "server/detach.h"
#include "server/dnstap/dnstap.h"
#include "server/io/affinity.h"
#include "server/io/crew.h"
#include "server/io/listen.h"
#include "server/io/openfiles.h"
#include "server/io/xdp_set.h"
#include "server/keys/keywait.h"
#include "server/metrics/metrics.h"
#include "server/options.h"
#include "server/signals.h"
#include "server/startcheck.h"
#include "server/upkeep/collector.h"
#include "server/upkeep/exchange.h"
#include "server/upkeep/refresh.h"
#include "server/upkeep/stores.h"
#include "server/vitals.h"
#include "zone/base/clock.h"
#include "zone/base/instance.h"
#include "zone/base/log.h"
#include "zone/base/notify.h"
#include "zone/base/syscalls.h"

#define INSTANCE_NAME "ntspoold"

enum {
    END_US = 900000, /* after SIGTERM */
    LOOK_NS = 100000000,
    SUCCESSION_S = 30 /* until it is logged that the ntspoold before this one does not end */
};

_Static_assert((int)OPTIONS_WORKERS_MAX == KEPT_WORKERS_MAX, "every worker's sockets can be kept");

/* All that lives as long as the program. */
struct program {
    struct stores stores;
    struct seal *seal;
    struct handler_parts answering;
    struct refresh *refresh;
    struct keymgr *keymgr; /* NULL: none */
    struct dnstap *dnstap; /* NULL: none */
    struct collector *collector;
    struct exchange *exchange; /* NULL: none */
    struct metrics *metrics;   /* NULL: nobody asked for any */
    /* Each thread of UDP has one of TCP. The kernel runs a thread that has waited before one that
     * never waits, so a load of TCP does not delay UDP. */
    struct crew crew;
    struct xdp_set xdp;
    struct kept kept;          /* sockets of the ntspoold before this one, which has ended */
    struct instance *instance; /* NULL: the state can't be claimed */
    unsigned former_sockets;   /* on an address, of the ntspoold that this one replaces; 0: none */
    uint64_t beat_at, waits_since;
    struct notify notify;
    struct detach detach;
    struct vitals vitals;
    char pool[DNAME_TEXT_MAX];
    bool draining; /* another ntspoold replaces this one */
};

static void log_line(int priority, const struct log_fields *fields, const char *text)
{
    log_write(INSTANCE_NAME, priority, fields, text);
}

/* Counts that can't be read are left as they are and not added to. The server answers all the
 * same. */
static enum result open_collector(struct program *program, struct diag *diag)
{
    struct collector_sources sources = { .registry = program->stores.registry,
                                         .traffic = program->stores.traffic,
                                         .fleet = program->stores.fleet,
                                         .log = log_line };
    enum result result = collector_new(&program->collector, &sources, diag);
    if (result != RESULT_OK) {
        log_say(log_line, LOG_WARNING, "what is counted is not kept: %s", diag->text);
        sources.traffic = NULL;
        result = collector_new(&program->collector, &sources, diag);
    }
    return result;
}

/* The most sockets that this server has on an address. */
static unsigned sockets_of(const struct program *program, const struct options *options)
{
    size_t most = options->workers;
    for (size_t i = 0; i < options->listen_count; i++) {
        size_t kept = kept_count(&program->kept, &options->listen[i], SOCK_STREAM);
        most = kept > most ? kept : most;
    }
    return (unsigned)most;
}

/* Makes sure that there is one ntspoold a state, apart from a takeover. */
static enum result claim_state(struct program *program, const struct options *options,
                               struct diag *diag)
{
    struct instance_facts facts;
    enum result result = (options->takeover ? instance_succeed : instance_claim)(
        &program->instance, options->state, INSTANCE_NAME, sockets_of(program, options), diag);
    if (result == RESULT_SYSTEM) {
        log_say(log_line, LOG_WARNING, "a second one on this state is not kept away: %s",
                diag->text);
        return RESULT_OK;
    }
    if (result == RESULT_REFUSED && !options->takeover) {
        struct diag why = *diag;
        return diag_fail(diag, result, "%.400s; stop it, or take its place with --takeover",
                         why.text);
    }
    if (result == RESULT_OK && instance_waits(program->instance) &&
        instance_read(&facts, options->state, INSTANCE_NAME, NULL) == RESULT_OK) {
        program->former_sockets = facts.sockets;
    }
    return result;
}

static enum result start_exchange(struct program *program, const char *state, struct diag *diag)
{
    const struct exchange_sources sources = {
        .state_dir = state,
        .stores = { program->stores.registry,
                    program->stores.takes_in ? program->stores.health : NULL,
                    program->stores.history },
        .log = log_line
    };
    program->exchange = exchange_new(&sources);
    return exchange_start(program->exchange, diag);
}

static struct keymgr_sources key_sources(const struct program *program, const char *state)
{
    return (struct keymgr_sources){ .registry = program->stores.registry,
                                    .keys = program->stores.keys,
                                    .seal = program->seal,
                                    .state_dir = state,
                                    .fleet = program->stores.fleet,
                                    .log = log_line };
}

static enum result await_keys(struct program *program, const char *state, struct diag *diag)
{
    const struct keymgr_sources sources = key_sources(program, state);
    return program->stores.rolls_keys ? keywait(&sources, program->instance, &program->notify, diag)
                                      : RESULT_OK;
}

static enum result start_keymgr(struct program *program, const char *state, struct diag *diag)
{
    const struct keymgr_sources sources = key_sources(program, state);
    TRY(keymgr_new(&program->keymgr, &sources, diag));
    return keymgr_start(program->keymgr, diag);
}

/* What is kept is ours, whatever is said of the address. */
static enum result check_listen(const struct program *program, const struct options *options,
                                struct diag *diag)
{
    for (size_t i = 0; !instance_waits(program->instance) && i < options->listen_count; i++) {
        const struct endpoint *endpoint = &options->listen[i];
        if (kept_count(&program->kept, endpoint, SOCK_DGRAM) == 0) {
            TRY(listen_check_free(endpoint, diag));
        }
    }
    return RESULT_OK;
}

/* Makes the workers, with their sockets. */
static enum result open_workers(struct program *program, const struct options *options,
                                struct diag *diag)
{
    struct worker_parts parts = { .handler = program->answering,
                                  .listen = options->listen,
                                  .listen_count = options->listen_count,
                                  .kept = &program->kept };
    struct crew *crew = &program->crew;
    bool fewer = false;
    TRY(check_listen(program, options, diag));
    TRY(openfiles_connections(options->workers, (unsigned)options->listen_count,
                              &parts.tcp_connections, &fewer, diag));
    if (fewer) {
        log_say(log_line, LOG_WARNING, "%s", diag->text);
    }
    const struct dnstap_parts dnstap = { .where = options->dnstap,
                                         .sample = options->dnstap_sample,
                                         .taps = 2 * options->workers,
                                         .identity = options->identity.nsid,
                                         .log = log_line };
    program->dnstap = options->dnstap != NULL ? dnstap_new(&dnstap) : NULL;
    crew->workers = xcalloc(2 * (size_t)options->workers, sizeof(struct worker *));
    for (unsigned i = 0; i < 2 * options->workers; i++) {
        parts.udp = i < options->workers;
        parts.tcp = !parts.udp;
        parts.number = parts.udp ? i : i - options->workers;
        parts.tap = dnstap_tap(program->dnstap, i);
        struct counters *counters =
            collector_counters(program->collector, refresh_zone_state(program->refresh));
        TRY(worker_new(&crew->workers[i], &parts, counters, diag));
        crew->count++;
    }
    for (unsigned i = 0; i < 2 * options->workers; i += options->workers) {
        parts.udp = i == 0;
        parts.tcp = !parts.udp;
        TRY(worker_take_left(crew->workers[i], &parts, diag));
    }
    kept_close(&program->kept);
    return RESULT_OK;
}

static enum result open_metrics(struct program *program, const struct options *options,
                                struct diag *diag)
{
    const struct exposition_sources sources = { .workers = program->crew.workers,
                                                .worker_count = program->crew.count,
                                                .answers = program->answering.answers,
                                                .facts = refresh_facts(program->refresh),
                                                .dnstap = program->dnstap,
                                                .locations = options->locations,
                                                .location_count = options->location_count };
    const struct metrics_places places = { options->metrics, options->metrics_count, options->user,
                                           options->takeover };
    const struct poolpart_sources pool = { options->state, &program->stores, program->seal };
    return metrics_new(&program->metrics, &places, &sources, &pool, diag);
}

static void open_xdp(struct program *program, const struct options *options)
{
    const struct xdp_wish wish = { options->xdp, options->xdp_count, options->listen,
                                   options->listen_count, log_line };
    xdp_set_open(&program->xdp, &wish, &program->crew);
}

/* Operators read this line, scripts wait for it. */
static void log_started(const struct program *program, const struct options *options)
{
    char address[ADDRESS_TEXT_MAX];
    char where[OPTIONS_LISTEN_MAX * (ADDRESS_TEXT_MAX + 32)] = "";
    size_t used = 0;
    for (size_t i = 0; i < options->listen_count; i++) {
        used += (size_t)snprintf(where + used, sizeof(where) - used, " %s@%u%s",
                                 address_text(&options->listen[i].address, address),
                                 options->listen[i].port,
                                 listen_is_here(&options->listen[i]) ? "" : " (not here yet)");
    }
    log_say(log_line, LOG_NOTICE, "answers for %s on%s with %u worker%s", program->pool, where,
            options->workers, options->workers == 1 ? "" : "s");
    int buffer = listen_buffer(worker_socket(program->crew.workers[0], 0));
    if (buffer < LISTEN_UDP_BUFFER) {
        log_say(log_line, LOG_NOTICE,
                "net.core.rmem_max limits each buffer of UDP to %d KiB: a burst or a restart may "
                "lose queries; raise it to %d",
                buffer / 1024, LISTEN_UDP_BUFFER);
    }
}

/* Makes stores, zone state and sockets before there are threads. */
static enum result prepare(struct program *program, const struct options *options,
                           struct diag *diag)
{
    syscalls_hide();
    TRY(stores_open(&program->stores, options->state, log_line, diag));
    TRY(seal_open(&program->seal, options->state, options->seal_key, diag));
    TRY(claim_state(program, options, diag));
    TRY(await_keys(program, options->state, diag));
    TRY(open_collector(program, diag));
    program->answering.registry = program->stores.registry;
    program->answering.identity = &options->identity;
    handler_parts_fill(&program->answering, stores_members(&program->stores),
                       2 * (size_t)options->workers);
    const struct refresh_sources sources = { .registry = program->stores.registry,
                                             .health = program->stores.health,
                                             .keys = program->stores.keys,
                                             .traffic = program->stores.traffic,
                                             .history = program->stores.history,
                                             .seal = program->seal,
                                             .cache = program->answering.cache,
                                             .collector = program->collector,
                                             .locations = options->locations,
                                             .location_count = options->location_count,
                                             .state = options->state,
                                             .log = log_line };
    TRY(refresh_new(&program->refresh, &sources, diag));
    (void)dname_text(&refresh_zone_state(program->refresh)->settings.apex, program->pool);
    TRY(open_workers(program, options, diag));
    TRY(crew_steer(&program->crew, program->former_sockets, options->socket_affinity, diag));
    TRY(open_metrics(program, options, diag));
    open_xdp(program, options);
    return confine(options, log_line, diag);
}

/* The service manager keeps the sockets of this server from now on. A successor waits until those
 * of its predecessor are closed there: nobody would accept the connections that they get. */
static void keep_sockets(struct program *program)
{
    unsigned had = program->kept.workers;
    had = program->former_sockets > had ? program->former_sockets : had;
    if (program->notify.fd >= 0 &&
        (!crew_keep(&program->crew, &program->notify, had) ||
         (instance_waits(program->instance) && !notify_barrier(&program->notify)))) {
        log_say(log_line, LOG_WARNING,
                "the service manager does not listen: a restart may lose queries");
    }
}

/* Every worker answers now. A successor becomes the main process of the service before its
 * predecessor ends. */
static enum result report_ready(struct program *program, struct diag *diag)
{
    program->vitals = (struct vitals){ .notify = &program->notify,
                                       .workers = program->crew.workers,
                                       .worker_count = program->crew.count,
                                       .refresh = program->refresh,
                                       .collector = program->collector,
                                       .exchange = program->exchange,
                                       .keymgr = program->keymgr,
                                       .dnstap = program->dnstap,
                                       .metrics = program->metrics,
                                       .log = log_line,
                                       .pool = program->pool };
    TRY(detach_announce(&program->detach, diag));
    (void)notify_send(&program->notify, "READY=1\nMAINPID=%jd", (intmax_t)getpid());
    vitals_look(&program->vitals);
    keep_sockets(program);
    if (instance_waits(program->instance)) {
        instance_ready(program->instance);
    }
    detach_finish(&program->detach);
    return RESULT_OK;
}

/* Starts the threads. */
static enum result start(struct program *program, const struct options *options, struct diag *diag)
{
    TRY(collector_start(program->collector, program->crew.workers, program->crew.count, diag));
    TRY(dnstap_start(program->dnstap, diag));
    for (unsigned i = 0; i < program->crew.count; i++) {
        struct worker *worker = program->crew.workers[i];
        TRY(worker_start(worker, diag));
        if (options->socket_affinity) {
            affinity_pin(worker->thread.id, i % options->workers, options->workers);
        }
    }
    log_started(program, options);
    TRY(refresh_start(program->refresh, program->crew.workers, program->crew.count, diag));
    TRY(start_exchange(program, options->state, diag));
    TRY(metrics_start(program->metrics, diag));
    if (program->stores.rolls_keys) {
        TRY(start_keymgr(program, options->state, diag));
    }
    return report_ready(program, diag);
}

/* The refresher ends before the workers that it publishes to, and so does the thread of the
 * collector, which reads their counts. The collector itself takes back their counters. */
static void stop(struct program *program)
{
    if (program->draining) {
        crew_hang_up(&program->crew);
    }
    metrics_free(program->metrics);
    xdp_set_close(&program->xdp);
    keymgr_free(program->keymgr);
    exchange_free(program->exchange);
    refresh_free(program->refresh);
    collector_stop(program->collector);
    crew_free(&program->crew);
    kept_close(&program->kept);
    dnstap_free(program->dnstap);
    collector_free(program->collector);
    handler_parts_free(&program->answering);
    seal_free(program->seal);
    stores_close(&program->stores);
    instance_free(program->instance);
}

/* Waits for the end of the ntspoold before this one. */
static void succeed(struct program *program, const struct options *options, uint64_t now)
{
    struct diag diag;
    program->waits_since = program->waits_since == 0 ? now : program->waits_since;
    if (!instance_inherit(program->instance)) {
        if (now - program->waits_since == SUCCESSION_S) {
            log_say(log_line, LOG_WARNING, "the ntspoold before this one does not end: stop it");
            program->waits_since--; /* logged once */
        }
        return;
    }
    program->former_sockets = 0;
    if (crew_steer(&program->crew, 0, options->socket_affinity, &diag) != RESULT_OK) {
        log_say(log_line, LOG_WARNING, "%s", diag.text);
    }
    log_say(log_line, LOG_NOTICE, "the ntspoold before this one has ended");
}

/* Looks at the ntspoold before or after this one. True when this one has nothing left to do. */
static bool look_at_others(struct program *program, const struct options *options)
{
    struct instance *instance = program->instance;
    uint64_t now = clock_steady();
    if (now != program->beat_at) {
        program->beat_at = now;
        instance_note_locations(instance, refresh_locations_at(program->refresh));
        instance_beat(instance);
    }
    if (instance_waits(instance)) {
        succeed(program, options, now);
    } else if (!program->draining && instance_is_succeeded(instance)) {
        program->draining = true;
        metrics_free(program->metrics); /* those of the successor count now */
        program->metrics = NULL;
        log_say(log_line, LOG_NOTICE,
                "another ntspoold answers now: ends when all connections are closed");
        xdp_set_close(&program->xdp);
        crew_drain(&program->crew, false);
    }
    if (!program->draining) { /* the service manager hears of the successor now */
        vitals_look(&program->vitals);
    }
    return program->draining && crew_is_drained(&program->crew);
}

/* Waits for a signal to end, or for a successor. */
static void await_end(struct program *program, const struct options *options,
                      const sigset_t *signals)
{
    const struct timespec pause = { .tv_nsec = LOOK_NS };
    int signal_number = 0;
    while (signal_number != SIGTERM && signal_number != SIGINT &&
           !look_at_others(program, options)) {
        signal_number = sigtimedwait(signals, NULL, &pause);
        if (signal_number == SIGHUP) {
            log_say(log_line, LOG_NOTICE,
                    "SIGHUP: stores and location files are read when they change, options at the "
                    "start only");
        } else if (signal_number == SIGUSR1 || signal_number == SIGUSR2) {
            vitals_log_counts(&program->vitals);
        }
    }
}

int main(int, char **argv)
{
    struct options options;
    struct program program = { .detach = { .line = -1 } };
    struct diag diag = { "" };
    int exit_code = 0;
    sigset_t signals;
    log_open();
    if (!options_read(&options, argv, &exit_code)) {
        return exit_code;
    }
    if (options.detach && !options.check && !detach_begin(&program.detach, log_line, &exit_code)) {
        options_done(&options);
        return exit_code;
    }
    key_guard_memory();
    CHECK(sodium_init() >= 0);
    if (clock_is_led()) {
        log_say(log_line, LOG_NOTICE, "a test leads the time: not for a pool that anyone uses");
    }
    notify_open(&program.notify);
    kept_open(&program.kept);
    signals_set_early();
    if (options.check) {
        exit_code = startcheck(&options, log_line) ? 0 : 1;
        options_done(&options);
        return exit_code;
    }
    enum result result = prepare(&program, &options, &diag);
    signals_block(&signals);
    if (result == RESULT_OK) {
        result = start(&program, &options, &diag);
    }
    if (result != RESULT_OK) {
        log_say(log_line, LOG_ERR, "%s", diag.text);
    } else {
        await_end(&program, &options, &signals);
        signals_end_within(END_US);
        if (!program.draining) {
            (void)notify_send(&program.notify, "STOPPING=1\nSTATUS=ends");
            crew_finish(&program.crew);
        }
        vitals_log_counts(&program.vitals);
    }
    stop(&program);
    signals_end_within(0);
    notify_close(&program.notify);
    options_done(&options);
    return result == RESULT_OK ? 0 : 1;
}
