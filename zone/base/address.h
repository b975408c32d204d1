/* Internet addresses. IPv4 addresses are kept as IPv4-mapped IPv6 (RFC 4291 2.5.5.2), so that one
 * form of 16 octets serves both families. */
#ifndef ZONE_ADDRESS_H
#define ZONE_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "zone/base/result.h"
#include "zone/base/wire.h"

enum {
    ADDRESS_TEXT_MAX = INET6_ADDRSTRLEN
};

struct address {
    uint8_t octets[16];
};

/* Index of arrays that have an item for each family. */
enum address_family {
    ADDRESS_IPV6 = 0,
    ADDRESS_IPV4,
    ADDRESS_FAMILIES
};

/* An address and a port, as in the option value `ADDRESS@PORT`. */
struct endpoint {
    struct address address;
    uint16_t port;
};

/* "192.0.2.1" or "2001:db8::1". An IPv4-mapped IPv6 text becomes IPv4. INVALID for anything else.
 */
enum result address_parse(struct address *out, const char *text);
/* `ADDRESS` or `ADDRESS@PORT`. */
enum result endpoint_parse(struct endpoint *out, const char *text, uint16_t default_port);
/* `out` has room for ADDRESS_TEXT_MAX octets. Returns `out`. */
char *address_text(const struct address *address, char *out);
bool address_is_ipv4(const struct address *address);
enum address_family address_family(const struct address *address);
/* "IPv6", "IPv4" */
const char *address_family_text(enum address_family family);
bool address_equal(const struct address *a, const struct address *b);
struct address address_from_ipv4(const uint8_t octets[4]);
/* The network of an address: a /24 of IPv4, the first `ipv6_bits` (a multiple of 8) of IPv6. The
 * other bits are 0. */
static inline struct address address_network(const struct address *address, unsigned ipv6_bits)
{
    struct address network = *address;
    if (address_is_ipv4(address)) {
        network.octets[15] = 0;
    } else {
        memset(network.octets + ipv6_bits / 8, 0, sizeof(network.octets) - ipv6_bits / 8);
    }
    return network;
}
/* Why the internet can't reach the address ("private", "loopback", "link-local", "multicast",
 * "documentation", "reserved", ...: IANA's special-purpose registries, RFC 6890), or NULL if it
 * can. 198.18.0.0/15 and 2001:2::/48 (benchmarking) count as special too. */
const char *address_special(const struct address *address);

/* To and from the kernel's form. The first returns the length of the sockaddr, the second INVALID
 * for another family. */
socklen_t endpoint_to_sockaddr(const struct endpoint *endpoint, struct sockaddr_storage *out);
enum result endpoint_of_sockaddr(struct endpoint *out, const struct sockaddr *from);

#endif
