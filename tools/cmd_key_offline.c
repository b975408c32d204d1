/* key request, sign-request, import-bundle, offline, online: an offline key-signing key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dnssec/keys/bindkey.h"
#include "dnssec/offline/offline.h"
#include "tools/commands.h"
#include "tools/infile.h"
#include "tools/keysession.h"
#include "tools/keytext.h"
#include "tools/leader.h"
#include "tools/outfile.h"
#include "tools/output.h"

enum {
    PERIOD_S = 365 * 86400, /* without --until */
    TAGS_ROOM = KEYSTORE_MAX * 7
};

struct work {
    struct keysession keys;
    struct bundle bundle;
};

static int end(struct work *work, struct cli *cli, enum result result, const char *done)
{
    bundle_done(&work->bundle);
    return keysession_end(&work->keys, cli, result, cli->json ? NULL : done);
}

static enum result parse_period(struct cli *cli, struct offline_period *period)
{
    uint64_t now = session_now();
    *period = (struct offline_period){
        .now = now, .from = now, .until = now + PERIOD_S, .roll_zsk = cli_flag(cli, "roll-zsk")
    };
    TRY(cli_time(cli, "from", now, CLI_FUTURE, &period->from));
    TRY(cli_time(cli, "until", now, CLI_FUTURE, &period->until));
    return period->from < now || period->until <= period->from
               ? diag_fail(&cli->diag, RESULT_USAGE,
                           "a period begins now or later, and ends after that")
               : RESULT_OK;
}

static enum result read_bundle(struct work *work, struct cli *cli, const char *path)
{
    struct diag why = { "" };
    struct infile in;
    TRY(infile_read(&in, path, BUNDLE_TEXT_MAX, &cli->diag));
    enum result result = bundle_read(&work->bundle, in.text, in.len, &why);
    infile_done(&in);
    return result == RESULT_OK ? result : diag_fail(&cli->diag, result, "%s: %s", path, why.text);
}

static enum result write_bundle(struct work *work, struct cli *cli, const char *path)
{
    struct outfile out;
    size_t len = 0;
    char *text = bundle_write(&work->bundle, &len);
    session_done(&work->keys.session);
    enum result result = outfile_begin(&out, path, &cli->diag);
    if (result == RESULT_OK) {
        bool good = fwrite(text, 1, len, out.file) == len;
        result = outfile_end(&out, good, &cli->diag);
    }
    free(text);
    return result;
}

static json_t *tags_json(const struct bundle *bundle, uint32_t set)
{
    json_t *list = json_array();
    for (size_t i = 0; i < bundle->keys.count; i++) {
        if (key_bits_have(set, i)) {
            json_array_append_new(list, json_integer(bundle->keys.list[i].tag));
        }
    }
    return list;
}

/* For the operator's check before signing: which keys are served when. */
static json_t *bundle_json(const struct bundle *bundle)
{
    char name[DNAME_TEXT_MAX];
    const struct slices *slices = &bundle->slices;
    json_t *changes = json_array();
    for (size_t i = 0; i < slices->count; i++) {
        const struct slice *slice = &slices->list[i];
        if (i == 0 || slice->aim.dnskey != slices->list[i - 1].aim.dnskey ||
            slice->aim.ds != slices->list[i - 1].aim.ds) {
            json_array_append_new(changes,
                                  json_pack("{s:o, s:o, s:o}", "from", json_time(slice->from),
                                            "dnskey", tags_json(bundle, slice->aim.dnskey), "cds",
                                            tags_json(bundle, slice->aim.ds)));
        }
    }
    return json_pack("{s:s, s:o, s:s, s:o, s:o, s:i, s:o, s:o}", "kind",
                     bundle->is_signed ? "bundle" : "request", "zone",
                     json_text(dname_text(&bundle->zone, name)), "sha256", bundle->sum, "from",
                     json_time(slices->begin_at), "signed_until", json_time(slices_end(slices)),
                     "slices", (int)slices->count, "signed_by",
                     tags_json(bundle, slices->list[0].signed_by), "changes", changes);
}

static char *join_tags(const json_t *list, char out[TAGS_ROOM])
{
    size_t i = 0, len = 0;
    const json_t *tag = NULL;
    out[0] = 0;
    json_array_foreach(list, i, tag)
    {
        len += (size_t)snprintf(out + len, TAGS_ROOM - len, "%s%d", i > 0 ? " " : "",
                                (int)json_integer_value(tag));
    }
    return out;
}

static void print_bundle(json_t *view)
{
    static const char *const heads[] = { "FROM", "DNSKEY", "CDS" };
    struct table table;
    char tags[TAGS_ROOM];
    size_t i = 0;
    const json_t *change = NULL;
    const char *kind = json_string_value(json_object_get(view, "kind"));
    printf("%-11s sha256 %s\n", kind, json_string_value(json_object_get(view, "sha256")));
    printf("zone        %s\n", json_string_value(json_object_get(view, "zone")));
    printf("period      %s to %s, in %d sets of signatures\n",
           json_string_value(json_object_get(view, "from")),
           json_string_value(json_object_get(view, "signed_until")),
           (int)json_integer_value(json_object_get(view, "slices")));
    if (strcmp(kind, "bundle") == 0) {
        printf("signed by   %s\n", join_tags(json_object_get(view, "signed_by"), tags));
    }
    puts("");
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    json_array_foreach(json_object_get(view, "changes"), i, change)
    {
        table_cell(&table, json_string_value(json_object_get(change, "from")));
        table_cell(&table, join_tags(json_object_get(change, "dnskey"), tags));
        table_cell(&table, join_tags(json_object_get(change, "cds"), tags));
    }
    table_end(&table);
    puts("");
}

static void show_bundle(const struct bundle *bundle, const struct cli *cli, const char *path)
{
    json_t *view = bundle_json(bundle);
    if (strcmp(path, "-") == 0) {
        json_decref(view); /* the file goes to standard output */
    } else if (cli->json) {
        json_print(view);
    } else {
        print_bundle(view);
        json_decref(view);
    }
}

static enum result request(struct work *work, struct cli *cli, const char *path)
{
    struct offline_period period;
    TRY(parse_period(cli, &period));
    TRY(leader_check_keys(cli));
    TRY(keysession_begin(&work->keys, cli, true));
    TRY(offline_request(&work->bundle, work->keys.session.txn[STORE_KEYS], work->keys.seal,
                        &work->keys.settings, &period, &cli->diag));
    TRY(keysession_commit(&work->keys, cli));
    TRY(write_bundle(work, cli, path));
    show_bundle(&work->bundle, cli, path);
    return RESULT_OK;
}

int cmd_key_request(struct cli *cli, int, char **argv)
{
    struct work work = { .keys.seal = NULL };
    enum result result = request(&work, cli, argv[0]);
    return end(
        &work, cli, result,
        strcmp(argv[0], "-") == 0
            ? NULL
            : "Sign it where the KSK is, by `ntspool key sign-request`, if the sum is the same "
              "there.");
}

static enum result sign_request(struct work *work, struct cli *cli, char **paths)
{
    uint32_t signers = 0;
    struct diag why = { "" };
    TRY(read_bundle(work, cli, paths[0]));
    TRY(keysession_begin(&work->keys, cli, false));
    if (!cli->json && strcmp(paths[1], "-") != 0) {
        printf("request     sha256 %s\n", work->bundle.sum);
    }
    enum result result = offline_sign(&work->bundle, work->keys.session.txn[STORE_KEYS],
                                      work->keys.seal, &work->keys.settings.apex, &signers, &why);
    if (result != RESULT_OK) {
        return diag_fail(&cli->diag, result, "%s: %s", paths[0], why.text);
    }
    TRY(write_bundle(work, cli, paths[1]));
    show_bundle(&work->bundle, cli, paths[1]);
    return RESULT_OK;
}

int cmd_key_sign_request(struct cli *cli, int, char **argv)
{
    struct work work = { .keys.seal = NULL };
    enum result result = sign_request(&work, cli, argv);
    return end(&work, cli, result, NULL);
}

static enum result import_bundle(struct work *work, struct cli *cli, const char *path)
{
    struct diag why = { "" };
    TRY(leader_check_keys(cli));
    TRY(read_bundle(work, cli, path));
    TRY(keysession_begin(&work->keys, cli, true));
    enum result result = offline_accept(&work->bundle, work->keys.session.txn[STORE_KEYS],
                                        &work->keys.settings, session_now(), &why);
    if (result != RESULT_OK) {
        return diag_fail(&cli->diag, result, "%s: %s", path, why.text);
    }
    TRY(keysession_commit(&work->keys, cli));
    show_bundle(&work->bundle, cli, path);
    return RESULT_OK;
}

int cmd_key_import_bundle(struct cli *cli, int, char **argv)
{
    struct work work = { .keys.seal = NULL };
    enum result result = import_bundle(&work, cli, argv[0]);
    return end(&work, cli, result,
               "The bundle is there. `ntspool key offline` takes the private half of the KSK away, "
               "if it is still here.");
}

static enum result forget(struct keysession *keys, struct cli *cli)
{
    TRY(leader_check_keys(cli));
    TRY(keysession_begin(keys, cli, true));
    TRY(offline_forget(keys->session.txn[STORE_KEYS], &keys->settings, session_now(), &cli->diag));
    return keysession_commit(keys, cli);
}

int cmd_key_offline(struct cli *cli, int, char **)
{
    struct work work = { .keys.seal = NULL };
    enum result result = forget(&work.keys, cli);
    return end(
        &work, cli, result,
        "The private half of the KSK is no longer used here. `ntspool key rotate-seal` makes "
        "what is left of it\non this disk unreadable; old backups with their sealing key "
        "still have it.");
}

/* Reads the keys into `list`, whose keys the caller frees, and stores them. */
static enum result bring_online(struct keysession *keys, struct cli *cli, int count, char **paths,
                                struct key **list)
{
    if (count > KEYSTORE_USED_MAX) {
        return diag_fail(&cli->diag, RESULT_USAGE, "a zone can have %d keys", KEYSTORE_USED_MAX);
    }
    TRY(leader_check_keys(cli));
    TRY(keysession_settings(keys, cli));
    for (int i = 0; i < count; i++) {
        TRY(bindkey_read(&list[i], paths[i], &keys->settings.apex, BINDKEY_BY_FLAGS, session_now(),
                         &cli->diag));
    }
    TRY(keysession_begin(keys, cli, true));
    for (int i = 0; i < count; i++) {
        TRY(offline_restore(keys->session.txn[STORE_KEYS], keys->seal, list[i], &cli->diag));
    }
    return keysession_commit(keys, cli);
}

int cmd_key_online(struct cli *cli, int argc, char **argv)
{
    struct work work = { .keys.seal = NULL };
    struct key *list[KEYSTORE_USED_MAX] = { NULL };
    enum result result = bring_online(&work.keys, cli, argc, argv, list);
    for (size_t i = 0; i < KEYSTORE_USED_MAX; i++) {
        key_free(list[i]);
    }
    return end(&work, cli, result, "The KSK signs here again: `ntspool key list`.");
}
