#include "zone/base/address.h"

#include <arpa/inet.h>
#include <stdlib.h>

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

struct address address_from_ipv4(const uint8_t octets[4])
{
    struct address address;
    memcpy(address.octets, mapped, sizeof(mapped));
    memcpy(address.octets + 12, octets, 4);
    return address;
}

bool address_is_ipv4(const struct address *address)
{
    return memcmp(address->octets, mapped, sizeof(mapped)) == 0;
}

enum address_family address_family(const struct address *address)
{
    return address_is_ipv4(address) ? ADDRESS_IPV4 : ADDRESS_IPV6;
}

const char *address_family_text(enum address_family family)
{
    return family == ADDRESS_IPV4 ? "IPv4" : "IPv6";
}

bool address_equal(const struct address *a, const struct address *b)
{
    return memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}

enum result address_parse(struct address *out, const char *text)
{
    uint8_t v4[4];
    struct address address;
    if (inet_pton(AF_INET, text, v4) == 1) {
        *out = address_from_ipv4(v4);
        return RESULT_OK;
    }
    if (inet_pton(AF_INET6, text, address.octets) == 1) {
        *out = address;
        return RESULT_OK;
    }
    return RESULT_INVALID;
}

enum result endpoint_parse(struct endpoint *out, const char *text, uint16_t default_port)
{
    char host[ADDRESS_TEXT_MAX];
    struct endpoint endpoint = { .port = default_port };
    const char *at = strchr(text, '@');
    size_t len = at == NULL ? strlen(text) : (size_t)(at - text);
    if (len >= sizeof(host)) {
        return RESULT_INVALID;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    if (at != NULL) {
        char *end = NULL;
        long port = at[1] >= '0' && at[1] <= '9' ? strtol(at + 1, &end, 10) : 0;
        if (port < 1 || port > 65535 || *end != '\0') {
            return RESULT_INVALID;
        }
        endpoint.port = (uint16_t)port;
    }
    if (address_parse(&endpoint.address, host) != RESULT_OK) {
        return RESULT_INVALID;
    }
    *out = endpoint;
    return RESULT_OK;
}

char *address_text(const struct address *address, char *out)
{
    bool v4 = address_is_ipv4(address);
    const char *text =
        inet_ntop(v4 ? AF_INET : AF_INET6, address->octets + (v4 ? 12 : 0), out, ADDRESS_TEXT_MAX);
    ASSERT(text != NULL);
    return out;
}

/* IANA's special-purpose address registries (RFC 6890). The first row that matches counts. */
struct special {
    uint8_t prefix[16]; /* IPv4 in the mapped form */
    uint8_t bits;
    const char *name;
};
#define V4(a, b, c, d, bits)                                                                       \
    { [10] = 0xff, [11] = 0xff, [12] = (a), [13] = (b), [14] = (c), [15] = (d) }, 96 + (bits)

static const struct special special[] = {
    { V4(0, 0, 0, 0, 8), "reserved (0.0.0.0/8)" },
    { V4(10, 0, 0, 0, 8), "private" },
    { V4(100, 64, 0, 0, 10), "shared (carrier-grade NAT)" },
    { V4(127, 0, 0, 0, 8), "loopback" },
    { V4(169, 254, 0, 0, 16), "link-local" },
    { V4(172, 16, 0, 0, 12), "private" },
    { V4(192, 0, 0, 0, 24), "reserved (192.0.0.0/24)" },
    { V4(192, 0, 2, 0, 24), "documentation" },
    { V4(192, 88, 99, 0, 24), "reserved (6to4 relay)" },
    { V4(192, 168, 0, 0, 16), "private" },
    { V4(198, 18, 0, 0, 15), "benchmarking" },
    { V4(198, 51, 100, 0, 24), "documentation" },
    { V4(203, 0, 113, 0, 24), "documentation" },
    { V4(224, 0, 0, 0, 4), "multicast" },
    { V4(240, 0, 0, 0, 4), "reserved (240.0.0.0/4)" },
    /* all other IPv4 addresses are global */
    { V4(0, 0, 0, 0, 0), NULL },
    { { 0 }, 127, "unspecified or loopback" },
    { { 0 }, 8, "reserved (0000::/8)" },
    { { 0x01, 0x00 }, 64, "discard-only" },
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32, "documentation" },
    { { 0x20, 0x01, 0x00, 0x02 }, 48, "benchmarking" },
    { { 0x20, 0x01 }, 23, "reserved (2001::/23)" },
    { { 0x20, 0x02 }, 16, "6to4" },
    { { 0x3f, 0xff }, 20, "documentation" },
    { { 0x5f, 0x00 }, 16, "segment routing" },
    { { 0xfc }, 7, "private (unique local)" },
    { { 0xfe, 0x80 }, 10, "link-local" },
    { { 0xfe, 0xc0 }, 10, "site-local" },
    { { 0xff }, 8, "multicast" },
    /* global unicast: the rest of 2000::/3 */
    { { 0x20 }, 3, NULL },
    { { 0 }, 0, "not global unicast" },
};

static bool in_prefix(const struct address *address, const struct special *row)
{
    unsigned whole = row->bits / 8u, rest = row->bits % 8u;
    if (memcmp(address->octets, row->prefix, whole) != 0) {
        return false;
    }
    return rest == 0 || ((address->octets[whole] ^ row->prefix[whole]) >> (8 - rest)) == 0;
}

const char *address_special(const struct address *address)
{
    const struct special *row = special;
    while (!in_prefix(address, row)) {
        row++;
    }
    return row->name;
}

socklen_t endpoint_to_sockaddr(const struct endpoint *endpoint, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof(*out));
    if (address_is_ipv4(&endpoint->address)) {
        struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(endpoint->port) };
        memcpy(&v4.sin_addr, endpoint->address.octets + 12, 4);
        memcpy(out, &v4, sizeof(v4));
        return sizeof(v4);
    }
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(endpoint->port) };
    memcpy(&v6.sin6_addr, endpoint->address.octets, 16);
    memcpy(out, &v6, sizeof(v6));
    return sizeof(v6);
}

enum result endpoint_of_sockaddr(struct endpoint *out, const struct sockaddr *from)
{
    if (from->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, from, sizeof(v4));
        uint8_t octets[4];
        memcpy(octets, &v4.sin_addr, 4);
        *out = (struct endpoint){ address_from_ipv4(octets), ntohs(v4.sin_port) };
        return RESULT_OK;
    }
    if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, from, sizeof(v6));
        memcpy(out->address.octets, &v6.sin6_addr, 16);
        out->port = ntohs(v6.sin6_port);
        return RESULT_OK;
    }
    return RESULT_INVALID;
}
