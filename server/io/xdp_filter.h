/* The instructions of the program that the kernel runs for each frame (server/io/xdp_program.h),
 * and what stands in its maps. */
#ifndef SERVER_XDP_FILTER_H
#define SERVER_XDP_FILTER_H

#include <linux/bpf.h>
#include <stdatomic.h>

#include "zone/base/address.h"

enum {
    XDP_FILTER_MAX = 160,      /* instructions */
    XDP_QUERY_MAX = 1232,      /* octets of a DNS message */
    XDP_QUEUES_MAX = 256,      /* of an interface */
    XDP_NETWORKS = 1 << 16,    /* told apart */
    XDP_INTERVAL_MAX = 1 << 26 /* nanoseconds, 67 ms: 15 queries a second */
};

/* What the program and the worker of a queue tell each other. */
struct xdp_share {
    /* Nanoseconds, at most XDP_INTERVAL_MAX, between queries of one network. 0: all are taken. */
    atomic_uint_fast64_t interval;
    atomic_uint_fast64_t shed; /* queries dropped */
};

/* Descriptors, -1: none. */
struct xdp_maps {
    int sockets, targets, shares, networks;
};

/* The key of the map of targets. All of it is compared, so it has no gaps. */
struct xdp_key {
    struct address address;
    uint16_t port, tag; /* as they stand in a frame */
};

/* An entry of the map of networks. */
struct xdp_network {
    uint64_t due; /* when its queries would all have come, one in each interval */
    uint64_t network;
};

struct xdp_filter {
    struct bpf_insn at[XDP_FILTER_MAX];
    unsigned count;
};

/* Writes it for frames to `mac`. */
void xdp_filter_write(struct xdp_filter *filter, const uint8_t mac[6], const struct xdp_maps *maps);

#endif
