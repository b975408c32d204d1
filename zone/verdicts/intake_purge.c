/* Deletes verdicts on members that are gone. */
#include <stdlib.h>

#include "zone/base/array.h"
#include "zone/registry/member_ids.h"
#include "zone/verdicts/intake.h"

struct purge {
    struct member_ids members;
    uint64_t *gone; /* ids in the health store that have no member */
    size_t gone_count, gone_room;
};

/* Rows stand in order of id, so all rows of one member are neighbours. */
static enum result look_at_row(const struct member_health *health, void *arg)
{
    struct purge *purge = arg;
    uint64_t id = health->member_id;
    bool noted = purge->gone_count > 0 && purge->gone[purge->gone_count - 1] == id;
    if (noted || member_ids_have(&purge->members, id)) {
        return RESULT_OK;
    }
    ARRAY_PUSH(purge->gone, purge->gone_count, purge->gone_room, id);
    return RESULT_OK;
}

static enum result find_gone(struct purge *purge, const struct intake_stores *stores,
                             struct diag *diag)
{
    struct store_txn *registry = NULL, *health = NULL;
    TRY(store_read(stores->health, &health, diag));
    /* The registry is read after the verdicts: a member added in between counts as known. */
    enum result result = store_read(stores->registry, &registry, diag);
    if (result == RESULT_OK) {
        result = member_ids_read(&purge->members, registry);
        store_abort(registry);
    }
    if (result == RESULT_OK) {
        result = health_each(health, look_at_row, purge);
    }
    store_abort(health);
    return result;
}

static enum result forget_gone(const struct purge *purge, const struct intake_stores *stores,
                               struct diag *diag)
{
    struct store_txn *txn = NULL;
    TRY(store_write(stores->health, &txn, diag));
    for (size_t i = 0; i < purge->gone_count; i++) {
        enum result result = health_forget(txn, purge->gone[i], diag);
        if (result != RESULT_OK) {
            store_abort(txn);
            return result;
        }
    }
    return store_commit(txn, diag);
}

enum result intake_purge(const struct intake_stores *stores, struct diag *diag)
{
    struct purge purge = { 0 };
    enum result result = find_gone(&purge, stores, diag);
    if (result == RESULT_OK && purge.gone_count > 0) {
        result = forget_gone(&purge, stores, diag);
    }
    member_ids_done(&purge.members);
    free(purge.gone);
    return result;
}
