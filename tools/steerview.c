#include "tools/steerview.h"

#include <stdlib.h>

#include <sodium.h>

#include "tools/fleet/membership.h"

static enum result load_locations(struct steerview *view, struct cli *cli)
{
    const char *paths[LOCATIONS_FILES_MAX];
    size_t named = cli_count(cli, "locations"), count = named;
    if (count > LOCATIONS_FILES_MAX) {
        return diag_fail(&cli->diag, RESULT_USAGE, "more than %d location files",
                         LOCATIONS_FILES_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        paths[i] = cli_value(cli, "locations", i);
    }
    for (size_t i = 0; named == 0 && i < cli->config->locations_count; i++) {
        paths[count++] = cli->config->locations[i];
    }
    return count == 0 ? RESULT_OK
                      : locations_load(&view->locations, paths, count, cli->state_dir, &cli->diag);
}

static enum result take_member(const struct member *member, void *arg)
{
    struct steerview *view = arg;
    struct memberview seen;
    TRY(memberview_make(&seen, member, &view->source));
    if (view->count == view->room) {
        view->room = 2 * view->room + 64;
        view->members = xrealloc(view->members, view->room * sizeof(view->members[0]));
    }
    struct steered *row = &view->members[view->count++];
    *row = (struct steered){ .id = member->id,
                             .capacity_mbit = member->capacity_mbit,
                             .state = seen.standing.state,
                             .reason = seen.standing.reason,
                             .index = STEERVIEW_OUT };
    memcpy(row->label, member->label, sizeof(row->label));
    return RESULT_OK;
}

/* An entry of the index by id. */
struct known {
    uint64_t id;
    size_t at; /* in view->members */
};

static int compare_ids(const void *a, const void *b)
{
    const struct known *left = a, *right = b;
    return (left->id > right->id) - (left->id < right->id);
}

/* Finds the candidate of each member. */
static void find_candidates(struct steerview *view)
{
    struct known *by_id = xcalloc(view->count + 1, sizeof(*by_id));
    for (size_t i = 0; i < view->count; i++) {
        by_id[i] = (struct known){ view->members[i].id, i };
    }
    qsort(by_id, view->count, sizeof(*by_id), compare_ids);
    for (size_t index = 0; index < view->candidates.count; index++) {
        const struct known wanted = { .id = view->candidates.list[index].member_id };
        const struct known *found =
            bsearch(&wanted, by_id, view->count, sizeof(*by_id), compare_ids);
        if (found != NULL) {
            view->members[found->at].index = (long)index;
            view->weight += view->candidates.list[index].weight;
        }
    }
    free(by_id);
}

static enum result read_members(struct steerview *view, struct cli *cli)
{
    view->source.health = view->session.txn[STORE_HEALTH];
    enum result result = memberview_begin(&view->source, view->now);
    if (result == RESULT_OK) {
        result = registry_each(view->session.txn[STORE_REGISTRY], take_member, view);
    }
    if (result != RESULT_OK) {
        return diag_fail(&cli->diag, result,
                         "the members can't be read: restore registry and health from a backup "
                         "(ntspool backup)");
    }
    const struct candidates_sources sources = { .registry = view->session.txn[STORE_REGISTRY],
                                                .health = view->session.txn[STORE_HEALTH],
                                                .settings = &view->source.settings,
                                                .locations = view->locations,
                                                .now = view->now };
    TRY(candidates_build(&view->candidates, &sources, &cli->diag));
    find_candidates(view);
    return RESULT_OK;
}

/* -- what was counted -- */

enum {
    DAY_H = 24
};

/* What other machines told, or the one named `only`. */
static enum result read_letters(struct steerview *view, struct cli *cli, const char *only)
{
    TRY(session_read(&view->session, cli, STORE_FLEET));
    struct store_txn *txn = view->session.txn[STORE_FLEET];
    double own = view->own ? traffic_total(&view->traffic, view->now) : 0;
    enum result result = fleettraffic_read(&view->fleet, txn, only, own, view->now);
    if (result == RESULT_OK) {
        result = fleettraffic_answers(&view->others, txn, only, view->now);
    }
    if (result != RESULT_OK) {
        return diag_fail(&cli->diag, result, "what other machines counted can't be read: %s",
                         result_text(result));
    }
    return RESULT_OK;
}

/* True if the fleet has a machine of that name. */
static enum result check_edge(struct steerview *view, struct cli *cli, const char *edge)
{
    struct machine machine;
    enum result result = strlen(edge) >= MACHINE_ROOM
                             ? RESULT_NOT_FOUND
                             : registry_machine(view->session.txn[STORE_REGISTRY], edge, &machine);
    if (result == RESULT_NOT_FOUND) {
        return diag_fail(&cli->diag, result, "no machine of the fleet is named \"%.63s\"", edge);
    }
    return result;
}

static enum result read_counts(struct steerview *view, struct cli *cli)
{
    const char *edge = cli_value(cli, "edge", 0);
    struct membership membership;
    TRY(session_read(&view->session, cli, STORE_TRAFFIC));
    TRY(traffic_load(&view->traffic, view->session.txn[STORE_TRAFFIC], &cli->diag));
    view->own = true;
    bool fleet = store_is_in(cli->state_dir, STORE_FLEET);
    if (edge != NULL) {
        TRY(check_edge(view, cli, edge));
        TRY(membership_read(&membership, cli->state_dir, &cli->diag));
        view->own = strcmp(membership.name, edge) == 0;
        sodium_memzero(membership.secret, sizeof(membership.secret));
    }
    return fleet && !(edge != NULL && view->own) ? read_letters(view, cli, edge) : RESULT_OK;
}

uint64_t steerview_hour(const struct steerview *view, uint64_t member_id)
{
    uint64_t own = view->own ? traffic_answers(&view->traffic, member_id, 1, view->now) : 0;
    return own + fleettraffic_answers_of(&view->others, member_id).hour;
}

uint64_t steerview_day(const struct steerview *view, uint64_t member_id)
{
    uint64_t own = view->own ? traffic_answers(&view->traffic, member_id, DAY_H, view->now) : 0;
    return own + fleettraffic_answers_of(&view->others, member_id).day;
}

static void steer(struct steerview *view)
{
    const struct traffic none = { 0 };
    struct traffic sum = { 0 };
    view->cells = locations_cells(view->locations, &view->cell_count);
    view->demand = xcalloc(view->cell_count, sizeof(*view->demand));
    fleettraffic_sum(&sum, &view->fleet, view->own ? &view->traffic : &none, view->now);
    traffic_demand(&sum, view->cells, view->cell_count, view->now, view->demand);
    view->measured = traffic_total(&sum, view->now);
    traffic_done(&sum);
    const struct steering_input input = { .candidates = &view->candidates,
                                          .cells = view->cells,
                                          .cell_count = view->cell_count,
                                          .demand = view->demand,
                                          .settings = &view->source.settings };
    steering_init(&view->steering, &input);
}

enum result steerview_begin(struct steerview *view, struct cli *cli)
{
    view->now = session_now();
    TRY(load_locations(view, cli));
    TRY(session_zone(&view->session, cli, &view->source.settings));
    TRY(session_read(&view->session, cli, STORE_HEALTH));
    TRY(read_counts(view, cli));
    TRY(read_members(view, cli));
    steer(view);
    return RESULT_OK;
}

void steerview_done(struct steerview *view)
{
    session_done(&view->session);
    steering_done(&view->steering);
    candidates_done(&view->candidates);
    traffic_done(&view->traffic);
    fleettraffic_done(&view->fleet);
    fleettraffic_answers_done(&view->others);
    locations_free(view->locations);
    free(view->demand);
    free(view->members);
    *view = (struct steerview){ .count = 0 };
}
