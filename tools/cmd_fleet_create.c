/* fleet create: makes a fleet of this machine's pool.
 *
 * The first run makes this machine its admin, and a directory for each node of the engine. When the
 * nodes run, the next one sets up the engine's users and puts the registry in. Each run goes on
 * where the last one ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "dnssec/rollover/key_timeline.h"
#include "tools/commands.h"
#include "tools/fleet/certify.h"
#include "tools/fleet/enginehead.h"
#include "tools/fleet/enginenode.h"
#include "tools/fleet/enginesetup.h"
#include "tools/fleet/founding.h"
#include "tools/fleetlink.h"
#include "tools/leader.h"
#include "tools/output.h"
#include "tools/session.h"
#include "zone/registry/registry_ledger.h"

struct creation {
    struct fleetlink link;
    struct enginenode nodes[ETCD_NODES_MAX];
    unsigned node_count; /* that were given */
    bool fresh;          /* this run made the CA: no node runs with it yet */
    bool moved;          /* this run named other nodes, which may not run yet */
    bool stands;         /* the engine has the ledger */
    size_t rows;
};

static enum result read_nodes(struct creation *creation, struct cli *cli)
{
    size_t count = cli_count(cli, "node");
    if (count > ETCD_NODES_MAX) {
        return diag_fail(&cli->diag, RESULT_USAGE, "an engine has at most %d nodes",
                         ETCD_NODES_MAX);
    }
    while (creation->node_count < count) {
        TRY(enginenode_parse(&creation->nodes[creation->node_count],
                             cli_value(cli, "node", creation->node_count), &cli->diag));
        creation->node_count++;
    }
    return enginenode_check(creation->nodes, creation->node_count, &cli->diag);
}

/* -- the first run: this machine -- */

static enum result read_pool(struct membership *membership, struct cli *cli)
{
    struct session session = { 0 };
    struct settings settings;
    struct ledgerhead_position position;
    enum result result = session_zone(&session, cli, &settings);
    if (result == RESULT_OK) {
        (void)dname_text(&settings.apex, membership->apex);
        result = registry_id(session.txn[STORE_REGISTRY], membership->registry_id, &cli->diag);
    }
    if (result == RESULT_OK && !cli_flag(cli, "from-state") &&
        registry_position(session.txn[STORE_REGISTRY], &position) == RESULT_OK) {
        result = diag_fail(&cli->diag, RESULT_REFUSED,
                           "this registry is a copy of a fleet's: `ntspool fleet leave` makes it "
                           "a pool of its own");
    }
    session_done(&session);
    return result;
}

static enum result make_papers(struct membership *membership, struct membership_papers *papers,
                               struct diag *diag)
{
    uint8_t key[LEDGERHEAD_KEY], ca_secret[LEDGERHEAD_SECRET];
    char id[MEMBERSHIP_ID_ROOM];
    const struct certify_subject subject = { .name = membership->name,
                                             .unit = machine_role_text(membership->role) };
    CHECK(crypto_sign_keypair(key, ca_secret) == 0);
    CHECK(crypto_sign_keypair(membership->founder, membership->secret) == 0);
    sodium_bin2hex(id, sizeof id, membership->registry_id, sizeof membership->registry_id);
    membership_key_pem(ca_secret, papers->ca_key);
    membership_key_pem(membership->secret, papers->key);
    const struct certify_ca ca = { CERTIFY_MACHINES, id, ca_secret };
    enum result result = certify_ca(&ca, papers->ca, diag);
    if (result == RESULT_OK) {
        result = certify_issue(&ca, membership->secret, &subject, papers->certificate, diag);
    }
    sodium_memzero(ca_secret, sizeof ca_secret);
    return result;
}

static enum result make_admin(struct creation *creation, struct cli *cli)
{
    struct membership made = { .role = MACHINE_ADMIN, .node_count = creation->node_count };
    struct membership_papers papers = { .ca_key = "" };
    const char *name = cli_value(cli, "name", 0);
    if (name == NULL || creation->node_count == 0) {
        return diag_fail(&cli->diag, RESULT_USAGE,
                         "give this machine's --name in the fleet, and a --node NODE=ADDRESS for "
                         "each node of the engine");
    }
    if (!fleetlink_name_fine(name)) {
        return diag_fail(&cli->diag, RESULT_USAGE, FLEETLINK_NAME_RULE, name);
    }
    (void)snprintf(made.name, sizeof made.name, "%s", name);
    for (unsigned i = 0; i < creation->node_count; i++) {
        made.nodes[i] = creation->nodes[i].clients;
    }
    TRY(read_pool(&made, cli));
    enum result result = make_papers(&made, &papers, &cli->diag);
    if (result == RESULT_OK) {
        result = membership_write(cli->state_dir, &made, &papers, &cli->diag);
    }
    sodium_memzero(&papers, sizeof papers);
    sodium_memzero(&made.secret, sizeof made.secret);
    creation->fresh = result == RESULT_OK;
    return result;
}

/* -- each run: the nodes' directories -- */

static enum result check_same(const struct creation *creation, struct cli *cli)
{
    const struct membership *membership = &creation->link.membership;
    const char *name = cli_value(cli, "name", 0);
    bool same = name == NULL || strcmp(name, membership->name) == 0;
    same = same && (creation->node_count == 0 || creation->node_count == membership->node_count);
    for (unsigned i = 0; same && i < creation->node_count; i++) {
        same = address_equal(&creation->nodes[i].clients.address, &membership->nodes[i].address) &&
               creation->nodes[i].clients.port == membership->nodes[i].port;
    }
    return same ? RESULT_OK
                : diag_fail(&cli->diag, RESULT_REFUSED,
                            "this machine began a fleet as %s with other nodes or another name: "
                            "repeat those, or begin anew after `ntspool fleet leave`",
                            membership->name);
}

static const char *out_of(const struct cli *cli)
{
    const char *out = cli_value(cli, "out", 0);
    return out != NULL ? out : ".";
}

static enum result write_nodes(const struct creation *creation, struct cli *cli)
{
    uint8_t ca_secret[LEDGERHEAD_SECRET];
    const struct enginenode_plan plan = { creation->nodes, creation->node_count,
                                          &creation->link.membership, ca_secret };
    enum result result = fleetlink_ca_secret(&creation->link, cli, ca_secret);
    for (unsigned i = 0; i < creation->node_count && result == RESULT_OK; i++) {
        result = enginenode_write(out_of(cli), &plan, i, &cli->diag);
    }
    sodium_memzero(ca_secret, sizeof ca_secret);
    return result;
}

/* -- the engine -- */

struct machine_list {
    unsigned count;
    struct machine list[MACHINES_KNOWN_MAX];
};

static enum result note_machine(const struct machine *machine, void *arg)
{
    struct machine_list *machines = arg;
    if (machines->count < MACHINES_KNOWN_MAX) {
        machines->list[machines->count++] = *machine;
    }
    return RESULT_OK;
}

static enum result remove_machines(struct registry_change *change)
{
    struct machine_list *machines = xcalloc(1, sizeof *machines);
    enum result result = registry_machines(change->txn, note_machine, machines);
    for (unsigned i = 0; i < machines->count && result == RESULT_OK; i++) {
        result = registry_remove_machine(change, machines->list[i].name);
    }
    free(machines);
    return result;
}

/* The ledger begins with this machine, which vouches for itself. Others that the registry knows are
 * those of an earlier fleet with another CA. */
static enum result begin_with_self(const struct membership *membership,
                                   struct registry_change *change)
{
    struct machine self = { .role = MACHINE_ADMIN, .added_at = session_now() };
    TRY(remove_machines(change));
    memcpy(self.name, membership->name, sizeof self.name);
    memcpy(self.key, membership->secret + LEDGERHEAD_SECRET - LEDGERHEAD_KEY, sizeof self.key);
    machine_vouch(&self, membership->ledger, self.name, membership->secret);
    return registry_put_machine(change, &self);
}

/* True if the keys of the zone are rolled here. */
static bool leads_keys(struct cli *cli)
{
    struct session session = { 0 };
    struct key_timeline timeline;
    bool leads = session_read(&session, cli, STORE_KEYS) == RESULT_OK &&
                 key_timeline_read(&timeline, session.txn[STORE_KEYS], NULL) == RESULT_OK &&
                 !timeline.memory.follows;
    session_done(&session);
    return leads;
}

static bool knows_self(const struct membership *membership, struct store_txn *txn)
{
    struct machine self;
    const uint8_t *key = membership->secret + LEDGERHEAD_SECRET - LEDGERHEAD_KEY;
    return registry_machine(txn, membership->name, &self) == RESULT_OK && self.evicted_at == 0 &&
           memcmp(self.key, key, sizeof self.key) == 0;
}

static enum result add_self(const struct membership *membership, struct registry_change *change,
                            bool leads)
{
    TRY(begin_with_self(membership, change));
    return leads ? registry_put_key_leader(change, membership->name) : RESULT_OK;
}

/* Writes what the ledger begins with, unless an interrupted run has. */
static enum result prepare(const struct membership *membership, struct store *registry,
                           const struct ledgerhead *before, struct cli *cli)
{
    struct store_txn *txn = NULL;
    struct registry_change change;
    bool leads = leads_keys(cli);
    TRY(store_write(registry, &txn, &cli->diag));
    registry_begin(&change, txn, session_now(), &cli->diag);
    bool known = knows_self(membership, txn);
    bool noted = before->seq == 0 || registry_began_after(txn) == before->seq;
    enum result result = known ? RESULT_OK : add_self(membership, &change, leads);
    if (result == RESULT_OK && !noted) {
        result = registry_put_began(&change, before->seq);
    }
    if (result != RESULT_OK || (known && noted)) {
        store_abort(txn);
        return result;
    }
    return registry_commit(&change);
}

/* Where this registry stands in a ledger. NOT_FOUND: nowhere. */
static enum result read_position(struct cli *cli, struct ledgerhead_position *out)
{
    struct session session = { 0 };
    enum result result = session_read(&session, cli, STORE_REGISTRY);
    if (result == RESULT_OK) {
        result = registry_position(session.txn[STORE_REGISTRY], out);
    }
    session_done(&session);
    return result;
}

/* A new engine knows none of the fleet's machines. */
static enum result add_machines(const struct creation *creation, struct store *registry,
                                struct cli *cli)
{
    struct store_txn *txn = NULL;
    struct machine_list *machines = xcalloc(1, sizeof *machines);
    enum result result = store_read(registry, &txn, &cli->diag);
    if (result == RESULT_OK) {
        result = registry_machines(txn, note_machine, machines);
        store_abort(txn);
    }
    for (unsigned i = 0; i < machines->count && result == RESULT_OK; i++) {
        const struct machine *one = &machines->list[i];
        if (one->evicted_at == 0) {
            result = enginesetup_add(creation->link.etcd, &creation->link.membership, one->name,
                                     one->role, &cli->diag);
        }
    }
    free(machines);
    return result;
}

static enum result put_registry(struct creation *creation, struct cli *cli,
                                const struct ledgerhead *before)
{
    const struct membership *membership = &creation->link.membership;
    struct store *registry = NULL;
    TRY(store_open(&registry, cli->state_dir, STORE_REGISTRY, true, &cli->diag));
    enum result result = prepare(membership, registry, before, cli);
    if (result == RESULT_OK) {
        result = add_machines(creation, registry, cli);
    }
    if (result == RESULT_OK) {
        result = founding_put(creation->link.etcd, membership, registry, before, &creation->rows,
                              &cli->diag);
    }
    store_close(registry);
    creation->stands = result == RESULT_OK;
    return result;
}

/* True if the engine has what this registry has: an earlier run has put it there. */
static bool is_level(struct creation *creation, const struct ledgerhead *head)
{
    struct ledgerhead_position theirs;
    return enginehead_read(creation->link.etcd, &creation->link.membership, &theirs, NULL) ==
               RESULT_OK &&
           ledgerhead_relate(head, &theirs.head) == LEDGERHEAD_SAME;
}

static enum result found(struct creation *creation, struct cli *cli)
{
    struct ledgerhead_position position;
    struct ledgerhead before = { .epoch = 1 };
    enum result result = read_position(cli, &position);
    if (result != RESULT_OK && result != RESULT_NOT_FOUND) {
        return result;
    }
    TRY(enginesetup_begin(creation->link.etcd, &creation->link.membership, &cli->diag));
    if (result == RESULT_OK) {
        creation->stands = !cli_flag(cli, "from-state") || is_level(creation, &position.head);
        before = position.head;
        before.epoch++;
    }
    if (creation->stands) {
        return RESULT_OK;
    }
    TRY(put_registry(creation, cli, &before));
    auditnote_append(cli, true);
    return RESULT_OK;
}

/* -- from a copy, after the engine is lost -- */

/* The admin that has the CA's key keeps it, and its machines their certificates; only the nodes may
 * be others. */
static enum result move_admin(struct creation *creation, struct cli *cli)
{
    struct membership moved = creation->link.membership;
    if (creation->node_count == 0) {
        return RESULT_OK;
    }
    moved.node_count = creation->node_count;
    for (unsigned i = 0; i < creation->node_count; i++) {
        moved.nodes[i] = creation->nodes[i].clients;
    }
    enum result result = membership_write_nodes(cli->state_dir, &moved, &cli->diag);
    creation->moved = result == RESULT_OK;
    sodium_memzero(&moved.secret, sizeof moved.secret);
    return result;
}

/* Any other machine makes a new CA: all join anew. */
static enum result begin_anew(struct creation *creation, struct cli *cli)
{
    if (creation->node_count == 0 || cli_value(cli, "name", 0) == NULL) {
        return diag_fail(&cli->diag, RESULT_USAGE,
                         "this machine is no admin, so it makes a new CA: give its --name in the "
                         "fleet, and a --node NODE=ADDRESS for each node of the engine");
    }
    TRY(membership_remove(cli->state_dir, &cli->diag));
    return make_admin(creation, cli);
}

static enum result from_state(struct creation *creation, struct cli *cli)
{
    bool admin = creation->link.membership.role == MACHINE_ADMIN;
    TRY(admin ? move_admin(creation, cli) : begin_anew(creation, cli));
    fleetlink_close(&creation->link);
    return fleetlink_open(&creation->link, cli);
}

static enum result check_from_state(struct cli *cli)
{
    struct ledgerhead_position position;
    return !cli_flag(cli, "from-state") || read_position(cli, &position) == RESULT_OK
               ? RESULT_OK
               : diag_fail(&cli->diag, RESULT_REFUSED,
                           "--from-state is for a machine that has a fleet's rows: this one has "
                           "none");
}

/* -- all of it -- */

static enum result create(struct creation *creation, struct cli *cli)
{
    TRY(read_nodes(creation, cli));
    TRY(check_from_state(cli));
    TRY(leader_check_split(cli));
    enum result result = fleetlink_open(&creation->link, cli);
    if (result == RESULT_MISSING) {
        TRY(make_admin(creation, cli));
        result = fleetlink_open(&creation->link, cli);
    } else if (result == RESULT_OK && cli_flag(cli, "from-state")) {
        result = from_state(creation, cli);
    }
    TRY(result);
    TRY(check_same(creation, cli));
    TRY(write_nodes(creation, cli));
    if (creation->fresh) {
        return RESULT_OK;
    }
    result = found(creation, cli);
    return result == RESULT_UNREACHABLE && creation->moved ? RESULT_OK : result;
}

static void print_nodes(const struct creation *creation, const struct cli *cli)
{
    char address[ADDRESS_TEXT_MAX];
    for (unsigned i = 0; i < creation->node_count; i++) {
        const struct enginenode *node = &creation->nodes[i];
        printf("  %s/%s for %s, ports %u and %u\n", out_of(cli), node->name,
               address_text(&node->clients.address, address), (unsigned)node->clients.port,
               node->clients.port + 1U);
    }
}

static void print_creation(const struct creation *creation, const struct cli *cli)
{
    const struct membership *membership = &creation->link.membership;
    if (cli->json) {
        json_print(json_pack("{s:s, s:s, s:b, s:I}", "name", membership->name, "pool",
                             membership->apex, "stands", creation->stands, "rows",
                             (json_int_t)creation->rows));
    } else if (creation->stands && creation->rows == 0) {
        printf("The fleet of %s stands already: `ntspool fleet status` shows how far this machine "
               "is.\n",
               membership->apex);
    } else if (creation->stands) {
        printf("The fleet of %s stands: its engine has all %zu rows, and changes made here are "
               "the fleet's.\n"
               "Next, for each machine that is to join:\n"
               "  ntspool fleet token NAME --role edge | ssh MACHINE ntspool fleet join\n",
               membership->apex, creation->rows);
    } else {
        printf("%s is the admin of the fleet of %s; each node of its engine has a directory:\n",
               membership->name, membership->apex);
        print_nodes(creation, cli);
        printf("Copy each to its machine, as /var/lib/ntspool-node, where only etcd may read it, "
               "and start it by its ntspool-node.service (ntspool-fleet(7)).\n"
               "Then run `ntspool fleet create%s` here once more.\n",
               cli_flag(cli, "from-state") ? " --from-state" : "");
    }
}

int cmd_fleet_create(struct cli *cli, int, char **)
{
    struct creation creation = { .node_count = 0 };
    enum result result = create(&creation, cli);
    if (result == RESULT_OK) {
        print_creation(&creation, cli);
    }
    fleetlink_close(&creation.link);
    return result == RESULT_OK ? CLI_DONE : cli_fail(cli, result);
}
