#include "tools/cli_values.h"

#include <stdlib.h>
#include <string.h>

#include "dnssec/keys/key.h"
#include "tools/check/check.h"
#include "tools/output.h"
#include "tools/session.h"
#include "zone/base/array.h"
#include "zone/base/concern.h"
#include "zone/names/rdata.h"
#include "zone/overview/census.h"
#include "zone/places/country.h"

/* What the visitors of the registry get. */
struct values {
    struct cli *cli;
    const struct complete *complete;
    enum cli_source source;
    const char *before;
    struct settings settings;
    char **operators; /* those printed */
    size_t count, room;
};

static void print(const struct values *values, const char *value, const char *meaning)
{
    complete_print(stdout, values->complete, value, meaning);
}

/* -- from tables of the program -- */

static void print_countries(const struct values *values)
{
    size_t count = 0;
    const struct country *all = country_all(&count);
    for (size_t i = 0; i < count; i++) {
        print(values, all[i].code, "");
    }
}

static void print_states(const struct values *values)
{
    for (unsigned i = 0; i < CENSUS_STATES; i++) {
        print(values, census_state_text(i), "");
    }
}

static void print_settings(const struct values *values)
{
    size_t count = 0;
    const struct setting_info *list = settings_list(&count);
    for (size_t i = 0; i < count; i++) {
        print(values, list[i].name, list[i].help);
    }
}

static void print_stores(const struct values *values)
{
    for (unsigned kind = 0; kind < STORE_KINDS_ALONE; kind++) {
        print(values, store_kind_text((enum store_kind)kind), "");
    }
}

static void print_algorithms(const struct values *values)
{
    static const enum algorithm all[] = { ALGORITHM_ECDSAP256SHA256, ALGORITHM_ED25519 };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        print(values, algorithm_text(all[i]), "");
    }
}

static void print_check_groups(const struct values *values)
{
    for (unsigned i = 0; i < check_group_count; i++) {
        print(values, check_groups[i].name, "");
    }
}

static void print_explained(const struct values *values)
{
    if (strcmp(values->cli->command->name, "status") == 0) {
        for (unsigned id = 0; id < CONCERN_IDS; id++) {
            print(values, concern_id_text((enum concern_id)id),
                  concern_advice((enum concern_id)id));
        }
        return;
    }
    print_check_groups(values);
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        print(values, check_rows[i].id, check_rows[i].what);
    }
}

/* -- from the registry -- */

static enum result print_member(const struct member *member, void *arg)
{
    struct values *values = arg;
    if (values->source == SOURCE_MEMBERS) {
        print(values, member->label, member->operator_name);
        return RESULT_OK;
    }
    for (size_t i = 0; i < values->count; i++) {
        if (strcmp(values->operators[i], member->operator_name) == 0) {
            return RESULT_OK;
        }
    }
    if (member->operator_name[0] != '\0') {
        ARRAY_PUSH(values->operators, values->count, values->room, xstrdup(member->operator_name));
        print(values, member->operator_name, "");
    }
    return RESULT_OK;
}

static enum result print_tombstone(const char *label, const struct tombstone *tombstone, void *arg)
{
    const struct values *values = arg;
    if (tombstone->kept) {
        print(values, label, tombstone->operator_name);
    }
    return RESULT_OK;
}

/* The name as `record remove` takes it, without the pool's. */
static void short_name(char out[DNAME_TEXT_MAX], const struct dname *name, const struct dname *apex)
{
    char text[DNAME_TEXT_MAX];
    size_t end = strlen(dname_text(apex, text));
    size_t len = strlen(dname_text(name, out));
    if (dname_equal(name, apex)) {
        memcpy(out, "@", 2);
    } else {
        out[len - end - 1] = '\0';
    }
}

static enum result print_record(const struct dname_key *key, const struct node *node, void *arg)
{
    const struct values *values = arg;
    struct dname owner;
    char name[DNAME_TEXT_MAX], type[RDATA_TYPE_ROOM];
    bool types = values->source == SOURCE_RECORD_TYPES, any = false;
    if (node->kind != NODE_APEX && node->kind != NODE_STATIC) {
        return RESULT_OK;
    }
    TRY(dname_of_key(&owner, key, &values->settings.apex));
    short_name(name, &owner, &values->settings.apex);
    for (size_t i = 0; i < node->rrset_count; i++) {
        bool own = node->kind == NODE_APEX && node->rrsets[i].type == RR_NS; /* of `zone ns` */
        any = any || !own;
        if (types && !own && strcmp(name, values->before) == 0) {
            print(values, rdata_type_text(node->rrsets[i].type, type), "");
        }
    }
    if (!types && any) {
        print(values, name, "");
    }
    return RESULT_OK;
}

static void print_servers(const struct values *values, struct store_txn *txn)
{
    struct name_servers servers;
    char name[DNAME_TEXT_MAX];
    if (registry_servers(txn, &servers, NULL) != RESULT_OK) {
        return;
    }
    for (size_t i = 0; i < servers.count; i++) {
        print(values, dname_text(&servers.list[i].name, name), "");
    }
}

static void print_vantages(const struct values *values, struct store_txn *txn)
{
    struct vantage_keys keys;
    if (registry_vantages(txn, &keys, NULL) != RESULT_OK) {
        return;
    }
    for (unsigned i = 0; i < keys.count; i++) {
        print(values, keys.list[i].name, "");
    }
}

static const char *remark(const char *value, const char *set, const char *preset)
{
    return strcmp(value, set) == 0 ? "as it is" : strcmp(value, preset) == 0 ? "preset" : "";
}

/* The words of a choice; of other settings the present value, and the preset. */
static void print_setting(const struct values *values, const char *set,
                          const struct setting_info *info)
{
    if (info->words[0] != NULL) {
        print(values, info->words[0], remark(info->words[0], set, info->preset));
        print(values, info->words[1], remark(info->words[1], set, info->preset));
        return;
    }
    if (set[0] != '\0') {
        print(values, set, "as it is");
    }
    if (info->preset[0] != '\0' && strcmp(info->preset, set) != 0) {
        print(values, info->preset, "preset");
    }
}

/* `zone`: the registry could be read. */
static void print_setting_values(const struct values *values, bool zone)
{
    size_t count = 0;
    const struct setting_info *list = settings_list(&count);
    for (size_t i = 0; i < count; i++) {
        char set[SETTING_VALUE_MAX] = "";
        if (strcmp(list[i].name, values->before) != 0) {
            continue;
        }
        if (zone && settings_text(&values->settings, list[i].name, set) != RESULT_OK) {
            set[0] = '\0';
        }
        print_setting(values, set, &list[i]);
    }
}

static void print_from(struct values *values, struct store_txn *txn)
{
    enum result result = RESULT_OK;
    switch (values->source) {
    case SOURCE_MEMBERS:
    case SOURCE_OPERATORS:
        result = registry_each(txn, print_member, values);
        break;
    case SOURCE_REMOVED:
        result = registry_tombstones(txn, print_tombstone, values);
        break;
    case SOURCE_RECORDS:
    case SOURCE_RECORD_TYPES:
        result = registry_nodes(txn, print_record, values);
        break;
    case SOURCE_SERVERS:
        print_servers(values, txn);
        break;
    case SOURCE_VANTAGES:
        print_vantages(values, txn);
        break;
    default:
        break;
    }
    (void)result; /* what could be read was printed */
}

static void print_registry(struct values *values)
{
    struct session session = { 0 };
    struct cli *cli = values->cli;
    bool zone = false;
    if (config_load(&cli->config, cli_value(cli, "config", 0), &cli->diag) == RESULT_OK) {
        cli->state_dir =
            arguments_text(&cli->arguments, "state", cli->config->state, CONFIG_STATE_PRESET);
        zone = session_zone(&session, cli, &values->settings) == RESULT_OK;
    }
    if (values->source == SOURCE_SETTING_VALUES) {
        print_setting_values(values, zone);
    } else if (zone) {
        print_from(values, session.txn[STORE_REGISTRY]);
    }
    session_done(&session);
    for (size_t i = 0; i < values->count; i++) {
        free(values->operators[i]);
    }
    free(values->operators);
}

void cli_values(struct cli *cli, const struct complete *complete, enum cli_source source,
                const char *before)
{
    struct values values = { .cli = cli, .complete = complete, .source = source, .before = before };
    switch (source) {
    case SOURCE_COUNTRIES:
        print_countries(&values);
        break;
    case SOURCE_STATES:
        print_states(&values);
        break;
    case SOURCE_SETTINGS:
        print_settings(&values);
        break;
    case SOURCE_STORES:
        print_stores(&values);
        break;
    case SOURCE_ALGORITHMS:
        print_algorithms(&values);
        break;
    case SOURCE_CHECK_GROUPS:
        print_check_groups(&values);
        break;
    case SOURCE_EXPLAINED:
        print_explained(&values);
        break;
    case SOURCE_NONE:
    case SOURCE_FILES:
        break;
    default:
        print_registry(&values);
    }
}
