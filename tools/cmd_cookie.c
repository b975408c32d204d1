/* cookie show, set, stage, roll: the secrets of DNS cookies (RFC 7873, RFC 9018). */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "dnssec/offline/fleetkeys.h"
#include "tools/commands.h"
#include "tools/infile.h"
#include "tools/keysession.h"
#include "tools/output.h"

enum {
    HEX_ROOM = 2 * COOKIE_SECRET_LEN + 1,
    SECRET_TEXT_MAX = 1024
};

struct work {
    struct keysession keys;
    struct cookie_secrets secrets;
};

/* Parses a secret. "-" reads it from standard input: every user of the machine can see command
 * lines. */
static enum result read_secret(uint8_t out[COOKIE_SECRET_LEN], const char *word, struct diag *diag)
{
    struct infile in;
    if (strcmp(word, "-") != 0) {
        return cookie_secret_parse(out, word, diag);
    }
    TRY(infile_read(&in, word, SECRET_TEXT_MAX, diag));
    in.text[strcspn(in.text, " \t\r\n")] = '\0';
    enum result result = cookie_secret_parse(out, in.text, diag);
    infile_done(&in);
    return result;
}

static enum result get(struct work *work, struct cli *cli, bool writing)
{
    TRY(keysession_open(&work->keys, cli, writing));
    return cookie_secrets_get(work->keys.session.txn[STORE_KEYS], work->keys.seal, &work->secrets,
                              &cli->diag);
}

static enum result put(struct work *work, struct cli *cli)
{
    TRY(cookie_secrets_put(work->keys.session.txn[STORE_KEYS], work->keys.seal, &work->secrets,
                           &cli->diag));
    return keysession_commit(&work->keys, cli);
}

static int end(struct work *work, struct cli *cli, enum result result)
{
    sodium_memzero(&work->secrets, sizeof work->secrets);
    work->keys.secret_arguments = true;
    return keysession_end(&work->keys, cli, result, NULL);
}

static void show_json(const struct cookie_secrets *secrets, bool with_secrets)
{
    const struct {
        const char *role;
        bool there;
        const uint8_t *secret;
    } rows[] = {
        { "current", secrets->present, secrets->current },
        { "next", secrets->has_next, secrets->next },
        { "previous", secrets->has_previous, secrets->previous },
    };
    json_t *out = json_object();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char hex[HEX_ROOM] = "";
        if (rows[i].there && with_secrets) {
            (void)sodium_bin2hex(hex, sizeof hex, rows[i].secret, COOKIE_SECRET_LEN);
            json_object_set_new(out, rows[i].role, json_string(hex));
        } else {
            json_object_set_new(out, rows[i].role, json_boolean(rows[i].there));
        }
        sodium_memzero(hex, sizeof hex);
    }
    json_object_set_new(out, "changed", json_time(secrets->changed_at));
    json_print(out);
}

static void show_secret(const char *role, const uint8_t secret[COOKIE_SECRET_LEN],
                        bool with_secrets, const char *note)
{
    char hex[HEX_ROOM] = "";
    if (with_secrets) {
        (void)sodium_bin2hex(hex, sizeof hex, secret, COOKIE_SECRET_LEN);
    }
    printf("%-9s %s%s%s\n", role, hex, with_secrets ? "  " : "", note);
    sodium_memzero(hex, sizeof hex);
}

static void show_text(const struct cookie_secrets *secrets, bool with_secrets)
{
    char since[OUTPUT_TIME_ROOM], note[OUTPUT_TIME_ROOM + 16];
    if (!secrets->present) {
        puts(
            "There is no cookie secret, so cookies are not used: `ntspool cookie set random` makes "
            "one.");
        return;
    }
    (void)snprintf(note, sizeof note, "in use since %s", output_time(secrets->changed_at, since));
    show_secret("current", secrets->current, with_secrets, note);
    if (secrets->has_next) {
        show_secret("next", secrets->next, with_secrets, "staged, accepted");
    }
    if (secrets->has_previous) {
        show_secret("previous", secrets->previous, with_secrets,
                    "accepted for an hour after the roll");
    }
}

int cmd_cookie_show(struct cli *cli, int, char **)
{
    struct work work = { .keys.seal = NULL };
    enum result result = get(&work, cli, false);
    if (result == RESULT_OK && cli->json) {
        show_json(&work.secrets, cli_flag(cli, "secrets"));
    } else if (result == RESULT_OK) {
        show_text(&work.secrets, cli_flag(cli, "secrets"));
    }
    return end(&work, cli, result);
}

int cmd_cookie_set(struct cli *cli, int, char **argv)
{
    struct work work = { .secrets = { .present = true, .changed_at = session_now() } };
    /* Does not read the secrets that exist, so it also replaces a damaged row. */
    enum result result = read_secret(work.secrets.current, argv[0], &cli->diag);
    if (result == RESULT_OK) {
        result = keysession_open(&work.keys, cli, true);
    }
    if (result == RESULT_OK) {
        result = put(&work, cli);
    }
    return end(&work, cli, result);
}

/* Begins a change. REFUSED if there is no secret yet. */
static enum result begin_change(struct work *work, struct cli *cli)
{
    TRY(get(work, cli, true));
    return work->secrets.present
               ? RESULT_OK
               : diag_fail(&cli->diag, RESULT_REFUSED,
                           "there is no cookie secret yet: `ntspool cookie set` makes the first");
}

int cmd_cookie_stage(struct cli *cli, int, char **argv)
{
    struct work work = { .keys.seal = NULL };
    uint8_t next[COOKIE_SECRET_LEN];
    enum result result = read_secret(next, argv[0], &cli->diag);
    if (result == RESULT_OK) {
        result = begin_change(&work, cli);
    }
    if (result == RESULT_OK) {
        memcpy(work.secrets.next, next, sizeof next);
        work.secrets.has_next = true;
        result = put(&work, cli);
    }
    sodium_memzero(next, sizeof next);
    return end(&work, cli, result);
}

int cmd_cookie_roll(struct cli *cli, int, char **)
{
    struct work work = { .keys.seal = NULL };
    enum result result = keysession_settings(&work.keys, cli);
    if (result == RESULT_OK) {
        result = begin_change(&work, cli);
    }
    if (result == RESULT_OK) { /* else their cookies would not be taken elsewhere */
        result = fleetkeys_check_had(work.keys.session.txn[STORE_KEYS], work.keys.seal,
                                     &work.keys.settings, &cli->diag);
    }
    if (result == RESULT_OK) {
        cookie_secrets_roll(&work.secrets, session_now());
        result = put(&work, cli);
    }
    return end(&work, cli, result);
}
