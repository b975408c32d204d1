/* Verdicts whose members are gone. */
#include <stdlib.h>

#include "zone/verdicts/intake.h"

struct purge {
    uint64_t *ids; /* of members, in order */
    size_t count, room;
    uint64_t *gone; /* ids of verdicts that have no member */
    size_t gone_count, gone_room;
};

static void push(uint64_t **list, size_t *count, size_t *room, uint64_t id)
{
    if (*count == *room) {
        *room = 2 * *room + 256;
        *list = xrealloc(*list, *room * sizeof(id));
    }
    (*list)[(*count)++] = id;
}

static enum result add_member(const struct member *member, void *arg)
{
    struct purge *purge = arg;
    push(&purge->ids, &purge->count, &purge->room, member->id);
    return RESULT_OK;
}

static int compare_ids(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* Rows stand in order of id. */
static enum result look_at_row(const struct member_health *health, void *arg)
{
    struct purge *purge = arg;
    bool known = purge->count > 0 && bsearch(&health->member_id, purge->ids, purge->count,
                                             sizeof(purge->ids[0]), compare_ids) != NULL;
    bool noted = purge->gone_count > 0 && purge->gone[purge->gone_count - 1] == health->member_id;
    if (!known && !noted) {
        push(&purge->gone, &purge->gone_count, &purge->gone_room, health->member_id);
    }
    return RESULT_OK;
}

static enum result find_gone(struct purge *purge, const struct intake_stores *stores,
                             struct diag *diag)
{
    struct store_txn *registry = NULL, *health = NULL;
    enum result result = store_read(stores->health, &health, diag);
    if (result == RESULT_OK) {
        /* begun after the verdicts: a member that comes in between is known */
        result = store_read(stores->registry, &registry, diag);
    }
    if (result == RESULT_OK) {
        result = registry_each(registry, add_member, purge);
    }
    if (result == RESULT_OK) {
        if (purge->count > 0) {
            qsort(purge->ids, purge->count, sizeof(purge->ids[0]), compare_ids);
        }
        result = health_each(health, look_at_row, purge);
    }
    if (registry != NULL) {
        store_abort(registry);
    }
    if (health != NULL) {
        store_abort(health);
    }
    return result;
}

enum result intake_purge(const struct intake_stores *stores, struct diag *diag)
{
    struct purge purge = { 0 };
    struct store_txn *txn = NULL;
    enum result result = find_gone(&purge, stores, diag);
    if (result == RESULT_OK && purge.gone_count > 0) {
        result = store_write(stores->health, &txn, diag);
    }
    for (size_t i = 0; i < purge.gone_count && result == RESULT_OK; i++) {
        result = health_forget(txn, purge.gone[i], diag);
    }
    if (txn != NULL && result == RESULT_OK) {
        result = store_commit(txn, diag);
    } else if (txn != NULL) {
        store_abort(txn);
    }
    free(purge.ids);
    free(purge.gone);
    return result;
}
