/* DNS messages as a client sees them: queries to write, responses to read.
 *
 * A response is foreign input of any octets. It is read whole, within bounds: names are expanded
 * (RFC 1035 4.1.4), also those in rdata (RFC 3597 4), and every record's rdata is valid for its
 * type. */
#ifndef ZONE_DNSMESSAGE_H
#define ZONE_DNSMESSAGE_H

#include "zone/base/address.h"
#include "zone/names/rrset.h"

enum {
    DNSMESSAGE_RECORDS_MAX = 160,
    DNSMESSAGE_RDATA_ROOM = 65535, /* rdata of all records, names expanded */
    DNSMESSAGE_QUERY_ROOM = 12 + DNAME_MAX + 4 + 11 + 160,
    DNSMESSAGE_SIZE = 1232, /* EDNS: UDP size of queries, if not given */
    DNSMESSAGE_NSID_MAX = 128
};
/* Flags of the header. */
enum {
    DNSMESSAGE_QR = 0x8000,
    DNSMESSAGE_AA = 0x0400,
    DNSMESSAGE_TC = 0x0200,
    DNSMESSAGE_RD = 0x0100,
    DNSMESSAGE_RA = 0x0080,
    DNSMESSAGE_AD = 0x0020,
    DNSMESSAGE_CD = 0x0010
};
enum dns_rcode {
    DNS_NOERROR = 0,
    DNS_FORMERR = 1,
    DNS_SERVFAIL = 2,
    DNS_NXDOMAIN = 3,
    DNS_NOTIMP = 4,
    DNS_REFUSED = 5,
    DNS_BADVERS = 16,
    DNS_BADCOOKIE = 23
};

/* A DNS cookie (RFC 7873 4): the client's 8 octets, then the server's; len 0: none. */
struct dns_cookie {
    uint8_t len;
    uint8_t octets[40];
};
/* A client subnet (RFC 7871 6). */
struct dns_subnet {
    bool present;
    struct address address;
    uint8_t source_bits, scope_bits; /* of an IPv4 address: 0 to 32 */
};

struct dns_query {
    struct dname name;
    uint16_t type;
    uint16_t flags; /* of the header */
    bool plain;     /* without EDNS; then nothing below counts */
    uint16_t size;  /* 0: DNSMESSAGE_SIZE */
    uint8_t version;
    bool dnssec, compact;    /* DO; CO (RFC 9824 5.1) */
    bool nsid;               /* ask for it (RFC 5001) */
    uint16_t unknown_option; /* code of an empty option; 0: none */
    struct dns_cookie cookie;
    struct dns_subnet subnet;
};
/* Returns the length. */
size_t dnsmessage_write(uint8_t out[DNSMESSAGE_QUERY_ROOM], uint16_t id,
                        const struct dns_query *query);

enum dns_section {
    DNS_ANSWER,
    DNS_AUTHORITY,
    DNS_ADDITIONAL
};
struct dns_record {
    enum dns_section section;
    struct dname owner;
    uint16_t type; /* 0 if the class is not IN */
    uint16_t len;
    uint32_t ttl;
    const uint8_t *rdata;
};
/* What the OPT record says. */
struct dns_edns {
    bool present, dnssec;
    uint8_t version;
    uint16_t size;
    struct dns_cookie cookie;
    struct dns_subnet subnet;
    bool has_nsid, has_error;
    uint8_t nsid_len;
    uint8_t nsid[DNSMESSAGE_NSID_MAX]; /* may be cut */
    uint16_t error;                    /* the first Extended DNS Error (RFC 8914) */
    uint16_t unknown_option;           /* the last option that is none of these; 0: none */
};
struct dnsmessage {
    uint16_t id, flags, rcode; /* rcode: extended (RFC 6891 6.1.3) */
    struct dns_edns edns;
    size_t size; /* octets of the message */
    unsigned count;
    struct dns_record records[DNSMESSAGE_RECORDS_MAX];
    uint8_t rdata[DNSMESSAGE_RDATA_ROOM];
};
/* Reads any octets. INVALID with the reason. The records point into `out`. */
enum result dnsmessage_read(struct dnsmessage *out, const uint8_t *data, size_t len,
                            struct diag *why);
/* True if the octets are a response to this query: ID, QR and question match. A FORMERR, NOTIMP or
 * REFUSED may come without the question. */
bool dnsmessage_answers(const uint8_t *data, size_t len, const uint8_t *query, size_t query_len);

/* A name that may be compressed. */
void dnsmessage_read_name(struct reader *r, struct dname *out);

/* An RRset of a message, with the room for it. */
struct dns_rrset {
    struct rrset set;
    uint8_t data[UINT16_MAX];
};
/* Collects the records of that owner and type in a section, in canonical form; the TTL is the
 * lowest. False if there is none, or more than an RRset may have. */
bool dnsmessage_rrset(const struct dnsmessage *message, enum dns_section section,
                      const struct dname *owner, uint16_t type, struct dns_rrset *out);
/* The first record from index `from` on of that section and type. NULL: there is none. */
const struct dns_record *dnsmessage_find(const struct dnsmessage *message, unsigned from,
                                         enum dns_section section, uint16_t type);
/* "NXDOMAIN", or "rcode 17". `out` has 16 octets. Returns `out`. */
char *dns_rcode_text(unsigned rcode, char *out);

#endif
