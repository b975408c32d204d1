/* fleet status, edges: how far this machine is, the engine, and the others. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/commands.h"
#include "tools/fleet/agree.h"
#include "tools/fleet/enginehead.h"
#include "tools/fleetlink.h"
#include "tools/output.h"
#include "tools/session.h"
#include "zone/fleet/hello.h"
#include "zone/fleet/letter.h"
#include "zone/registry/registry_ledger.h"

enum {
    /* A machine says how far it is each minute: only a head that is older says that it is behind.
     */
    SETTLED_S = HELLO_MS / 1000 + 10,
    KEY_ROOM = MEMBERSHIP_PREFIX_ROOM + LETTER_KEY_ROOM,
    MEBI = 1 << 20
};

/* -- status -- */

struct fleet_status {
    struct fleetlink link;
    struct ledgerhead_position mine;   /* seq 0: nothing was taken yet */
    struct ledgerhead_position theirs; /* of the engine */
    enum result engine;                /* OK: `theirs` is known */
    struct diag why;
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

static enum result read_mine(struct ledgerhead_position *out, struct cli *cli)
{
    struct session session = { 0 };
    enum result result = session_read(&session, cli, STORE_REGISTRY);
    if (result == RESULT_OK) {
        result = registry_position(session.txn[STORE_REGISTRY], out);
    }
    session_done(&session);
    return result == RESULT_NOT_FOUND ? RESULT_OK : result;
}

static enum result read_status(struct fleet_status *status, struct cli *cli)
{
    TRY(fleetlink_open(&status->link, cli));
    TRY(read_mine(&status->mine, cli));
    status->engine =
        enginehead_read(status->link.etcd, &status->link.membership, &status->theirs, &status->why);
    ask_nodes(status);
    return RESULT_OK;
}

/* What this machine's copy is to the engine's. */
static const char *standing(const struct fleet_status *status)
{
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

static void print_status_json(const struct fleet_status *status)
{
    const struct membership *membership = &status->link.membership;
    json_t *nodes = json_array();
    for (unsigned i = 0; i < membership->node_count; i++) {
        json_array_append_new(nodes, node_json(&membership->nodes[i], &status->nodes[i]));
    }
    json_print(json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "name", membership->name,
                         "role", machine_role_text(membership->role), "pool", membership->apex,
                         "standing", standing(status), "here", position_json(&status->mine.head),
                         "engine", position_json(&status->theirs.head), "trouble",
                         json_text_or_null(status->engine == RESULT_OK ? "" : status->why.text),
                         "nodes", nodes));
}

static void print_node(const struct endpoint *endpoint, const struct node_status *node)
{
    char address[ADDRESS_TEXT_MAX], safe[sizeof node->why.text];
    printf("  %s@%u  ", address_text(&endpoint->address, address), (unsigned)endpoint->port);
    if (node->result != RESULT_OK) {
        printf("%s\n", output_escape(safe, sizeof safe, node->why.text));
        return;
    }
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
    printf("%s, %s of the fleet of %s: %s\n", membership->name, machine_role_text(membership->role),
           membership->apex, standing(status));
    print_position("here  ", &status->mine.head);
    print_position("engine", &status->theirs.head);
    if (status->engine != RESULT_OK) {
        printf("The engine does not tell its state: %s\n", status->why.text);
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
    fleetlink_close(&status.link);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    return level ? CLI_DONE : CLI_FAILED;
}

/* -- edges -- */

struct fleet_machine {
    struct machine machine;
    bool heard; /* its last hello could be read and is signed by it */
    struct hello hello;
    uint64_t heard_at;
};

struct fleet_machines {
    struct fleetlink link;
    struct ledgerhead_position head; /* of the engine */
    unsigned count;
    struct fleet_machine list[MACHINES_MAX]; /* in order of name */
};

static enum result note_machine(const struct machine *machine, void *arg)
{
    struct fleet_machines *machines = arg;
    if (machines->count < MACHINES_MAX) {
        machines->list[machines->count++] = (struct fleet_machine){ .machine = *machine };
    }
    return RESULT_OK;
}

static void read_hello(struct fleet_machine *one, const struct membership *membership,
                       struct octets octets)
{
    struct letter letter;
    one->heard = letter_open(&letter, octets, membership->ledger, one->machine.key) == RESULT_OK &&
                 letter.kind == LETTER_HELLO && strcmp(letter.machine, one->machine.name) == 0 &&
                 hello_decode(&one->hello, letter.text) == RESULT_OK;
    one->heard_at = one->heard ? letter.made_at : 0;
}

/* Asks for the hellos of all machines at once. */
static void ask_for(struct fleet_machines *machines, struct protobuf *request)
{
    for (unsigned i = 0; i < machines->count; i++) {
        struct letter letter = { .kind = LETTER_HELLO };
        char name[LETTER_KEY_ROOM], key[KEY_ROOM];
        (void)snprintf(letter.machine, sizeof letter.machine, "%s", machines->list[i].machine.name);
        (void)snprintf(key, sizeof key, "%s%s", machines->link.membership.prefix,
                       letter_key(&letter, name));
        const struct etcdrequest_range range = { .keys.from = etcdrequest_text(key) };
        etcdrequest_get(request, false, &range);
    }
}

static enum result read_hellos(struct fleet_machines *machines, struct diag *diag)
{
    struct protobuf request = { .data = NULL };
    struct etcdreply_txn reply;
    struct etcdreply_part part;
    struct etcdreply_row row;
    ask_for(machines, &request);
    const struct etcd_plan plan = { .method = ETCD_TXN,
                                    .request = &request,
                                    .node = ETCD_ANY_NODE };
    struct etcd_call *call = etcd_call_start(machines->link.etcd, &plan);
    enum result result = etcd_call_wait(call, diag);
    if (result == RESULT_OK) {
        result = etcdreply_txn(&reply, etcd_call_reply(call), diag);
    }
    for (unsigned i = 0;
         result == RESULT_OK && i < machines->count && etcdreply_next_part(&reply, &part); i++) {
        if (part.kind == ETCDREPLY_GOT && etcdreply_next_row(&part.got, &row)) {
            read_hello(&machines->list[i], &machines->link.membership, row.value);
        }
    }
    etcd_call_free(call);
    protobuf_free(&request);
    return result;
}

static enum result read_machines(struct fleet_machines *machines, struct cli *cli)
{
    struct session session = { 0 };
    TRY(fleetlink_open(&machines->link, cli));
    enum result result = session_read(&session, cli, STORE_REGISTRY);
    if (result == RESULT_OK) {
        result = registry_machines(session.txn[STORE_REGISTRY], note_machine, machines);
    }
    session_done(&session);
    TRY(result);
    TRY(enginehead_read(machines->link.etcd, &machines->link.membership, &machines->head,
                        &cli->diag));
    return read_hellos(machines, &cli->diag);
}

static bool is_level(const struct fleet_machine *one, const struct ledgerhead *head)
{
    return one->hello.epoch == head->epoch && one->hello.seq >= head->seq;
}

/* "evicted", "never heard", "silent", "behind" or "level". */
static const char *state_of(const struct fleet_machine *one, const struct ledgerhead *head,
                            uint64_t now)
{
    if (one->machine.evicted_at != 0) {
        return "evicted";
    }
    if (!one->heard) {
        return "never heard";
    }
    if (one->heard_at + HELLO_SILENT_S < now) {
        return "silent";
    }
    return is_level(one, head) || head->at + SETTLED_S > now ? "level" : "behind";
}

/* True if nobody has to look at it. */
static bool is_fine(const char *state)
{
    return strcmp(state, "level") == 0 || strcmp(state, "evicted") == 0;
}

static json_t *machine_json(const struct fleet_machine *one, const char *state)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "name", one->machine.name, "role",
                     machine_role_text(one->machine.role), "state", state, "heard_at",
                     json_time(one->heard_at), "epoch",
                     one->heard ? json_integer(one->hello.epoch) : json_null(), "change",
                     one->heard ? json_integer((json_int_t)one->hello.seq) : json_null(), "version",
                     json_text_or_null(one->heard ? one->hello.version : ""), "evicted_at",
                     json_time(one->machine.evicted_at));
}

static void print_machine(struct table *table, const struct fleet_machine *one, const char *state)
{
    char at[OUTPUT_TIME_ROOM];
    table_cell(table, one->machine.name);
    table_cell(table, machine_role_text(one->machine.role));
    table_cell(table, state);
    if (one->heard) {
        table_cellf(table, "%" PRIu32 "/%" PRIu64, one->hello.epoch, one->hello.seq);
    } else {
        table_cell(table, "");
    }
    table_cell(table, output_time(one->heard_at, at));
    table_cell(table, one->heard ? one->hello.version : "");
}

static bool print_machines(const struct fleet_machines *machines, const struct cli *cli)
{
    static const char *const heads[] = { "MACHINE", "ROLE", "STATE", "CHANGE", "HEARD", "VERSION" };
    const struct ledgerhead *head = &machines->head.head;
    uint64_t now = session_now();
    struct table table;
    json_t *list = json_array();
    bool fine = true;
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    for (unsigned i = 0; i < machines->count; i++) {
        const struct fleet_machine *one = &machines->list[i];
        const char *state = state_of(one, head, now);
        fine = fine && is_fine(state);
        json_array_append_new(list, machine_json(one, state));
        print_machine(&table, one, state);
    }
    if (cli->json) {
        table_drop(&table);
        json_print(json_pack("{s:o, s:o}", "engine", position_json(head), "machines", list));
    } else {
        json_decref(list);
        table_end(&table);
    }
    return fine;
}

int cmd_fleet_edges(struct cli *cli, int, char **)
{
    struct fleet_machines *machines = xcalloc(1, sizeof *machines);
    enum result result = read_machines(machines, cli);
    bool fine = result == RESULT_OK && print_machines(machines, cli);
    fleetlink_close(&machines->link);
    free(machines);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    return fine ? CLI_DONE : CLI_FAILED;
}
