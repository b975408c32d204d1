/* Asks many name servers at once, over UDP and TCP, from one thread, within bounded time.
 *
 * Each UDP query has its own socket, so a random port, and a random ID. A datagram that does not
 * answer the query is not taken. */
#ifndef ZONE_DNSCLIENT_H
#define ZONE_DNSCLIENT_H

#include "zone/stub/dnsmessage.h"

enum {
    DNSCLIENT_TRIES = 3, /* over UDP, each with its part of the time */
    DNSCLIENT_PARALLEL = 24
};

/* How long is waited. */
struct dns_limits {
    uint32_t wait_ms;  /* for one answer over UDP; over TCP as long, from connecting on */
    uint32_t total_ms; /* for all; what has no answer then has ETIMEDOUT */
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
    bool no_route; /* this machine has no way to the server: nothing was sent */
    bool by_tcp;
    bool stray;      /* a datagram came that does not answer the query */
    uint32_t rtt_us; /* of the last try */
    uint8_t *data;
    size_t len;
};

/* Runs all exchanges, at most DNSCLIENT_PARALLEL at a time. */
void dnsclient_run(struct dns_exchange *list, size_t count, struct dns_limits limits);
void dnsclient_free(struct dns_exchange *list, size_t count);

#endif
