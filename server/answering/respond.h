/* Writes a response: header, question as it came, the answer's RRsets with their signatures, OPT.
 *
 * Owner names are compressed against the question, names in rdata where RFC 1035 types allow it.
 * A response that does not fit has TC set and no RRsets (RFC 2181 9); it is never SERVFAIL. */
#ifndef SERVER_RESPOND_H
#define SERVER_RESPOND_H

#include "dnssec/signing/signer.h"
#include "server/answering/answer.h"

/* A response to be written. */
struct response {
    const struct query *query;
    uint8_t *out;
    size_t limit; /* octets at `out`, 512 or more */
    /* For the OPT, by server/answering/edns.h: the flag CO, and options in wire form. */
    bool compact_ok;
    uint16_t options_len;
    const uint8_t *options;
};

/* The written response. */
struct written {
    size_t len;
    enum rcode rcode;
    bool whole; /* has all that was asked for: no error, not truncated */
};

/* The largest response to a query over UDP: what the client takes, at most DNS_UDP_MAX. */
size_t respond_udp_limit(const struct query *query);

/* The response with an answer. If the query asks for DNSSEC, `signer` makes or finds the
 * signatures; SERVFAIL if one can't be had. */
struct written respond_answer(const struct response *response, const struct answer *answer,
                              struct signer *signer, uint64_t now);
/* The response to a query that is rejected with `rcode`. */
struct written respond_reject(const struct response *response, enum rcode rcode);
/* TC and no records: the client comes back over TCP. */
struct written respond_truncated(const struct response *response);
/* With the TXT record of class CHAOS that was asked for; `text` has at most 255 octets. */
struct written respond_chaos(const struct response *response, const char *text);
/* The octets of options that even the smallest response, of DNS_UDP_PLAIN octets, has room for. */
size_t respond_options_room(const struct query *query);

#endif
