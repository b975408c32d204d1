/* Makes a socket that listens on an address, shared by the workers (SO_REUSEPORT). */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include "zone/address.h"

/* A non-blocking, bound socket of `type` SOCK_DGRAM or SOCK_STREAM (not yet listening). SYSTEM with the address in the diag. */
enum result listen_socket(int *out, const struct endpoint *endpoint, int type, struct diag *diag);
/* True for 0.0.0.0 and ::, where a reply must be told which address to come from. */
bool listen_is_wildcard(const struct endpoint *endpoint);

#endif
