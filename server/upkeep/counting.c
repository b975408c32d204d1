#include "server/upkeep/counting.h"

#include <stdlib.h>

#include <sodium.h>

#include "zone/base/clock.h"
#include "zone/base/pulse.h"

/* A tally that is still in use, or was until a moment ago. */
struct open_tally {
    struct open_tally *next;
    struct tally *tally;
};

struct counting {
    struct counting_sources sources;
    pthread_mutex_t mutex; /* of the next three */
    struct open_tally *tallies;
    struct traffic traffic;
    struct usage usage; /* without the demand, which traffic has */
    pthread_t thread;
    bool running;
    struct pulse pulse;
    struct diag last_trouble; /* logged once until it changes */
    uint64_t last_spell;      /* of the budget, that was logged */
};

static void trouble(struct counting *counting, const struct diag *diag)
{
    if (strcmp(counting->last_trouble.text, diag->text) != 0) {
        counting->last_trouble = *diag;
        if (diag->text[0] != '\0') {
            counting->sources.log(diag->text);
        }
    }
}

/* Counts what came since the last time. A tally that nobody else refers to gets no more: it is counted to its end and goes. */
static void collect(struct counting *counting, uint64_t now)
{
    struct open_tally **at = &counting->tallies;
    while (*at != NULL) {
        struct open_tally *open = *at;
        bool over = atomic_load(&open->tally->refs) == 1;
        tally_tell(open->tally, &counting->traffic, &counting->usage, now);
        if (!over) {
            at = &open->next;
            continue;
        }
        *at = open->next;
        tally_unref(open->tally);
        free(open);
    }
}

struct tally *counting_tally(struct counting *counting, struct view *view)
{
    struct open_tally *open = xcalloc(1, sizeof(*open));
    uint32_t start = 0;
    randombytes_buf(&start, sizeof(start));
    open->tally = tally_ref(tally_new(view, start));
    (void)pthread_mutex_lock(&counting->mutex);
    collect(counting, clock_now()); /* so that not more of them pile up than are in use */
    open->next = counting->tallies;
    counting->tallies = open;
    (void)pthread_mutex_unlock(&counting->mutex);
    return open->tally;
}

struct usage counting_usage(struct counting *counting, const struct locations *locations,
                            uint64_t now)
{
    size_t count = 0;
    const struct cell *cells = locations_cells(locations, &count);
    double *demand = xcalloc(count, sizeof(*demand));
    (void)pthread_mutex_lock(&counting->mutex);
    collect(counting, now);
    traffic_demand(&counting->traffic, cells, count, now, demand);
    struct usage usage = usage_copy(&counting->usage);
    (void)pthread_mutex_unlock(&counting->mutex);
    usage.demand = demand;
    return usage;
}

struct id_list {
    uint64_t *ids;
    size_t count, room;
};

static enum result add_id(const struct member *member, void *arg)
{
    struct id_list *list = arg;
    if (list->count == list->room) {
        list->room = 2 * list->room + 64;
        list->ids = xrealloc(list->ids, list->room * sizeof(list->ids[0]));
    }
    list->ids[list->count++] = member->id;
    return RESULT_OK;
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* The ids of all members, in order. */
static enum result read_ids(struct counting *counting, struct id_list *out, struct diag *diag)
{
    struct store_txn *txn = NULL;
    enum result result = store_read(counting->sources.registry, &txn, diag);
    if (result != RESULT_OK) {
        return result;
    }
    result = registry_each(txn, add_id, out);
    store_abort(txn);
    if (result != RESULT_OK) {
        return diag_fail(diag, result, "the registry's members can't be read: %s",
                         result_text(result));
    }
    if (out->count > 0) {
        qsort(out->ids, out->count, sizeof(out->ids[0]), compare_ids);
    }
    return RESULT_OK;
}

/* Brings memory and store up to date; the commit, which waits for the disk, holds nobody up. */
static enum result write_counts(struct counting *counting, const struct id_list *members,
                                uint64_t now, struct diag *diag)
{
    struct store_txn *txn = NULL;
    enum result result = RESULT_OK;
    if (counting->sources.traffic != NULL) {
        result = store_write(counting->sources.traffic, &txn, diag);
    }
    (void)pthread_mutex_lock(&counting->mutex);
    collect(counting, now);
    if (members != NULL) {
        traffic_prune(&counting->traffic, members->ids, members->count, now);
    }
    if (result == RESULT_OK) {
        result = traffic_save(&counting->traffic, txn, diag);
    }
    (void)pthread_mutex_unlock(&counting->mutex);
    if (txn == NULL) {
        return result;
    }
    if (result != RESULT_OK) {
        store_abort(txn);
        return result;
    }
    result = store_commit(txn, diag);
    if (result != RESULT_OK) {
        (void)pthread_mutex_lock(&counting->mutex);
        traffic_unsaved(&counting->traffic);
        (void)pthread_mutex_unlock(&counting->mutex);
    }
    return result;
}

/* Once a spell. */
static void log_budget(struct counting *counting)
{
    (void)pthread_mutex_lock(&counting->mutex);
    uint64_t since = counting->traffic.over_budget.since;
    (void)pthread_mutex_unlock(&counting->mutex);
    if (since != counting->last_spell) {
        counting->last_spell = since;
        counting->sources.log("more missing names are asked for than denial-budget has signatures: "
                              "the others are denied by the zone's NSEC chain");
    }
}

void counting_write(struct counting *counting, uint64_t now)
{
    struct id_list members = { .ids = NULL };
    struct diag diag = { "" };
    bool known = read_ids(counting, &members, &diag) == RESULT_OK;
    if (write_counts(counting, known ? &members : NULL, now, &diag) == RESULT_OK && known) {
        diag.text[0] = '\0';
    }
    trouble(counting, &diag);
    log_budget(counting);
    free(members.ids);
}

static void *run(void *arg)
{
    struct counting *counting = arg;
    while (pulse_pause(&counting->pulse, COUNTING_WRITE_MS)) {
        counting_write(counting, clock_now());
    }
    return NULL;
}

enum result counting_new(struct counting **out, const struct counting_sources *sources,
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
    struct counting *counting = xcalloc(1, sizeof(*counting));
    counting->sources = *sources;
    counting->traffic = traffic;
    counting->last_spell = traffic.over_budget.since;
    ASSERT(pthread_mutex_init(&counting->mutex, NULL) == 0);
    pulse_init(&counting->pulse);
    *out = counting;
    return RESULT_OK;
}

enum result counting_start(struct counting *counting, struct diag *diag)
{
    int error = pthread_create(&counting->thread, NULL, run, counting);
    if (error != 0) {
        return diag_fail(diag, RESULT_SYSTEM, "can't start a thread: %s", strerror(error));
    }
    counting->running = true;
    return RESULT_OK;
}

void counting_free(struct counting *counting)
{
    if (counting == NULL) {
        return;
    }
    if (counting->running) {
        pulse_stop(&counting->pulse);
        (void)pthread_join(counting->thread, NULL);
    }
    counting_write(counting, clock_now());
    ASSERT(counting->tallies == NULL);
    traffic_done(&counting->traffic);
    usage_done(&counting->usage);
    pulse_done(&counting->pulse);
    (void)pthread_mutex_destroy(&counting->mutex);
    free(counting);
}
