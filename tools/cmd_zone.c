/* zone show, set. */
#include <stdio.h>
#include <string.h>

#include "tools/commands.h"
#include "tools/output.h"
#include "tools/session.h"

static json_t *zone_json(const struct settings *settings, const struct node *apex)
{
    char name[DNAME_TEXT_MAX];
    json_t *values = json_object();
    size_t count = 0;
    const struct setting_info *list = settings_list(&count);
    for (size_t i = 0; i < count; i++) {
        char value[SETTING_VALUE_MAX];
        if (settings_text(settings, list[i].name, value) == RESULT_OK) {
            json_object_set_new(values, list[i].name, json_text(value));
        }
    }
    json_t *servers = json_array();
    for (size_t i = 0; i < apex->rrset_count; i++) {
        const uint8_t *rdata = NULL;
        uint16_t len = 0;
        for (size_t at = 0;
             apex->rrsets[i].type == RR_NS && rrset_next(&apex->rrsets[i], &at, &rdata, &len);) {
            struct reader r = reader_of(rdata, len);
            struct dname server = { 0 };
            dname_read(&r, &server);
            if (!r.failed) {
                json_array_append_new(servers, json_text(dname_text(&server, name)));
            }
        }
    }
    return json_pack("{s:o, s:I, s:o, s:o}", "apex", json_text(dname_text(&settings->apex, name)),
                     "serial", (json_int_t)settings->serial, "name_servers", servers, "settings",
                     values);
}

static void print_zone(json_t *zone)
{
    printf("zone    %s\nserial  %lld\n", json_string_value(json_object_get(zone, "apex")),
           (long long)json_integer_value(json_object_get(zone, "serial")));
    size_t i = 0;
    json_t *server = NULL;
    json_array_foreach(json_object_get(zone, "name_servers"), i, server)
    {
        printf("ns      %s\n", json_string_value(server));
    }
    printf("\n");
    static const char *const heads[] = { "SETTING", "VALUE", "MEANING" };
    struct table table;
    table_begin(&table, heads, 3);
    size_t count = 0;
    const struct setting_info *list = settings_list(&count);
    json_t *values = json_object_get(zone, "settings");
    for (size_t k = 0; k < count; k++) {
        table_cell(&table, list[k].name);
        table_cell(&table, json_string_value(json_object_get(values, list[k].name)));
        table_cell(&table, list[k].help);
    }
    table_end(&table);
}

static enum result read_zone(struct session *session, struct cli *cli, json_t **out)
{
    struct settings settings;
    enum result result = session_zone(session, cli, &settings);
    if (result != RESULT_OK) {
        return result;
    }
    uint8_t buffer[NODE_ENCODED_MAX];
    struct node apex;
    const struct dname_key key = { 0 };
    result = registry_node(session->txn[STORE_REGISTRY], &key, buffer, &apex);
    if (result != RESULT_OK) {
        return diag_fail(&cli->diag, result, "the registry has no readable apex: restore a backup");
    }
    *out = zone_json(&settings, &apex);
    return RESULT_OK;
}

int cmd_zone_show(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct session session = { 0 };
    json_t *zone = NULL;
    enum result result = read_zone(&session, cli, &zone);
    session_done(&session);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_print(zone);
        return CLI_DONE;
    }
    print_zone(zone);
    json_decref(zone);
    return CLI_DONE;
}

int cmd_zone_set(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct session session = { 0 };
    enum result result = session_write(&session, cli, STORE_REGISTRY);
    if (result == RESULT_OK) {
        result = registry_set(session.txn[STORE_REGISTRY], argv[0], argv[1], &cli->diag);
    }
    if (result == RESULT_OK) {
        result = session_commit(&session, cli);
    }
    session_done(&session);
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}
