#include "zone/base/unixsocket.h"

#include <string.h>

const char *unixsocket_path(const char *place)
{
    static const char prefix[] = "unix:";
    size_t len = sizeof(prefix) - 1;
    return strncmp(place, prefix, len) == 0 ? place + len : NULL;
}

enum result unixsocket_address(struct sockaddr_un *out, const char *path, struct diag *diag)
{
    size_t len = strlen(path);
    if (len > UNIXSOCKET_PATH_MAX) {
        return diag_fail(diag, RESULT_INVALID,
                         "the path of a UNIX socket has at most %d octets, unlike \"%.200s\"",
                         UNIXSOCKET_PATH_MAX, path);
    }
    *out = (struct sockaddr_un){ .sun_family = AF_UNIX };
    memcpy(out->sun_path, path, len);
    return RESULT_OK;
}

enum result unixsocket_check(const char *path, struct diag *diag)
{
    struct sockaddr_un address;
    if (path[0] != '/') {
        return diag_fail(diag, RESULT_INVALID,
                         "the path of a UNIX socket is absolute (/...), not \"%.200s\"", path);
    }
    return unixsocket_address(&address, path, diag);
}
