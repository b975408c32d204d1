/* Where metrics are scraped: "unix:PATH" or "ADDRESS@PORT", of this machine only. The metrics tell
 * of clients and of the load, and the HTTP server is not made for strangers: from other machines
 * a scraper comes through a proxy or a tunnel. */
#ifndef SERVER_METRICS_SOCKET_H
#define SERVER_METRICS_SOCKET_H

#include <stdbool.h>

#include "zone/base/result.h"

enum {
    METRICS_SOCKETS_MAX = 4
};

/* INVALID, with words, if the place is none. */
enum result metrics_socket_check(const char *place, struct diag *diag);
/* A listening socket. The file of a UNIX socket is of mode 0660, and belongs to `user` if the
 * process is root (NULL: to root). It replaces one that nobody listens on. `takeover`: also one
 * that somebody does; the other keeps its connections. REFUSED if somebody listens, SYSTEM if the
 * place can't be had. */
enum result metrics_socket_open(int *out, const char *place, const char *user, bool takeover,
                                struct diag *diag);

#endif
