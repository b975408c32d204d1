/* fleet status, edges: how far this machine is, the engine, and the others. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/commands.h"
#include "tools/fleet/enginehead.h"
#include "tools/fleetdoubts.h"
#include "tools/fleetlink.h"
#include "tools/fleetmachines.h"
#include "tools/output.h"
#include "tools/session.h"
#include "zone/registry/registry_ledger.h"

enum {
    /* A machine is behind only if the head is older than its next word of how far it is: */
    ACKED_S = 15,                     /* ... an ack, in a large fleet after some seconds, */
    GREETED_S = HELLO_MS / 1000 + 10, /* ... or a hello */
    MEBI = 1 << 20
};

/* -- status -- */

struct fleet_status {
    struct fleetlink link;
    struct ledgerhead_position mine;   /* seq 0: nothing was taken yet */
    struct ledgerhead_position theirs; /* of the engine */
    uint64_t evicted_at;               /* this machine knows so; 0: not */
    enum result engine;                /* OK: `theirs` is known */
    struct diag why;
    struct fleetdoubts doubts;
    struct node_status {
        enum result result;
        struct diag why;
        struct etcdreply_status status;
    } nodes[ETCD_NODES_MAX];
    unsigned answering;
};

static void ask_nodes(struct fleet_status *status)
{
    struct etcd_call *calls[ETCD_NODES_MAX];
    struct protobuf nothing = { .data = NULL };
    unsigned count = status->link.membership.node_count;
    for (unsigned i = 0; i < count; i++) {
        const struct etcd_plan plan = { .method = ETCD_STATUS,
                                        .request = &nothing,
                                        .node = (int)i };
        calls[i] = etcd_call_start(status->link.etcd, &plan);
    }
    for (unsigned i = 0; i < count; i++) {
        struct node_status *node = &status->nodes[i];
        node->result = etcd_call_wait(calls[i], &node->why);
        if (node->result == RESULT_OK) {
            node->result = etcdreply_status(&node->status, etcd_call_reply(calls[i]), &node->why);
        }
        status->answering += node->result == RESULT_OK;
        etcd_call_free(calls[i]);
    }
}

static enum result read_mine(struct fleet_status *status, struct cli *cli)
{
    struct session session = { 0 };
    enum result result = session_read(&session, cli, STORE_REGISTRY);
    if (result == RESULT_OK) {
        const char *name = status->link.membership.name;
        struct machine self;
        if (registry_machine(session.txn[STORE_REGISTRY], name, &self) == RESULT_OK) {
            status->evicted_at = self.evicted_at;
        }
        fleetdoubts_read(&status->doubts, session.txn[STORE_REGISTRY]);
        result = registry_position(session.txn[STORE_REGISTRY], &status->mine);
    }
    session_done(&session);
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

static enum result read_status(struct fleet_status *status, struct cli *cli)
{
    TRY(fleetlink_open(&status->link, cli));
    TRY(read_mine(status, cli));
    status->engine =
        enginehead_read(status->link.etcd, &status->link.membership, &status->theirs, &status->why);
    if (status->engine == RESULT_OK) {
        fleetdoubts_settle(&status->doubts, status->link.etcd, &status->link.membership);
    }
    ask_nodes(status);
    return RESULT_OK;
}

/* Forgets what is settled. Who may not write here is told again next time. */
static void end_doubts(const struct fleet_status *status, const struct cli *cli)
{
    struct store *registry = NULL;
    struct diag why = { "" };
    if (store_open(&registry, cli->state_dir, STORE_REGISTRY, true, NULL) == RESULT_OK) {
        (void)fleetdoubts_save(&status->doubts, registry, &why);
        store_close(registry);
    }
}

/* What this machine's copy is to the engine's. */
static const char *standing(const struct fleet_status *status)
{
    if (status->evicted_at != 0) {
        return "evicted";
    }
    if (status->engine != RESULT_OK) {
        return "unknown";
    }
    switch (ledgerhead_relate(&status->mine.head, &status->theirs.head)) {
    case LEDGERHEAD_SAME:
        return "level";
    case LEDGERHEAD_NEXT:
    case LEDGERHEAD_AHEAD:
        return "behind";
    case LEDGERHEAD_NEW_EPOCH:
        return "new epoch";
    case LEDGERHEAD_BEHIND:
        return "engine behind";
    default:
        return "forked";
    }
}

static json_t *position_json(const struct ledgerhead *head)
{
    return head->seq == 0 ? json_null()
                          : json_pack("{s:I, s:I, s:o, s:o}", "epoch", (json_int_t)head->epoch,
                                      "change", (json_int_t)head->seq, "made_at",
                                      json_time(head->at), "writer", json_text(head->writer));
}

static json_t *node_json(const struct endpoint *endpoint, const struct node_status *node)
{
    char address[ADDRESS_TEXT_MAX];
    bool answers = node->result == RESULT_OK;
    return json_pack("{s:s, s:i, s:b, s:o, s:b, s:I, s:o}", "address",
                     address_text(&endpoint->address, address), "port", (int)endpoint->port,
                     "answers", answers, "version",
                     json_text_or_null(answers ? node->status.version : ""), "leads",
                     answers && node->status.leader == node->status.header.node, "octets",
                     (json_int_t)(answers ? node->status.size : 0), "trouble",
                     json_text_or_null(answers ? node->status.error : node->why.text));
}

static json_t *doubt_json(const struct fleetdoubts *doubts, unsigned i)
{
    static const char *const outcomes[] = { [FLEETDOUBTS_OPEN] = "open",
                                            [FLEETDOUBTS_MADE] = "made",
                                            [FLEETDOUBTS_NOT_MADE] = "not made",
                                            [FLEETDOUBTS_LOST] = "lost" };
    const struct doubt *doubt = &doubts->doubts.list[i];
    return json_pack("{s:o, s:o, s:I, s:s}", "command", json_text(doubt->command), "asked_at",
                     json_time(doubt->head.at), "change", (json_int_t)doubt->head.seq, "outcome",
                     outcomes[doubts->outcomes[i]]);
}

static void print_status_json(const struct fleet_status *status)
{
    const struct membership *membership = &status->link.membership;
    json_t *nodes = json_array(), *doubts = json_array();
    for (unsigned i = 0; i < status->doubts.doubts.count; i++) {
        json_array_append_new(doubts, doubt_json(&status->doubts, i));
    }
    for (unsigned i = 0; i < membership->node_count; i++) {
        json_array_append_new(nodes, node_json(&membership->nodes[i], &status->nodes[i]));
    }
    json_print(json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "name", membership->name,
                         "role", machine_role_text(membership->role), "pool", membership->apex,
                         "standing", standing(status), "here", position_json(&status->mine.head),
                         "engine", position_json(&status->theirs.head), "trouble",
                         json_text_or_null(status->engine == RESULT_OK ? "" : status->why.text),
                         "nodes", nodes, "in_doubt", doubts));
}

static void print_node(const struct endpoint *endpoint, const struct node_status *node)
{
    char address[ADDRESS_TEXT_MAX], safe[sizeof node->why.text];
    if (node->result != RESULT_OK) { /* the text begins with the address */
        printf("  %s\n", output_escape(safe, sizeof safe, node->why.text));
        return;
    }
    printf("  %s@%u  ", address_text(&endpoint->address, address), (unsigned)endpoint->port);
    printf("etcd %s, %" PRIu64 " MiB%s", output_escape(safe, sizeof safe, node->status.version),
           node->status.size / MEBI,
           node->status.leader == node->status.header.node ? ", leads" : "");
    printf("%s%s\n", node->status.trouble ? ": " : "",
           node->status.trouble ? output_escape(safe, sizeof safe, node->status.error) : "");
}

static void print_position(const char *what, const struct ledgerhead *head)
{
    char at[OUTPUT_TIME_ROOM];
    if (head->seq == 0) {
        printf("%s  -\n", what);
    } else {
        printf("%s  change %" PRIu64 " of epoch %" PRIu32 ", by %s at %s\n", what, head->seq,
               head->epoch, head->writer, output_time(head->at, at));
    }
}

static void print_status(const struct fleet_status *status)
{
    const struct membership *membership = &status->link.membership;
    printf("%s, %s of the fleet of %s: %s\n", membership->name,
           machine_role_words(membership->role), membership->apex, standing(status));
    print_position("here  ", &status->mine.head);
    print_position("engine", &status->theirs.head);
    if (status->evicted_at != 0) {
        char at[OUTPUT_TIME_ROOM];
        printf(
            "It was evicted at %s: `ntspool fleet leave`, or join by a token for another name.\n",
            output_time(status->evicted_at, at));
    } else if (status->engine != RESULT_OK) {
        printf("The engine does not tell its state: %s\n", status->why.text);
    }
    for (unsigned i = 0; i < status->doubts.doubts.count; i++) {
        char safe[2 * DOUBT_COMMAND_ROOM];
        printf("change %" PRIu64 " (%s) %s\n", status->doubts.doubts.list[i].head.seq,
               output_escape(safe, sizeof safe, status->doubts.doubts.list[i].command),
               fleetdoubts_text(status->doubts.outcomes[i]));
    }
    printf("%u of %u nodes answer:\n", status->answering, membership->node_count);
    for (unsigned i = 0; i < membership->node_count; i++) {
        print_node(&membership->nodes[i], &status->nodes[i]);
    }
}

int cmd_fleet_status(struct cli *cli, int, char **)
{
    struct fleet_status status = { .engine = RESULT_UNREACHABLE };
    enum result result = read_status(&status, cli);
    bool level = strcmp(standing(&status), "level") == 0;
    if (result == RESULT_OK && cli->json) {
        print_status_json(&status);
    } else if (result == RESULT_OK) {
        print_status(&status);
    }
    if (result == RESULT_OK && status.doubts.doubts.count > 0) {
        end_doubts(&status, cli);
    }
    fleetlink_close(&status.link);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    return level ? CLI_DONE : CLI_FAILED;
}

/* -- edges -- */

struct edges {
    struct fleetlink link;
    struct ledgerhead_position head; /* of the engine */
    struct fleetmachines machines;
};

static enum result read_edges(struct edges *edges, struct cli *cli)
{
    struct session session = { 0 };
    struct fleetlink *link = &edges->link;
    TRY(fleetlink_open(link, cli));
    if (link->membership.role == MACHINE_VANTAGE) {
        return diag_fail(&cli->diag, RESULT_REFUSED,
                         "this machine is a vantage point of its fleet, and has no right to read "
                         "what others say: run the command on an edge or an admin");
    }
    enum result result = session_read(&session, cli, STORE_REGISTRY);
    if (result == RESULT_OK) {
        result = fleetmachines_list(&edges->machines, session.txn[STORE_REGISTRY]);
    }
    session_done(&session);
    TRY(result);
    TRY(enginehead_read(link->etcd, &link->membership, &edges->head, &cli->diag));
    return fleetmachines_ask(&edges->machines, link->etcd, &link->membership, &cli->diag);
}

/* "evicted", "never heard", "silent", "behind" or "level". */
static const char *state_of(const struct fleetmachine *one, const struct edges *edges, uint64_t now)
{
    const struct ledgerhead *head = &edges->head.head;
    unsigned settled_s = fleetmachines_may_read_acks(&edges->link.membership) ? ACKED_S : GREETED_S;
    if (one->machine.evicted_at != 0) {
        return "evicted";
    }
    if (one->heard_at == 0) {
        return "never heard";
    }
    if (fleetmachines_is_silent(one, now)) {
        return "silent";
    }
    return ack_has(&one->has, head->epoch, head->seq) || head->at + settled_s > now ? "level"
                                                                                    : "behind";
}

/* True if nobody has to look at it. */
static bool is_fine(const char *state)
{
    return strcmp(state, "level") == 0 || strcmp(state, "evicted") == 0;
}

static json_t *machine_json(const struct fleetmachine *one, const char *state)
{
    bool heard = one->heard_at != 0;
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "name", one->machine.name, "role",
                     machine_role_text(one->machine.role), "state", state, "heard_at",
                     json_time(one->heard_at), "epoch",
                     heard ? json_integer(one->has.epoch) : json_null(), "change",
                     heard ? json_integer((json_int_t)one->has.seq) : json_null(), "version",
                     json_text_or_null(one->greeted ? one->hello.version : ""), "evicted_at",
                     json_time(one->machine.evicted_at));
}

static void print_machine(struct table *table, const struct fleetmachine *one, const char *state)
{
    char at[OUTPUT_TIME_ROOM];
    table_cell(table, one->machine.name);
    table_cell(table, machine_role_text(one->machine.role));
    table_cell(table, state);
    if (one->heard_at != 0) {
        table_cellf(table, "%" PRIu32 "/%" PRIu64, one->has.epoch, one->has.seq);
    } else {
        table_cell(table, "");
    }
    table_cell(table, output_time(one->heard_at, at));
    table_cell(table, one->greeted ? one->hello.version : "");
}

static bool print_edges(const struct edges *edges, const struct cli *cli)
{
    static const char *const heads[] = { "MACHINE", "ROLE", "STATE", "CHANGE", "HEARD", "VERSION" };
    uint64_t now = session_now();
    struct table table;
    json_t *list = json_array();
    bool fine = true;
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    for (unsigned i = 0; i < edges->machines.count; i++) {
        const struct fleetmachine *one = &edges->machines.list[i];
        const char *state = state_of(one, edges, now);
        fine = fine && is_fine(state);
        json_array_append_new(list, machine_json(one, state));
        print_machine(&table, one, state);
    }
    if (cli->json) {
        table_drop(&table);
        json_print(
            json_pack("{s:o, s:o}", "engine", position_json(&edges->head.head), "machines", list));
    } else {
        json_decref(list);
        table_end(&table);
    }
    return fine;
}

int cmd_fleet_edges(struct cli *cli, int, char **)
{
    struct edges *edges = xcalloc(1, sizeof *edges);
    enum result result = read_edges(edges, cli);
    bool fine = result == RESULT_OK && print_edges(edges, cli);
    fleetlink_close(&edges->link);
    free(edges);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    return fine ? CLI_DONE : CLI_FAILED;
}
