/* record load: loads static records from a zone file.
 *
 * Each RRset of the file replaces the RRset of the same name and type; all others stay. The whole
 * file is read before a store is opened for writing, so that a slow file blocks nobody. It is
 * loaded in one transaction, or in parts if that is too much for a fleet. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/changeparts.h"
#include "tools/commands.h"
#include "tools/infile.h"
#include "tools/output.h"
#include "tools/recordnote.h"
#include "tools/session.h"
#include "zone/names/rdata.h"
#include "zone/names/zonefile.h"

enum {
    RECORDS_MAX = 200000, /* a file */
    RRSET_ROOM = 65535,
    PART_SETS = 2000
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
    struct dname apex;
    struct record *list;
    size_t count, room;
};

static enum result collect(const struct zonefile_record *read, void *arg, struct diag *diag)
{
    struct records *records = arg;
    char name[DNAME_TEXT_MAX];
    if (!dname_under(&read->owner, &records->apex)) {
        return diag_fail(diag, RESULT_INVALID, "%s:%u: %s is outside the pool's zone",
                         records->path, read->line, dname_text(&read->owner, name));
    }
    if (records->count == RECORDS_MAX) {
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

static enum result read_file(struct records *records, const struct infile *in, struct diag *diag)
{
    const struct zonefile_source from = {
        .file = in->file, .path = in->path, .origin = records->apex, .default_ttl = UINT32_MAX
    };
    static const char mark[] = { '\xef', '\xbb', '\xbf' }; /* byte order mark of some editors */
    records->path = in->path;
    if (in->len >= sizeof mark && memcmp(in->text, mark, sizeof mark) == 0) {
        (void)fseek(in->file, sizeof mark, SEEK_SET);
    }
    enum result result = zonefile_read(&from, collect, records, diag);
    if (records->count > 0) {
        qsort(records->list, records->count, sizeof *records->list, compare_records);
    }
    return result;
}

struct load {
    struct session *session;
    struct cli *cli;
    const struct records *records;
    size_t loaded;    /* RRsets */
    json_t *left_out; /* name, type, line, why */
    bool skip_own;
    struct {
        size_t sets;        /* at most; 0: all at once */
        size_t begin, end;  /* of the list */
        size_t loaded;      /* before it */
        unsigned committed; /* parts */
    } part;
};

/* The TTL as the registry has it: 0 stands for that of the settings, if the file has no TTL. */
static uint32_t stored_ttl(uint32_t ttl)
{
    return ttl == UINT32_MAX ? 0 : ttl == 0 ? (uint32_t)NODE_TTL_ZERO : ttl;
}

static enum result leave_out(struct load *load, const struct record *first, const char *why)
{
    char name[DNAME_TEXT_MAX];
    char type[RDATA_TYPE_ROOM];
    if (load->part.sets != 0) {
        return RESULT_OK; /* it is listed already */
    }
    json_array_append_new(load->left_out,
                          json_pack("{s:o, s:s, s:i, s:o}", "name",
                                    json_text(dname_text(&first->owner, name)), "type",
                                    rdata_type_text(first->type, type), "line", (int)first->line,
                                    "why", json_text(why)));
    return RESULT_OK;
}

static enum result put_set(struct load *load, const struct record *first, size_t count,
                           struct diag *why)
{
    uint8_t room[RRSET_ROOM];
    struct rrset_builder builder;
    struct rrset set;
    rrset_begin(&builder, first->type, stored_ttl(first->ttl), room, sizeof room);
    for (size_t i = 0; i < count; i++) {
        /* RFC 2181 5.2 */
        if (first[i].ttl != first->ttl) {
            return diag_fail(why, RESULT_INVALID,
                             "the TTL is another than that on line %u: give all records of a name "
                             "and type the same",
                             first->line);
        }
        rrset_add(&builder, first[i].rdata, first[i].len);
    }
    if (!rrset_end(&builder, &set)) {
        return diag_fail(why, RESULT_TOO_LONG, "there are too many records, at most %d",
                         RRSET_RECORDS_MAX);
    }
    return recordnote_set(load->session, &first->owner, &set, why);
}

/* The line for an error: of the first record whose TTL differs, else of the first record. */
static unsigned line_of(const struct record *first, size_t count)
{
    size_t i = 0;
    while (i < count && first[i].ttl == first->ttl) {
        i++;
    }
    return first[i < count ? i : 0].line;
}

/* Stores the RRset that begins at list[at]. `taken` becomes its number of records. */
static enum result load_set(struct load *load, size_t at, size_t *taken)
{
    const struct record *first = &load->records->list[at];
    struct diag why = { "" };
    char name[DNAME_TEXT_MAX];
    char type[RDATA_TYPE_ROOM];
    size_t count = 1;
    while (at + count < load->records->count && same_set(first, first + count)) {
        count++;
    }
    *taken = count;
    enum result own =
        registry_record_check(load->session->txn[STORE_REGISTRY], &first->owner, first->type, &why);
    if (own == RESULT_REFUSED && load->skip_own) {
        return leave_out(load, first, why.text);
    }
    enum result result = own != RESULT_OK ? own : put_set(load, first, count, &why);
    if (result == RESULT_OK) {
        load->loaded++;
        return result;
    }
    return diag_fail(&load->cli->diag, result, "%s:%u: %.120s %s: %.250s%s", load->records->path,
                     line_of(first, count), dname_text(&first->owner, name),
                     rdata_type_text(first->type, type),
                     why.text[0] != 0 ? why.text : result_text(result),
                     own == RESULT_REFUSED ? " (--skip-own leaves such records out)" : "");
}

static enum result load_all(struct load *load)
{
    size_t taken = 0;
    for (size_t at = 0; at < load->records->count; at += taken) {
        TRY(load_set(load, at, &taken));
    }
    return RESULT_OK;
}

static enum result load_part(struct session *session, struct cli *, void *arg)
{
    struct load *load = arg;
    size_t at = load->part.begin, taken = 0;
    load->session = session;
    load->loaded = load->part.loaded;
    for (size_t i = 0; i < load->part.sets && at < load->records->count; i++, at += taken) {
        TRY(load_set(load, at, &taken));
    }
    load->part.end = at;
    return RESULT_OK;
}

static enum result fail_part(const struct load *load, enum result result)
{
    const struct diag why = load->cli->diag;
    return load->part.committed == 0
               ? result
               : diag_fail(&load->cli->diag, result, "%zu record sets are loaded; then: %s",
                           load->part.loaded, why.text);
}

/* All is fine, and too much for one change of the fleet. */
static enum result load_parts(struct load *load)
{
    load->part.sets = PART_SETS;
    load->loaded = 0;
    while (load->part.begin < load->records->count) {
        enum result result = changeparts_commit(load->cli, load_part, load);
        if (result == RESULT_TOO_LONG && load->part.sets > 1) {
            load->part.sets /= 2; /* they are large */
        } else if (result != RESULT_OK) {
            return fail_part(load, result);
        } else {
            load->part.begin = load->part.end;
            load->part.loaded = load->loaded;
            load->part.committed++;
        }
    }
    return RESULT_OK;
}

static void show(const struct load *load, bool dry)
{
    static const char *const heads[] = { "LEFT OUT", "TYPE", "LINE", "WHY" };
    struct table table;
    size_t i = 0;
    const json_t *row = NULL;
    if (load->cli->json) {
        json_print(json_pack("{s:I, s:b, s:O}", "loaded", (json_int_t)load->loaded, "dry_run", dry,
                             "left_out", load->left_out));
        return;
    }
    if (json_array_size(load->left_out) > 0) {
        table_begin(&table, heads, sizeof heads / sizeof heads[0]);
        json_array_foreach(load->left_out, i, row)
        {
            table_cell(&table, json_string_value(json_object_get(row, "name")));
            table_cell(&table, json_string_value(json_object_get(row, "type")));
            table_cellf(&table, "%d", (int)json_integer_value(json_object_get(row, "line")));
            table_cell(&table, json_string_value(json_object_get(row, "why")));
        }
        table_end(&table);
    }
    if (load->part.committed > 1) {
        printf("%zu record sets loaded, in %u changes: they are too many for one\n", load->loaded,
               load->part.committed);
    } else {
        printf(dry ? "%zu record sets would be loaded\n" : "%zu record sets loaded\n",
               load->loaded);
    }
}

/* Reads the zone's name, closes the store, and reads the whole file. */
static enum result prepare(struct records *records, struct cli *cli, const struct infile *in)
{
    struct session session = { 0 };
    struct settings settings;
    enum result result = session_zone(&session, cli, &settings);
    session_done(&session);
    TRY(result);
    records->apex = settings.apex;
    return read_file(records, in, &cli->diag);
}

static enum result load_file(struct load *load, struct records *records, const struct infile *in,
                             bool dry)
{
    struct session session = { 0 };
    enum result result = prepare(records, load->cli, in);
    if (result == RESULT_OK) {
        result = session_write(&session, load->cli, STORE_REGISTRY);
    }
    if (result == RESULT_OK) {
        load->session = &session;
        result = load_all(load);
    }
    bool is_fine = result == RESULT_OK;
    if (is_fine && !dry && load->loaded > 0) {
        result = session_commit(&session, load->cli);
    }
    bool in_parts = is_fine && changeparts_are_needed(&session, result);
    session_done(&session);
    load->session = NULL;
    return in_parts ? load_parts(load) : result;
}

int cmd_record_load(struct cli *cli, int, char **argv)
{
    bool dry = cli_flag(cli, "dry-run");
    struct infile in;
    struct records records = { .count = 0 };
    struct load load = { .cli = cli, .records = &records, .skip_own = cli_flag(cli, "skip-own") };
    enum result result = infile_read(&in, argv[0], INFILE_MAX, &cli->diag);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    load.left_out = json_array();
    result = load_file(&load, &records, &in, dry);
    infile_done(&in);
    records_done(&records);
    if (result == RESULT_OK) {
        show(&load, dry);
    }
    json_decref(load.left_out);
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}
