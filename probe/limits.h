/* Every bound that keeps a hostile member, or a slow network, from costing the probe more than it
 * should. */
#ifndef PROBE_LIMITS_H
#define PROBE_LIMITS_H

enum {
    /* time, milliseconds */
    LIMIT_RESOLVE_MS = 10000, /* all of a lookup */
    /* the first of LIMIT_TRIES questions to a resolver; twice as long each further one */
    LIMIT_RESOLVE_TRY_MS = 1500,
    LIMIT_RESOLVE_TICK_MS = 100, /* between looks at whether one was answered */
    LIMIT_CONNECT_MS = 5000,
    LIMIT_TLS_MS = 5000,  /* from connected to handshake done */
    LIMIT_KE_MS = 5000,   /* from handshake done to End of Message */
    LIMIT_CLOSE_MS = 500, /* for the server's close_notify after it */
    LIMIT_NTP_MS = 2000,  /* one exchange */
    LIMIT_WEB_MS = 2000,  /* from connecting to the head of an answer on port 80 */
    LIMIT_BATCH_MS = 200, /* a verdict waits at most this long for others to share its report */
    LIMIT_LAZY_MS = 5000, /* the same of one that changes no answer */
    LIMIT_HEARTBEAT_MS =
        30000,               /* between words of a vantage point that sees nothing new, at most */
    LIMIT_BREAKER_MS = 1000, /* between looks at how much is down */
    LIMIT_CHECK_MS = 15000,  /* between checks of ourselves, at most */
    LIMIT_TICK_MS = 50,      /* between looks at what is due */
    LIMIT_POLL_MS = 250,     /* between looks at the feed */
    LIMIT_RETRY_MS = 1000,   /* after a file could not be read or written */
    LIMIT_KE_LIFE_S = 3600,  /* a key establishment serves this long */
    /* addresses of a name that a member brings are believed for their TTL, at most for this long */
    LIMIT_TTL_S = 3600,
    LIMIT_RESOLVE_KEEP_S = 3600, /* and for so long while nobody can say anything else */
    LIMIT_DAILY_S = 86400,       /* between two rounds of rare checks of an address */

    /* amounts */
    LIMIT_CHAIN = 8,          /* CAs between a server's certificate and the one that is trusted */
    LIMIT_TLS_OCTETS = 65536, /* taken from one NTS-KE connection */
    LIMIT_RESOLVE_OCTETS = 1232, /* of a resolver's answer by UDP; a longer one comes by TCP */
    LIMIT_DATAGRAMS = 16,        /* looked at in one NTP exchange */
    LIMIT_DATAGRAM = 4096,       /* octets; a good reply is never longer than the request */
    /* octets of cookies and placeholders in an NTP request; 1232 with the rest and IPv6 */
    LIMIT_REQUEST = 1088,
    LIMIT_REPEATS = 4,   /* of a probe with --once that says nothing of the server */
    LIMIT_TRIES = 3,     /* of an exchange that is not answered: datagrams get lost */
    LIMIT_STARTS = 40,   /* probes started in one tick, so that the loop is never busy for long */
    LIMIT_ADDRESSES = 8, /* of a name that a member brings; as many as a member may register */
    /* addresses of a member that come into the history in a day; a name may be given others each
     * minute */
    LIMIT_NEWCOMERS = 64,
    LIMIT_IN_FLIGHT = 2000, /* probes at once, fewer if RLIMIT_NOFILE says so */
    LIMIT_FILES_SPARE = 64, /* descriptors left for everything else */
    LIMIT_FILES_EACH = 2,   /* a probe or lookup holds one socket, two while one is closing */
    LIMIT_BACKOFF = 16      /* times the interval, for members that ask for less (KoD RATE) */
};

#endif
