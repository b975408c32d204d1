/* Reads a DNS query: header, question, OPT and TSIG. The octets of the question are kept as they
 * came, so that they are echoed with their letter case. */
#ifndef SERVER_QUERY_H
#define SERVER_QUERY_H

#include "server/answering/cookie.h"
#include "server/answering/tsig.h"
#include "zone/names/dname.h"

enum rcode {
    RCODE_NOERROR = 0,
    RCODE_FORMERR = 1,
    RCODE_SERVFAIL = 2,
    RCODE_NXDOMAIN = 3,
    RCODE_NOTIMP = 4,
    RCODE_REFUSED = 5,
    RCODE_NOTAUTH = 9,   /* RFC 8945 3 */
    RCODE_BADVERS = 16,  /* RFC 6891 9: its upper bits go into the OPT */
    RCODE_BADCOOKIE = 23 /* RFC 7873 8 */
};

enum {
    DNS_HEADER_LEN = 12,
    DNS_UDP_PLAIN = 512, /* without EDNS, RFC 1035 4.2.1 */
    DNS_UDP_MAX = 1232,  /* what we send at most over UDP, RFC 9715 */
    DNS_FLAG_QR = 0x8000,
    DNS_FLAG_AA = 0x0400,
    DNS_FLAG_TC = 0x0200,
    DNS_FLAG_RD = 0x0100,
    DNS_FLAG_CD = 0x0010,
    DNS_OPCODE_SHIFT = 11,
    DNS_OPCODE_MASK = 0xf,
    EDNS_DO = 0x8000,
    EDNS_CO = 0x4000, /* compact answers are fine, RFC 9824 5.1 */
    EDNS_OPTION_NSID = 3,
    EDNS_OPTION_ECS = 8,
    EDNS_OPTION_COOKIE = 10,
    EDNS_OPTION_KEEPALIVE = 11,
    EDNS_OPTION_EDE = 15,
    EDNS_OPTION_REPORT = 18
};

/* EDNS Client Subnet as sent (RFC 7871 6). */
struct client_subnet {
    bool present;
    uint16_t family; /* 1, 2; 0 with source 0 */
    uint8_t source;  /* prefix length */
    struct address address;
};

/* The options of a query that the response answers, beside the client subnet; and the flag CO. */
enum {
    QUERY_NSID = 1,
    QUERY_COOKIE = 2,
    QUERY_SERVER_COOKIE = 4, /* also with a server cookie of the length of ours */
    QUERY_KEEPALIVE = 8,
    QUERY_COMPACT_OK = 16
};

struct query {
    uint16_t id, flags;
    bool has_question; /* qname, qtype and qclass are set, and echoed */
    struct dname qname;
    uint16_t qtype, qclass;
    bool edns, dnssec_ok;
    uint16_t udp_size; /* what the client takes: DNS_UDP_PLAIN without EDNS, never less */
    uint8_t options;   /* QUERY_ flags */
    uint8_t cookie[COOKIE_LEN];
    struct client_subnet subnet;
    struct tsig tsig;
};

/* What to do with a message. */
enum query_verdict {
    QUERY_DROP,   /* too short, or a response: no response at all */
    QUERY_ANSWER, /* a question for the zone */
    /* Respond with `rcode` and no records; NOERROR for a cookie without a question (RFC 7873
     * 5.4). */
    QUERY_REJECT
};

/* Fills `out` as far as the message can be read. Sets `rcode` for QUERY_REJECT. */
enum query_verdict query_parse(struct query *out, enum rcode *rcode, const uint8_t *message,
                               size_t len);

/* The client subnet that counts instead of the source address. NULL if there is none: also with a
 * source prefix of 0, by which the client asks for that (RFC 7871 7.1.2). */
const struct client_subnet *query_subnet(const struct query *query);

#endif
