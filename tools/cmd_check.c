/* check: looks at the pool from outside, as its clients do (tools/check/check.h). */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "dnssec/keys/keystore.h"
#include "probe/tls_client.h"
#include "tools/check/check_chain.h"
#include "tools/check/check_delegation.h"
#include "tools/check/check_options.h"
#include "tools/check/check_srv.h"
#include "tools/commands.h"
#include "tools/nagios.h"
#include "tools/session.h"
#include "zone/base/clock.h"
#include "zone/base/sandbox.h"
#include "zone/registry/service.h"

/* Notes the oldest DS that the parent was asked for in vain. */
static enum result note_ds(const struct key_record *record, void *arg)
{
    struct check *check = arg;
    const struct record_state *ds = &record->life.ds;
    bool waits = record_state_is_published(ds) && ds->omnipresent_at == 0;
    if (waits && (check->ds_asked_at == 0 || ds->introduced_at < check->ds_asked_at)) {
        check->ds_asked_at = ds->introduced_at;
    }
    return RESULT_OK;
}

/* The pool of the argument, or of the state. The state is read whole and closed. */
static enum result find_pool(struct check *check, const char *text)
{
    struct cli *cli = check->cli;
    struct session session = { 0 };
    struct settings settings;
    if (text != NULL && dname_parse(&check->pool, text, NULL) != RESULT_OK) {
        return diag_fail(&cli->diag, RESULT_USAGE, "\"%.80s\" is no domain name", text);
    }
    enum result result = session_zone(&session, cli, &settings);
    if (result == RESULT_OK) {
        result = registry_servers(session.txn[STORE_REGISTRY], &check->registered, &cli->diag);
    }
    /* A state without keys is checked as well. */
    if (result == RESULT_OK && session_read(&session, cli, STORE_KEYS) == RESULT_OK) {
        result = keystore_each(session.txn[STORE_KEYS], note_ds, check);
    }
    session_done(&session);
    if (result == RESULT_OK && (text == NULL || dname_equal(&settings.apex, &check->pool))) {
        check->has_state = true;
        check->settings = settings;
        check->pool = settings.apex;
    } else if (text == NULL) {
        return result;
    }
    cli->diag.text[0] = '\0';
    dname_lower(&check->pool);
    return service_name(&check->service, &check->pool) == RESULT_OK
               ? RESULT_OK
               : diag_fail(&cli->diag, RESULT_USAGE, "the pool's name is too long");
}

/* Before the first packet: the servers may be hostile, and this process has the rights of its
 * user. */
static enum result confine(struct check *check)
{
    struct sandbox sandbox;
    struct diag *diag = &check->cli->diag;
    sandbox_begin(&sandbox, true);
    if (check->options.metrics != NULL) {
        char path[PATH_MAX];
        (void)snprintf(path, sizeof(path), "%s", check->options.metrics);
        sandbox_allow(&sandbox, dirname(path), SANDBOX_WRITE);
    }
    enum result result = sandbox_enter(&sandbox, diag);
    if (result == RESULT_MISSING) {
        (void)fprintf(stderr, "ntspool: %s\n", diag->text);
        result = RESULT_OK;
    }
    return result;
}

static enum result set_up(struct check *check, const char *pool)
{
    struct cli *cli = check->cli;
    if (sodium_init() < 0) {
        return diag_fail(&cli->diag, RESULT_CRYPTO, "libsodium can't be set up");
    }
    TRY(check_options_read(check, cli));
    TRY(find_pool(check, pool));
    if (check->options.subnet_count == 0) {
        check_subnets_preset(&check->options);
    }
    if (check->has_state) {
        TRY(check_expected_read(&check->expected, cli, &check->options));
    }
    TRY(check_chain_anchor(&check->anchor, check->options.anchor, &cli->diag));
    TRY(tls_trust_new(&check->trust, check->options.trust, &cli->diag));
    return confine(check);
}

static void run_groups(struct check *check)
{
    check->end_ms = clock_steady_ms() + UINT64_C(1000) * check->options.timeout_s;
    check_delegation(check);
    for (unsigned i = 0; i < check_group_count; i++) {
        if ((check->options.groups & 1U << i) != 0) {
            check_groups[i].run(check);
        }
    }
}

static int show(struct check *check)
{
    int status = check_worst(check) <= CHECK_INFO ? CLI_DONE : CLI_FAILED;
    if (check->options.nagios) {
        status = check_print_nagios(check);
    } else if (check->cli->json) {
        check_print_json(check);
    } else {
        check_print(check);
    }
    return status;
}

int cmd_check(struct cli *cli, int argc, char **argv)
{
    const char *explained = cli_value(cli, "explain", 0);
    if (explained != NULL) {
        return check_explain(explained, cli->json)
                   ? CLI_DONE
                   : cli_usage(cli, "--explain %.40s: there is no such check", explained);
    }
    struct check *check = xcalloc(1, sizeof(*check));
    check->cli = cli;
    check->now = session_now();
    check->message = xmalloc(sizeof(*check->message));
    enum result result = set_up(check, argc > 0 ? argv[0] : NULL);
    int status = CLI_FAILED;
    if (result == RESULT_OK) {
        cli_show(cli);
        run_groups(check);
        result = check->options.metrics != NULL ? check_write_metrics(check, &cli->diag) : result;
        if (result == RESULT_OK || !check->options.nagios) { /* a plugin has one status line */
            status = show(check);
        }
    }
    if (result != RESULT_OK) {
        status = cli_flag(cli, "nagios") ? nagios_print(NAGIOS_UNKNOWN, cli->diag.text, NULL, 0)
                                         : cli_fail(cli, result);
    }
    tls_trust_free(check->trust);
    check_expected_free(check->expected);
    check_srv_free(check->srv);
    free(check->anchor);
    free(check->message);
    free(check);
    return status;
}
