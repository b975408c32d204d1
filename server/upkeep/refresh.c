#include "server/upkeep/refresh.h"

#include <stdlib.h>

#include "server/upkeep/dealer.h"
#include "server/upkeep/watch.h"
#include "zone/base/clock.h"
#include "zone/base/pulse.h"

struct refresh {
    struct refresh_sources sources;
    struct view_sources from;
    struct view *view;
    struct dealer *dealer;
    uint64_t versions[3]; /* registry, health, keys: of the view */
    struct watch watch;   /* of the location files */
    struct worker *const *workers;
    size_t worker_count;
    pthread_t thread;
    bool running;
    struct pulse pulse;
    struct diag last_trouble; /* logged once until it changes */
};

static void trouble(struct refresh *refresh, const struct diag *diag)
{
    if (strcmp(refresh->last_trouble.text, diag->text) != 0) {
        refresh->last_trouble = *diag;
        refresh->sources.log(diag->text);
    }
}

/* True if the location files are new. */
static bool look_at_places(struct refresh *refresh)
{
    struct places *places = watch_look(&refresh->watch);
    if (places == NULL) {
        return false;
    }
    places_unref(refresh->from.places);
    refresh->from.places = places;
    return true;
}

static struct usage usage_now(const struct refresh *refresh, uint64_t now)
{
    const struct places *places = refresh->from.places;
    return counting_usage(refresh->sources.counting, places == NULL ? NULL : places->locations,
                          now);
}

/* Builds a view from the transactions as they stand. */
static enum result build(struct refresh *refresh, struct diag *diag)
{
    uint64_t now = clock_now();
    uint64_t versions[3] = { store_version(refresh->from.registry),
                             store_version(refresh->from.health),
                             store_version(refresh->from.keys) };
    struct view *view = NULL;
    struct usage usage = usage_now(refresh, now);
    bool same_keys = refresh->view != NULL && versions[2] == refresh->versions[2];
    refresh->from.usage = &usage;
    refresh->from.keyring = same_keys ? refresh->view->keyring : NULL;
    enum result result = view_build(&view, &refresh->from, refresh->view, now, diag);
    refresh->from.usage = NULL;
    usage_done(&usage);
    if (result != RESULT_OK) {
        return result;
    }
    memcpy(refresh->versions, versions, sizeof(versions));
    view_unref(refresh->view);
    refresh->view = view;
    return RESULT_OK;
}

static void rest(struct refresh *refresh)
{
    store_rest(refresh->from.registry);
    store_rest(refresh->from.health);
    store_rest(refresh->from.keys);
}

/* Takes what the dealer has dealt, has it deal if that is due. True if there is a new deal. */
static bool look_at_dealer(struct refresh *refresh)
{
    struct diag diag = { "" };
    uint64_t now = clock_now();
    if (dealer_take(refresh->dealer, refresh->view, &refresh->from.dealt, &diag) != RESULT_OK) {
        trouble(refresh, &diag);
    }
    if (refresh->from.dealt == NULL && view_is_due(refresh->view, now) &&
        dealer_is_free(refresh->dealer)) {
        struct usage usage = usage_now(refresh, now);
        if (dealer_start(refresh->dealer, refresh->view, &usage, now, &diag) != RESULT_OK) {
            trouble(refresh, &diag);
        }
    }
    return refresh->from.dealt != NULL;
}

/* Takes up stores whose files were replaced. */
static void look_at_stores(struct refresh *refresh)
{
    const struct refresh_sources *from = &refresh->sources;
    struct store *const stores[] = { from->registry, from->health, from->keys, from->traffic,
                                     from->history };
    for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
        struct diag diag = { "" };
        bool taken = false;
        if (stores[i] != NULL && store_reopen(stores[i], &taken, &diag) != RESULT_OK) {
            trouble(refresh, &diag);
        } else if (taken) {
            (void)diag_fail(&diag, RESULT_OK, "%s was replaced: the new file is in use",
                            store_path_of(stores[i]));
            refresh->sources.log(diag.text);
        }
    }
}

/* One look: true if there is a new view to publish. */
static bool look(struct refresh *refresh, bool look_at_file)
{
    struct diag diag = { "" };
    bool changed = look_at_file && look_at_places(refresh);
    if (look_at_file) {
        look_at_stores(refresh);
    }
    struct view_sources *from = &refresh->from;
    if (store_renew(from->registry) != RESULT_OK || store_renew(from->health) != RESULT_OK ||
        store_renew(from->keys) != RESULT_OK) {
        (void)diag_fail(&diag, RESULT_DAMAGED,
                        "the store can't be read now; the last state stays in use");
        trouble(refresh, &diag);
        rest(refresh);
        return false;
    }
    changed = look_at_dealer(refresh) || changed ||
              store_version(from->registry) != refresh->versions[0] ||
              store_version(from->health) != refresh->versions[1] ||
              store_version(from->keys) != refresh->versions[2];
    if (changed &&
        (store_check(from->registry, &diag) != RESULT_OK ||
         store_check(from->health, &diag) != RESULT_OK ||
         store_check(from->keys, &diag) != RESULT_OK || build(refresh, &diag) != RESULT_OK)) {
        trouble(refresh, &diag);
        changed = false;
    }
    if (from->dealt != NULL) {
        deal_unref(from->dealt);
        from->dealt = NULL;
    }
    rest(refresh);
    return changed;
}

static void *run(void *arg)
{
    struct refresh *refresh = arg;
    unsigned polls = 0;
    unsigned pause = 0; /* polls to let pass: many changes are built into one view */
    while (pulse_pause(&refresh->pulse, REFRESH_POLL_MS)) {
        bool look_at_file = ++polls % (REFRESH_FILE_MS / REFRESH_POLL_MS) == 0;
        pause = pause > 0 ? pause - 1 : 0;
        if (pause > 0 || !look(refresh, look_at_file)) {
            continue;
        }
        pause = REFRESH_PAUSE_MS / REFRESH_POLL_MS;
        for (size_t i = 0; i < refresh->worker_count; i++) {
            worker_publish(refresh->workers[i],
                           counting_tally(refresh->sources.counting, refresh->view));
        }
    }
    return NULL;
}

enum result refresh_new(struct refresh **out, const struct refresh_sources *sources,
                        struct diag *diag)
{
    struct refresh *refresh = xcalloc(1, sizeof(*refresh));
    refresh->sources = *sources;
    refresh->from.seal = sources->seal;
    refresh->from.cache = sources->cache;
    refresh->dealer = dealer_new(sources->cache);
    pulse_init(&refresh->pulse);
    enum result result = watch_begin(&refresh->watch, sources->locations, sources->location_count,
                                     sources->log, &refresh->from.places, diag);
    if (result == RESULT_OK) {
        result = store_read(sources->registry, &refresh->from.registry, diag);
    }
    if (result == RESULT_OK) {
        result = store_read(sources->health, &refresh->from.health, diag);
    }
    if (result == RESULT_OK) {
        result = store_read(sources->keys, &refresh->from.keys, diag);
    }
    if (result == RESULT_OK) {
        result = build(refresh, diag);
    }
    if (result != RESULT_OK) {
        refresh_free(refresh);
        return result;
    }
    rest(refresh);
    *out = refresh;
    return RESULT_OK;
}

struct view *refresh_view(const struct refresh *refresh)
{
    return refresh->view;
}

enum result refresh_start(struct refresh *refresh, struct worker *const *workers, size_t count,
                          struct diag *diag)
{
    refresh->workers = workers;
    refresh->worker_count = count;
    int error = pthread_create(&refresh->thread, NULL, run, refresh);
    if (error != 0) {
        return diag_fail(diag, RESULT_SYSTEM, "can't start a thread: %s", strerror(error));
    }
    refresh->running = true;
    return RESULT_OK;
}

static void end_read(struct store_txn *txn)
{
    if (txn != NULL) {
        store_abort(txn);
    }
}

void refresh_free(struct refresh *refresh)
{
    if (refresh == NULL) {
        return;
    }
    if (refresh->running) {
        pulse_stop(&refresh->pulse);
        (void)pthread_join(refresh->thread, NULL);
    }
    dealer_free(refresh->dealer);
    watch_end(&refresh->watch);
    end_read(refresh->from.registry);
    end_read(refresh->from.health);
    end_read(refresh->from.keys);
    view_unref(refresh->view);
    places_unref(refresh->from.places);
    pulse_done(&refresh->pulse);
    free(refresh);
}
