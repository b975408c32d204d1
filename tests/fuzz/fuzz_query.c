/* Any octets as a query: the parser stays inside the message, and an accepted query keeps what
 * struct query promises. */
#include <stdint.h>

#include "server/answering/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct query query;
    enum rcode rcode = RCODE_NOERROR;
    enum query_verdict verdict = query_parse(&query, &rcode, data, size);
    if (verdict == QUERY_ANSWER) {
        ASSERT(query.has_question && rcode == RCODE_NOERROR);
        ASSERT(query.udp_size >= DNS_UDP_PLAIN);
        ASSERT(query.qname.len >= 1 && query.qname.wire[query.qname.len - 1] == 0);
    } else if (verdict == QUERY_REJECT && rcode == RCODE_NOTAUTH) {
        uint8_t out[600];
        struct writer w = writer_of(out, sizeof(out));
        ASSERT(query.tsig.present && tsig_write_badkey(&w, &query.tsig));
    } else if (verdict == QUERY_REJECT) {
        ASSERT(rcode != RCODE_NOERROR ||
               (!query.has_question && (query.options & QUERY_COOKIE) != 0));
    }
    return 0;
}
