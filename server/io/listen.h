/* Sockets that listen on an address, shared by the workers (SO_REUSEPORT). */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include "zone/base/address.h"

enum {
    /* What is asked for, in octets: some ten thousand queries, in a burst or while no process reads
     * them. */
    LISTEN_UDP_BUFFER = 16 << 20
};

/* True if the kernel has IPv6. */
bool listen_has_ipv6(void);
/* True if the address is on this machine, or is 0.0.0.0 or ::. */
bool listen_is_here(const struct endpoint *endpoint);
/* True if another program, or another ntspoold, has a socket on it: they would share the
 * queries. */
bool listen_is_taken(const struct endpoint *endpoint);
/* REFUSED if the address is taken. */
enum result listen_check_free(const struct endpoint *endpoint, struct diag *diag);
/* A non-blocking, bound socket of `type` SOCK_DGRAM or SOCK_STREAM (not yet listening). The address
 * need not be on this machine yet. SYSTEM with the address in the diag. */
enum result listen_socket(int *out, const struct endpoint *endpoint, int type, struct diag *diag);
/* The octets that wait at most at a UDP socket. */
int listen_buffer(int fd);
/* True if `fd` is a socket that listen_socket has made, in this process or in another one, and that
 * still receives: then what it is bound to, and SOCK_DGRAM or SOCK_STREAM. Sets its options anew.
 */
bool listen_look(struct endpoint *endpoint, int *type, int fd);
/* True for 0.0.0.0 and ::, where a reply must be given its source address. */
bool listen_is_wildcard(const struct endpoint *endpoint);

#endif
