#include "server/metrics/metrics_socket.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/io/listen.h"
#include "zone/base/unixsocket.h"

enum {
    BACKLOG = 8,
    SOCKET_MODE = 0660
};

static bool is_loopback(const struct address *address)
{
    struct address one;
    CHECK(address_parse(&one, "::1") == RESULT_OK);
    return address_is_ipv4(address) ? address->octets[12] == 127 : address_equal(address, &one);
}

static enum result read_endpoint(struct endpoint *out, const char *place, struct diag *diag)
{
    if (endpoint_parse(out, place, 0) != RESULT_OK || out->port == 0) {
        return diag_fail(diag, RESULT_INVALID,
                         "metrics takes unix:PATH or ADDRESS@PORT, not \"%s\"", place);
    }
    if (!is_loopback(&out->address)) {
        return diag_fail(diag, RESULT_INVALID,
                         "%s: metrics are for this machine only (127.0.0.1 or ::1); for others put "
                         "a proxy in front",
                         place);
    }
    return RESULT_OK;
}

enum result metrics_socket_check(const char *place, struct diag *diag)
{
    struct endpoint endpoint;
    const char *path = unixsocket_path(place);
    return path != NULL ? unixsocket_check(path, diag) : read_endpoint(&endpoint, place, diag);
}

static enum result cannot(const char *place, int error, struct diag *diag)
{
    return diag_fail(diag, RESULT_SYSTEM, "can't listen on %s for metrics: %s", place,
                     strerror(error));
}

/* True if somebody listens there. */
static bool is_alive(const struct sockaddr *address, socklen_t len)
{
    const struct timeval patience = { .tv_sec = 1 };
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    bool alive = connect(fd, address, len) == 0 || errno == EAGAIN || errno == EINPROGRESS;
    (void)close(fd);
    return alive;
}

static bool is_other_file(const char *path)
{
    struct stat facts;
    return lstat(path, &facts) == 0 && !S_ISSOCK(facts.st_mode);
}

static bool give_to(const char *path, const char *user)
{
    const struct passwd *entry = user != NULL && geteuid() == 0 ? getpwnam(user) : NULL;
    return entry == NULL || lchown(path, entry->pw_uid, entry->pw_gid) == 0;
}

/* Listens under a name of its own, which is then renamed: at no time is there no socket, nor one
 * that refuses. */
static bool listen_at(int fd, const struct sockaddr_un *address, const char *user)
{
    struct sockaddr_un aside = *address;
    aside.sun_path[strlen(aside.sun_path)] = '~'; /* unixsocket_address left room */
    (void)unlink(aside.sun_path);
    /* Not by chmod afterwards, which would follow a link that somebody put there meanwhile. */
    mode_t usual = umask(0777 & ~SOCKET_MODE);
    bool bound = bind(fd, (const struct sockaddr *)&aside, sizeof(aside)) == 0;
    (void)umask(usual);
    if (!bound) {
        return false;
    }
    if (give_to(aside.sun_path, user) && listen(fd, BACKLOG) == 0 &&
        rename(aside.sun_path, address->sun_path) == 0) {
        return true;
    }
    int error = errno;
    (void)unlink(aside.sun_path);
    errno = error;
    return false;
}

static enum result open_unix(int *out, const char *path, const char *user, bool takeover,
                             struct diag *diag)
{
    struct sockaddr_un address;
    TRY(unixsocket_address(&address, path, diag));
    if (is_other_file(path)) {
        return diag_fail(diag, RESULT_REFUSED, "%s: is no socket and is not replaced by one", path);
    }
    if (!takeover && is_alive((const struct sockaddr *)&address, sizeof(address))) {
        return diag_fail(diag, RESULT_REFUSED, "%s: another program listens on it", path);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || !listen_at(fd, &address, user)) {
        int error = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return cannot(path, error, diag);
    }
    *out = fd;
    return RESULT_OK;
}

static enum result open_tcp(int *out, const char *place, bool takeover, struct diag *diag)
{
    struct endpoint endpoint;
    TRY(read_endpoint(&endpoint, place, diag));
    struct sockaddr_storage address;
    socklen_t len = endpoint_to_sockaddr(&endpoint, &address);
    if (!takeover && is_alive((const struct sockaddr *)&address, len)) {
        return diag_fail(diag, RESULT_REFUSED, "%s: another program listens on it", place);
    }
    int fd = -1;
    TRY(listen_socket(&fd, &endpoint, SOCK_STREAM, diag));
    if (listen(fd, BACKLOG) != 0) {
        int error = errno;
        (void)close(fd);
        return cannot(place, error, diag);
    }
    *out = fd;
    return RESULT_OK;
}

enum result metrics_socket_open(int *out, const char *place, const char *user, bool takeover,
                                struct diag *diag)
{
    const char *path = unixsocket_path(place);
    return path != NULL ? open_unix(out, path, user, takeover, diag)
                        : open_tcp(out, place, takeover, diag);
}
