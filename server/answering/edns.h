/* What a response's OPT holds whatever the answer is: cookie, NSID, TCP keepalive, error reporting
 * agent, and the flag CO. The client subnet and the extended error depend on the answer: respond.c
 * writes them. */
#ifndef SERVER_EDNS_H
#define SERVER_EDNS_H

#include "server/answering/message_counters.h"
#include "server/answering/respond.h"
#include "server/state/zone_state.h"

enum {
    /* How long a connection may stay without a complete query (RFC 7766 6.2.3); sent by RFC
     * 7828. */
    TCP_IDLE_MS = 10000,
    IDENTITY_MAX = 64,
    EDNS_REPLY_MAX = 4 + COOKIE_LEN + 6 + 4 + IDENTITY_MAX + 4 + DNAME_MAX
};

/* The server's identity for queries; NULL: refused. At most IDENTITY_MAX octets each. */
struct identity {
    const char *nsid;    /* also hostname.bind and id.server */
    const char *version; /* version.bind and version.server */
};

struct edns_asked {
    const struct zone_state *zone;
    const struct identity *identity;
    const struct address *source;
    uint64_t now; /* Unix seconds */
    bool tcp;
    bool closing; /* asks TCP clients to end their connections */
    struct message_counters *counters;
};

/* True if edns_reply has something to do. */
static inline bool edns_due(const struct query *query, const struct zone_state *zone)
{
    return query->options != 0 || (query->edns && zone->settings.report_agent.len > 0);
}

/* Writes the options into `room`, which must outlive the response, and points the response to them.
 * True if a server cookie of ours proves that the source address is the client's. */
bool edns_reply(struct response *response, const struct edns_asked *asked,
                uint8_t room[EDNS_REPLY_MAX]);

/* The text that a query of class CHAOS asks for; NULL: refuse it. */
const char *edns_identity_text(const struct query *query, const struct identity *identity);

#endif
