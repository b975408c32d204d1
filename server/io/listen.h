/* Makes a socket that listens on an address, shared by the workers (SO_REUSEPORT). */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include "zone/base/address.h"

/* True if this kernel knows IPv6. */
bool listen_has_ipv6(void);
/* True if the address is one of this machine, or 0.0.0.0 or ::. */
bool listen_is_here(const struct endpoint *endpoint);
/* Whether sockets of another program, or of another ntspoold, have it: they would share the queries
 * with ours. */
bool listen_is_taken(const struct endpoint *endpoint);
/* A non-blocking, bound socket of `type` SOCK_DGRAM or SOCK_STREAM (not yet listening). An address
 * that is not here yet is bound all the same, and answered on once it is. SYSTEM with the address
 * in the diag. */
enum result listen_socket(int *out, const struct endpoint *endpoint, int type, struct diag *diag);
/* True for 0.0.0.0 and ::, where a reply must be told which address to come from. */
bool listen_is_wildcard(const struct endpoint *endpoint);

#endif
