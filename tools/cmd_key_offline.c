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

int cmd_key_request(struct cli *cli, int, char **argv)
{
    struct work work = { .keys.seal = NULL };
    struct offline_period period;
    enum result result = parse_period(cli, &period);
    if (result == RESULT_OK) {
        result = keysession_begin(&work.keys, cli, true);
    }
    if (result == RESULT_OK) {
        result = offline_request(&work.bundle, work.keys.session.txn[STORE_KEYS], work.keys.seal,
                                 &work.keys.settings, &period, &cli->diag);
    }
    if (result == RESULT_OK) {
        result = keysession_commit(&work.keys, cli);
    }
    if (result == RESULT_OK) {
        result = write_bundle(&work, cli, argv[0]);
    }
    if (result == RESULT_OK) {
        show_bundle(&work.bundle, cli, argv[0]);
    }
    return end(
        &work, cli, result,
        strcmp(argv[0], "-") == 0
            ? NULL
            : "Sign it where the KSK is, by `ntspool key sign-request`, if the sum is the same "
              "there.");
}

int cmd_key_sign_request(struct cli *cli, int, char **argv)
{
    struct work work = { .keys.seal = NULL };
    uint32_t signers = 0;
    struct diag why = { "" };
    enum result result = read_bundle(&work, cli, argv[0]);
    if (result == RESULT_OK) {
        result = keysession_begin(&work.keys, cli, false);
    }
    if (result == RESULT_OK && !cli->json && strcmp(argv[1], "-") != 0) {
        printf("request     sha256 %s\n", work.bundle.sum);
    }
    if (result == RESULT_OK) {
        result = offline_sign(&work.bundle, work.keys.session.txn[STORE_KEYS], work.keys.seal,
                              &work.keys.settings.apex, &signers, &why);
        result = result == RESULT_OK ? result
                                     : diag_fail(&cli->diag, result, "%s: %s", argv[0], why.text);
    }
    if (result == RESULT_OK) {
        result = write_bundle(&work, cli, argv[1]);
    }
    if (result == RESULT_OK) {
        show_bundle(&work.bundle, cli, argv[1]);
    }
    return end(&work, cli, result, NULL);
}

int cmd_key_import_bundle(struct cli *cli, int, char **argv)
{
    struct work work = { .keys.seal = NULL };
    struct diag why = { "" };
    enum result result = read_bundle(&work, cli, argv[0]);
    if (result == RESULT_OK) {
        result = keysession_begin(&work.keys, cli, true);
    }
    if (result == RESULT_OK) {
        result = offline_accept(&work.bundle, work.keys.session.txn[STORE_KEYS],
                                &work.keys.settings, session_now(), &why);
        result = result == RESULT_OK ? result
                                     : diag_fail(&cli->diag, result, "%s: %s", argv[0], why.text);
    }
    if (result == RESULT_OK) {
        result = keysession_commit(&work.keys, cli);
    }
    if (result == RESULT_OK) {
        show_bundle(&work.bundle, cli, argv[0]);
    }
    return end(&work, cli, result,
               "The bundle is there. `ntspool key offline` takes the private half of the KSK away, "
               "if it is still here.");
}

int cmd_key_offline(struct cli *cli, int, char **)
{
    struct work work = { .keys.seal = NULL };
    enum result result = keysession_begin(&work.keys, cli, true);
    if (result == RESULT_OK) {
        result = offline_forget(work.keys.session.txn[STORE_KEYS], &work.keys.settings,
                                session_now(), &cli->diag);
    }
    if (result == RESULT_OK) {
        result = keysession_commit(&work.keys, cli);
    }
    return end(
        &work, cli, result,
        "The private half of the KSK is no longer used here. `ntspool key rotate-seal` makes "
        "what is left of it\non this disk unreadable; old backups with their sealing key "
        "still have it.");
}

int cmd_key_online(struct cli *cli, int argc, char **argv)
{
    struct work work = { .keys.seal = NULL };
    struct key *keys[KEYSTORE_USED_MAX] = { NULL };
    enum result result =
        argc > KEYSTORE_USED_MAX
            ? diag_fail(&cli->diag, RESULT_USAGE, "a zone can have %d keys", KEYSTORE_USED_MAX)
            : keysession_settings(&work.keys, cli);
    for (int i = 0; i < argc && result == RESULT_OK; i++) {
        result = bindkey_read(&keys[i], argv[i], &work.keys.settings.apex, BINDKEY_BY_FLAGS,
                              session_now(), &cli->diag);
    }
    if (result == RESULT_OK) {
        result = keysession_begin(&work.keys, cli, true);
    }
    for (int i = 0; i < argc && result == RESULT_OK; i++) {
        result =
            offline_restore(work.keys.session.txn[STORE_KEYS], work.keys.seal, keys[i], &cli->diag);
    }
    for (size_t i = 0; i < KEYSTORE_USED_MAX; i++) {
        key_free(keys[i]);
    }
    if (result == RESULT_OK) {
        result = keysession_commit(&work.keys, cli);
    }
    return end(&work, cli, result, "The KSK signs here again: `ntspool key list`.");
}
