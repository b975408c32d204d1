/* zone show, set, unset. */
#include <stdio.h>
#include <string.h>

#include "tools/commands.h"
#include "tools/output.h"
#include "tools/session.h"

/* The setting's value in JSON: a number for seconds and numbers, else a string. */
static json_t *typed_json(const struct settings *settings, const char *name, const char *text)
{
    double number = 0;
    return settings_number(settings, name, &number) != RESULT_OK ? json_text(text)
           : number == (double)(json_int_t)number                ? json_integer((json_int_t)number)
                                                                 : json_real(number);
}

static json_t *zone_json(const struct settings *settings, const struct node *apex)
{
    char name[DNAME_TEXT_MAX];
    json_t *values = json_object(), *typed = json_object(), *changed = json_object();
    size_t count = 0;
    const struct setting_info *list = settings_list(&count);
    struct settings presets;
    settings_defaults(&presets);
    for (size_t i = 0; i < count; i++) {
        char value[SETTING_VALUE_MAX], preset[SETTING_VALUE_MAX];
        if (settings_text(settings, list[i].name, value) == RESULT_OK) {
            json_object_set_new(values, list[i].name, json_text(value));
            json_object_set_new(typed, list[i].name, typed_json(settings, list[i].name, value));
        }
        if (list[i].preset[0] != 0 && settings_text(&presets, list[i].name, preset) == RESULT_OK &&
            strcmp(value, preset) != 0) {
            json_object_set_new(changed, list[i].name, json_text(preset));
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
    return json_pack("{s:o, s:I, s:o, s:o, s:o, s:o}", "apex",
                     json_text(dname_text(&settings->apex, name)), "serial",
                     (json_int_t)settings->serial, "name_servers", servers, "settings", values,
                     "values", typed, "changed_from", changed);
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
    static const char *const heads[] = { "SETTING", "VALUE", "PRESET", "MEANING" };
    struct table table;
    table_begin(&table, heads, 4);
    size_t count = 0;
    const struct setting_info *list = settings_list(&count);
    json_t *values = json_object_get(zone, "settings");
    for (size_t k = 0; k < count; k++) {
        table_cell(&table, list[k].name);
        table_cell(&table, json_string_value(json_object_get(values, list[k].name)));
        const char *preset =
            json_string_value(json_object_get(json_object_get(zone, "changed_from"), list[k].name));
        table_cell(&table, preset != NULL ? preset : "");
        table_cell(&table, list[k].help);
    }
    table_end(&table);
}

static enum result read_zone(struct session *session, struct cli *cli, json_t **out)
{
    struct settings settings;
    TRY(session_zone(session, cli, &settings));
    uint8_t buffer[NODE_ENCODED_MAX];
    struct node apex;
    const struct dname_key key = { 0 };
    enum result result = registry_node(session->txn[STORE_REGISTRY], &key, buffer, &apex);
    if (result != RESULT_OK) {
        return diag_fail(&cli->diag, result, "the registry has no readable apex: restore a backup");
    }
    *out = zone_json(&settings, &apex);
    return RESULT_OK;
}

int cmd_zone_show(struct cli *cli, int, char **)
{
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

enum {
    CHANGES_MAX = 64
};

/* The settings of a command line. */
struct setting_changes {
    struct setting_change changes[CHANGES_MAX];
    size_t count;
};

/* Sets all of them and notes the changes for the audit trail. Prints them with --dry-run. */
static enum result set_all(struct session *session, struct cli *cli,
                           const struct setting_changes *wanted)
{
    struct store_txn *txn = session->txn[STORE_REGISTRY];
    struct settings before, after;
    TRY(registry_settings(txn, &before, &cli->diag));
    TRY(registry_set_all(&session->change, wanted->changes, wanted->count));
    TRY(registry_settings(txn, &after, &cli->diag));
    for (size_t i = 0; i < wanted->count; i++) {
        char old[SETTING_VALUE_MAX] = "", new[SETTING_VALUE_MAX];
        const char *name = wanted->changes[i].name;
        TRY(settings_text(&after, name, new));
        if (settings_text(&before, name, old) != RESULT_OK || strcmp(old, new) != 0) {
            auditnote_add(&session->notes, name, "%s -> %s", old, new);
        }
        if (cli_flag(cli, "dry-run")) {
            printf("%s: %s -> %s%s\n", name, old, new, strcmp(old, new) == 0 ? " (as it is)" : "");
        }
    }
    return RESULT_OK;
}

static int run_changes(struct cli *cli, const struct setting_changes *wanted)
{
    struct session session = { 0 };
    enum result result = session_write(&session, cli, STORE_REGISTRY);
    if (result == RESULT_OK) {
        result = set_all(&session, cli, wanted);
    }
    if (result == RESULT_OK && !cli_flag(cli, "dry-run") && session.notes.count > 0) {
        result = session_commit(&session, cli);
    }
    session_done(&session);
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}

int cmd_zone_set(struct cli *cli, int argc, char **argv)
{
    struct setting_changes wanted = { .count = 0 };
    if (argc % 2 != 0) {
        return cli_usage(cli, "the setting %.80s lacks a value", argv[argc - 1]);
    }
    while ((int)wanted.count * 2 < argc) {
        char **pair = argv + 2 * wanted.count;
        for (size_t i = 0; i < wanted.count; i++) {
            if (strcmp(wanted.changes[i].name, pair[0]) == 0) {
                return cli_usage(cli, "the setting %.80s is given twice", pair[0]);
            }
        }
        wanted.changes[wanted.count++] = (struct setting_change){ pair[0], pair[1] };
    }
    return run_changes(cli, &wanted);
}

/* The value in a new zone; empty for an unknown setting, which registry_set_all refuses. */
static const char *preset_of(const char *name)
{
    size_t count = 0;
    const struct setting_info *list = settings_list(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].name, name) == 0) {
            return list[i].preset;
        }
    }
    return "";
}

int cmd_zone_unset(struct cli *cli, int argc, char **argv)
{
    struct setting_changes wanted = { .count = 0 };
    for (int i = 0; i < argc; i++) {
        const char *preset = preset_of(argv[i]);
        if (strcmp(argv[i], "mailbox") == 0) {
            return cli_fail(cli, diag_fail(&cli->diag, RESULT_REFUSED,
                                           "mailbox has no preset: set another one"));
        }
        wanted.changes[wanted.count++] = (struct setting_change){ argv[i], preset };
    }
    return run_changes(cli, &wanted);
}
