#include "server/keys/keywait.h"

#include <time.h>

#include "zone/base/clock.h"
#include "zone/base/instance.h"

bool keywait_is_needed(struct store_txn *keys)
{
    struct key_timeline timeline;
    return key_timeline_read(&timeline, keys, NULL) == RESULT_OK && timeline.memory.follows &&
           timeline.keys.count == 0;
}

static bool lacks_keys(struct store *keys)
{
    struct store_txn *txn = NULL;
    if (store_read(keys, &txn, NULL) != RESULT_OK) {
        return false;
    }
    bool lacks = keywait_is_needed(txn);
    store_abort(txn);
    return lacks;
}

enum result keywait(const struct keymgr_sources *sources, struct instance *instance,
                    const struct notify *notify, struct diag *diag)
{
    const struct timespec pause = { .tv_nsec = (long)clock_pause_ms(KEYMGR_POLL_MS) * 1000000 };
    struct keymgr *keymgr = NULL;
    if (!lacks_keys(sources->keys)) {
        return RESULT_OK;
    }
    TRY(keymgr_new(&keymgr, sources, diag));
    log_say(sources->log, LOG_NOTICE,
            "this machine follows and has no keys yet: it answers when they have come from the "
            "machine that leads");
    (void)notify_send(notify, "STATUS=waits for the keys of the zone");
    while (lacks_keys(sources->keys)) {
        keymgr_look(keymgr, clock_now(), clock_steady());
        instance_beat(instance);
        (void)nanosleep(&pause, NULL);
    }
    keymgr_free(keymgr);
    return RESULT_OK;
}
