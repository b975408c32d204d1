/* zone ns: the name servers of the zone. */
#include <stdio.h>

#include "tools/commands.h"
#include "tools/output.h"
#include "tools/servertext.h"
#include "tools/session.h"

enum {
    ADDRESSES_TEXT_MAX = MEMBER_ADDRESSES_MAX * (ADDRESS_TEXT_MAX + 1)
};

/* What `list` shows, and every change when it is done. */
struct ns_view {
    struct settings settings;
    struct name_servers servers;
    json_t *changes; /* for the parent zone */
};

static enum result read_view(struct ns_view *view, struct store_txn *txn, struct diag *diag)
{
    TRY(registry_settings(txn, &view->settings, diag));
    TRY(registry_servers(txn, &view->servers, diag));
    return servertext_changes(txn, &view->changes, diag);
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
    json_print(json_pack("{s:o, s:O}", "name_servers", list, "parent_changes", view->changes));
}

static void print_changes(const json_t *changes)
{
    size_t i = 0;
    const json_t *text = NULL;
    if (json_array_size(changes) > 0) {
        puts("\nThe parent zone has to change (give this to the registrar):");
    }
    json_array_foreach(changes, i, text)
    {
        printf("  %s\n", json_string_value(text));
    }
    if (json_array_size(changes) > 0) {
        puts("`ntspool zone ns seen` says that it has.");
    }
}

static void print_view(struct ns_view *view)
{
    static const char *const heads[] = { "NAME SERVER", "ADDRESSES", "PRIMARY" };
    struct table table;
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    for (size_t i = 0; i < view->servers.count; i++) {
        char name[DNAME_TEXT_MAX], addresses[ADDRESSES_TEXT_MAX];
        const struct name_server *server = &view->servers.list[i];
        table_cell(&table, dname_text(&server->name, name));
        table_cell(&table, servertext_addresses(server, addresses, sizeof addresses));
        table_cell(&table, is_primary(view, server) ? "yes" : "");
    }
    table_end(&table);
    print_changes(view->changes);
}

static int show(struct cli *cli, struct ns_view *view, enum result result)
{
    if (result != RESULT_OK) {
        json_decref(view->changes);
        return cli_fail(cli, result);
    }
    if (cli->json) {
        print_json(view);
    } else {
        print_view(view);
    }
    json_decref(view->changes);
    return CLI_DONE;
}

int cmd_zone_ns_list(struct cli *cli, int, char **)
{
    struct session session = { 0 };
    struct ns_view view = { .changes = NULL };
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
    char old[ADDRESSES_TEXT_MAX] = "-", new[ADDRESSES_TEXT_MAX] = "-", name[DNAME_TEXT_MAX];
    if (server == NULL) {
        return;
    }
    const struct name_server *had = name_servers_find(before, &server->name);
    const struct name_server *has = name_servers_find(after, &server->name);
    if (had != NULL) {
        servertext_addresses(had, old, sizeof old);
    }
    if (has != NULL) {
        servertext_addresses(has, new, sizeof new);
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
    struct ns_view view = { .changes = NULL };
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
