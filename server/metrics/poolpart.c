#include "server/metrics/poolpart.h"

#include <stdlib.h>

#include "zone/base/clock.h"

struct poolpart {
    struct poolpart_sources sources;
    struct survey survey;
    bool read;
    uint64_t read_at; /* ms of clock_steady_ms */
};

struct poolpart *poolpart_new(const struct poolpart_sources *sources)
{
    struct poolpart *part = xcalloc(1, sizeof(*part));
    part->sources = *sources;
    return part;
}

void poolpart_free(struct poolpart *part)
{
    free(part);
}

static void read_anew(struct poolpart *part)
{
    const struct stores *stores = part->sources.stores;
    struct store *const open[STORE_KINDS] = {
        [STORE_REGISTRY] = stores->registry, [STORE_HEALTH] = stores->health,
        [STORE_KEYS] = stores->keys,         [STORE_TRAFFIC] = stores->traffic,
        [STORE_HISTORY] = stores->history,   [STORE_FLEET] = fleetstore_get(stores->fleet),
    };
    struct survey_source *source = xcalloc(1, sizeof(*source));
    source->seal = part->sources.seal;
    source->pool.state_dir = part->sources.state_dir;
    source->pool.now = clock_now();
    runview_read(&source->pool.run, part->sources.state_dir);
    for (unsigned kind = 0; kind < STORE_KINDS; kind++) {
        struct storeview_source *store = &source->pool.stores[kind];
        store->store = open[kind];
        if (open[kind] != NULL && store_read(open[kind], &store->txn, &store->error) != RESULT_OK) {
            store->txn = NULL;
        }
    }
    survey_read(&part->survey, source);
    for (unsigned kind = 0; kind < STORE_KINDS; kind++) {
        if (source->pool.stores[kind].txn != NULL) {
            store_abort(source->pool.stores[kind].txn);
        }
    }
    free(source);
}

void poolpart_write(struct openmetrics *om, struct poolpart *part)
{
    uint64_t now = clock_steady_ms();
    if (!part->read || now - part->read_at >= POOLPART_MS) {
        read_anew(part);
        part->read = true;
        part->read_at = now;
    }
    survey_write(om, &part->survey);
}
