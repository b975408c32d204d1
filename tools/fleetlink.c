#include "tools/fleetlink.h"

#include <sodium.h>

bool fleetlink_name_fine(const char *name)
{
    return machine_name_fine(name) && strcmp(name, "root") != 0;
}

enum result fleetlink_open(struct fleetlink *link, struct cli *cli)
{
    TRY(membership_read(&link->membership, cli->state_dir, &cli->diag));
    const struct etcd_config config = membership_engine(&link->membership);
    return etcd_new(&link->etcd, &config, &cli->diag);
}

enum result fleetlink_ca_secret(const struct fleetlink *link, struct cli *cli,
                                uint8_t out[LEDGERHEAD_SECRET])
{
    struct membership_papers papers;
    if (link->membership.role != MACHINE_ADMIN) {
        return diag_fail(&cli->diag, RESULT_REFUSED,
                         "this machine is %s of its fleet: run the command on an admin",
                         link->membership.role == MACHINE_EDGE ? "an edge" : "a vantage point");
    }
    TRY(membership_read_papers(&papers, cli->state_dir, &cli->diag));
    enum result result = membership_key_of_pem(papers.ca_key, out, &cli->diag);
    sodium_memzero(&papers, sizeof papers);
    return result;
}

void fleetlink_close(struct fleetlink *link)
{
    if (link->etcd != NULL) {
        etcd_free(link->etcd);
    }
    sodium_memzero(link, sizeof *link);
}
