/* The directory of a node of the engine: all that etcd needs to start, to be copied to that node's
 * machine. Paths in it are relative: etcd runs in the directory, and keeps its data in it. */
#ifndef TOOLS_ENGINENODE_H
#define TOOLS_ENGINENODE_H

#include "tools/fleet/membership.h"

struct enginenode {
    char name[MACHINE_ROOM];
    struct endpoint clients; /* where it listens for machines; for other nodes: the next port */
};

/* NODE=ADDRESS[@PORT]. */
enum result enginenode_parse(struct enginenode *out, const char *text, struct diag *diag);
/* INVALID if two have a name or an endpoint in common. */
enum result enginenode_check(const struct enginenode *nodes, unsigned count, struct diag *diag);
/* All nodes of an engine, and whose it is. */
struct enginenode_plan {
    const struct enginenode *nodes;
    unsigned count;
    const struct membership *membership;
    const uint8_t *ca_secret; /* LEDGERHEAD_SECRET octets */
};
/* Makes <out_dir>/<name> for one of them, with etcd.conf.yml, certificates and keys. Files that are
 * there already are left alone: a node that has started keeps its keys. */
enum result enginenode_write(const char *out_dir, const struct enginenode_plan *plan,
                             unsigned which, struct diag *diag);

#endif
