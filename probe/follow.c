#include "probe/follow.h"

#include "probe/limits.h"
#include "zone/clock.h"

enum result follow_begin(struct follow *follow, const char *state_dir, struct store **store,
                         struct diag *diag)
{
    *follow = (struct follow){ .state_dir = state_dir, .store = store };
    return store_read(*store, &follow->snapshot, diag);
}

/* One process may have a store open only once, so the old one is closed first. */
static enum result open_again(struct follow *follow, struct diag *diag)
{
    follow_done(follow);
    store_close(*follow->store);
    *follow->store = NULL;
    follow->version = 0; /* a copy's count is its own */
    enum result result = store_open(follow->store, follow->state_dir, STORE_REGISTRY, false, diag);
    return result == RESULT_OK ? store_read(*follow->store, &follow->snapshot, diag) : result;
}

enum result follow_look(struct follow *follow, bool *changed, struct diag *diag)
{
    enum result result = RESULT_OK;
    *changed = false;
    if (follow->snapshot == NULL || store_replaced(*follow->store)) {
        uint64_t now_ms = clock_steady_ms();
        if (now_ms < follow->retry_ms) {
            return RESULT_OK;
        }
        follow->retry_ms = now_ms + LIMIT_RETRY_MS;
        result = open_again(follow, diag);
    } else {
        result = store_renew(follow->snapshot);
        if (result != RESULT_OK) {
            (void)diag_fail(diag, result, "%s", result_text(result));
        }
    }
    *changed = result == RESULT_OK && store_version(follow->snapshot) != follow->version;
    return result;
}

void follow_taken(struct follow *follow)
{
    follow->version = store_version(follow->snapshot);
}

void follow_rest(struct follow *follow)
{
    if (follow->snapshot != NULL) {
        store_rest(follow->snapshot);
    }
}

void follow_done(struct follow *follow)
{
    if (follow->snapshot != NULL) {
        store_abort(follow->snapshot);
        follow->snapshot = NULL;
    }
}
