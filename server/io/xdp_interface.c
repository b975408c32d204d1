#include "server/io/xdp_interface.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "server/io/listen.h"

enum {
    MTU_MIN = 1280 /* of IPv6: every answer fits */
};

enum result xdp_place_parse(struct xdp_place *out, const char *text, struct diag *diag)
{
    const char *colon = strchr(text, ':');
    size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);
    *out = (struct xdp_place){ .queue = -1 };
    if (len == 0 || len >= sizeof(out->interface) || memchr(text, '/', len) != NULL) {
        return diag_fail(diag, RESULT_INVALID,
                         "--xdp takes INTERFACE or INTERFACE:QUEUE, not \"%s\"", text);
    }
    memcpy(out->interface, text, len);
    if (colon != NULL) {
        char *end = NULL;
        unsigned long queue =
            colon[1] >= '0' && colon[1] <= '9' ? strtoul(colon + 1, &end, 10) : XDP_QUEUES_MAX;
        if (queue >= XDP_QUEUES_MAX || *end != '\0') {
            return diag_fail(diag, RESULT_INVALID, "--xdp takes a queue from 0 to %d, not \"%s\"",
                             XDP_QUEUES_MAX - 1, colon + 1);
        }
        out->queue = (int)queue;
    }
    return RESULT_OK;
}

/* The receive queues; 0 if the driver does not tell. */
static unsigned count_queues(int fd, struct ifreq *request)
{
    struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
    request->ifr_data = (char *)&channels;
    if (ioctl(fd, SIOCETHTOOL, request) != 0) {
        return 0;
    }
    unsigned count = channels.rx_count + channels.combined_count;
    return count > XDP_QUEUES_MAX ? XDP_QUEUES_MAX : count;
}

/* What is wrong with the interface, or NULL. */
static const char *look(struct xdp_interface *out, int fd, struct ifreq *request)
{
    if (ioctl(fd, SIOCGIFINDEX, request) != 0) {
        return "there is no such interface";
    }
    out->index = (unsigned)request->ifr_ifindex;
    if (ioctl(fd, SIOCGIFHWADDR, request) != 0 || request->ifr_hwaddr.sa_family != ARPHRD_ETHER) {
        return "it is no Ethernet";
    }
    memcpy(out->mac, request->ifr_hwaddr.sa_data, sizeof(out->mac));
    if (ioctl(fd, SIOCGIFMTU, request) != 0 || request->ifr_mtu < MTU_MIN) {
        return "its MTU is under 1280";
    }
    if (ioctl(fd, SIOCGIFFLAGS, request) != 0 || (request->ifr_flags & IFF_UP) == 0) {
        return "it is down";
    }
    out->queues = count_queues(fd, request);
    return NULL;
}

enum result xdp_interface_look(struct xdp_interface *out, const struct xdp_place *place,
                               struct diag *diag)
{
    struct ifreq request = { .ifr_ifindex = 0 };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    memcpy(request.ifr_name, place->interface, sizeof(request.ifr_name));
    const char *wrong = fd < 0 ? strerror(errno) : look(out, fd, &request);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (wrong == NULL && out->queues > 0 && place->queue >= (int)out->queues) {
        wrong = "there is no such queue";
    }
    return wrong == NULL ? RESULT_OK : diag_fail(diag, RESULT_MISSING, "%s", wrong);
}

/* The tag of queries to addresses of the interface `name`. -1: they do not come by `lower`, as far
 * as that is known. */
static int tag_of(int fd, const char *name, const char *lower)
{
    struct vlan_ioctl_args request = { .cmd = GET_VLAN_REALDEV_NAME_CMD };
    (void)snprintf(request.device1, sizeof(request.device1), "%s", name);
    if (fd < 0 || ioctl(fd, SIOCGIFVLAN, &request) != 0) {
        return 0; /* no VLAN: `lower`, or an interface whose addresses routers may send there */
    }
    if (strcmp(request.u.device2, lower) != 0) {
        return -1;
    }
    request.cmd = GET_VLAN_VID_CMD;
    return ioctl(fd, SIOCGIFVLAN, &request) == 0 ? request.u.VID : -1;
}

/* The targets of one address of the machine. */
static size_t add_targets(struct xdp_target *out, const struct xdp_target *local,
                          const struct endpoint *ends, size_t count)
{
    const struct address *here = &local->endpoint.address;
    size_t added = 0;
    for (size_t i = 0; i < count; i++) {
        bool same = listen_is_wildcard(&ends[i])
                        ? address_is_ipv4(&ends[i].address) == address_is_ipv4(here)
                        : address_equal(&ends[i].address, here);
        if (same) {
            out[added] = *local;
            out[added++].endpoint.port = ends[i].port;
        }
    }
    return added;
}

size_t xdp_interface_targets(struct xdp_target *out, const char *interface,
                             const struct endpoint *ends, size_t count)
{
    struct ifaddrs *all = NULL;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    size_t found = 0;
    if (getifaddrs(&all) != 0) {
        all = NULL;
    }
    for (const struct ifaddrs *at = all; at != NULL && found + count <= XDP_TARGETS_MAX;
         at = at->ifa_next) {
        struct xdp_target local;
        int tag = tag_of(fd, at->ifa_name, interface);
        if (tag >= 0 && at->ifa_addr != NULL &&
            endpoint_of_sockaddr(&local.endpoint, at->ifa_addr) == RESULT_OK) {
            local.vlan = (uint16_t)tag;
            found += add_targets(out + found, &local, ends, count);
        }
    }
    freeifaddrs(all);
    if (fd >= 0) {
        (void)close(fd);
    }
    return found;
}
