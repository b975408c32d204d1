#include "tools/site/worldpages.h"

#include <stdlib.h>

#include "tools/site/page_history.h"
#include "tools/site/page_share.h"
#include "tools/site/sharecountries.h"
#include "tools/site/worldmap.h"
#include "zone/base/splitmix.h"

static enum result put_maps(struct site *site, const struct sitepool *pool,
                            const struct siteworld *world, struct markup *m)
{
    for (unsigned i = 0; i < WORLDMAPS; i++) {
        enum worldmap map = (enum worldmap)i;
        if (worldmap_known(map, world)) {
            markup_clear(m);
            worldmap_page(m, map, pool, world);
            TRY(site_put(site, worldmap_file(map), m));
        }
    }
    markup_clear(m);
    worldmap_image(m, world);
    return site_put(site, "map.svg", m);
}

/* For the pages of members. */
static enum result put_countries(struct site *site, struct siteworld *world, struct markup *m)
{
    struct sharecountries shares = { 0 };
    sharecountries_of(&shares, world);
    markup_clear(m);
    sharecountries_write(m, &shares);
    sharecountries_done(&shares);
    return site_put(site, SHARECOUNTRIES_FILE, m);
}

static enum result put_steered(struct site *site, const struct sitepool *pool,
                               struct siteworld *world, struct markup *m)
{
    TRY(put_countries(site, world, m));
    if (pool->options.map) {
        TRY(put_maps(site, pool, world, m));
    }
    markup_clear(m);
    page_share_csv(m, world);
    TRY(site_put(site, "share.csv", m));
    markup_clear(m);
    page_share(m, pool, world);
    return site_put(site, "share.html", m);
}

static enum result put_history(struct site *site, const struct sitepool *pool,
                               const char *state_dir, struct markup *m, struct diag *diag)
{
    struct sitehistory *history = xcalloc(1, sizeof(*history));
    enum result result = sitehistory_read(history, state_dir, pool->now, diag);
    if (result == RESULT_OK) {
        markup_clear(m);
        page_history_csv(m, history);
        result = site_put(site, "history.csv", m);
    }
    if (result == RESULT_OK) {
        markup_clear(m);
        page_history(m, pool, history);
        result = site_put(site, "history.html", m);
    }
    free(history);
    return result;
}

static enum result put_world(struct site *site, const struct sitepool *pool, struct cli *cli,
                             struct markup *m)
{
    struct siteworld *world = xcalloc(1, sizeof(*world));
    enum result result = siteworld_read(world, cli, pool);
    if (result == RESULT_OK) {
        result = put_steered(site, pool, world, m);
    }
    siteworld_done(world);
    free(world);
    return result;
}

/* Changes with the members that are in no list: who wants to be in none is gone from the shares
 * with the next run. */
static uint64_t unlisted_of(const struct sitepool *pool)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < pool->count; i++) {
        uint64_t id = pool->members[i].id;
        sum += pool->members[i].unlisted ? splitmix(&id) : 0;
    }
    return sum;
}

enum result worldpages_put(struct site *site, const struct sitepool *pool, struct cli *cli)
{
    struct markup m = { 0 };
    enum result result = RESULT_OK;
    if (site_due(site, "world", SITE_WARM, unlisted_of(pool))) {
        result = put_world(site, pool, cli, &m);
    }
    if (result == RESULT_OK && site_due(site, "history", SITE_WARM, 0)) {
        result = put_history(site, pool, cli->state_dir, &m, &cli->diag);
    }
    markup_done(&m);
    return result;
}
