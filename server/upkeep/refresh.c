#include "server/upkeep/refresh.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "server/upkeep/location_watch.h"
#include "zone/base/clock.h"
#include "zone/base/concern.h"
#include "zone/base/thread.h"

enum {
    SOA_TIMES_LEN = 20 /* serial and times, the end of its rdata */
};

struct refresh {
    struct refresh_sources sources;
    struct zone_state_sources from;
    struct zone_state *zone;
    struct dealer *dealer;
    uint64_t versions[3];        /* of registry, health and keys, in the zone state */
    struct location_watch watch; /* of the location files */
    struct worker *const *workers;
    size_t worker_count;
    struct thread thread;
    struct log_once reading, building, dealing, reopening[STORE_KINDS]; /* what fails */
    struct refresh_facts facts;
};

/* True if the location files are new. */
static bool look_at_places(struct refresh *refresh)
{
    struct places *places = location_watch_look(&refresh->watch);
    if (places == NULL) {
        return false;
    }
    places_unref(refresh->from.places);
    refresh->from.places = places;
    return true;
}

static struct demand demand_now(const struct refresh *refresh, uint64_t now)
{
    const struct places *places = refresh->from.places;
    return collector_demand(refresh->sources.collector, places == NULL ? NULL : places->locations,
                            now);
}

/* Notes the facts about a new zone state. */
static void note_facts(struct refresh *refresh, uint64_t began_ns)
{
    struct refresh_facts *facts = &refresh->facts;
    const struct zone_state *zone = refresh->zone;
    const struct deal *deal = zone->deal;
    struct reader soa = reader_of(zone->soa.rdata, zone->soa.rdata_len);
    size_t cells = 0;
    (void)locations_cells(zone->places == NULL ? NULL : zone->places->locations, &cells);
    (void)read_octets(&soa, zone->soa.rdata_len - SOA_TIMES_LEN);
    counter_set(&facts->serial, read_u32(&soa));
    counter_add(&facts->builds, 1);
    counter_set(&facts->build_ns, clock_monotonic_ns() - began_ns);
    counter_set(&facts->deal_round, deal->round);
    counter_set(&facts->dealt_at, deal->dealt_at);
    counter_set(&facts->members, deal->candidates.members);
    counter_set(&facts->handed_out, deal->candidates.eligible);
    counter_set(&facts->areas, deal->area_count);
    counter_set(&facts->cells, cells);
    /* What a signer takes from the cache is valid for so long at least. */
    counter_set(&facts->signed_until,
                zone->signed_first + zone->settings.signature_validity_s / NODE_TTL_SHARE);
    for (size_t i = 0; i < refresh->watch.count; i++) {
        counter_set(&facts->location_times[i], (uint64_t)refresh->watch.seen[i].st_mtime);
    }
}

/* A change was seen that is not in the answers yet. */
static void note_wait(struct refresh *refresh)
{
    if (counter_get(&refresh->facts.waits_since_ms) == 0) {
        counter_set(&refresh->facts.waits_since_ms, clock_monotonic_ns() / 1000000);
    }
}

/* Builds a zone state from the transactions. */
static enum result build(struct refresh *refresh, struct diag *diag)
{
    uint64_t now = clock_now(), began_ns = clock_monotonic_ns();
    uint64_t versions[3] = { store_version(refresh->from.registry),
                             store_version(refresh->from.health),
                             store_version(refresh->from.keys) };
    struct zone_state *zone = NULL;
    struct demand demand = demand_now(refresh, now);
    bool same_keys = refresh->zone != NULL && versions[2] == refresh->versions[2];
    refresh->from.demand = &demand;
    refresh->from.keyring = same_keys ? refresh->zone->keyring : NULL;
    enum result result = zone_state_build(&zone, &refresh->from, refresh->zone, now, diag);
    refresh->from.demand = NULL;
    demand_done(&demand);
    TRY(result);
    memcpy(refresh->versions, versions, sizeof(versions));
    zone_state_unref(refresh->zone);
    refresh->zone = zone;
    note_facts(refresh, began_ns);
    return RESULT_OK;
}

static void rest(struct refresh *refresh)
{
    store_rest(refresh->from.registry);
    store_rest(refresh->from.health);
    store_rest(refresh->from.keys);
}

/* Takes the new deal if the dealer has finished one, and starts the dealer when a deal is due. True
 * if there is a new deal. */
static bool look_at_dealer(struct refresh *refresh)
{
    struct diag diag = { "" };
    uint64_t now = clock_now();
    log_sink *log = refresh->sources.log;
    enum result result = dealer_take(refresh->dealer, refresh->zone, &refresh->from.dealt, &diag);
    if (refresh->from.dealt == NULL && zone_state_is_due(refresh->zone, now) &&
        dealer_is_free(refresh->dealer)) {
        struct demand demand = demand_now(refresh, now);
        result = dealer_start(refresh->dealer, refresh->zone, &demand, now, &diag);
    }
    if (result != RESULT_OK) {
        log_once(&refresh->dealing, log, LOG_WARNING, NULL, "%s", diag.text);
    } else if (refresh->from.dealt != NULL) {
        log_once_over(&refresh->dealing, log, "SRV sets are dealt again");
        log_say(log, LOG_DEBUG, "deal %" PRIu64 " is there, made in %" PRIu64 " us",
                refresh->from.dealt->round, counter_get(&refresh->facts.deals.duration_ns) / 1000);
    }
    return refresh->from.dealt != NULL;
}

/* Reopens stores whose files were replaced. */
static void look_at_stores(struct refresh *refresh)
{
    const struct refresh_sources *from = &refresh->sources;
    struct store *const stores[] = { from->registry, from->health, from->keys, from->traffic,
                                     from->history };
    for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
        struct log_once *once = &refresh->reopening[i];
        struct diag diag = { "" };
        bool taken = false;
        if (stores[i] == NULL) {
            continue;
        }
        if (store_reopen(stores[i], &taken, &diag) != RESULT_OK) {
            log_once(once, from->log, LOG_WARNING, NULL, "%s", diag.text);
        } else if (taken) {
            (void)diag_fail(&diag, RESULT_OK, "%s was replaced: the new file is in use",
                            store_path_of(stores[i]));
            log_once_news(once, from->log, diag.text);
        } else if (log_once_is_on(once) && !store_replaced(stores[i])) {
            (void)diag_fail(&diag, RESULT_OK, "%s is as it was", store_path_of(stores[i]));
            log_once_over(once, from->log, diag.text);
        }
    }
}

static enum result renew(const struct zone_state_sources *from)
{
    TRY(store_renew(from->registry));
    TRY(store_renew(from->health));
    return store_renew(from->keys);
}

static enum result rebuild(struct refresh *refresh, struct diag *diag)
{
    TRY(store_check(refresh->from.registry, diag));
    TRY(store_check(refresh->from.health, diag));
    TRY(store_check(refresh->from.keys, diag));
    return build(refresh, diag);
}

/* True if there is a new zone state. */
static bool take_changes(struct refresh *refresh)
{
    const struct refresh_facts *facts = &refresh->facts;
    log_sink *log = refresh->sources.log;
    struct diag diag = { "" };
    if (rebuild(refresh, &diag) != RESULT_OK) {
        log_once(&refresh->building, log, LOG_ERR, NULL, "changes can't be answered from: %s",
                 diag.text);
        return false;
    }
    log_once_over(&refresh->building, log, "changes show in the answers again");
    log_say(log, LOG_DEBUG,
            "zone state of serial %" PRIu64 " with %" PRIu64 " of %" PRIu64
            " members, made in %" PRIu64 " us",
            counter_get(&facts->serial), counter_get(&facts->handed_out),
            counter_get(&facts->members), counter_get(&facts->build_ns) / 1000);
    return true;
}

/* True if there is a new zone state to publish. */
static bool look(struct refresh *refresh, bool look_at_files)
{
    const struct log_fields unreadable = { .warning = concern_id_text(CONCERN_STORE_UNREADABLE) };
    struct zone_state_sources *from = &refresh->from;
    bool changed = look_at_files && look_at_places(refresh);
    if (look_at_files) {
        look_at_stores(refresh);
    }
    enum result result = renew(from);
    if (result == RESULT_STALE) { /* somebody writes to the new file already */
        rest(refresh);
        look_at_stores(refresh);
        result = renew(from);
    }
    if (result != RESULT_OK) {
        log_once(&refresh->reading, refresh->sources.log, LOG_ERR, &unreadable,
                 "the store can't be read now; the last state stays in use");
        rest(refresh);
        return false;
    }
    log_once_over(&refresh->reading, refresh->sources.log, "the store can be read again");
    changed = look_at_dealer(refresh) || changed ||
              store_version(from->registry) != refresh->versions[0] ||
              store_version(from->health) != refresh->versions[1] ||
              store_version(from->keys) != refresh->versions[2];
    if (changed) {
        note_wait(refresh);
        changed = take_changes(refresh);
    }
    deal_unref(from->dealt);
    from->dealt = NULL;
    rest(refresh);
    return changed;
}

static void *run(void *arg)
{
    struct refresh *refresh = arg;
    unsigned polls = 0;
    unsigned pause = 0; /* polls to skip, so that many changes become one zone state */
    while (thread_pause(&refresh->thread, REFRESH_POLL_MS)) {
        bool look_at_files = ++polls % (REFRESH_FILE_MS / REFRESH_POLL_MS) == 0;
        pause = pause > 0 ? pause - 1 : 0;
        if (pause > 0 || !look(refresh, look_at_files)) {
            continue;
        }
        pause = REFRESH_PAUSE_MS / REFRESH_POLL_MS;
        for (size_t i = 0; i < refresh->worker_count; i++) {
            handler_publish(&refresh->workers[i]->handler,
                            collector_counters(refresh->sources.collector, refresh->zone));
        }
        counter_set(&refresh->facts.waits_since_ms, 0);
    }
    return NULL;
}

static enum result open_reads(struct refresh *refresh, struct diag *diag)
{
    const struct refresh_sources *sources = &refresh->sources;
    refresh->watch = (struct location_watch){ .paths = sources->locations,
                                              .count = sources->location_count,
                                              .state = sources->state,
                                              .log = sources->log };
    TRY(location_watch_begin(&refresh->watch, &refresh->from.places, diag));
    TRY(store_read(sources->registry, &refresh->from.registry, diag));
    TRY(store_read(sources->health, &refresh->from.health, diag));
    TRY(store_read(sources->keys, &refresh->from.keys, diag));
    return build(refresh, diag);
}

enum result refresh_new(struct refresh **out, const struct refresh_sources *sources,
                        struct diag *diag)
{
    struct refresh *refresh = xcalloc(1, sizeof(*refresh));
    refresh->sources = *sources;
    refresh->from.seal = sources->seal;
    refresh->from.cache = sources->cache;
    refresh->from.counts = &refresh->facts.signatures;
    refresh->dealer = dealer_new(sources->cache, &refresh->facts.deals);
    thread_init(&refresh->thread);
    enum result result = open_reads(refresh, diag);
    if (result != RESULT_OK) {
        refresh_free(refresh);
        return result;
    }
    rest(refresh);
    *out = refresh;
    return RESULT_OK;
}

const struct refresh_facts *refresh_facts(const struct refresh *refresh)
{
    return &refresh->facts;
}

uint64_t refresh_locations_at(const struct refresh *refresh)
{
    uint64_t oldest = 0;
    for (size_t i = 0; i < refresh->watch.count; i++) {
        uint64_t at = counter_get(&refresh->facts.location_times[i]);
        oldest = i == 0 || at < oldest ? at : oldest;
    }
    return oldest;
}

struct zone_state *refresh_zone_state(const struct refresh *refresh)
{
    return refresh->zone;
}

enum result refresh_start(struct refresh *refresh, struct worker *const *workers, size_t count,
                          struct diag *diag)
{
    refresh->workers = workers;
    refresh->worker_count = count;
    return thread_start(&refresh->thread, run, refresh, diag);
}

static void end_read(struct store_txn *txn)
{
    if (txn != NULL) {
        store_abort(txn);
    }
}

const struct thread *refresh_thread(const struct refresh *refresh)
{
    return &refresh->thread;
}

void refresh_free(struct refresh *refresh)
{
    if (refresh == NULL) {
        return;
    }
    thread_end(&refresh->thread);
    dealer_free(refresh->dealer);
    location_watch_end(&refresh->watch);
    end_read(refresh->from.registry);
    end_read(refresh->from.health);
    end_read(refresh->from.keys);
    zone_state_unref(refresh->zone);
    places_unref(refresh->from.places);
    thread_done(&refresh->thread);
    free(refresh);
}
