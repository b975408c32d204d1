/* record load, list, remove: the zone's static records.
 *
 * `load` replaces each RRset (name and type) that the file has and leaves all others alone, in one transaction. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/commands.h"
#include "tools/infile.h"
#include "tools/output.h"
#include "tools/session.h"
#include "zone/zonefile.h"

enum {
    RECORDS_MAX = 200000, /* of one file */
    RRSET_ROOM = 65535
};

struct record {
    struct dname owner;
    uint16_t type;
    uint32_t ttl;
    unsigned line;
    uint16_t len;
    uint8_t *rdata;
};

struct records {
    const char *path;
    const struct dname *apex;
    struct record *list;
    size_t count, room;
};

static enum result collect(const struct zonefile_record *read, void *arg, struct diag *diag)
{
    struct records *records = arg;
    char name[DNAME_TEXT_MAX];
    if (!dname_under(&read->owner, records->apex)) {
        return diag_fail(diag, RESULT_INVALID, "%s:%u: %s is outside the pool's zone",
                         records->path, read->line, dname_text(&read->owner, name));
    }
    if (records->count == RECORDS_MAX || read->rdata_len > UINT16_MAX) {
        return diag_fail(diag, RESULT_TOO_LONG, "%s:%u: a file has at most %d records",
                         records->path, read->line, RECORDS_MAX);
    }
    if (records->count == records->room) {
        records->room = records->room * 2 + 64;
        records->list = xrealloc(records->list, records->room * sizeof *records->list);
    }
    uint8_t *copy = xmalloc(read->rdata_len + 1);
    memcpy(copy, read->rdata, read->rdata_len);
    records->list[records->count++] = (struct record){ .owner = read->owner,
                                                       .type = read->type,
                                                       .ttl = read->ttl,
                                                       .line = read->line,
                                                       .len = (uint16_t)read->rdata_len,
                                                       .rdata = copy };
    return RESULT_OK;
}

static void records_done(struct records *records)
{
    for (size_t i = 0; i < records->count; i++) {
        free(records->list[i].rdata);
    }
    free(records->list);
}

static int compare_records(const void *a, const void *b)
{
    const struct record *x = a;
    const struct record *y = b;
    int order = dname_compare(&x->owner, &y->owner);
    if (order == 0) {
        order = (x->type > y->type) - (x->type < y->type);
    }
    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static bool same_set(const struct record *a, const struct record *b)
{
    return a->type == b->type && dname_equal(&a->owner, &b->owner);
}

/* Stores the RRset of list[at ..], returns its number of records in `taken`. */
static enum result load_set(struct store_txn *txn, const struct records *records, size_t at,
                            size_t *taken, struct diag *diag)
{
    uint8_t room[RRSET_ROOM];
    const struct record *first = &records->list[at];
    char name[DNAME_TEXT_MAX];
    char type[16];
    struct rrset_builder builder;
    struct rrset set;
    size_t count = 0;
    dname_text(&first->owner, name);
    zonefile_type_text(first->type, type);
    rrset_begin(&builder, first->type, first->ttl, room, sizeof room);
    for (; at + count < records->count && same_set(first, first + count); count++) {
        const struct record *record = first + count;
        /* RFC 2181 5.2 */
        if (record->ttl != first->ttl) {
            return diag_fail(diag, RESULT_INVALID,
                             "%s:%u: the TTLs of %s %s differ (%u, %u): give all the same",
                             records->path, record->line, name, type, first->ttl, record->ttl);
        }
        rrset_add(&builder, record->rdata, record->len);
    }
    if (!rrset_end(&builder, &set)) {
        return diag_fail(diag, RESULT_TOO_LONG, "%s:%u: %s %s has too many records, at most %d",
                         records->path, first->line, name, type, RRSET_RECORDS_MAX);
    }
    struct diag why = { 0 };
    enum result result = registry_record_set(txn, &first->owner, &set, &why);
    *taken = count;
    return result == RESULT_OK
               ? result
               : diag_fail(diag, result, "%s:%u: %.400s", records->path, first->line,
                           why.text[0] != 0 ? why.text : result_text(result));
}

static enum result load_file(struct store_txn *txn, struct cli *cli, const struct infile *in,
                             size_t *sets)
{
    struct settings settings;
    struct records records = { .path = in->path, .apex = &settings.apex };
    enum result result = registry_settings(txn, &settings, &cli->diag);
    if (result == RESULT_OK) {
        const struct zonefile_source from = { .file = in->file,
                                              .path = in->path,
                                              .origin = settings.apex };
        result = zonefile_read(&from, collect, &records, &cli->diag);
    }
    if (records.count > 0) {
        qsort(records.list, records.count, sizeof *records.list, compare_records);
    }
    size_t taken = 0;
    for (size_t at = 0; at < records.count && result == RESULT_OK; at += taken) {
        result = load_set(txn, &records, at, &taken, &cli->diag);
        *sets += 1;
    }
    records_done(&records);
    return result;
}

int cmd_record_load(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct session session = { 0 };
    size_t sets = 0;
    struct infile in;
    enum result result = infile_read(&in, argv[0], INFILE_MAX, &cli->diag);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    result = session_write(&session, cli, STORE_REGISTRY);
    if (result == RESULT_OK) {
        result = load_file(session.txn[STORE_REGISTRY], cli, &in, &sets);
    }
    if (result == RESULT_OK) {
        result = session_commit(&session, cli);
    }
    session_done(&session);
    infile_done(&in);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_print(json_pack("{s:I}", "loaded", (json_int_t)sets));
    } else {
        printf("%zu record sets loaded\n", sets);
    }
    return CLI_DONE;
}

struct listing {
    const struct settings *settings;
    json_t *list; /* NULL: print */
};

/* The name server set belongs to `init`; a TTL that is not stored is the settings'. */
static bool is_static(const struct node *node, size_t i, const struct settings *settings,
                      struct rrset *out)
{
    *out = node->rrsets[i];
    out->ttl = out->ttl != 0 ? out->ttl : settings->ttl_s;
    return node->kind != NODE_APEX || out->type != RR_NS;
}

/* The records in presentation format, without owner, TTL, class and type. */
static enum result append_json(json_t *list, const struct dname *owner, const struct rrset *set)
{
    char name[DNAME_TEXT_MAX];
    char type[16];
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);
    ASSERT(file != NULL);
    enum result result = zonefile_print(file, owner, set);
    (void)fclose(file);
    json_t *records = json_array();
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        for (unsigned field = 0; field < 4; field++) {
            line += strcspn(line, " \t");
            line += strspn(line, " \t");
        }
        json_array_append_new(records, json_text(line));
    }
    free(text);
    json_array_append_new(list, json_pack("{s:o, s:s, s:I, s:o}", "name",
                                          json_text(dname_text(owner, name)), "type",
                                          zonefile_type_text(set->type, type), "ttl",
                                          (json_int_t)set->ttl, "records", records));
    return result;
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
        if (is_static(node, i, listing->settings, &set)) {
            result = listing->list != NULL ? append_json(listing->list, &owner, &set)
                                           : zonefile_print(stdout, &owner, &set);
        }
    }
    return result;
}

int cmd_record_list(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
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

/* Removes the RRset of that type, or all static ones for type 0. */
static enum result remove_sets(struct store_txn *txn, const struct settings *settings,
                               const struct dname *owner, uint16_t type, struct diag *diag)
{
    uint8_t buffer[NODE_ENCODED_MAX];
    struct node node;
    struct dname_key key;
    uint16_t types[NODE_RRSETS_MAX];
    size_t count = 0;
    char name[DNAME_TEXT_MAX];
    dname_key_of(&key, owner, &settings->apex);
    enum result result = registry_node(txn, &key, buffer, &node);
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
        result = registry_record_set(txn, owner, &none, diag);
        if (result != RESULT_OK) {
            return result;
        }
    }
    return RESULT_OK;
}

int cmd_record_remove(struct cli *cli, int argc, char **argv)
{
    struct session session = { 0 };
    struct settings settings;
    struct dname owner;
    uint16_t type = 0;
    if (argc > 1 && (zonefile_type(&type, argv[1]) != RESULT_OK || type == 0)) {
        return cli_usage(cli, "unknown record type '%s'", argv[1]);
    }
    enum result result = session_write(&session, cli, STORE_REGISTRY);
    struct store_txn *txn = session.txn[STORE_REGISTRY];
    if (result == RESULT_OK) {
        result = registry_settings(txn, &settings, &cli->diag);
    }
    if (result == RESULT_OK) {
        result = parse_owner(&owner, argv[0], &settings.apex, &cli->diag);
    }
    if (result == RESULT_OK) {
        result = remove_sets(txn, &settings, &owner, type, &cli->diag);
    }
    if (result == RESULT_OK) {
        result = session_commit(&session, cli);
    }
    session_done(&session);
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}
