/* A network interface, as XDP needs to know it. */
#ifndef SERVER_XDP_INTERFACE_H
#define SERVER_XDP_INTERFACE_H

#include <net/if.h>

#include "server/io/xdp_program.h"

enum {
    XDP_PLACES_MAX = 64
};

/* A value of --xdp: INTERFACE, or INTERFACE:QUEUE. */
struct xdp_place {
    char interface[IF_NAMESIZE];
    int queue; /* -1: all */
};

struct xdp_interface {
    unsigned index, queues;
    uint8_t mac[6];
};

/* INVALID with what is wrong. */
enum result xdp_place_parse(struct xdp_place *out, const char *text, struct diag *diag);
/* MISSING if XDP can't be used on it: it is not there, is down, is no Ethernet, has an MTU under
 * 1280 (answers must fit), or lacks the queue. */
enum result xdp_interface_look(struct xdp_interface *out, const struct xdp_place *place,
                               struct diag *diag);
/* Where queries to the `ends` come to on that interface, at most XDP_TARGETS_MAX. A wildcard stands
 * for all addresses that the machine has now. Returns their number. */
size_t xdp_interface_targets(struct xdp_target *out, const char *interface,
                             const struct endpoint *ends, size_t count);

#endif
