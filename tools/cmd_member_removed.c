/* member list --removed, member restore. */
#include <stdio.h>

#include "tools/commands.h"
#include "tools/membertext.h"
#include "tools/output.h"
#include "tools/session.h"

struct listing {
    struct store_txn *registry;
    json_t *list; /* NULL: a table */
    struct table table;
};

static enum result list_removed(const char *label, const struct tombstone *tombstone, void *arg)
{
    struct listing *listing = arg;
    struct member member;
    char removed[OUTPUT_TIME_ROOM], until[OUTPUT_TIME_ROOM];
    if (registry_member(listing->registry, label, &member) == RESULT_OK) {
        return RESULT_OK; /* the member is registered again */
    }
    if (listing->list != NULL) {
        json_array_append_new(
            listing->list,
            json_pack("{s:o, s:o, s:o, s:o, s:b}", "name", json_text(label), "removed_at",
                      json_time(tombstone->removed_at), "quarantined_until",
                      json_time(tombstone->quarantined_until), "operator",
                      json_text_or_null(tombstone->operator_name), "restorable", tombstone->kept));
        return RESULT_OK;
    }
    table_cell(&listing->table, label);
    table_cell(&listing->table, output_time(tombstone->removed_at, removed));
    table_cell(&listing->table, output_time(tombstone->quarantined_until, until));
    table_cell(&listing->table, tombstone->operator_name);
    table_cell(&listing->table, tombstone->kept ? "yes" : "no");
    return RESULT_OK;
}

int member_list_removed(struct cli *cli)
{
    static const char *const heads[] = { "NAME", "REMOVED", "QUARANTINED UNTIL", "OPERATOR",
                                         "RESTORABLE" };
    struct session session = { 0 };
    struct listing listing = { .list = cli->json ? json_array() : NULL };
    table_begin(&listing.table, heads, sizeof heads / sizeof heads[0]);
    enum result result = session_read(&session, cli, STORE_REGISTRY);
    if (result == RESULT_OK) {
        listing.registry = session.txn[STORE_REGISTRY];
        result = registry_tombstones(listing.registry, list_removed, &listing);
    }
    session_done(&session);
    if (result != RESULT_OK || cli->json) {
        table_drop(&listing.table);
    } else {
        table_end(&listing.table);
    }
    if (result != RESULT_OK) {
        json_decref(listing.list);
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_print(listing.list);
    }
    return CLI_DONE;
}

int cmd_member_restore(struct cli *cli, int, char **argv)
{
    struct session session = { 0 };
    struct member member;
    char label[LABEL_ROOM], change[MEMBERTEXT_CHANGE_ROOM];
    enum result result = label_check(label, argv[0], &cli->diag);
    if (result == RESULT_OK) {
        result = session_write(&session, cli, STORE_REGISTRY);
    }
    if (result == RESULT_OK) {
        result = registry_restore(&session.change, label, &member);
    }
    if (result == RESULT_OK) {
        auditnote_add(&session.notes, label, "%s", membertext_change(NULL, &member, change));
        result = session_commit(&session, cli);
    }
    session_done(&session);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_print(json_pack("{s:s}", "name", label));
    } else {
        printf("%s is back as it was, and its name is served now. It is handed out when the probe "
               "has confirmed it.\n",
               label);
    }
    return CLI_DONE;
}
