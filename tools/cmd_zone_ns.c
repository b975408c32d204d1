/* zone ns: the name servers of the zone. */
#include <stdio.h>

#include "tools/commands.h"
#include "tools/output.h"
#include "tools/servertext.h"
#include "tools/session.h"

/* What `list` shows, and every change when it is done. */
struct ns_view {
    struct settings settings;
    struct name_servers servers;
    struct delegation_changes changes;
};

static enum result read_view(struct ns_view *view, struct store_txn *txn, struct diag *diag)
{
    TRY(registry_settings(txn, &view->settings, diag));
    TRY(registry_servers(txn, &view->servers, diag));
    return delegation_read(&view->changes, txn, diag);
}

static bool is_primary(const struct ns_view *view, const struct name_server *server)
{
    return dname_equal(&view->settings.primary, &server->name);
}

static void print_json(struct ns_view *view)
{
    json_t *list = json_array();
    for (size_t i = 0; i < view->servers.count; i++) {
        json_t *row = servertext_json(&view->servers.list[i]);
        json_object_set_new(row, "primary", json_boolean(is_primary(view, &view->servers.list[i])));
        json_array_append_new(list, row);
    }
    json_print(json_pack("{s:o, s:o}", "name_servers", list, "parent_changes",
                         servertext_changes(&view->changes)));
}

static void print_changes(const struct delegation_changes *changes)
{
    if (changes->count == 0) {
        return;
    }
    puts("\nThe parent zone has to change (give this to the registrar):");
    for (size_t i = 0; i < changes->count; i++) {
        char text[4 * DELEGATION_CHANGE_ROOM];
        printf("  %s\n", output_escape(text, sizeof text, changes->text[i]));
    }
    puts("`ntspool zone ns seen` says that it has.");
}

static void print_view(struct ns_view *view)
{
    static const char *const heads[] = { "NAME SERVER", "ADDRESSES", "PRIMARY" };
    struct table table;
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    for (size_t i = 0; i < view->servers.count; i++) {
        char name[DNAME_TEXT_MAX], addresses[DELEGATION_ADDRESSES_ROOM];
        const struct name_server *server = &view->servers.list[i];
        table_cell(&table, dname_text(&server->name, name));
        table_cell(&table, delegation_addresses(server, addresses));
        table_cell(&table, is_primary(view, server) ? "yes" : "");
    }
    table_end(&table);
    print_changes(&view->changes);
}

static int show(struct cli *cli, struct ns_view *view, enum result result)
{
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (cli->json) {
        print_json(view);
    } else {
        print_view(view);
    }
    return CLI_DONE;
}

int cmd_zone_ns_list(struct cli *cli, int, char **)
{
    struct session session = { 0 };
    struct ns_view view = { .changes.count = 0 };
    enum result result = session_read(&session, cli, STORE_REGISTRY);
    if (result == RESULT_OK) {
        result = read_view(&view, session.txn[STORE_REGISTRY], &cli->diag);
    }
    session_done(&session);
    return show(cli, &view, result);
}

typedef enum result change_step(struct registry_change *, const struct name_server *);

static enum result do_remove(struct registry_change *change, const struct name_server *server)
{
    return registry_server_remove(change, &server->name);
}

static enum result do_seen(struct registry_change *change, const struct name_server *)
{
    return registry_delegation_seen(change);
}

/* Notes the server's addresses before and after the change. */
static void note_change(struct session *session, const struct name_servers *before,
                        const struct name_servers *after, const struct name_server *server)
{
    char old[DELEGATION_ADDRESSES_ROOM] = "-", new[DELEGATION_ADDRESSES_ROOM] = "-",
         name[DNAME_TEXT_MAX];
    if (server == NULL) {
        return;
    }
    const struct name_server *had = name_servers_find(before, &server->name);
    const struct name_server *has = name_servers_find(after, &server->name);
    if (had != NULL) {
        delegation_addresses(had, old);
    }
    if (has != NULL) {
        delegation_addresses(has, new);
    }
    auditnote_add(&session->notes, dname_text(&server->name, name), "%s -> %s", old, new);
}

static enum result make_change(struct ns_view *view, struct session *session, struct cli *cli,
                               const struct name_server *server, change_step *what)
{
    struct name_servers before;
    TRY(session_write(session, cli, STORE_REGISTRY));
    TRY(registry_servers(session->txn[STORE_REGISTRY], &before, &cli->diag));
    TRY(what(&session->change, server));
    TRY(read_view(view, session->txn[STORE_REGISTRY], &cli->diag));
    note_change(session, &before, &view->servers, server);
    return session_commit(session, cli);
}

/* Makes one change and shows the result. */
static int change(struct cli *cli, const struct name_server *server, change_step *what)
{
    struct session session = { 0 };
    struct ns_view view = { .changes.count = 0 };
    enum result result = make_change(&view, &session, cli, server, what);
    session_done(&session);
    return show(cli, &view, result);
}

int cmd_zone_ns_add(struct cli *cli, int, char **argv)
{
    struct name_server server;
    enum result result = servertext_parse(&server, argv[0], &cli->diag);
    if (result == RESULT_OK) {
        result = servertext_check(&server, argv[0], &cli->diag);
    }
    return result == RESULT_OK ? change(cli, &server, registry_server_add) : cli_fail(cli, result);
}

int cmd_zone_ns_set(struct cli *cli, int, char **argv)
{
    struct name_server server;
    enum result result = servertext_parse(&server, argv[0], &cli->diag);
    if (result == RESULT_OK && server.address_count == 0) {
        return cli_usage(cli, "give the new addresses: NAME=ADDRESS,...");
    }
    if (result == RESULT_OK) {
        result = servertext_check(&server, argv[0], &cli->diag);
    }
    return result == RESULT_OK ? change(cli, &server, registry_server_set) : cli_fail(cli, result);
}

int cmd_zone_ns_remove(struct cli *cli, int, char **argv)
{
    struct name_server server;
    enum result result = servertext_parse(&server, argv[0], &cli->diag);
    if (result == RESULT_OK && server.address_count > 0) {
        return cli_usage(cli, "give the name alone, without addresses");
    }
    return result == RESULT_OK ? change(cli, &server, do_remove) : cli_fail(cli, result);
}

int cmd_zone_ns_seen(struct cli *cli, int, char **)
{
    return change(cli, NULL, do_seen);
}
