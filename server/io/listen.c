#include "server/io/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/in6.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum {
    /* Of one connection, each way; the kernel doubles it for its own needs. Without it, buffers
     * grow to some megabytes for clients that don't read. */
    TCP_BUFFER = 64 << 10
};

bool listen_is_wildcard(const struct endpoint *endpoint)
{
    static const uint8_t zero[16];
    const uint8_t *octets = endpoint->address.octets;
    return memcmp(octets, zero, 16) == 0 ||
           (address_is_ipv4(&endpoint->address) && memcmp(octets + 12, zero, 4) == 0);
}

static bool set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

bool listen_has_ipv6(void)
{
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno != EAFNOSUPPORT;
    }
    (void)close(fd);
    return true;
}

bool listen_is_here(const struct endpoint *endpoint)
{
    struct sockaddr_storage address;
    const struct endpoint any_port = { .address = endpoint->address };
    socklen_t len = endpoint_to_sockaddr(&any_port, &address);
    int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool here = fd >= 0 && bind(fd, (const struct sockaddr *)&address, len) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return here;
}

/* At boot the server may start before the address is there; not every kernel allows this. */
static bool set_address_options(int fd, bool v4)
{
    (void)(v4 ? set_option(fd, IPPROTO_IP, IP_FREEBIND, 1)
              : set_option(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1));
    return v4 || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
}

bool listen_is_taken(const struct endpoint *endpoint)
{
    struct sockaddr_storage address;
    socklen_t len = endpoint_to_sockaddr(endpoint, &address);
    int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool taken = fd >= 0 && set_address_options(fd, address_is_ipv4(&endpoint->address)) &&
                 bind(fd, (const struct sockaddr *)&address, len) != 0 && errno == EADDRINUSE;
    if (fd >= 0) {
        (void)close(fd);
    }
    return taken;
}

enum result listen_check_free(const struct endpoint *endpoint, struct diag *diag)
{
    char text[ADDRESS_TEXT_MAX];
    if (listen_is_taken(endpoint)) {
        return diag_fail(diag, RESULT_REFUSED,
                         "can't listen on %s@%u: another program does, or another ntspoold",
                         address_text(&endpoint->address, text), endpoint->port);
    }
    return RESULT_OK;
}

/* Those that a bound socket takes as well. */
static bool set_options(int fd, const struct endpoint *endpoint, int type)
{
    bool v4 = address_is_ipv4(&endpoint->address);
    if (type == SOCK_STREAM) {
        /* Connections inherit these from their listener. */
        return set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) &&
               set_option(fd, SOL_SOCKET, SO_RCVBUF, TCP_BUFFER) &&
               set_option(fd, SOL_SOCKET, SO_SNDBUF, TCP_BUFFER);
    }
    /* A smaller buffer is no error: without root, net.core.rmem_max is the limit. */
    (void)(set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, LISTEN_UDP_BUFFER) ||
           set_option(fd, SOL_SOCKET, SO_RCVBUF, LISTEN_UDP_BUFFER));
    (void)set_option(fd, SOL_SOCKET, SO_SNDBUF, LISTEN_UDP_BUFFER);
    /* Responses fit any path. A forged "too big" must not cause fragments (RFC 9715 3.1). */
    bool ok = v4 ? set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT)
                 : set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
    if (listen_is_wildcard(endpoint)) {
        ok = ok && (v4 ? set_option(fd, IPPROTO_IP, IP_PKTINFO, 1)
                       : set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
    }
    return ok;
}

static bool set_first_options(int fd, const struct endpoint *endpoint, int type)
{
    return set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) &&
           set_address_options(fd, address_is_ipv4(&endpoint->address)) &&
           (type == SOCK_DGRAM || set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1));
}

enum result listen_socket(int *out, const struct endpoint *endpoint, int type, struct diag *diag)
{
    struct sockaddr_storage address;
    socklen_t len = endpoint_to_sockaddr(endpoint, &address);
    int fd = socket(address.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || !set_first_options(fd, endpoint, type) || !set_options(fd, endpoint, type) ||
        bind(fd, (const struct sockaddr *)&address, len) != 0) {
        int error = errno;
        char text[ADDRESS_TEXT_MAX];
        if (fd >= 0) {
            (void)close(fd);
        }
        return diag_fail(diag, RESULT_SYSTEM, "can't listen on %s@%u (%s): %s%s",
                         address_text(&endpoint->address, text), endpoint->port,
                         type == SOCK_DGRAM ? "UDP" : "TCP", strerror(error),
                         error == EACCES ? "; ports under 1024 need CAP_NET_BIND_SERVICE" : "");
    }
    *out = fd;
    return RESULT_OK;
}

/* -1 if the socket has no such option. */
static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof(value);
    return getsockopt(fd, level, name, &value, &len) == 0 ? value : -1;
}

/* A connected UDP socket has been retired (server/io/udp.h). */
static bool receives(int fd, int type)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof(peer);
    return type == SOCK_STREAM ? option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1
                               : getpeername(fd, (struct sockaddr *)&peer, &len) != 0;
}

int listen_buffer(int fd)
{
    return option(fd, SOL_SOCKET, SO_RCVBUF) / 2; /* the kernel counts its own needs too */
}

bool listen_look(struct endpoint *endpoint, int *type, int fd)
{
    struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
    socklen_t len = sizeof(address);
    int kind = option(fd, SOL_SOCKET, SO_TYPE), family = option(fd, SOL_SOCKET, SO_DOMAIN);
    int flags = fcntl(fd, F_GETFL);
    if (option(fd, SOL_SOCKET, SO_PROTOCOL) != (kind == SOCK_DGRAM ? IPPROTO_UDP : IPPROTO_TCP) ||
        option(fd, SOL_SOCKET, SO_REUSEPORT) != 1 || !receives(fd, kind) ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0 ||
        endpoint_of_sockaddr(endpoint, (const struct sockaddr *)&address) != RESULT_OK ||
        address_is_ipv4(&endpoint->address) != (family == AF_INET) || endpoint->port == 0 ||
        (family == AF_INET6 && option(fd, IPPROTO_IPV6, IPV6_V6ONLY) != 1)) {
        return false;
    }
    *type = kind;
    return fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && set_options(fd, endpoint, kind);
}
