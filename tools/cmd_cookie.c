/* cookie show, set, stage, roll. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "dnssec/keys/cookie_secrets.h"
#include "tools/commands.h"
#include "tools/infile.h"
#include "tools/output.h"
#include "tools/session.h"

enum {
    HEX_ROOM = 2 * COOKIE_SECRET_LEN + 1,
    SECRET_TEXT_MAX = 1024
};

struct work {
    struct session session;
    struct seal *seal;
    struct cookie_secrets secrets;
    bool committed;
};

static enum result begin(struct work *work, struct cli *cli, bool writing)
{
    enum result result = seal_open(&work->seal, cli->state_dir, cli->config->seal_key, &cli->diag);
    return result != RESULT_OK ? result
           : writing           ? session_write(&work->session, cli, STORE_KEYS)
                               : session_read(&work->session, cli, STORE_KEYS);
}

/* "-" reads it from standard input: a word on the command line is shown to every user of the
 * machine. */
static enum result read_secret(uint8_t out[COOKIE_SECRET_LEN], const char *word, struct diag *diag)
{
    struct infile in;
    if (strcmp(word, "-") != 0) {
        return cookie_secret_parse(out, word, diag);
    }
    enum result result = infile_read(&in, word, SECRET_TEXT_MAX, diag);
    if (result == RESULT_OK) {
        in.text[strcspn(in.text, " \t\r\n")] = '\0';
        result = cookie_secret_parse(out, in.text, diag);
        infile_done(&in);
    }
    return result;
}

static enum result get(struct work *work, struct cli *cli)
{
    return cookie_secrets_get(work->session.txn[STORE_KEYS], work->seal, &work->secrets,
                              &cli->diag);
}

static enum result put(struct work *work, struct cli *cli)
{
    struct store_txn *txn = work->session.txn[STORE_KEYS];
    enum result result = cookie_secrets_put(txn, work->seal, &work->secrets, &cli->diag);
    if (result != RESULT_OK) {
        return result;
    }
    work->session.txn[STORE_KEYS] = NULL;
    result = store_commit(txn, &cli->diag);
    work->committed = result == RESULT_OK;
    return result;
}

static int end(struct work *work, struct cli *cli, enum result result)
{
    session_done(&work->session);
    seal_free(work->seal);
    sodium_memzero(&work->secrets, sizeof work->secrets);
    if (work->committed) {
        auditnote_append(cli, false); /* the words may be a secret */
    }
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
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
    struct work work = { .seal = NULL };
    enum result result = begin(&work, cli, false);
    if (result == RESULT_OK) {
        result = get(&work, cli);
    }
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
    /* What is there is not read: this also replaces a damaged row. */
    enum result result = read_secret(work.secrets.current, argv[0], &cli->diag);
    if (result == RESULT_OK) {
        result = begin(&work, cli, true);
    }
    if (result == RESULT_OK) {
        result = put(&work, cli);
    }
    return end(&work, cli, result);
}

/* Begins a change of a secret that must be there. */
static enum result begin_present(struct work *work, struct cli *cli)
{
    enum result result = begin(work, cli, true);
    if (result == RESULT_OK) {
        result = get(work, cli);
    }
    if (result == RESULT_OK && !work->secrets.present) {
        result = diag_fail(&cli->diag, RESULT_REFUSED,
                           "there is no cookie secret yet: `ntspool cookie set` makes the first");
    }
    return result;
}

int cmd_cookie_stage(struct cli *cli, int, char **argv)
{
    struct work work = { .seal = NULL };
    uint8_t next[COOKIE_SECRET_LEN];
    enum result result = read_secret(next, argv[0], &cli->diag);
    if (result == RESULT_OK) {
        result = begin_present(&work, cli);
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
    struct work work = { .seal = NULL };
    enum result result = begin_present(&work, cli);
    if (result == RESULT_OK) {
        cookie_secrets_roll(&work.secrets, session_now());
        result = put(&work, cli);
    }
    return end(&work, cli, result);
}
