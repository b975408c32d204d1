/* All of --xdp: the program on each interface, and who answers its queues. What can't be used is
 * logged, and sockets answer instead. */
#ifndef SERVER_XDP_SET_H
#define SERVER_XDP_SET_H

#include "server/io/crew.h"
#include "server/io/xdp.h"
#include "zone/base/log.h"

struct xdp_set {
    struct xdp_program programs[XDP_PLACES_MAX];
    size_t count;
};

struct xdp_wish {
    const struct xdp_place *places;
    size_t count; /* at most XDP_PLACES_MAX */
    const struct endpoint *listen;
    size_t listen_count;
    log_sink *log;
};

/* Opens the queues for the UDP workers, queue i for worker i modulo their number, before the
 * process gives up its rights and before the workers start. */
void xdp_set_open(struct xdp_set *set, const struct xdp_wish *wish, const struct crew *crew);
/* Takes the programs away: sockets get all queries from now on. Queues still answer what they have,
 * and end with their workers. */
void xdp_set_close(struct xdp_set *set);

#endif
