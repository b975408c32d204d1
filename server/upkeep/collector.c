#include "server/upkeep/collector.h"

#include <stdlib.h>

#include <sodium.h>

#include "zone/base/clock.h"
#include "zone/base/concern.h"
#include "zone/base/thread.h"
#include "zone/fleet/fleettraffic.h"

/* Counters that are in use, or were until a moment ago. */
struct open_counters {
    struct open_counters *next;
    struct counters *counters;
};

struct collector {
    struct collector_sources sources;
    pthread_mutex_t mutex; /* of the next four */
    struct open_counters *counters_list;
    struct traffic traffic;
    struct demand demand; /* without by_cell, which comes from `traffic` and `fleet` */
    struct fleettraffic fleet;
    struct worker *const *workers;
    size_t worker_count;
    uint64_t received; /* messages, as last counted */
    struct thread thread;
    struct log_once trouble, fleet_trouble;
    uint64_t last_flood; /* when the last flood over the budget began */
    struct log_limit floods;
};

/* Adds up the counts since the last call. Counters without another reference get no more counts:
 * they are added up a last time and freed. */
static void collect(struct collector *collector, uint64_t now)
{
    struct open_counters **at = &collector->counters_list;
    while (*at != NULL) {
        struct open_counters *open = *at;
        bool over = atomic_load(&open->counters->refs) == 1;
        counters_tell(open->counters, &collector->traffic, &collector->demand, now);
        if (!over) {
            at = &open->next;
            continue;
        }
        *at = open->next;
        counters_unref(open->counters);
        free(open);
    }
}

/* Adds the messages that the workers have received since the last call. */
static void count_messages(struct collector *collector, uint64_t now)
{
    uint64_t received = 0;
    for (size_t i = 0; i < collector->worker_count; i++) {
        const struct message_counters *counters = &collector->workers[i]->handler.counters;
        for (unsigned at = 0; at < 2 * MESSAGE_TRANSPORTS; at++) {
            received += counter_get(&counters->at[MESSAGES_RECEIVED + at]);
        }
    }
    traffic_add_totals(&collector->traffic, received - collector->received, 0, now);
    collector->received = received;
}

struct counters *collector_counters(struct collector *collector, struct zone_state *zone)
{
    struct open_counters *open = xcalloc(1, sizeof(*open));
    uint32_t start = 0;
    randombytes_buf(&start, sizeof(start));
    open->counters = counters_ref(counters_new(zone, start));
    (void)pthread_mutex_lock(&collector->mutex);
    collect(collector, clock_now()); /* frees those that are no longer in use */
    open->next = collector->counters_list;
    collector->counters_list = open;
    (void)pthread_mutex_unlock(&collector->mutex);
    return open->counters;
}

/* The demand by cell, of this machine or of the fleet. Under the mutex. */
static void tell_demand(const struct collector *collector, const struct cell *cells, size_t count,
                        uint64_t now, double *out)
{
    struct traffic sum = { 0 };
    if (collector->fleet.machines == 0) {
        traffic_demand(&collector->traffic, cells, count, now, out);
        return;
    }
    fleettraffic_sum(&sum, &collector->fleet, &collector->traffic, now);
    traffic_demand(&sum, cells, count, now, out);
    traffic_done(&sum);
}

struct demand collector_demand(struct collector *collector, const struct locations *locations,
                               uint64_t now)
{
    size_t count = 0;
    const struct cell *cells = locations_cells(locations, &count);
    double *by_cell = xcalloc(count, sizeof(*by_cell));
    (void)pthread_mutex_lock(&collector->mutex);
    collect(collector, now);
    tell_demand(collector, cells, count, now, by_cell);
    struct demand demand = demand_copy(&collector->demand);
    (void)pthread_mutex_unlock(&collector->mutex);
    demand.by_cell = by_cell;
    return demand;
}

/* The ids of all members, in order. */
static enum result read_ids(struct collector *collector, struct member_ids *out, struct diag *diag)
{
    struct store_txn *txn = NULL;
    TRY(store_read(collector->sources.registry, &txn, diag));
    enum result result = member_ids_read(out, txn);
    store_abort(txn);
    if (result != RESULT_OK) {
        return diag_fail(diag, result, "the registry's members can't be read: %s",
                         result_text(result));
    }
    return RESULT_OK;
}

/* Brings memory and store up to date. The commit waits for the disk, so it holds no lock. */
static enum result write_counts(struct collector *collector, const struct member_ids *members,
                                uint64_t now, struct diag *diag)
{
    struct store_txn *txn = NULL;
    enum result result = RESULT_OK;
    if (collector->sources.traffic != NULL) {
        result = store_write(collector->sources.traffic, &txn, diag);
    }
    (void)pthread_mutex_lock(&collector->mutex);
    collect(collector, now);
    count_messages(collector, now);
    if (members != NULL) {
        traffic_prune(&collector->traffic, members, now);
    }
    if (result == RESULT_OK) {
        result = traffic_save(&collector->traffic, txn, diag);
    }
    (void)pthread_mutex_unlock(&collector->mutex);
    if (txn == NULL) {
        return result;
    }
    if (result != RESULT_OK) {
        store_abort(txn);
        return result;
    }
    result = store_commit(txn, diag);
    if (result != RESULT_OK) {
        (void)pthread_mutex_lock(&collector->mutex);
        traffic_unsaved(&collector->traffic);
        (void)pthread_mutex_unlock(&collector->mutex);
    }
    return result;
}

static enum result read_letters(struct collector *collector, struct fleettraffic *out, uint64_t now,
                                struct diag *diag)
{
    struct store *store =
        collector->sources.fleet == NULL ? NULL : fleetstore_get(collector->sources.fleet);
    struct store_txn *txn = NULL;
    if (store == NULL) {
        return RESULT_OK;
    }
    (void)pthread_mutex_lock(&collector->mutex);
    double own = traffic_total(&collector->traffic, now);
    (void)pthread_mutex_unlock(&collector->mutex);
    TRY(store_read(store, &txn, diag));
    enum result result = fleettraffic_read(out, txn, NULL, own, now);
    store_abort(txn);
    if (result != RESULT_OK) {
        return diag_fail(diag, result, "what other machines were asked for can't be read: %s",
                         result_text(result));
    }
    return RESULT_OK;
}

/* Without others, our own demand counts alone. */
static void read_others(struct collector *collector, uint64_t now)
{
    struct fleettraffic fleet = { .machines = 0 };
    struct diag diag = { "" };
    if (read_letters(collector, &fleet, now, &diag) == RESULT_OK) {
        log_once_over(&collector->fleet_trouble, collector->sources.log,
                      "demand of other machines counts again");
    } else {
        log_once(&collector->fleet_trouble, collector->sources.log, LOG_WARNING, NULL, "%s",
                 diag.text);
    }
    (void)pthread_mutex_lock(&collector->mutex);
    struct fleettraffic before = collector->fleet;
    collector->fleet = fleet;
    (void)pthread_mutex_unlock(&collector->mutex);
    fleettraffic_done(&before);
}

/* Once a flood. */
static void log_budget(struct collector *collector)
{
    (void)pthread_mutex_lock(&collector->mutex);
    uint64_t since = collector->traffic.over_budget.since;
    (void)pthread_mutex_unlock(&collector->mutex);
    bool another = since != collector->last_flood;
    collector->last_flood = since;
    if (log_limit_admits(&collector->floods, another)) {
        const struct log_fields fields = { .warning = concern_id_text(CONCERN_OVER_BUDGET) };
        char note[LOG_NOTE_ROOM];
        log_say_about(collector->sources.log, LOG_WARNING, &fields,
                      "more missing names are asked for than denial-budget has signatures: the "
                      "others are denied by the zone's NSEC chain%s",
                      log_limit_note(&collector->floods, note));
    }
}

void collector_write(struct collector *collector, uint64_t now)
{
    struct member_ids members = { .list = NULL };
    struct diag diag = { "" };
    bool known = read_ids(collector, &members, &diag) == RESULT_OK;
    if (write_counts(collector, known ? &members : NULL, now, &diag) == RESULT_OK && known) {
        log_once_over(&collector->trouble, collector->sources.log, "counts are kept again");
        log_say(collector->sources.log, LOG_DEBUG, "the counts are written");
    } else {
        log_once(&collector->trouble, collector->sources.log, LOG_WARNING, NULL, "%s", diag.text);
    }
    log_budget(collector);
    read_others(collector, now);
    member_ids_done(&members);
}

static void *run(void *arg)
{
    struct collector *collector = arg;
    read_others(collector, clock_now());
    while (thread_pause(&collector->thread, COLLECTOR_WRITE_MS)) {
        collector_write(collector, clock_now());
    }
    return NULL;
}

enum result collector_new(struct collector **out, const struct collector_sources *sources,
                          struct diag *diag)
{
    struct traffic traffic = { 0 };
    struct store_txn *txn = NULL;
    enum result result = RESULT_OK;
    if (sources->traffic != NULL) {
        result = store_read(sources->traffic, &txn, diag);
    }
    if (txn != NULL) {
        result = traffic_load(&traffic, txn, diag);
        store_abort(txn);
    }
    if (result != RESULT_OK) {
        return result;
    }
    struct collector *collector = xcalloc(1, sizeof(*collector));
    collector->sources = *sources;
    collector->traffic = traffic;
    collector->last_flood = traffic.over_budget.since;
    CHECK(pthread_mutex_init(&collector->mutex, NULL) == 0);
    thread_init(&collector->thread);
    *out = collector;
    return RESULT_OK;
}

enum result collector_start(struct collector *collector, struct worker *const *workers,
                            size_t count, struct diag *diag)
{
    collector->workers = workers;
    collector->worker_count = count;
    return thread_start(&collector->thread, run, collector, diag);
}

const struct thread *collector_thread(const struct collector *collector)
{
    return &collector->thread;
}

void collector_stop(struct collector *collector)
{
    if (collector == NULL) {
        return;
    }
    thread_end(&collector->thread);
    count_messages(collector, clock_now());
    collector->worker_count = 0;
    collector->received = 0;
}

void collector_free(struct collector *collector)
{
    if (collector == NULL) {
        return;
    }
    thread_end(&collector->thread);
    collector_write(collector, clock_now());
    ASSERT(collector->counters_list == NULL);
    traffic_done(&collector->traffic);
    fleettraffic_done(&collector->fleet);
    demand_done(&collector->demand);
    thread_done(&collector->thread);
    (void)pthread_mutex_destroy(&collector->mutex);
    free(collector);
}
