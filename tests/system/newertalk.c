/* newertalk: a newer ntspool for test_fleet_changes.py. It makes a change of the fleet that the
 * admin of STATE is in, of one row that this version does not write. STATE itself takes it later.
 *
 * use: newertalk STATE setting|member NAME VALUE */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "tools/fleet/agree.h"
#include "zone/base/clock.h"

struct newer {
    struct membership membership;
    struct store *registry;
    struct ledgerhead_position before;
    struct registry_fleet noted;
    struct taking_change change;
    struct diag diag;
};

static enum result collect(struct newer *newer, struct registry_change *change)
{
    struct ledgerrow_digest root;
    struct rowset *rows = &newer->change.rows;
    TRY(registry_fleet_collect(&newer->noted, change, rowset_visit, rows));
    TRY(registry_ledger_note(change, rows->list, rows->count));
    TRY(registry_ledger_root(change->txn, &root));
    agree_head(&newer->change.after.head, &newer->membership, &newer->before.head, &root,
               clock_now());
    return RESULT_OK;
}

static enum result prepare(struct newer *newer, enum store_table table, const char *name,
                           const char *value)
{
    struct store_txn *txn = NULL;
    struct registry_change change;
    TRY(store_write(newer->registry, &txn, &newer->diag));
    registry_begin(&change, txn, clock_now(), &newer->diag);
    enum result result = registry_position(txn, &newer->before);
    registry_fleet_note(&newer->noted, txn);
    if (result == RESULT_OK) {
        result = store_put(txn, table, name, strlen(name), value, strlen(value));
    }
    if (result == RESULT_OK) {
        result = collect(newer, &change);
    }
    store_abort(txn);
    return result;
}

static enum result ask(struct newer *newer)
{
    struct etcd *etcd = NULL;
    const struct etcd_config config = membership_engine(&newer->membership);
    TRY(etcd_new(&etcd, &config, &newer->diag));
    enum result result =
        agree(etcd, &newer->membership, &newer->before.head, &newer->change, &newer->diag);
    etcd_free(etcd);
    return result;
}

int main(int argc, char **argv)
{
    static struct newer newer;
    enum result result = RESULT_USAGE;
    if (argc == 5 && sodium_init() >= 0) {
        enum store_table table = strcmp(argv[2], "member") == 0 ? TABLE_MEMBERS : TABLE_SETTINGS;
        result = membership_read(&newer.membership, argv[1], &newer.diag);
        if (result == RESULT_OK) {
            result = store_open(&newer.registry, argv[1], STORE_REGISTRY, true, &newer.diag);
        }
        if (result == RESULT_OK) {
            result = prepare(&newer, table, argv[3], argv[4]);
            result = result == RESULT_OK ? ask(&newer) : result;
            store_close(newer.registry);
        }
    }
    registry_fleet_free(&newer.noted);
    taking_free(&newer.change);
    if (result != RESULT_OK) {
        (void)fprintf(stderr, "newertalk: %s %s\n", result_text(result), newer.diag.text);
    }
    return result == RESULT_OK ? 0 : 1;
}
