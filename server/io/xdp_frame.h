/* A DNS query in an Ethernet frame, and the frame of its answer: what the kernel does for a socket.
 * Pure functions.
 *
 * A frame counts as a query if nothing in it needs the kernel: at most one 802.1Q tag, IPv4 without
 * options or IPv6 without extension headers, no fragment, UDP. Lengths and checksums must be
 * right. */
#ifndef SERVER_XDP_FRAME_H
#define SERVER_XDP_FRAME_H

#include "zone/base/address.h"

enum {
    XDP_FRAME_ETHERNET = 14,
    XDP_FRAME_TAG = 4, /* of a VLAN */
    XDP_FRAME_IPV4 = 20,
    XDP_FRAME_IPV6 = 40,
    XDP_FRAME_UDP = 8,
    XDP_FRAME_HEADERS_MAX = XDP_FRAME_ETHERNET + XDP_FRAME_TAG + XDP_FRAME_IPV6 + XDP_FRAME_UDP
};

struct xdp_frame {
    const uint8_t *data;
    unsigned ip, udp, headers; /* where they begin; all headers together */
    bool ipv6;
    struct endpoint client, server;
    struct octets message; /* behind the headers */
};

/* False if the frame is none, or its sender can't be answered. */
bool xdp_frame_read(struct xdp_frame *out, const uint8_t *data, size_t len);
/* Writes the headers in front of an answer of `len` octets, at most 65,507 less the headers, that
 * stands at out + query->headers. It goes back the way that the query came. Returns the length of
 * the frame. `out` is another frame than the query's. */
size_t xdp_frame_reply(uint8_t *out, const struct xdp_frame *query, size_t len);

#endif
