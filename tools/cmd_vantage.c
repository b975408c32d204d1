/* vantage list, add, remove, key: the vantage points whose verdicts count. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "tools/commands.h"
#include "tools/output.h"
#include "tools/session.h"
#include "zone/verdicts/intake.h"

/* -- list -- */

static json_t *key_json(const struct vantage_key *key, struct store_txn *health)
{
    char text[JOURNAL_KEY_TEXT];
    struct vantage vantage;
    bool heard = vantage_get(health, key->name, &vantage) == RESULT_OK && !vantage.forgotten;
    return json_pack("{s:s, s:s, s:o, s:o, s:b}", "name", key->name, "key",
                     journal_key_text(key->key, text), "added_at", json_time(key->added_at),
                     "received_at", heard ? json_time(vantage.received_at) : json_null(),
                     "imported", heard && vantage.imported);
}

static void print_list(const json_t *list)
{
    static const char *const heads[] = { "VANTAGE POINT", "NAMED", "LAST REPORT", "KEY" };
    struct table table;
    size_t i = 0;
    json_t *row = NULL;
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    json_array_foreach(list, i, row)
    {
        const char *received = json_string_value(json_object_get(row, "received_at"));
        table_cell(&table, json_string_value(json_object_get(row, "name")));
        table_cell(&table, json_string_value(json_object_get(row, "added_at")));
        table_cell(&table, received != NULL ? received : "-");
        table_cell(&table, json_string_value(json_object_get(row, "key")));
    }
    table_end(&table);
}

static enum result read_list(json_t *list, struct session *session, struct cli *cli)
{
    struct vantage_keys keys = { 0 };
    TRY(session_read(session, cli, STORE_REGISTRY));
    TRY(registry_vantages(session->txn[STORE_REGISTRY], &keys, &cli->diag));
    TRY(session_read(session, cli, STORE_HEALTH));
    for (unsigned i = 0; i < keys.count; i++) {
        json_array_append_new(list, key_json(&keys.list[i], session->txn[STORE_HEALTH]));
    }
    return RESULT_OK;
}

int cmd_vantage_list(struct cli *cli, int, char **)
{
    struct session session = { 0 };
    json_t *list = json_array();
    enum result result = read_list(list, &session, cli);
    session_done(&session);
    if (result != RESULT_OK) {
        json_decref(list);
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_print(json_pack("{s:o}", "vantages", list));
        return CLI_DONE;
    }
    print_list(list);
    json_decref(list);
    return CLI_DONE;
}

/* Commits the registry first, so that the new keys judge reports that arrive in between. Then the
 * caller changes state/health. */
static enum result go_on_to_health(struct session *session, struct cli *cli)
{
    session_end(session, STORE_HEALTH);
    TRY(session_commit(session, cli));
    return session_write(session, cli, STORE_HEALTH);
}

static enum result commit_health(struct session *session, struct cli *cli)
{
    struct store_txn *txn = session->txn[STORE_HEALTH];
    session->txn[STORE_HEALTH] = NULL;
    return store_commit(txn, &cli->diag);
}

/* -- add -- */

struct recall {
    struct journal *journal;
    struct store_txn *health;
    const char *vantage;
};

static enum result recall_member(const struct member *member, void *arg)
{
    const struct recall *recall = arg;
    struct member_health health;
    enum result result = health_get(recall->health, member->id, recall->vantage, &health);
    if (result == RESULT_OK) {
        journal_verdict(recall->journal, member->label, &health);
    }
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

/* Makes a journal from the stored verdicts, for a vantage point of this machine that has verdicts
 * but no journal: an earlier version made it, or its directory is lost. */
static enum result recall(struct session *session, struct cli *cli, const char *name)
{
    static const struct report_visit nothing = { .self = NULL };
    struct settings settings;
    struct vantage vantage;
    struct report_head whose = { .number = 0 };
    struct recall recall = { .health = session->txn[STORE_HEALTH], .vantage = name };
    struct store_txn *registry = session->txn[STORE_REGISTRY];
    if (vantage_get(recall.health, name, &vantage) != RESULT_OK || vantage.forgotten) {
        return RESULT_OK;
    }
    TRY(registry_settings(registry, &settings, &cli->diag));
    TRY(registry_id(registry, whose.registry, &cli->diag));
    memcpy(whose.vantage, vantage.name, sizeof whose.vantage);
    TRY(journal_open(&recall.journal, cli->state_dir, &whose, &nothing, NULL, &cli->diag));
    journal_begin(recall.journal, &settings.apex, session_now());
    journal_self(recall.journal, &vantage);
    enum result result = registry_each(registry, recall_member, &recall);
    enum result ended = journal_end(recall.journal, &cli->diag);
    journal_free(recall.journal);
    return result == RESULT_OK ? ended : result;
}

/* The key of the command line, else that of the local journal, else a new one for a local probe. */
static enum result find_key(struct session *session, struct cli *cli, int argc, char **argv,
                            uint8_t key[VANTAGE_KEY_LEN])
{
    uint8_t secret[REPORT_SECRET_LEN];
    if (argc > 1) {
        return journal_key_parse(key, argv[1]) == RESULT_OK
                   ? RESULT_OK
                   : diag_fail(
                         &cli->diag, RESULT_USAGE,
                         "\"%.60s\" is no key of a vantage point: `ntspool vantage key` there "
                         "prints it",
                         argv[1]);
    }
    if (journal_claimed_key(cli->state_dir, argv[0], key) == RESULT_OK) {
        return RESULT_OK;
    }
    TRY(journal_key(cli->state_dir, argv[0], secret, &cli->diag));
    memcpy(key, secret + crypto_sign_SEEDBYTES, VANTAGE_KEY_LEN);
    sodium_memzero(secret, sizeof secret);
    return recall(session, cli, argv[0]);
}

/* Accepts reports from number 1 on: the numbers before belong to another key. */
static enum result reset_position(struct session *session, struct cli *cli, const char *name)
{
    struct vantage vantage;
    struct store_txn *health = session->txn[STORE_HEALTH];
    enum result result = vantage_get(health, name, &vantage);
    if (result != RESULT_OK) {
        return result == RESULT_NOT_FOUND ? RESULT_OK : result;
    }
    vantage.position = 0;
    return vantage_put(health, &vantage, &cli->diag);
}

/* Prepares for `key` in place of a key that the vantage point may have; `*replaced` if that is
 * another one. EXISTS if it is, and without --replace. */
static enum result replace_key(struct session *session, struct cli *cli, struct vantage_key *key,
                               bool *replaced)
{
    struct vantage_key old;
    if (registry_vantage(session->txn[STORE_REGISTRY], key->name, &old) != RESULT_OK) {
        return RESULT_OK;
    }
    key->released_at = old.released_at;
    *replaced = memcmp(old.key, key->key, sizeof old.key) != 0;
    return !*replaced || cli_flag(cli, "replace")
               ? RESULT_OK
               : diag_fail(&cli->diag, RESULT_EXISTS,
                           "%s is named already, with another key: --replace takes this one",
                           key->name);
}

static enum result add(struct session *session, struct cli *cli, int argc, char **argv,
                       struct vantage_key *out)
{
    char text[JOURNAL_KEY_TEXT];
    bool replaced = false;
    TRY(session_write(session, cli, STORE_REGISTRY));
    TRY(session_read(session, cli, STORE_HEALTH));
    if (!vantage_name_fine(argv[0])) {
        return diag_fail(&cli->diag, RESULT_USAGE,
                         "a vantage point's name is 1 to %d of a-z, 0-9 and hyphens, no hyphen "
                         "first, not \"%.40s\"",
                         VANTAGE_ROOM - 1, argv[0]);
    }
    TRY(find_key(session, cli, argc, argv, out->key));
    (void)snprintf(out->name, sizeof out->name, "%s", argv[0]);
    out->added_at = session_now();
    TRY(replace_key(session, cli, out, &replaced));
    TRY(registry_put_vantage(&session->change, out));
    auditnote_add(&session->notes, out->name, "key %s", journal_key_text(out->key, text));
    TRY(go_on_to_health(session, cli));
    if (replaced) {
        TRY(reset_position(session, cli, out->name));
    }
    TRY(intake_clear_refusal(session->txn[STORE_HEALTH], out->name));
    return commit_health(session, cli);
}

int cmd_vantage_add(struct cli *cli, int argc, char **argv)
{
    struct session session = { 0 };
    struct vantage_key key = { .name = "" };
    char text[JOURNAL_KEY_TEXT];
    enum result result = add(&session, cli, argc, argv, &key);
    session_done(&session);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    (void)journal_key_text(key.key, text);
    if (cli->json) {
        json_print(json_pack("{s:s, s:s}", "name", key.name, "key", text));
    } else {
        printf("What %s reports with the key %s counts from now on.\n", key.name, text);
    }
    return CLI_DONE;
}

/* -- remove -- */

static enum result remove_one(struct session *session, struct cli *cli, const char *name)
{
    TRY(session_write(session, cli, STORE_REGISTRY));
    enum result result = vantage_name_fine(name) ? registry_remove_vantage(&session->change, name)
                                                 : RESULT_NOT_FOUND;
    if (result == RESULT_NOT_FOUND) {
        return diag_fail(&cli->diag, result,
                         "there is no vantage point \"%.40s\": `ntspool vantage list` lists them",
                         name);
    }
    TRY(result);
    auditnote_add(&session->notes, name, "removed");
    TRY(go_on_to_health(session, cli));
    result = health_forget_vantage(session->txn[STORE_HEALTH], name, false, &cli->diag);
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        return result;
    }
    return commit_health(session, cli);
}

int cmd_vantage_remove(struct cli *cli, int, char **argv)
{
    struct session session = { 0 };
    enum result result = remove_one(&session, cli, argv[0]);
    session_done(&session);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_print(json_pack("{s:s}", "removed", argv[0]));
    } else {
        printf("What %s reports counts for nothing from now on, and what it saw is forgotten.\n",
               argv[0]);
    }
    return CLI_DONE;
}

/* -- key -- */

int cmd_vantage_key(struct cli *cli, int, char **)
{
    uint8_t secret[REPORT_SECRET_LEN];
    char text[JOURNAL_KEY_TEXT];
    const char *name = cli_value(cli, "id", 0);
    name = name != NULL ? name : VANTAGE_PRESET;
    if (!vantage_name_fine(name)) {
        return cli_usage(cli, "--id takes 1 to %d of a-z, 0-9 and hyphens, no hyphen first",
                         VANTAGE_ROOM - 1);
    }
    enum result result = journal_key(cli->state_dir, name, secret, &cli->diag);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    (void)journal_key_text(secret + crypto_sign_SEEDBYTES, text);
    sodium_memzero(secret, sizeof secret);
    if (cli->json) {
        json_print(json_pack("{s:s, s:s}", "name", name, "key", text));
    } else {
        puts(text);
    }
    return CLI_DONE;
}
