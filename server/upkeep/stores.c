#include "server/upkeep/stores.h"

/* After a store could not be opened to write, for the reason in `diag`. */
static enum result open_to_read(struct store **out, const char *state_dir, enum store_kind kind,
                                const char *without, log_sink *log, struct diag *diag)
{
    const struct diag why = *diag;
    TRY(store_open(out, state_dir, kind, false, diag));
    log_say(log, LOG_WARNING, "%s: %s", without, why.text);
    return RESULT_OK;
}

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

/* The same for a store that the server can do without. */
static void open_optional(struct store **out, const char *state_dir, enum store_kind kind,
                          const char *without, log_sink *log)
{
    struct diag diag = { "" };
    enum result result = open_or_make(out, state_dir, kind, log, &diag);
    if (result != RESULT_OK) {
        *out = NULL;
        log_say(log, LOG_WARNING, "%s: %s", without, diag.text);
    }
}

enum result stores_open(struct stores *out, const char *state_dir, log_sink *log, struct diag *diag)
{
    *out = (struct stores){ .registry = NULL };
    TRY(store_open(&out->registry, state_dir, STORE_REGISTRY, false, diag));
    out->takes_in = open_or_make(&out->health, state_dir, STORE_HEALTH, log, diag) == RESULT_OK;
    if (!out->takes_in) {
        TRY(open_to_read(&out->health, state_dir, STORE_HEALTH,
                         "no verdict is taken in, state/health can't be written", log, diag));
    }
    out->rolls_keys = store_open(&out->keys, state_dir, STORE_KEYS, true, diag) == RESULT_OK;
    if (!out->rolls_keys) {
        TRY(open_to_read(&out->keys, state_dir, STORE_KEYS,
                         "no key is rolled, state/keys can't be written", log, diag));
    }
    open_optional(&out->traffic, state_dir, STORE_TRAFFIC, "what is counted is not kept", log);
    open_optional(&out->history, state_dir, STORE_HISTORY, "no history is kept", log);
    return RESULT_OK;
}

void stores_close(struct stores *stores)
{
    store_close(stores->registry);
    store_close(stores->health);
    store_close(stores->keys);
    store_close(stores->traffic);
    store_close(stores->history);
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
