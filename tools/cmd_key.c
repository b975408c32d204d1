/* key list, ds. */
#include <stdio.h>

#include "tools/commands.h"
#include "tools/keytext.h"
#include "tools/output.h"
#include "tools/session.h"

struct listing {
    struct table *table; /* or NULL: fill `list` */
    json_t *list;
    uint64_t now;
};

static enum result list_key(const struct key_record *record, void *arg)
{
    struct listing *listing = arg;
    bool active = record->active_at != 0 && record->active_at <= listing->now;
    const char *state = active ? "active" : "published";
    if (listing->table == NULL) {
        json_array_append_new(
            listing->list,
            json_pack("{s:i, s:s, s:s, s:i, s:s, s:o, s:o}", "tag", record->tag, "role",
                      keytext_role(record->role), "algorithm", algorithm_text(record->algorithm),
                      "algorithm_number", (int)record->algorithm, "state", state, "created",
                      json_time(record->created_at), "active", json_time(record->active_at)));
        return RESULT_OK;
    }
    char created[OUTPUT_TIME_ROOM];
    table_cellf(listing->table, "%u", record->tag);
    table_cell(listing->table, keytext_role(record->role));
    table_cell(listing->table, algorithm_text(record->algorithm));
    table_cell(listing->table, state);
    table_cell(listing->table, output_time(record->created_at, created));
    return RESULT_OK;
}

int cmd_key_list(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    static const char *const heads[] = { "TAG", "ROLE", "ALGORITHM", "STATE", "CREATED" };
    struct session session = { 0 };
    struct table table;
    struct listing listing = { .now = session_now() };
    enum result result = session_read(&session, cli, STORE_KEYS);
    if (result == RESULT_OK) {
        if (cli->json) {
            listing.list = json_array();
        } else {
            listing.table = &table;
            table_begin(&table, heads, sizeof heads / sizeof heads[0]);
        }
        result = keystore_each(session.txn[STORE_KEYS], list_key, &listing);
    }
    session_done(&session);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_print(listing.list);
    } else {
        table_end(&table);
    }
    return CLI_DONE;
}

int cmd_key_ds(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct session session = { 0 };
    struct settings settings;
    json_t *list = NULL;
    enum result result = session_zone(&session, cli, &settings);
    if (result == RESULT_OK) {
        result = session_read(&session, cli, STORE_KEYS);
    }
    if (result == RESULT_OK) {
        struct store_txn *keys = session.txn[STORE_KEYS];
        result = cli->json ? keytext_json(keys, &settings.apex, &list)
                           : keytext_print(keys, &settings.apex, cli_flag(cli, "dnskey"));
    }
    session_done(&session);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_print(list);
    }
    return CLI_DONE;
}
