/* key import, export, identity, lead, rotate-seal: moves keys between files, machines and seals. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "dnssec/keys/bindkey.h"
#include "dnssec/keys/cookie_secrets.h"
#include "dnssec/offline/keytransfer.h"
#include "dnssec/rollover/rollover.h"
#include "tools/commands.h"
#include "tools/fleet/membership.h"
#include "tools/infile.h"
#include "tools/keysession.h"
#include "tools/keytext.h"
#include "tools/leader.h"
#include "tools/outfile.h"
#include "zone/registry/machine.h"

enum {
    VARIANT = sodium_base64_VARIANT_ORIGINAL,
    PACKAGE_TEXT = sodium_base64_ENCODED_LEN(KEYTRANSFER_MAX, VARIANT)
};
static const char package_head[] = "ntspool-keys-2:", older_head[] = "ntspool-keys:";

/* The use of a key that is read from a file. With --csk, the key with the SEP flag is the CSK; a
 * single key is the CSK in any case. */
static enum bindkey_use use_of(const struct cli *cli, int files)
{
    if (!cli_flag(cli, "csk")) {
        return BINDKEY_BY_FLAGS;
    }
    return files > 1                 ? BINDKEY_SEP_IS_CSK
           : cli_flag(cli, "in-use") ? BINDKEY_OLD_CSK
                                     : BINDKEY_NEW_CSK;
}

/* Reads the keys into `import`, whose keys the caller frees, and stores them. */
static enum result read_and_import(struct keysession *keys, struct cli *cli, int count,
                                   char **paths, struct key_import *import)
{
    const struct dname *apex = &keys->settings.apex;
    TRY(leader_check_keys(cli));
    if (cli_flag(cli, "csk")) {
        TRY(leader_check_alone(cli));
    }
    TRY(keysession_settings(keys, cli));
    if (count > KEYSTORE_USED_MAX) {
        return diag_fail(&cli->diag, RESULT_USAGE, "a zone can have %d keys", KEYSTORE_USED_MAX);
    }
    while (import->count < (size_t)count) {
        struct key **key = &import->list[import->count];
        const char *path = paths[import->count];
        TRY(cli_flag(cli, "public")
                ? bindkey_read_public(key, path, apex, &cli->diag)
                : bindkey_read(key, path, apex, use_of(cli, count), session_now(), &cli->diag));
        import->count++;
    }
    TRY(keysession_begin(keys, cli, true));
    return keytransfer_import(keys->session.txn[STORE_KEYS], keys->seal, import, session_now(),
                              &cli->diag);
}

static enum result import_files(struct keysession *keys, struct cli *cli, int count, char **paths)
{
    struct key_import import = { .in_use = cli_flag(cli, "in-use"),
                                 .replace = cli_flag(cli, "replace") };
    enum result result = read_and_import(keys, cli, count, paths, &import);
    for (size_t i = 0; i < import.count; i++) {
        key_free(import.list[i]);
    }
    return result;
}

/* Decodes the text of a package. */
static enum result decode_package(const struct infile *in, uint8_t data[KEYTRANSFER_MAX],
                                  size_t *len, struct diag *diag)
{
    size_t head = strlen(package_head);
    if (strncmp(in->text, older_head, strlen(older_head)) == 0) {
        return diag_fail(diag, RESULT_INVALID,
                         "%s: is a package of an older version, which does not say who made it: "
                         "make it anew",
                         in->path);
    }
    return strncmp(in->text, package_head, head) == 0 &&
                   sodium_base642bin(data, KEYTRANSFER_MAX, in->text + head, in->len - head,
                                     " \r\n", len, NULL, VARIANT) == 0
               ? RESULT_OK
               : diag_fail(diag, RESULT_INVALID,
                           "%s: is no package made by `ntspool key export --to`", in->path);
}

/* Parses --from, the machine that must have made the package. */
static enum result parse_from(struct cli *cli, uint8_t from[SEAL_PUBLIC_LEN])
{
    const char *text = cli_value(cli, "from", 0);
    return text == NULL || keytransfer_identity_parse(from, text) == RESULT_OK
               ? RESULT_OK
               : diag_fail(&cli->diag, RESULT_USAGE,
                           "--from takes what `ntspool key identity` prints on the machine that "
                           "leads");
}

static enum result import_package(struct keysession *keys, struct cli *cli, const char *path)
{
    uint8_t data[KEYTRANSFER_MAX], from[SEAL_PUBLIC_LEN];
    struct package_import import = { .data = data,
                                     .from = cli_flag(cli, "from") ? from : NULL,
                                     .replace = cli_flag(cli, "replace") };
    struct infile in;
    TRY(parse_from(cli, from));
    TRY(infile_read(&in, path, PACKAGE_TEXT + sizeof package_head, &cli->diag));
    enum result result = decode_package(&in, data, &import.len, &cli->diag);
    infile_done(&in);
    TRY(result);
    TRY(keysession_begin(keys, cli, true));
    return keytransfer_unpack(keys->session.txn[STORE_KEYS], keys->seal, &keys->settings.apex,
                              &import, &cli->diag);
}

static enum result check_options(struct cli *cli, int argc)
{
    bool package = cli_flag(cli, "package");
    bool files = cli_flag(cli, "csk") || cli_flag(cli, "in-use");
    if (cli_flag(cli, "public") && (package || files)) {
        return diag_fail(&cli->diag, RESULT_USAGE, "--public takes no other option");
    }
    if (package && (argc != 1 || files)) {
        return diag_fail(&cli->diag, RESULT_USAGE,
                         "--package takes one file, and no option but --from and --replace");
    }
    if (cli_flag(cli, "from") && !package) {
        return diag_fail(&cli->diag, RESULT_USAGE, "--from is for --package");
    }
    return cli_flag(cli, "replace") && !package && !cli_flag(cli, "in-use")
               ? diag_fail(&cli->diag, RESULT_USAGE, "--replace is for --package and --in-use")
               : RESULT_OK;
}

/* The message of a successful import; for a package it names the machine that leads. */
static const char *imported(struct keysession *keys, const struct cli *cli, char *out, size_t room)
{
    uint8_t leader[SEAL_PUBLIC_LEN];
    char identity[KEYTRANSFER_IDENTITY_ROOM] = "";
    if (!cli_flag(cli, "package")) {
        return cli_flag(cli, "public")
                   ? "The rollover to this KSK begins with the next bundle: `ntspool key request`."
               : cli_flag(cli, "in-use")
                   ? "The zone is signed with these keys now, and the others are deleted."
                   : "A rollover to these keys begins: `ntspool key list` shows its steps.";
    }
    if (keytransfer_leader(keys->session.txn[STORE_KEYS], leader) == RESULT_OK) {
        (void)keytransfer_identity_text(leader, identity);
    }
    (void)snprintf(out, room,
                   "The keys are those of the machine that leads, %s; none is rolled here.",
                   identity);
    return out;
}

int cmd_key_import(struct cli *cli, int argc, char **argv)
{
    struct keysession keys = { .seal = NULL };
    char text[160];
    const char *done = NULL;
    enum result result = check_options(cli, argc);
    if (result == RESULT_OK) {
        result = cli_flag(cli, "package") ? import_package(&keys, cli, argv[0])
                                          : import_files(&keys, cli, argc, argv);
    }
    if (result == RESULT_OK) {
        done = imported(&keys, cli, text, sizeof text);
        result = keysession_commit(&keys, cli);
    }
    return keysession_end(&keys, cli, result, done);
}

static enum result export_package(struct keysession *keys, struct cli *cli, const char *path)
{
    uint8_t recipient[SEAL_PUBLIC_LEN], data[KEYTRANSFER_MAX];
    char text[PACKAGE_TEXT];
    const char *to = cli_value(cli, "to", 0);
    struct store_item package = { .data = data, .room = sizeof data };
    struct outfile out;
    if (keytransfer_identity_parse(recipient, to) != RESULT_OK) {
        return diag_fail(&cli->diag, RESULT_USAGE,
                         "--to takes what `ntspool key identity` prints on the other machine");
    }
    const struct package_options options = { .recipient = recipient,
                                             .zsk_only = cli_flag(cli, "zsk-only"),
                                             .now = session_now() };
    enum result result = keytransfer_pack(keys->session.txn[STORE_KEYS], keys->seal,
                                          &keys->settings, &options, &package, &cli->diag);
    session_done(&keys->session);
    if (result == RESULT_OK) {
        result = outfile_begin(&out, path, &cli->diag);
    }
    if (result != RESULT_OK) {
        return result;
    }
    (void)sodium_bin2base64(text, sizeof text, package.data, package.len, VARIANT);
    bool good = fprintf(out.file, "%s%s\n", package_head, text) > 0;
    return outfile_end(&out, good, &cli->diag);
}

struct each_export {
    struct keysession *keys;
    const char *directory;
    bool public; /* without the private keys */
    struct diag *diag;
};

static enum result export_key(const struct key_record *record, void *arg)
{
    const struct each_export *each = arg;
    struct key *key = NULL;
    struct key_record shown = *record;
    shown.offline = record->offline || each->public;
    enum result result = keystore_unseal(&key, &shown, each->keys->seal, each->diag);
    if (result == RESULT_OK) {
        result = bindkey_write(key, each->directory, &each->keys->settings.apex, each->diag);
        key_free(key);
    }
    return result;
}

static enum result export_keys(struct keysession *keys, struct cli *cli, const char *path)
{
    bool package = cli_flag(cli, "to"), public = cli_flag(cli, "public");
    if (!package && path == NULL) {
        return diag_fail(&cli->diag, RESULT_USAGE, "give a directory for the key files, or --to");
    }
    if (!package && cli_flag(cli, "zsk-only")) {
        return diag_fail(&cli->diag, RESULT_USAGE, "--zsk-only is for --to");
    }
    TRY(keysession_begin(keys, cli, false));
    if (package && public) {
        return diag_fail(&cli->diag, RESULT_USAGE, "--public and --to don't go together");
    }
    if (package) {
        return export_package(keys, cli, path);
    }
    struct each_export each = { keys, path, public, &cli->diag };
    return keystore_each(keys->session.txn[STORE_KEYS], export_key, &each);
}

int cmd_key_export(struct cli *cli, int argc, char **argv)
{
    struct keysession keys = { .seal = NULL };
    enum result result = export_keys(&keys, cli, argc > 0 ? argv[0] : NULL);
    return keysession_end(&keys, cli, result,
                          cli_flag(cli, "to") || cli_flag(cli, "public")
                              ? NULL
                              : "The .private files are not protected: keep them where nobody "
                                "reads them.");
}

int cmd_key_identity(struct cli *cli, int, char **)
{
    struct seal *seal = NULL;
    enum result result = seal_open(&seal, cli->state_dir, cli->config->seal_key, &cli->diag);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    char text[KEYTEXT_IDENTITY_ROOM];
    puts(keytext_identity(seal, text));
    seal_free(seal);
    return CLI_DONE;
}

/* Whether the machine follows. REFUSED if it has no keys to lead with. */
static enum result look_at_keys(struct cli *cli, bool *follows)
{
    struct session session = { 0 };
    struct key_timeline timeline;
    enum result result = session_read(&session, cli, STORE_KEYS);
    if (result == RESULT_OK) {
        result = key_timeline_read(&timeline, session.txn[STORE_KEYS], &cli->diag);
    }
    session_done(&session);
    TRY(result);
    *follows = timeline.memory.follows;
    return timeline.keys.count > 0 ? RESULT_OK
                                   : diag_fail(&cli->diag, RESULT_REFUSED,
                                               "there are no keys to lead with: no package came");
}

/* True if the private half of a KSK is elsewhere: with the machine that led, or offline. */
static bool lacks_ksk(struct cli *cli)
{
    struct session session = { 0 };
    struct key_timeline timeline;
    bool lacks = session_read(&session, cli, STORE_KEYS) == RESULT_OK &&
                 key_timeline_read(&timeline, session.txn[STORE_KEYS], NULL) == RESULT_OK &&
                 rollover_has_offline_ksk(&timeline.keys);
    session_done(&session);
    return lacks;
}

/* Names it to the fleet, whose machines follow it from then on. */
static enum result name_leader(struct cli *cli, const char *name)
{
    struct session session = { 0 };
    char named[MACHINE_ROOM] = "";
    enum result result = session_write(&session, cli, STORE_REGISTRY);
    bool is_named = result == RESULT_OK &&
                    registry_key_leader(session.txn[STORE_REGISTRY], named) == RESULT_OK &&
                    strcmp(named, name) == 0;
    if (result == RESULT_OK && !is_named) {
        result = registry_put_key_leader(&session.change, name);
    }
    if (result == RESULT_OK && !is_named) {
        auditnote_add(&session.notes, name, "leads the keys%s%s", *named != 0 ? ", before " : "",
                      named);
        result = session_commit(&session, cli);
    }
    session_done(&session);
    return result;
}

/* In a fleet its other machines are told first. */
static enum result lead(struct keysession *keys, struct cli *cli)
{
    struct membership membership;
    bool follows = true;
    TRY(leader_check_lead(cli));
    enum result result = membership_read(&membership, cli->state_dir, &cli->diag);
    if (result == RESULT_OK) {
        result = look_at_keys(cli, &follows);
        if (result == RESULT_OK) {
            result = name_leader(cli, membership.name);
        }
        sodium_memzero(&membership, sizeof membership);
        if (result != RESULT_OK || !follows) {
            return result;
        }
    } else if (result != RESULT_MISSING) {
        return result;
    }
    TRY(keysession_begin(keys, cli, true));
    TRY(keytransfer_lead(keys->session.txn[STORE_KEYS], keys->seal, session_now(), &cli->diag));
    return keysession_commit(keys, cli);
}

int cmd_key_lead(struct cli *cli, int, char **)
{
    struct keysession keys = { .seal = NULL };
    enum result result = lead(&keys, cli);
    int status = keysession_end(
        &keys, cli, result,
        "Keys are rolled here from now on. Of servers with the same keys only one may do that.");
    if (status == CLI_DONE && !cli->json && lacks_ksk(cli)) {
        puts("The private half of the KSK is not here. `ntspool key list` shows how long its "
             "signatures last:\nbring it by `ntspool key online` before, or the next bundle.");
    }
    return status;
}

struct reseal {
    struct store_txn *txn;
    const struct seal *from, *to;
    struct diag *diag;
};

/* Seals keys and cookie secrets anew; nothing else is sealed. */
static enum result reseal_all(const struct reseal *re)
{
    struct key_timeline timeline;
    struct cookie_secrets secrets;
    enum result result = key_timeline_read(&timeline, re->txn, re->diag);
    for (size_t i = 0; i < timeline.keys.count && result == RESULT_OK; i++) {
        result = keystore_reseal(re->txn, &timeline.keys.list[i], re->from, re->to, re->diag);
    }
    if (result == RESULT_OK) {
        result = cookie_secrets_get(re->txn, re->from, &secrets, re->diag);
    }
    if (result == RESULT_OK && secrets.present) {
        result = cookie_secrets_put(re->txn, re->to, &secrets, re->diag);
    }
    sodium_memzero(&secrets, sizeof secrets);
    return result;
}

static enum result rotate_seal(struct keysession *keys, struct seal **next, struct cli *cli)
{
    TRY(keysession_begin(keys, cli, true));
    TRY(seal_next(next, keys->seal, &cli->diag));
    const struct reseal re = { keys->session.txn[STORE_KEYS], keys->seal, *next, &cli->diag };
    TRY(reseal_all(&re));
    TRY(keysession_commit(keys, cli));
    return seal_install(*next, &cli->diag);
}

int cmd_key_rotate_seal(struct cli *cli, int, char **)
{
    struct keysession keys = { .seal = NULL };
    struct seal *next = NULL;
    enum result result = rotate_seal(&keys, &next, cli);
    seal_free(next);
    return keysession_end(
        &keys, cli, result,
        "All keys are sealed with a new key. Older backups need the old sealing key.");
}
