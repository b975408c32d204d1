/* fleet token, evict: lets machines into the fleet, and takes them out. */
#include <stdio.h>

#include <sodium.h>

#include "tools/commands.h"
#include "tools/fleet/certify.h"
#include "tools/fleet/enginesetup.h"
#include "tools/fleet/enginespace.h"
#include "tools/fleetlink.h"
#include "tools/leader.h"
#include "tools/output.h"
#include "tools/session.h"

/* -- token -- */

/* A machine that is to join, and what it gets. */
struct newcomer {
    struct membership membership;
    struct membership_papers papers;
};

static enum result read_role(struct cli *cli, enum machine_role *out)
{
    const char *role = cli_value(cli, "role", 0);
    *out = MACHINE_EDGE;
    return role == NULL || machine_role_parse(out, role)
               ? RESULT_OK
               : diag_fail(&cli->diag, RESULT_USAGE, "--role is edge, vantage or admin");
}

/* Names are used once: certificates of a name go on for ever. */
static enum result check_new(struct session *session, struct cli *cli, const char *name)
{
    struct machine machine;
    enum result result = registry_machine(session->txn[STORE_REGISTRY], name, &machine);
    if (result != RESULT_OK) {
        return result == RESULT_NOT_FOUND ? RESULT_OK : result;
    }
    return machine.evicted_at != 0
               ? diag_fail(&cli->diag, RESULT_EXISTS,
                           "%s was evicted, and its name can't be used again: take another", name)
               : diag_fail(&cli->diag, RESULT_EXISTS,
                           "%s is in the fleet already: if its token is lost, evict it and take "
                           "another name",
                           name);
}

static enum result check_name(struct cli *cli, const char *name)
{
    struct session session = { 0 };
    if (!fleetlink_name_fine(name)) {
        return diag_fail(&cli->diag, RESULT_USAGE, FLEETLINK_NAME_RULE, name);
    }
    enum result result = session_read(&session, cli, STORE_REGISTRY);
    if (result == RESULT_OK) {
        result = check_new(&session, cli, name);
    }
    session_done(&session);
    return result;
}

static enum result make_newcomer(const struct fleetlink *link, struct cli *cli, const char *name,
                                 enum machine_role role, struct newcomer *out)
{
    uint8_t key[LEDGERHEAD_KEY], ca_secret[LEDGERHEAD_SECRET];
    char id[MEMBERSHIP_ID_ROOM];
    struct membership_papers own;
    const struct certify_subject subject = { .name = name, .unit = machine_role_text(role) };
    TRY(fleetlink_ca_secret(link, cli, ca_secret));
    enum result result = membership_read_papers(&own, cli->state_dir, &cli->diag);
    if (result == RESULT_OK) {
        out->membership = link->membership;
        out->membership.role = role;
        (void)snprintf(out->membership.name, sizeof out->membership.name, "%s", name);
        CHECK(crypto_sign_keypair(key, out->membership.secret) == 0);
        membership_key_pem(out->membership.secret, out->papers.key);
        memcpy(out->papers.ca, own.ca, sizeof own.ca);
        if (role == MACHINE_ADMIN) {
            memcpy(out->papers.ca_key, own.ca_key, sizeof own.ca_key);
        }
        sodium_bin2hex(id, sizeof id, link->membership.registry_id, REGISTRY_ID_LEN);
        const struct certify_ca ca = { CERTIFY_MACHINES, id, ca_secret };
        result = certify_issue(&ca, out->membership.secret, &subject, out->papers.certificate,
                               &cli->diag);
    }
    sodium_memzero(&own, sizeof own);
    sodium_memzero(ca_secret, sizeof ca_secret);
    return result;
}

static enum result add_row(const struct fleetlink *link, struct cli *cli,
                           const struct newcomer *newcomer)
{
    const struct membership *its = &newcomer->membership;
    struct session session = { 0 };
    struct machine machine = { .role = its->role, .added_at = session_now() };
    (void)snprintf(machine.name, sizeof machine.name, "%s", its->name);
    memcpy(machine.key, its->secret + LEDGERHEAD_SECRET - LEDGERHEAD_KEY, sizeof machine.key);
    machine_vouch(&machine, link->membership.ledger, link->membership.name,
                  link->membership.secret);
    enum result result = session_write(&session, cli, STORE_REGISTRY);
    if (result == RESULT_OK) {
        result = check_new(&session, cli, machine.name);
    }
    if (result == RESULT_OK) {
        result = registry_put_machine(&session.change, &machine);
    }
    if (result == RESULT_OK) {
        auditnote_add(&session.notes, machine.name, "joins the fleet as %s",
                      machine_role_text(machine.role));
        result = session_commit(&session, cli);
    }
    session_done(&session);
    return result;
}

static enum result make_token(struct fleetlink *link, struct cli *cli, const char *name,
                              struct newcomer *out)
{
    enum machine_role role;
    TRY(read_role(cli, &role));
    TRY(fleetlink_open(link, cli));
    TRY(check_name(cli, name));
    if (role != MACHINE_VANTAGE &&
        link->membership.role == MACHINE_ADMIN) { /* others are refused */
        TRY(leader_check_split(cli));
    }
    TRY(make_newcomer(link, cli, name, role, out));
    /* A user whose row is missing has no certificate yet. */
    TRY(enginesetup_add(link->etcd, &link->membership, name, role, &cli->diag));
    return add_row(link, cli, out);
}

int cmd_fleet_token(struct cli *cli, int, char **argv)
{
    struct fleetlink link = { .etcd = NULL };
    struct newcomer newcomer = { .papers = { .ca_key = "" } };
    char token[MEMBERSHIP_TOKEN_MAX];
    enum result result = make_token(&link, cli, argv[0], &newcomer);
    if (result == RESULT_OK) {
        (void)membership_token(&newcomer.membership, &newcomer.papers, token);
        if (cli->json) {
            json_print(json_pack("{s:s, s:s, s:s}", "name", newcomer.membership.name, "role",
                                 machine_role_text(newcomer.membership.role), "token", token));
        } else {
            (void)fputs(token, stdout);
        }
        sodium_memzero(token, sizeof token);
    }
    sodium_memzero(&newcomer, sizeof newcomer);
    fleetlink_close(&link);
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}

/* -- evict -- */

static enum result evict_row(const struct fleetlink *link, struct session *session, struct cli *cli,
                             struct machine *machine, const char *name)
{
    TRY(session_write(session, cli, STORE_REGISTRY));
    enum result result = registry_machine(session->txn[STORE_REGISTRY], name, machine);
    if (result == RESULT_NOT_FOUND) {
        return diag_fail(&cli->diag, result,
                         "the fleet has no machine \"%.63s\": `ntspool fleet edges` lists them",
                         name);
    }
    TRY(result);
    if (strcmp(name, link->membership.name) == 0) {
        return diag_fail(&cli->diag, RESULT_REFUSED,
                         "a machine can't evict itself: do it on another admin");
    }
    if (machine->evicted_at != 0) { /* an earlier run got no further, or it is said again */
        return RESULT_OK;
    }
    machine->evicted_at = session_now();
    TRY(registry_put_machine(&session->change, machine));
    auditnote_add(&session->notes, name, "evicted from the fleet");
    return session_commit(session, cli);
}

/* From the engine, with all that it has put there, and its alarms. */
static enum result shut_out(struct fleetlink *link, struct cli *cli, const char *name)
{
    TRY(enginesetup_remove(link->etcd, name, &cli->diag));
    TRY(enginespace_disarm(link->etcd, &cli->diag));
    return enginespace_clear(link->etcd, &link->membership, name, &cli->diag);
}

static enum result evict(struct fleetlink *link, struct cli *cli, const char *name,
                         struct machine *machine)
{
    uint8_t ca_secret[LEDGERHEAD_SECRET];
    struct session session = { 0 };
    TRY(fleetlink_open(link, cli));
    TRY(fleetlink_ca_secret(link, cli, ca_secret)); /* for its right alone */
    sodium_memzero(ca_secret, sizeof ca_secret);
    enum result result = evict_row(link, &session, cli, machine, name);
    session_done(&session);
    if (result == RESULT_FULL || result == RESULT_DAMAGED) { /* perhaps by that very machine */
        TRY(shut_out(link, cli, name));
        TRY(enginespace_regain(link->etcd, &link->membership, &cli->diag));
        session = (struct session){ 0 };
        result = evict_row(link, &session, cli, machine, name);
        session_done(&session);
    }
    TRY(result);
    return shut_out(link, cli, name);
}

int cmd_fleet_evict(struct cli *cli, int, char **argv)
{
    struct fleetlink link = { .etcd = NULL };
    struct machine machine = { .name = "" };
    enum result result = evict(&link, cli, argv[0], &machine);
    fleetlink_close(&link);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_print(json_pack("{s:s, s:o}", "name", machine.name, "evicted_at",
                             json_time(machine.evicted_at)));
        return CLI_DONE;
    }
    printf("%s is no machine of the fleet any more: nobody believes it, and the engine refuses "
           "it.\n",
           machine.name);
    printf("It reads on until its connection ends: restart the engine's nodes one after the "
           "other.\n");
    if (machine.role != MACHINE_VANTAGE) {
        printf("It knows the zone-signing key and the cookie secret. The machine that leads the "
               "keys replaces both by itself: `ntspool key list` there shows it.\n");
    }
    if (machine.role == MACHINE_ADMIN) {
        printf("If it led the keys, it knows the key-signing key, too: `ntspool key lead` on "
               "another admin, then `ntspool key roll ksk`.\n");
        printf("It has the key of the fleet's CA: if it is in foreign hands, make new nodes with a "
               "new CA (ntspool-fleet(7)).\n");
    }
    return CLI_DONE;
}
