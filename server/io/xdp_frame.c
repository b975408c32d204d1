#include "server/io/xdp_frame.h"

enum {
    MAC = 6,
    MACS = 2 * MAC,
    TYPE_IPV4 = 0x0800,
    TYPE_IPV6 = 0x86dd,
    TYPE_TAG = 0x8100,
    IPV4_PLAIN = 0x45,      /* version, and length without options */
    IPV4_FRAGMENT = 0x3fff, /* more fragments, or an offset */
    IPV4_ADDRESSES = 12,    /* source, then destination */
    IPV6_ADDRESSES = 8,
    HOPS = 64,
    TAG_ID = 0x0fff
};

/* The sum of 16-bit words in the machine's order, carries at the top (RFC 1071). An odd octet
 * counts as if a zero followed. */
static uint64_t add_words(uint64_t sum, const uint8_t *data, size_t len)
{
    uint64_t pair[2] = { 0 }, more = 0;
    for (; len >= sizeof(pair); data += sizeof(pair), len -= sizeof(pair)) {
        memcpy(pair, data, sizeof(pair));
        sum += (pair[0] & UINT32_MAX) + (pair[1] & UINT32_MAX);
        more += (pair[0] >> 32) + (pair[1] >> 32);
    }
    memset(pair, 0, sizeof(pair));
    memcpy(pair, data, len);
    sum += (pair[0] & UINT32_MAX) + (pair[1] & UINT32_MAX);
    return sum + more + (pair[0] >> 32) + (pair[1] >> 32);
}

/* In the machine's order, as a checksum stands in a header. */
static uint16_t fold(uint64_t sum)
{
    while (sum > UINT16_MAX) {
        sum = (sum & UINT16_MAX) + (sum >> 16);
    }
    return (uint16_t)sum;
}

/* Of the pseudo header: addresses, protocol, length. `udp_len` as it stands in the header. */
static uint64_t add_pseudo(const uint8_t *ip, bool ipv6, const uint8_t *udp_len)
{
    const uint8_t protocol[2] = { 0, IPPROTO_UDP };
    uint64_t sum = add_words(0, protocol, sizeof(protocol));
    sum = add_words(sum, udp_len, 2);
    return ipv6 ? add_words(sum, ip + IPV6_ADDRESSES, 32) : add_words(sum, ip + IPV4_ADDRESSES, 8);
}

static bool read_ipv4(struct xdp_frame *out, size_t len)
{
    const uint8_t *ip = out->data + out->ip;
    out->ipv6 = false;
    out->udp = out->ip + XDP_FRAME_IPV4;
    out->headers = out->udp + XDP_FRAME_UDP;
    if (len < out->headers || ip[0] != IPV4_PLAIN || ip[9] != IPPROTO_UDP ||
        (wire_get_u16(ip + 6) & IPV4_FRAGMENT) != 0 ||
        fold(add_words(0, ip, XDP_FRAME_IPV4)) != UINT16_MAX) {
        return false;
    }
    out->client.address = address_from_ipv4(ip + IPV4_ADDRESSES);
    out->server.address = address_from_ipv4(ip + IPV4_ADDRESSES + 4);
    return wire_get_u16(ip + 2) == XDP_FRAME_IPV4 + wire_get_u16(out->data + out->udp + 4);
}

static bool read_ipv6(struct xdp_frame *out, size_t len)
{
    const uint8_t *ip = out->data + out->ip;
    out->ipv6 = true;
    out->udp = out->ip + XDP_FRAME_IPV6;
    out->headers = out->udp + XDP_FRAME_UDP;
    if (len < out->headers || ip[0] >> 4 != 6 || ip[6] != IPPROTO_UDP) {
        return false;
    }
    memcpy(out->client.address.octets, ip + IPV6_ADDRESSES, 16);
    memcpy(out->server.address.octets, ip + IPV6_ADDRESSES + 16, 16);
    return wire_get_u16(ip + 4) == wire_get_u16(out->data + out->udp + 4) &&
           !address_is_ipv4(&out->client.address) && !address_is_ipv4(&out->server.address);
}

/* IPv4 may go without (RFC 768), IPv6 not (RFC 8200 8.1). Between virtual interfaces frames carry
 * the sum of the pseudo header alone: the rest was left to a card that never came. */
static bool is_sum_right(const struct xdp_frame *frame, size_t udp_len)
{
    const uint8_t *udp = frame->data + frame->udp;
    uint64_t pseudo = add_pseudo(frame->data + frame->ip, frame->ipv6, udp + 4);
    uint16_t stands = 0;
    memcpy(&stands, udp + 6, sizeof(stands));
    if (stands == 0) {
        return !frame->ipv6;
    }
    return fold(add_words(pseudo, udp, udp_len)) == UINT16_MAX || stands == fold(pseudo);
}

/* False for sources that the kernel drops too. */
static bool can_be_answered(const struct xdp_frame *frame)
{
    static const uint8_t zeros[15];
    const uint8_t *source = frame->client.address.octets;
    if (frame->client.port == 0 || address_equal(&frame->client.address, &frame->server.address)) {
        return false;
    }
    if (frame->ipv6) { /* multicast, ::, ::1 */
        return source[0] != 0xff && (memcmp(source, zeros, sizeof(zeros)) != 0 || source[15] > 1);
    }
    return source[12] != 0 && source[12] != 127 && source[12] < 224;
}

bool xdp_frame_read(struct xdp_frame *out, const uint8_t *data, size_t len)
{
    out->data = data;
    out->ip = XDP_FRAME_ETHERNET;
    if (len >= XDP_FRAME_ETHERNET + XDP_FRAME_TAG && wire_get_u16(data + MACS) == TYPE_TAG) {
        out->ip += XDP_FRAME_TAG;
    }
    if (len < out->ip) {
        return false;
    }
    unsigned type = wire_get_u16(data + out->ip - 2);
    bool ok = type == TYPE_IPV4   ? read_ipv4(out, len)
              : type == TYPE_IPV6 ? read_ipv6(out, len)
                                  : false;
    if (!ok) {
        return false;
    }
    const uint8_t *udp = data + out->udp;
    size_t udp_len = wire_get_u16(udp + 4);
    if (udp_len < XDP_FRAME_UDP || udp_len > len - out->udp) { /* a short frame is padded */
        return false;
    }
    out->client.port = wire_get_u16(udp);
    out->server.port = wire_get_u16(udp + 2);
    out->message = (struct octets){ data + out->headers, udp_len - XDP_FRAME_UDP };
    return can_be_answered(out) && is_sum_right(out, udp_len);
}

/* The identification differs from answer to answer, in case a router makes fragments. */
static void finish_ipv4(uint8_t *ip, size_t len, uint16_t identification)
{
    static const uint8_t fixed[] = { IPV4_PLAIN, 0, 0, 0, 0, 0, 0, 0, HOPS, IPPROTO_UDP, 0, 0 };
    memcpy(ip, fixed, sizeof(fixed));
    wire_put_u16(ip + 2, (uint16_t)len);
    memcpy(ip + 4, &identification, sizeof(identification));
    uint16_t sum = (uint16_t)~fold(add_words(0, ip, XDP_FRAME_IPV4));
    memcpy(ip + 10, &sum, sizeof(sum));
}

static void finish_ipv6(uint8_t *ip, size_t len)
{
    const uint8_t fixed[] = { 0x60, 0, 0, 0, 0, 0, IPPROTO_UDP, HOPS };
    memcpy(ip, fixed, sizeof(fixed));
    wire_put_u16(ip + 4, (uint16_t)(len - XDP_FRAME_IPV6));
}

static void reply_ethernet(uint8_t *out, const struct xdp_frame *query)
{
    memcpy(out, query->data + MAC, MAC);
    memcpy(out + MAC, query->data, MAC);
    memcpy(out + MACS, query->data + MACS, 2);
    if (query->ip > XDP_FRAME_ETHERNET) { /* the VLAN, without priority */
        wire_put_u16(out + XDP_FRAME_ETHERNET,
                     wire_get_u16(query->data + XDP_FRAME_ETHERNET) & TAG_ID);
        memcpy(out + XDP_FRAME_ETHERNET + 2, query->data + XDP_FRAME_ETHERNET + 2, 2);
    }
}

size_t xdp_frame_reply(uint8_t *out, const struct xdp_frame *query, size_t len)
{
    uint8_t *ip = out + query->ip, *udp = out + query->udp;
    size_t udp_len = XDP_FRAME_UDP + len;
    reply_ethernet(out, query);
    if (query->ipv6) {
        const uint8_t *theirs = query->data + query->ip + IPV6_ADDRESSES;
        memcpy(ip + IPV6_ADDRESSES, theirs + 16, 16);
        memcpy(ip + IPV6_ADDRESSES + 16, theirs, 16);
    } else {
        const uint8_t *theirs = query->data + query->ip + IPV4_ADDRESSES;
        memcpy(ip + IPV4_ADDRESSES, theirs + 4, 4);
        memcpy(ip + IPV4_ADDRESSES + 4, theirs, 4);
    }
    memcpy(udp, query->data + query->udp + 2, 2);
    memcpy(udp + 2, query->data + query->udp, 2);
    wire_put_u16(udp + 4, (uint16_t)udp_len);
    memset(udp + 6, 0, 2);
    uint16_t sum = (uint16_t)~fold(add_words(add_pseudo(ip, query->ipv6, udp + 4), udp, udp_len));
    sum = sum == 0 ? UINT16_MAX : sum; /* 0 says that there is none */
    memcpy(udp + 6, &sum, sizeof(sum));
    if (query->ipv6) {
        finish_ipv6(ip, XDP_FRAME_IPV6 + udp_len);
    } else {
        finish_ipv4(ip, XDP_FRAME_IPV4 + udp_len, sum);
    }
    return query->headers + len;
}
