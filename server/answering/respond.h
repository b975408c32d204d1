/* Writes a response: header, question as it came, the decided RRsets with their signatures, OPT.
 *
 * Owner names are compressed against the question, names in rdata where RFC 1035 types allow it.
 * What does not fit sets TC and leaves all RRsets out (RFC 2181 9), never SERVFAIL. */
#ifndef SERVER_RESPOND_H
#define SERVER_RESPOND_H

#include "dnssec/signing/signer.h"
#include "server/answering/answer.h"

/* The largest response to a query over UDP: what the client takes, at most DNS_UDP_MAX. */
size_t respond_udp_limit(const struct query *query);

/* The response to an answered query in `out`, at most `limit` octets (512 or more); its length.
 * Signatures are made or found by `signer` if the query asks for DNSSEC; if one can't be had, the
 * response is SERVFAIL. */
size_t respond_answer(const struct query *query, const struct answer *answer, struct signer *signer,
                      uint64_t now, uint8_t *out, size_t limit);
/* The response to a query that is rejected with `rcode`. */
size_t respond_reject(const struct query *query, enum rcode rcode, uint8_t *out, size_t limit);

/* The response to a client that is answered too often: TC and no records, so that it comes back
 * over TCP. */
size_t respond_truncated(const struct query *query, uint8_t *out, size_t limit);
/* The one TXT record of class CHAOS that was asked for; `text` has at most 255 octets. */
size_t respond_chaos(const struct query *query, const char *text, uint8_t *out, size_t limit);
/* How many octets of options (query.h, reply_options) the smallest response, of DNS_UDP_PLAIN
 * octets, has room for. */
size_t respond_options_room(const struct query *query);

/* The lower four bits of the RCODE of a response written here, for counting. */
enum rcode respond_rcode(const uint8_t *response);
/* True if it has the records that were asked for: no error, not truncated. */
bool respond_is_whole(const uint8_t *response);

#endif
