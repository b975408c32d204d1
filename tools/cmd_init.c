/* init: makes the state of a new pool.
 *
 * The registry is filled last, in one transaction, and the pool exists only then. The next run
 * continues from what an interrupted run has left (stores, seal, keys). If the registry has
 * content, init refuses and changes nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "dnssec/rollover/key_timeline.h"
#include "dnssec/signing/keyring.h"
#include "tools/commands.h"
#include "tools/keysession.h"
#include "tools/keytext.h"
#include "tools/newstate.h"
#include "tools/output.h"
#include "tools/servertext.h"
#include "tools/session.h"
#include "zone/names/hostname.h"
#include "zone/verdicts/journal.h"

/* The pool to make. */
struct plan {
    struct settings settings;
    struct name_server servers[REGISTRY_NS_MAX];
    size_t server_count;
    enum algorithm algorithm;
    bool single;  /* one key for both roles */
    bool follows; /* the keys come from another machine */
};

static enum result plan_apex(struct plan *plan, const char *text, struct diag *diag)
{
    struct dname *apex = &plan->settings.apex;
    struct dname member;
    char longest[LABEL_MAX];
    memset(longest, 'x', sizeof longest);
    if (dname_parse(apex, text, NULL) != RESULT_OK || apex->len == 1) {
        return diag_fail(diag, RESULT_INVALID, "\"%.80s\" is no domain name for a pool", text);
    }
    if (dname_prepend(&member, longest, sizeof longest, apex) != RESULT_OK) {
        return diag_fail(diag, RESULT_INVALID,
                         "the pool's name is too long: it leaves no room for members' names");
    }
    switch (hostname_look(apex)) {
    case HOSTNAME_CHARACTERS:
        return diag_fail(diag, RESULT_INVALID,
                         "the pool's name must be a host name (letters, digits, hyphens), or "
                         "no CA gives certificates for the names in it");
    case HOSTNAME_NUMBER:
        return diag_fail(diag, RESULT_INVALID, "%.80s is an address: give the pool a domain name",
                         text);
    default: /* names that the DNS does not have are for tests */
        break;
    }
    dname_lower(apex);
    return RESULT_OK;
}

static enum result plan_server(struct plan *plan, const char *text, struct diag *diag)
{
    struct name_server *server = &plan->servers[plan->server_count];
    TRY(servertext_parse(server, text, diag));
    TRY(servertext_check(server, text, diag));
    bool inside = dname_under(&server->name, &plan->settings.apex);
    if (inside && server->address_count == 0) {
        return diag_fail(
            diag, RESULT_INVALID,
            "--ns %.80s: a name server inside the pool needs its address: NAME=ADDRESS", text);
    }
    if (!inside && server->address_count > 0) {
        return diag_fail(diag, RESULT_INVALID,
                         "--ns %.80s: its zone gives the address of a name server outside the "
                         "pool, leave it out",
                         text);
    }
    plan->server_count++;
    return RESULT_OK;
}

static enum result plan_mailbox(struct plan *plan, const char *text, struct diag *diag)
{
    if (text != NULL) {
        return settings_set(&plan->settings, "mailbox", text, diag);
    }
    return dname_prepend(&plan->settings.mailbox, "hostmaster", strlen("hostmaster"),
                         &plan->settings.apex);
}

static enum result plan_keys(struct plan *plan, struct cli *cli)
{
    struct diag *diag = &cli->diag;
    const char *algorithm = cli_value(cli, "algorithm", 0);
    plan->algorithm = ALGORITHM_ECDSAP256SHA256;
    plan->single = cli_flag(cli, "csk");
    plan->follows = cli_flag(cli, "follow");
    if (plan->follows && (algorithm != NULL || plan->single)) {
        return diag_fail(diag, RESULT_USAGE,
                         "--follow makes no keys: leave --algorithm and --csk to the machine that "
                         "leads");
    }
    if (algorithm != NULL && algorithm_parse(&plan->algorithm, algorithm) != RESULT_OK) {
        return diag_fail(diag, RESULT_USAGE, "--algorithm is ecdsap256 or ed25519");
    }
    return RESULT_OK;
}

/* The apex, and the name servers for it. The first of them is the primary one. */
static enum result plan_zone(struct plan *plan, struct cli *cli, const char *apex)
{
    struct diag *diag = &cli->diag;
    size_t servers = cli_count(cli, "ns");
    if (servers == 0 || servers > REGISTRY_NS_MAX) {
        return diag_fail(diag, RESULT_USAGE, "give 1 to %d name servers: --ns NAME=ADDRESS",
                         REGISTRY_NS_MAX);
    }
    TRY(plan_apex(plan, apex, diag));
    for (size_t i = 0; i < servers; i++) {
        TRY(plan_server(plan, cli_value(cli, "ns", i), diag));
    }
    plan->settings.primary = plan->servers[0].name;
    return RESULT_OK;
}

static enum result plan_make(struct plan *plan, struct cli *cli, const char *apex)
{
    struct diag *diag = &cli->diag;
    const char *denial = cli_value(cli, "denial", 0);
    settings_defaults(&plan->settings);
    TRY(plan_keys(plan, cli));
    TRY(plan_zone(plan, cli, apex));
    TRY(plan_mailbox(plan, cli_value(cli, "mailbox", 0), diag));
    return denial != NULL ? settings_set(&plan->settings, "denial", denial, diag) : RESULT_OK;
}

/* REFUSED if the state directory has a pool. */
static enum result refuse_existing(struct cli *cli)
{
    struct session session = { 0 };
    enum result result = session_read(&session, cli, STORE_REGISTRY);
    bool filled = result == RESULT_OK && store_count(session.txn[STORE_REGISTRY], TABLE_NAMES) > 0;
    session_done(&session);
    if (filled) {
        return diag_fail(&cli->diag, RESULT_REFUSED,
                         "%s holds a pool already, and nothing was changed: give another --state, "
                         "or remove that directory first",
                         cli->state_dir);
    }
    if (result == RESULT_OK || result == RESULT_MISSING) {
        cli->diag.text[0] = 0;
        return RESULT_OK;
    }
    return result;
}

static enum result add_key(const struct plan *plan, struct store_txn *txn, enum key_role role,
                           const struct seal *seal, struct diag *diag)
{
    const struct key_spec spec = { plan->algorithm, role, key_life_in_use(role, session_now()) };
    return key_timeline_make_key(txn, seal, &spec, session_now(), diag);
}

/* Checks that the keys of an interrupted run are as this run would make them. */
static enum result check_keys(const struct plan *plan, struct store_txn *txn,
                              const struct seal *seal, struct cli *cli)
{
    struct keyring *keyring = NULL;
    if (plan->follows) {
        return diag_fail(&cli->diag, RESULT_REFUSED,
                         "%s has keys of its own from an interrupted init: repeat it without "
                         "--follow, or remove that directory first",
                         cli->state_dir);
    }
    enum result result = keyring_load(&keyring, txn, seal, &cli->diag);
    if (result == RESULT_OK && key_algorithm(keyring_key(keyring, 0)) != plan->algorithm) {
        result = diag_fail(&cli->diag, RESULT_REFUSED,
                           "%s has keys of another algorithm from an interrupted init: repeat it "
                           "with --algorithm %s, or remove that directory first",
                           cli->state_dir, algorithm_text(key_algorithm(keyring_key(keyring, 0))));
    } else if (result == RESULT_OK && plan->single != (keyring_count(keyring) == 1)) {
        result = diag_fail(&cli->diag, RESULT_REFUSED,
                           "%s has %s from an interrupted init: repeat it %s --csk, or remove that "
                           "directory first",
                           cli->state_dir, plan->single ? "two keys" : "one key",
                           plan->single ? "without" : "with");
    }
    if (keyring != NULL) {
        keyring_unref(keyring);
    }
    return result;
}

/* Makes the zone's first keys; none on a machine that follows. */
static enum result first_keys(const struct plan *plan, struct store_txn *txn,
                              const struct seal *seal, struct diag *diag)
{
    if (plan->follows) {
        return key_timeline_init_follower(txn, diag);
    }
    TRY(add_key(plan, txn, plan->single ? KEY_CSK : KEY_KSK, seal, diag));
    if (!plan->single) {
        TRY(add_key(plan, txn, KEY_ZSK, seal, diag));
    }
    return key_timeline_init(txn, &plan->settings, session_now(), diag);
}

static enum result fill_keys(const struct plan *plan, struct keysession *keys, struct cli *cli)
{
    TRY(keysession_open(keys, cli, true));
    struct store_txn *txn = keys->session.txn[STORE_KEYS];
    if (store_count(txn, TABLE_KEYS) > 0) {
        return check_keys(plan, txn, keys->seal, cli);
    }
    TRY(first_keys(plan, txn, keys->seal, &cli->diag));
    TRY(newstate_cookie_secret(txn, keys->seal, &cli->diag));
    return keysession_commit(keys, cli);
}

static enum result make_keys(const struct plan *plan, struct cli *cli)
{
    struct keysession keys = { .seal = NULL };
    enum result result = fill_keys(plan, &keys, cli);
    session_done(&keys.session);
    seal_free(keys.seal);
    return result;
}

/* Adds this machine's probe as the first vantage point. */
static enum result add_probe(struct registry_change *change, struct cli *cli)
{
    uint8_t secret[REPORT_SECRET_LEN];
    struct vantage_key key = { .name = VANTAGE_PRESET, .added_at = session_now() };
    TRY(journal_key(cli->state_dir, key.name, secret, &cli->diag));
    memcpy(key.key, secret + sizeof secret - sizeof key.key, sizeof key.key);
    sodium_memzero(secret, sizeof secret);
    return registry_put_vantage(change, &key);
}

static enum result fill_registry(const struct plan *plan, struct session *session, struct cli *cli)
{
    TRY(session_write(session, cli, STORE_REGISTRY));
    TRY(registry_init(&session->change, &plan->settings, plan->servers, plan->server_count));
    TRY(add_probe(&session->change, cli));
    return session_commit(session, cli);
}

static enum result make_registry(const struct plan *plan, struct cli *cli)
{
    struct session session = { 0 };
    enum result result = fill_registry(plan, &session, cli);
    session_done(&session);
    return result;
}

/* Prints what to do next if the keys come from another machine. */
static enum result report_follower(const struct plan *plan, struct cli *cli)
{
    struct seal *seal = NULL;
    char apex[DNAME_TEXT_MAX], identity[KEYTEXT_IDENTITY_ROOM];
    dname_text(&plan->settings.apex, apex);
    TRY(seal_open(&seal, cli->state_dir, cli->config->seal_key, &cli->diag));
    keytext_identity(seal, identity);
    seal_free(seal);
    if (cli->json) {
        json_print(json_pack("{s:s, s:o, s:s, s:[]}", "apex", apex, "state",
                             json_text(cli->state_dir), "identity", identity, "keys"));
        return RESULT_OK;
    }
    printf("%s is ready in %s, and follows: it has no keys of its own, and nothing is given to "
           "the parent zone.\n\n"
           "Next, on the machine that leads, give this one its keys, now and after each change "
           "of theirs:\n"
           "  ntspool key export --to %s FILE\n"
           "and here:\n"
           "  ntspool key import --package FILE\n"
           "Then start ntspoold.\n",
           apex, cli->state_dir, identity);
    return RESULT_OK;
}

static enum result report(const struct plan *plan, struct cli *cli)
{
    if (plan->follows) {
        return report_follower(plan, cli);
    }
    struct session session = { 0 };
    char apex[DNAME_TEXT_MAX];
    dname_text(&plan->settings.apex, apex);
    enum result result = session_read(&session, cli, STORE_KEYS);
    struct store_txn *keys = session.txn[STORE_KEYS];
    if (result == RESULT_OK && cli->json) {
        json_t *list = NULL;
        result = keytext_json(keys, &plan->settings.apex, &list);
        if (result == RESULT_OK) {
            json_print(json_pack("{s:s, s:o, s:o}", "apex", apex, "state",
                                 json_text(cli->state_dir), "keys", list));
        }
    } else if (result == RESULT_OK) {
        printf("%s is ready in %s.\n\nGive this to the parent zone, it is the link to its chain of "
               "trust (`ntspool key ds` shows it again):\n\n",
               apex, cli->state_dir);
        result = keytext_print(keys, &plan->settings.apex, false, &cli->note);
        printf("\nNext: start ntspoold and ntspool-probed with the same state directory, and add "
               "members:\n  ntspool member add NAME --address ADDRESS --country CC\n"
               "Keep a copy of the seal (seal.key) in a safe place: without it the keys can't be "
               "opened.\n");
    }
    session_done(&session);
    return result;
}

static enum result init(struct cli *cli, const char *apex)
{
    struct plan plan = { 0 };
    TRY(plan_make(&plan, cli, apex));
    TRY(refuse_existing(cli));
    TRY(newstate_make(cli, true));
    TRY(make_keys(&plan, cli));
    TRY(make_registry(&plan, cli));
    return report(&plan, cli);
}

int cmd_init(struct cli *cli, int, char **argv)
{
    enum result result = init(cli, argv[0]);
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}
