/* fleet nodes: where this machine asks the engine from now on, after a node got another address. */
#include <stdio.h>

#include <sodium.h>

#include "tools/auditnote.h"
#include "tools/commands.h"
#include "tools/fleetlink.h"
#include "tools/output.h"

static enum result read_nodes(struct membership *out, struct cli *cli, int argc, char **argv)
{
    ASSERT(argc <= ETCD_NODES_MAX);
    out->node_count = 0;
    for (int i = 0; i < argc; i++) {
        struct endpoint *node = &out->nodes[out->node_count];
        if (endpoint_parse(node, argv[i], ETCD_PORT) != RESULT_OK) {
            return diag_fail(&cli->diag, RESULT_USAGE,
                             "%.80s is no address of a node: an IP address, perhaps with @PORT",
                             argv[i]);
        }
        for (unsigned j = 0; j < out->node_count; j++) {
            if (address_equal(&node->address, &out->nodes[j].address) &&
                node->port == out->nodes[j].port) {
                return diag_fail(&cli->diag, RESULT_USAGE, "%.80s is given twice", argv[i]);
            }
        }
        out->node_count++;
    }
    return RESULT_OK;
}

static enum result set_nodes(struct membership *membership, struct cli *cli, int argc, char **argv)
{
    TRY(membership_read(membership, cli->state_dir, &cli->diag));
    TRY(read_nodes(membership, cli, argc, argv));
    TRY(membership_write_nodes(cli->state_dir, membership, &cli->diag));
    auditnote_append(cli, true);
    return RESULT_OK;
}

int cmd_fleet_nodes(struct cli *cli, int argc, char **argv)
{
    struct membership membership = { .name = "" };
    enum result result = set_nodes(&membership, cli, argc, argv);
    unsigned count = membership.node_count;
    sodium_memzero(&membership, sizeof membership);
    if (result != RESULT_OK) {
        return cli_fail(cli, result);
    }
    if (cli->json) {
        json_print(json_pack("{s:i}", "nodes", (int)count));
    } else {
        printf("This machine asks %u node%s of the engine from now on; its ntspool-feedd starts "
               "anew for that.\n"
               "Next: `ntspool fleet status`, and the same command on each other machine.\n",
               count, count == 1 ? "" : "s");
    }
    return CLI_DONE;
}
