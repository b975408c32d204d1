/* record list, remove: static records of the zone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/commands.h"
#include "tools/output.h"
#include "tools/recordnote.h"
#include "tools/session.h"
#include "zone/names/rdata.h"
#include "zone/names/zonefile.h"

struct listing {
    const struct settings *settings;
    json_t *list; /* NULL: print */
};

/* The RRset as served. False for the apex NS RRset, which `zone ns` manages. */
static bool is_static(const struct node *node, size_t i, const struct settings *settings,
                      struct rrset *out)
{
    *out = node->rrsets[i];
    out->ttl = node_ttl(out, settings);
    return node->kind != NODE_APEX || out->type != RR_NS;
}

static char *rdata_text(uint16_t type, const uint8_t *rdata, size_t rdata_len)
{
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);
    ASSERT(file != NULL);
    rdata_print(file, type, rdata, rdata_len);
    CHECK(fclose(file) == 0);
    return text;
}

static void append_json(json_t *list, const struct dname *owner, const struct rrset *set)
{
    char name[DNAME_TEXT_MAX];
    char type[RDATA_TYPE_ROOM];
    json_t *records = json_array();
    const uint8_t *rdata = NULL;
    uint16_t len = 0;
    for (size_t at = 0; rrset_next(set, &at, &rdata, &len);) {
        char *text = rdata_text(set->type, rdata, len);
        json_array_append_new(records, json_text(text));
        free(text);
    }
    json_array_append_new(list, json_pack("{s:o, s:s, s:I, s:o}", "name",
                                          json_text(dname_text(owner, name)), "type",
                                          rdata_type_text(set->type, type), "ttl",
                                          (json_int_t)set->ttl, "records", records));
}

static enum result list_node(const struct dname_key *key, const struct node *node, void *arg)
{
    const struct listing *listing = arg;
    struct dname owner;
    if (node->kind != NODE_APEX && node->kind != NODE_STATIC) {
        return RESULT_OK;
    }
    enum result result = dname_of_key(&owner, key, &listing->settings->apex);
    for (size_t i = 0; i < node->rrset_count && result == RESULT_OK; i++) {
        struct rrset set;
        if (!is_static(node, i, listing->settings, &set)) {
            continue;
        }
        if (listing->list != NULL) {
            append_json(listing->list, &owner, &set);
        } else {
            result = zonefile_print(stdout, &owner, &set);
        }
    }
    return result;
}

int cmd_record_list(struct cli *cli, int, char **)
{
    struct session session = { 0 };
    struct settings settings;
    struct listing listing = { .settings = &settings };
    enum result result = session_zone(&session, cli, &settings);
    if (result == RESULT_OK) {
        listing.list = cli->json ? json_array() : NULL;
        result = registry_nodes(session.txn[STORE_REGISTRY], list_node, &listing);
    }
    session_done(&session);
    if (result != RESULT_OK) {
        json_decref(listing.list);
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_print(listing.list);
    }
    return CLI_DONE;
}

/* "www", "www.pool.test" or "www.pool.test."; "@" is the apex. */
static enum result parse_owner(struct dname *out, const char *text, const struct dname *apex,
                               struct diag *diag)
{
    struct dname name;
    enum result result = RESULT_OK;
    if (strcmp(text, "@") == 0) {
        *out = *apex;
        return RESULT_OK;
    }
    result = dname_parse(&name, text, NULL);
    if (result == RESULT_OK && !dname_under(&name, apex)) {
        result = dname_parse(&name, text, apex);
    }
    if (result != RESULT_OK || !dname_under(&name, apex)) {
        return diag_fail(diag, RESULT_INVALID, "\"%.80s\" is no name in the pool's zone", text);
    }
    dname_lower(&name);
    *out = name;
    return RESULT_OK;
}

/* Removes the static RRset of the type; all static RRsets of the name for type 0. */
static enum result remove_sets(struct session *session, const struct settings *settings,
                               const struct dname *owner, uint16_t type, struct diag *diag)
{
    uint8_t buffer[NODE_ENCODED_MAX];
    struct node node;
    struct dname_key key;
    uint16_t types[NODE_RRSETS_MAX];
    size_t count = 0;
    char name[DNAME_TEXT_MAX];
    dname_key_of(&key, owner, &settings->apex);
    enum result result = registry_node(session->txn[STORE_REGISTRY], &key, buffer, &node);
    bool found = result == RESULT_OK && (node.kind == NODE_APEX || node.kind == NODE_STATIC);
    for (size_t i = 0; found && i < node.rrset_count; i++) {
        struct rrset set;
        if (is_static(&node, i, settings, &set) && (type == 0 || type == set.type)) {
            types[count++] = set.type;
        }
    }
    if (result == RESULT_DAMAGED) {
        return result;
    }
    if (count == 0) {
        return diag_fail(diag, RESULT_NOT_FOUND,
                         "there is no such static record at %s: `ntspool record list` lists them",
                         dname_text(owner, name));
    }
    for (size_t i = 0; i < count; i++) {
        const struct rrset none = { .type = types[i] };
        TRY(recordnote_set(session, owner, &none, diag));
    }
    return RESULT_OK;
}

static enum result remove_records(struct session *session, struct cli *cli, const char *name,
                                  uint16_t type)
{
    struct settings settings;
    struct dname owner;
    TRY(session_write(session, cli, STORE_REGISTRY));
    TRY(registry_settings(session->txn[STORE_REGISTRY], &settings, &cli->diag));
    TRY(parse_owner(&owner, name, &settings.apex, &cli->diag));
    TRY(remove_sets(session, &settings, &owner, type, &cli->diag));
    return session_commit(session, cli);
}

int cmd_record_remove(struct cli *cli, int argc, char **argv)
{
    struct session session = { 0 };
    uint16_t type = 0;
    if (argc > 1 && (rdata_type_parse(&type, argv[1]) != RESULT_OK || type == 0)) {
        return cli_usage(cli, "unknown record type '%s'", argv[1]);
    }
    enum result result = remove_records(&session, cli, argv[0], type);
    session_done(&session);
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}
