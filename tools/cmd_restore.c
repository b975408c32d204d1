/* restore: replaces the content of the stores by that of a backup, in one transaction a store, so
 * that running programs see an ordinary change. All transactions are written before the first is
 * committed. */
#include <stdio.h>
#include <string.h>

#include "dnssec/keys/keystore.h"
#include "tools/commands.h"
#include "tools/output.h"
#include "tools/session.h"
#include "zone/registry/registry_ledger.h"

/* Address space for twice the largest store. Unused parts cost nothing. */
#define RESTORE_MAP (UINT64_C(16) << 30)

struct restore {
    struct cli *cli;
    const char *dir;
    struct session session;
    bool dry; /* do everything but the commit */
    bool wanted[STORE_KINDS_ALONE], anew[STORE_KINDS_ALONE];
    size_t before[STORE_KINDS_ALONE], after[STORE_KINDS_ALONE]; /* rows */
    char aside[STORE_KINDS_ALONE][256]; /* new name of a damaged file; "" for none */
};

/* Chooses the stores of --store, or all that the backup has. */
static enum result choose(struct restore *restore)
{
    struct cli *cli = restore->cli;
    size_t named = cli_count(cli, "store"), found = 0;
    for (size_t i = 0; i < named; i++) {
        const char *name = cli_value(cli, "store", i);
        enum store_kind kind = 0;
        while (kind < STORE_KINDS_ALONE && strcmp(store_kind_text(kind), name) != 0) {
            kind++;
        }
        if (kind == STORE_KINDS_ALONE) {
            return diag_fail(&cli->diag, RESULT_USAGE,
                             "--store %.40s: it is registry, health, keys, traffic or history",
                             name);
        }
        restore->wanted[kind] = true;
    }
    for (enum store_kind kind = 0; kind < STORE_KINDS_ALONE; kind++) {
        restore->wanted[kind] |= named == 0 && store_is_in(restore->dir, kind);
        found += restore->wanted[kind];
    }
    return found > 0 ? RESULT_OK
                     : diag_fail(&cli->diag, RESULT_MISSING, "%s holds no backup of ntspool's",
                                 restore->dir);
}

/* Opens the store. Makes a new one if it is missing or damaged. */
static enum result open_store(struct restore *restore, enum store_kind kind)
{
    struct cli *cli = restore->cli;
    struct store **store = &restore->session.store[kind];
    enum result result =
        store_open_sized(store, cli->state_dir, kind, true, RESTORE_MAP, &cli->diag);
    bool bad = result == RESULT_DAMAGED || result == RESULT_FOREIGN;
    if (!bad && result != RESULT_MISSING) {
        return result;
    }
    restore->anew[kind] = true;
    if (restore->dry) {
        return RESULT_OK;
    }
    if (bad) {
        TRY(store_set_aside(cli->state_dir, kind, &cli->diag));
        (void)snprintf(restore->aside[kind], sizeof restore->aside[kind], "%s", cli->diag.text);
    }
    TRY(store_create(cli->state_dir, kind, &cli->diag));
    return store_open_sized(store, cli->state_dir, kind, true, RESTORE_MAP, &cli->diag);
}

/* The keys whose DS the parent zone has. Without them the zone is bogus for every validator. */
struct anchors {
    struct key_record list[KEYSTORE_MAX];
    size_t count;
};

static enum result note_anchor(const struct key_record *record, void *arg)
{
    struct anchors *anchors = arg;
    if (record->life.ds.omnipresent_at != 0 && record->life.ds.withdrawn_at == 0 &&
        anchors->count < KEYSTORE_MAX) {
        anchors->list[anchors->count++] = *record;
    }
    return RESULT_OK;
}

/* Removes the anchors that the backup has. */
static enum result strike_anchor(const struct key_record *record, void *arg)
{
    struct anchors *anchors = arg;
    for (size_t i = anchors->count; i-- > 0;) {
        const struct key_record *anchor = &anchors->list[i];
        if (anchor->algorithm == record->algorithm && anchor->public_len == record->public_len &&
            memcmp(anchor->public_key, record->public_key, record->public_len) == 0) {
            anchors->list[i] = anchors->list[--anchors->count];
        }
    }
    return RESULT_OK;
}

/* REFUSED if the backup lacks an anchor. With --store, the operator has chosen the keys
 * deliberately. */
static enum result check_anchors(const struct restore *restore, struct anchors *anchors)
{
    struct cli *cli = restore->cli;
    enum result result = keystore_each(restore->session.txn[STORE_KEYS], strike_anchor, anchors);
    if (result == RESULT_OK && anchors->count > 0 && cli_count(cli, "store") == 0) {
        return diag_fail(&cli->diag, RESULT_REFUSED,
                         "%s lacks the key with tag %u, whose DS the parent zone has: leave the "
                         "keys as they are by --store registry, or name --store keys, too",
                         restore->dir, anchors->list[0].tag);
    }
    return result;
}

struct unsealing {
    const struct seal *seal;
    struct diag *diag;
};

static enum result check_key(const struct key_record *record, void *arg)
{
    const struct unsealing *check = arg;
    struct key *key = NULL;
    enum result result = keystore_unseal(&key, record, check->seal, check->diag);
    if (result == RESULT_OK) {
        key_free(key);
    }
    return result;
}

/* Checks that the seal opens all keys: otherwise the zone would have no signatures. */
static enum result check_keys(const struct restore *restore)
{
    struct cli *cli = restore->cli;
    struct seal *seal = NULL;
    enum result result = seal_open(&seal, cli->state_dir, cli->config->seal_key, &cli->diag);
    if (result == RESULT_OK) {
        struct unsealing check = { seal, &cli->diag };
        result = keystore_each(restore->session.txn[STORE_KEYS], check_key, &check);
    }
    seal_free(seal);
    return result;
}

static enum result fill_registry(struct restore *restore, struct store_txn *txn)
{
    struct diag *diag = &restore->cli->diag;
    struct registry_change *change = &restore->session.change;
    struct registry_marks before = { .there = false };
    struct ledgerhead_position position;
    if (registry_position(txn, &position) == RESULT_OK) {
        return diag_fail(
            diag, RESULT_REFUSED,
            "this machine's registry is that of its fleet, and comes from there: leave "
            "it out by --store, or make this pool one of its own by `ntspool fleet "
            "leave`");
    }
    TRY(registry_marks(txn, &before, diag));
    TRY(store_restore(txn, restore->dir, diag));
    registry_begin(change, txn, session_now(), diag);
    return registry_restored(change, &before);
}

static enum result fill_keys(struct restore *restore, struct store_txn *txn)
{
    struct anchors anchors = { .count = 0 };
    if (keystore_each(txn, note_anchor, &anchors) != RESULT_OK) {
        anchors.count = 0; /* the store is damaged, so there is nothing to compare */
    }
    TRY(store_restore(txn, restore->dir, &restore->cli->diag));
    TRY(check_keys(restore));
    return check_anchors(restore, &anchors);
}

static enum result fill_store(struct restore *restore, enum store_kind kind)
{
    struct diag *diag = &restore->cli->diag;
    struct session *session = &restore->session;
    if (session->store[kind] == NULL) {
        return RESULT_OK; /* a dry run makes no store anew */
    }
    TRY(store_write(session->store[kind], &session->txn[kind], diag));
    struct store_txn *txn = session->txn[kind];
    restore->before[kind] = store_rows(txn);
    TRY(kind == STORE_REGISTRY ? fill_registry(restore, txn)
        : kind == STORE_KEYS   ? fill_keys(restore, txn)
                               : store_restore(txn, restore->dir, diag));
    restore->after[kind] = store_rows(txn);
    return RESULT_OK;
}

static enum result commit(struct restore *restore, enum store_kind kind)
{
    struct session *session = &restore->session;
    if (kind == STORE_REGISTRY) {
        return session_commit(session, restore->cli);
    }
    struct store_txn *txn = session->txn[kind];
    session->txn[kind] = NULL;
    return store_commit(txn, &restore->cli->diag);
}

/* Calls `step` for each wanted store. */
static enum result each(struct restore *restore,
                        enum result (*step)(struct restore *restore, enum store_kind kind))
{
    for (enum store_kind kind = 0; kind < STORE_KINDS_ALONE; kind++) {
        TRY(restore->wanted[kind] ? step(restore, kind) : RESULT_OK);
    }
    return RESULT_OK;
}

static enum result check_backup(struct restore *restore, enum store_kind kind)
{
    return store_check_backup(restore->dir, kind, &restore->cli->diag);
}

static enum result restore_all(struct restore *restore)
{
    TRY(choose(restore));
    TRY(each(restore, check_backup));
    TRY(each(restore, open_store));
    TRY(each(restore, fill_store));
    return restore->dry ? RESULT_OK : each(restore, commit);
}

static void show_text(const struct restore *restore)
{
    static const char *const heads[] = { "STORE", "ROWS BEFORE", "ROWS NOW", "NOTE" };
    struct table table;
    table_begin(&table, heads, 4);
    for (enum store_kind kind = 0; kind < STORE_KINDS_ALONE; kind++) {
        if (!restore->wanted[kind]) {
            continue;
        }
        bool unknown = restore->session.store[kind] == NULL;
        table_cell(&table, store_kind_text(kind));
        table_cellf(&table, unknown ? "-" : "%zu", restore->before[kind]);
        table_cellf(&table, unknown ? "-" : "%zu", restore->after[kind]);
        table_cellf(&table, "%s%s", restore->anew[kind] ? "made anew " : "", restore->aside[kind]);
    }
    table_end(&table);
    if (restore->dry) {
        puts("nothing was changed (--dry-run)");
    } else if (restore->wanted[STORE_KEYS]) {
        puts("If a key has taken a step since the backup was made, caches may not know the keys "
             "that "
             "are back: see `ntspool key list`.");
    }
}

static void show_json(const struct restore *restore)
{
    json_t *list = json_array();
    for (enum store_kind kind = 0; kind < STORE_KINDS_ALONE; kind++) {
        if (restore->wanted[kind]) {
            json_array_append_new(
                list, json_pack("{s:s, s:I, s:I, s:b, s:o}", "store", store_kind_text(kind),
                                "rows_before", (json_int_t)restore->before[kind], "rows",
                                (json_int_t)restore->after[kind], "made_anew", restore->anew[kind],
                                "set_aside", json_text_or_null(restore->aside[kind])));
        }
    }
    json_print(json_pack("{s:b, s:o}", "dry_run", restore->dry, "stores", list));
}

int cmd_restore(struct cli *cli, int, char **argv)
{
    struct restore restore = { .cli = cli, .dir = argv[0], .dry = cli_flag(cli, "dry-run") };
    enum result result = restore_all(&restore);
    if (result == RESULT_OK && cli->json) {
        show_json(&restore);
    } else if (result == RESULT_OK) {
        show_text(&restore);
    }
    session_done(&restore.session);
    if (result == RESULT_OK && !restore.dry && !restore.wanted[STORE_REGISTRY]) {
        auditnote_append(cli, true); /* a change of the registry has its entry with it */
    }
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}
