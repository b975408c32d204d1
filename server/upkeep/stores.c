#include "server/upkeep/stores.h"

const struct store_use stores_uses[STORE_KINDS_ALONE] = {
    { STORE_REGISTRY, true, false, NULL },
    { STORE_KEYS, true, false, "no key is rolled" },
    { STORE_HEALTH, true, true, "no verdict is taken in" },
    { STORE_TRAFFIC, false, true, "what is counted is not kept" },
    { STORE_HISTORY, false, true, "no history is kept" },
};

/* Verdicts, counts and history come again by themselves, so the server runs also when their stores
 * are missing or damaged. A damaged file is kept under another name. */
static enum result make_anew(const char *state_dir, enum store_kind kind, enum result why,
                             log_sink *log, struct diag *diag)
{
    struct diag aside = { "" };
    if (why != RESULT_MISSING) {
        TRY(store_set_aside(state_dir, kind, &aside));
    }
    TRY(store_create(state_dir, kind, diag));
    log_say(log, LOG_WARNING, "state/%s was %s and is made anew%s%s", store_kind_text(kind),
            why == RESULT_MISSING ? "missing" : "damaged",
            aside.text[0] != 0 ? "; the old file is " : "", aside.text);
    return RESULT_OK;
}

/* Opens a store to write. Makes it if it is missing or damaged. */
static enum result open_or_make(struct store **out, const char *state_dir, enum store_kind kind,
                                log_sink *log, struct diag *diag)
{
    struct diag unmade;
    enum result result = store_open(out, state_dir, kind, true, diag);
    bool bad = result == RESULT_MISSING || result == RESULT_DAMAGED || result == RESULT_FOREIGN;
    if (bad && make_anew(state_dir, kind, result, log, &unmade) == RESULT_OK) {
        result = store_open(out, state_dir, kind, true, diag);
    }
    return result;
}

/* Opens a store to write, else to read, else not at all, as far as the server can do with less. */
static enum result open_as_used(struct store **out, bool *writable, const struct store_use *use,
                                const char *state_dir, log_sink *log, struct diag *diag)
{
    *writable = false;
    if (use->without == NULL) {
        return store_open(out, state_dir, use->kind, false, diag);
    }
    enum result result = use->made ? open_or_make(out, state_dir, use->kind, log, diag)
                                   : store_open(out, state_dir, use->kind, true, diag);
    if (result == RESULT_OK) {
        *writable = true;
        return RESULT_OK;
    }
    const struct diag why = *diag;
    *out = NULL;
    if (use->needed) {
        TRY(store_open(out, state_dir, use->kind, false, diag));
    }
    log_say(log, LOG_WARNING, "%s: %s", use->without, why.text);
    return RESULT_OK;
}

enum result stores_open(struct stores *out, const char *state_dir, log_sink *log, struct diag *diag)
{
    bool writable[STORE_KINDS];
    *out = (struct stores){ .fleet = fleetstore_new(state_dir, log) };
    struct store **const stores[STORE_KINDS] = { [STORE_REGISTRY] = &out->registry,
                                                 [STORE_KEYS] = &out->keys,
                                                 [STORE_HEALTH] = &out->health,
                                                 [STORE_TRAFFIC] = &out->traffic,
                                                 [STORE_HISTORY] = &out->history };
    for (size_t i = 0; i < STORE_KINDS_ALONE; i++) {
        const struct store_use *use = &stores_uses[i];
        TRY(open_as_used(stores[use->kind], &writable[use->kind], use, state_dir, log, diag));
    }
    out->takes_in = writable[STORE_HEALTH];
    out->rolls_keys = writable[STORE_KEYS];
    return RESULT_OK;
}

void stores_close(struct stores *stores)
{
    store_close(stores->registry);
    store_close(stores->health);
    store_close(stores->keys);
    store_close(stores->traffic);
    store_close(stores->history);
    fleetstore_free(stores->fleet);
    *stores = (struct stores){ .registry = NULL };
}

size_t stores_members(const struct stores *stores)
{
    struct store_txn *txn = NULL;
    if (store_read(stores->registry, &txn, NULL) != RESULT_OK) {
        return 0;
    }
    size_t count = store_count(txn, TABLE_MEMBERS);
    store_abort(txn);
    return count;
}
