#include "tools/fleet/feedmembers.h"

#include <stdlib.h>

#include "tools/fleet/membership.h"
#include "zone/base/clock.h"
#include "zone/base/u64.h"
#include "zone/verdicts/feed.h"

struct feedmembers {
    struct feeder *feeder;
    uint64_t version; /* of the registry in the list; 0: none */
    uint64_t due_at, check_at;
    struct log_once trouble;
};

static void *begin(struct feeder *feeder)
{
    if (feeder->membership->role != MACHINE_VANTAGE) {
        return NULL;
    }
    struct feedmembers *members = xcalloc(1, sizeof(*members));
    *members = (struct feedmembers){ .feeder = feeder };
    return members;
}

/* A vantage point that has just joined may have no settings yet. */
static enum result write_list(struct feedmembers *members, struct store_txn *registry,
                              struct diag *diag)
{
    if (members->feeder->seq == 0) {
        return RESULT_OK;
    }
    TRY(feed_publish(members->feeder->state_dir, registry, diag));
    members->version = store_version(registry);
    return RESULT_OK;
}

static unsigned turn(void *channel)
{
    struct feedmembers *members = channel;
    struct feeder *feeder = members->feeder;
    struct store_txn *txn = NULL;
    struct diag diag = { "" };
    if (feeder->now_ms < members->due_at) {
        return (unsigned)(members->due_at - feeder->now_ms);
    }
    enum result result = store_read(feeder->registry, &txn, &diag);
    if (result == RESULT_OK &&
        (store_version(txn) != members->version || feeder->now_ms >= members->check_at)) {
        result = write_list(members, txn, &diag);
        uint64_t took_ms = clock_steady_ms() - feeder->now_ms;
        members->due_at = feeder->now_ms + u64_max(FEEDMEMBERS_MS, took_ms * FEEDMEMBERS_REST);
        members->check_at = feeder->now_ms + FEEDMEMBERS_CHECK_MS;
    }
    if (txn != NULL) {
        store_abort(txn);
    }
    if (result != RESULT_OK) {
        log_once(&members->trouble, feeder->log, LOG_ERR, NULL, "%s", diag.text);
        members->due_at = feeder->now_ms + FEEDER_IDLE_MS;
    } else {
        log_once_over(&members->trouble, feeder->log,
                      "the list of members for the probes is written again");
    }
    return FEEDER_IDLE_MS;
}

const struct feeder_channel feedmembers_channel = { "members", begin, turn, free };
