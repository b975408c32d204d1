/* Asks many name servers at once, over UDP and TCP, from one thread, within bounded time.
 *
 * Each UDP query has its own socket, so a random port, and a random ID. A datagram that does not
 * answer the query is not taken. */
#ifndef ZONE_DNSCLIENT_H
#define ZONE_DNSCLIENT_H

#include "zone/stub/dnsmessage.h"

enum {
    DNSCLIENT_UDP_MS = 1500, /* one try */
    DNSCLIENT_TRIES = 3,     /* over UDP */
    DNSCLIENT_TCP_MS = 4000, /* from connecting to the last octet */
    DNSCLIENT_PARALLEL = 24
};

/* Zero it, set server and query, and free the answer with dnsclient_free. */
struct dns_exchange {
    struct endpoint server;
    struct dns_query query;
    bool tcp;            /* ask over TCP */
    bool keep_truncated; /* do not ask again over TCP if the answer has TC */
    /* The result. `error` is 0 or an errno: ETIMEDOUT if nothing came; EPROTO if a TCP peer closed
     * the connection without an answer. */
    int error;
    bool by_tcp;
    bool stray;      /* a datagram came that does not answer the query */
    uint32_t rtt_us; /* of the last try */
    uint8_t *data;
    size_t len;
};

/* Runs all exchanges, at most DNSCLIENT_PARALLEL at a time. */
void dnsclient_run(struct dns_exchange *list, size_t count);
void dnsclient_free(struct dns_exchange *list, size_t count);

#endif
