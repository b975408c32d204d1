/* UNIX sockets, as options name them: "unix:PATH". */
#ifndef ZONE_UNIXSOCKET_H
#define ZONE_UNIXSOCKET_H

#include <sys/socket.h>
#include <sys/un.h>

#include "zone/base/result.h"

enum {
    UNIXSOCKET_PATH_MAX = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 2
};

/* The path in "unix:PATH"; NULL if the text does not begin so. */
const char *unixsocket_path(const char *place);
/* INVALID if the path is longer than UNIXSOCKET_PATH_MAX. So the address has room for one more
 * octet. */
enum result unixsocket_address(struct sockaddr_un *out, const char *path, struct diag *diag);
/* INVALID also if the path is not absolute: a daemon may change its directory. */
enum result unixsocket_check(const char *path, struct diag *diag);

#endif
