#include "tools/site/sitepool.h"

#include <stdlib.h>
#include <string.h>

#include "zone/base/array.h"
#include "zone/base/splitmix.h"
#include "zone/registry/registry.h"

enum {
    DAY_H = 24
};

struct reading {
    struct sitepool *pool;
    struct memberview view;
};

/* What changes seldom, and what a reader of the page wants to know at once. Scores and times of
 * probes are not in it: they change with each probe. */
static uint64_t fingerprint_of(const struct memberview *view)
{
    uint64_t out = 0;
    splitmix_add(&out, view->member.changed_at); /* to the second */
    splitmix_add(&out, view->member.unlisted);
    splitmix_add_text(&out, view->standing.state);
    splitmix_add_text(&out, view->standing.reason);
    splitmix_add(&out, view->consensus.hold);
    for (unsigned i = 0; i < view->row_count; i++) {
        const struct member_health *row = &view->rows[i];
        splitmix_add_text(&out, row->vantage);
        splitmix_add(&out, row->stage_since);
        for (unsigned j = 0; j < row->address_count; j++) {
            const struct address_health *seen = &row->addresses[j];
            splitmix_add(&out, (uint64_t)seen->failure << 32 | (uint64_t)seen->warnings << 1 |
                                   seen->working);
            splitmix_add(&out, seen->cert_not_after);
        }
    }
    return out;
}

static void take_health(struct sitepool_member *out, const struct memberview *view)
{
    const struct member_health *health = &view->consensus.health;
    const struct address_health *best = health_best(health);
    out->hold = view->consensus.hold;
    out->scored = memberview_score(view, &out->score_milli);
    out->failure = best != NULL ? best->failure : FAILURE_NONE;
    out->since = health->stage_since;
    for (unsigned i = 0; i < health->address_count; i++) {
        out->family[address_family(&health->addresses[i].address)] = true;
        out->warnings |= health->addresses[i].warnings;
    }
}

static enum result take_member(const struct member *member, void *arg)
{
    struct reading *reading = arg;
    struct sitepool *pool = reading->pool;
    struct memberview *view = &reading->view;
    TRY(memberview_make(view, member, &pool->source));
    census_count(&pool->census, view, &pool->source, pool->now);
    struct sitepool_member out = { .id = member->id,
                                   .state = view->standing.state,
                                   .reason = view->standing.reason,
                                   .eligible = view->standing.eligible,
                                   .unlisted = member->unlisted,
                                   .capacity_mbit = member->capacity_mbit,
                                   .weight = view->standing.weight,
                                   .added_at = member->added_at,
                                   .probed_at = memberview_probed_at(view),
                                   .certificate_end = memberview_certificate_end(view),
                                   .fingerprint = fingerprint_of(view),
                                   .share_ratio = -1 };
    memcpy(out.label, member->label, sizeof(out.label));
    memcpy(out.country, member->country, sizeof(out.country));
    if ((pool->source.settings.publish & PUBLISH_OPERATOR) != 0) {
        memcpy(out.operator_name, member->operator_name, sizeof(out.operator_name));
    }
    for (unsigned i = 0; i < member->address_count; i++) {
        out.family[address_family(&member->addresses[i])] = true;
    }
    take_health(&out, view);
    ARRAY_PUSH(pool->members, pool->count, pool->room, out);
    return RESULT_OK;
}

static int by_label(const void *a, const void *b)
{
    const struct sitepool_member *left = a, *right = b;
    return strcmp(left->label, right->label);
}

static void share(struct sitepool *pool)
{
    for (size_t i = 0; i < pool->count; i++) {
        struct sitepool_member *member = &pool->members[i];
        uint64_t day = traffic_answers(&pool->traffic, member->id, DAY_H, pool->now);
        member->share_ratio = (double)day;
        pool->answers_hour += traffic_answers(&pool->traffic, member->id, 1, pool->now);
        pool->answers_day += day;
        pool->weight += member->weight;
    }
    for (size_t i = 0; i < pool->count; i++) {
        struct sitepool_member *member = &pool->members[i];
        double fair = (double)pool->answers_day * member->weight / pool->weight;
        member->share_ratio = fair > 0 ? member->share_ratio / fair : -1;
    }
    shareview_of(&pool->shares, pool->census.parts, pool->census.part_count, &pool->traffic,
                 pool->now);
}

static enum result read_all(struct sitepool *pool, struct session *session, struct cli *cli)
{
    TRY(session_zone(session, cli, &pool->source.settings));
    TRY(session_read(session, cli, STORE_HEALTH));
    TRY(session_read(session, cli, STORE_TRAFFIC));
    TRY(traffic_load(&pool->traffic, session->txn[STORE_TRAFFIC], &cli->diag));
    struct store_txn *registry = session->txn[STORE_REGISTRY];
    TRY(registry_servers(registry, &pool->servers, &cli->diag));
    struct reading *reading = xcalloc(1, sizeof(*reading));
    reading->pool = pool;
    pool->source.health = session->txn[STORE_HEALTH];
    enum result result = memberview_begin(&pool->source, pool->now);
    if (result == RESULT_OK) {
        result = registry_each(registry, take_member, reading);
    }
    pool->source.health = NULL;
    free(reading);
    if (result != RESULT_OK) {
        return diag_fail(&cli->diag, result,
                         "the members can't be read: restore registry and health from a backup "
                         "(ntspool backup)");
    }
    dname_text(&pool->source.settings.apex, pool->apex);
    pool->apex[strlen(pool->apex) - 1] = 0;
    return RESULT_OK;
}

enum result sitepool_read(struct sitepool *pool, struct cli *cli)
{
    struct session session = { .taken_in = true }; /* a site changes no store */
    pool->now = session_now();
    enum result result = read_all(pool, &session, cli);
    session_done(&session);
    if (result == RESULT_OK && pool->count > 0) {
        qsort(pool->members, pool->count, sizeof(pool->members[0]), by_label);
    }
    if (result == RESULT_OK) {
        share(pool);
    }
    return result;
}

void sitepool_done(struct sitepool *pool)
{
    census_done(&pool->census);
    traffic_done(&pool->traffic);
    free(pool->members);
    pool->members = NULL;
    pool->count = pool->room = 0;
}

const struct sitepool_member *sitepool_find(const struct sitepool *pool, const char *label)
{
    struct sitepool_member wanted;
    if (pool->count == 0 || strlen(label) >= sizeof(wanted.label)) {
        return NULL;
    }
    memcpy(wanted.label, label, strlen(label) + 1);
    return bsearch(&wanted, pool->members, pool->count, sizeof(wanted), by_label);
}
