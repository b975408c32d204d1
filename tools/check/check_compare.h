/* Compares what the servers of a pool said. */
#ifndef TOOLS_CHECK_COMPARE_H
#define TOOLS_CHECK_COMPARE_H

#include "tools/check/check.h"

enum {
    CHECK_CLIENT_COOKIE_LEN = 8,
    COMPARE_COOKIES = 4 /* answers in which a server's cookies are compared */
};

/* The TTL of what a server has not given; none on the wire is that long (RFC 2181 8). */
#define TTL_UNKNOWN UINT32_MAX

/* What one address said. */
struct server_facts {
    bool complete; /* it answered all that is compared */
    bool has_cookie, has_edns;
    uint32_t serial;
    uint32_t soa_ttl, ns_ttl, dnskey_ttl, srv_ttl, negative_ttl;
    uint32_t rtt_us;
    uint8_t keys[CHECK_DIGEST]; /* a digest of the DNSKEY records */
    unsigned denial;            /* enum denial_seen */
    size_t largest;             /* octets of its largest answer */
    uint8_t nsid_len;
    uint8_t nsid[DNSMESSAGE_NSID_MAX];
};

void facts_of_soa(struct server_facts *facts, const struct dns_record *soa);
void facts_of_dnskey(struct server_facts *facts, const struct rrset *set);
void facts_size(struct server_facts *facts, size_t octets);

/* Reports where the servers differ. `facts` has one item for each server. Asks for the serial again
 * if it differs. */
void check_compare(struct check *check, struct server_facts *facts);

#endif
