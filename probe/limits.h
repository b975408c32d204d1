/* The bounds on what a hostile member, or a slow network, can cost the probe. */
#ifndef PROBE_LIMITS_H
#define PROBE_LIMITS_H

enum {
    /* Time, in milliseconds unless the name says seconds. */

    LIMIT_RESOLVE_MS = 10000, /* one lookup */
    /* the first of LIMIT_TRIES queries to a resolver; each further one waits twice as long */
    LIMIT_RESOLVE_TRY_MS = 1500,
    LIMIT_RESOLVE_TICK_MS = 100, /* between two checks of a lookup's timeouts */
    LIMIT_CONNECT_MS = 5000,
    LIMIT_TLS_MS = 5000,         /* from connection to the end of the handshake */
    LIMIT_KE_MS = 5000,          /* from there to End of Message */
    LIMIT_CLOSE_MS = 500,        /* from there to the server's close_notify */
    LIMIT_NTP_MS = 2000,         /* one exchange */
    LIMIT_WEB_MS = 2000,         /* from connecting to the head of the response on port 80 */
    LIMIT_BATCH_MS = 200,        /* that a verdict waits for others to share its report, at most */
    LIMIT_LAZY_MS = 5000,        /* the same if the verdict changes no answer */
    LIMIT_HEARTBEAT_MS = 30000,  /* between two reports, at most */
    LIMIT_BREAKER_MS = 1000,     /* between two counts of how much is down */
    LIMIT_CHECK_MS = 15000,      /* between two checks of ourselves, at most */
    LIMIT_TICK_MS = 50,          /* of the prober */
    LIMIT_POLL_MS = 250,         /* between two looks at the feed */
    LIMIT_RETRY_MS = 1000,       /* after a file could not be read or written */
    LIMIT_KE_LIFE_S = 3600,      /* a key establishment is used, at most */
    LIMIT_TTL_S = 3600,          /* the addresses of a member's own name are used, at most */
    LIMIT_RESOLVE_KEEP_S = 3600, /* and while its name can't be resolved */
    LIMIT_DAILY_S = 86400,       /* between two rounds of daily checks of an address */
    /* between two lookups of a consent that was not found; one that was is looked up daily */
    LIMIT_CONSENT_RETRY_S = 3600,
    LIMIT_CONSENT_KEEP_S = 3 * 86400, /* a consent is believed while its zone can't be asked */

    /* Amounts. */

    LIMIT_CHAIN = 8,             /* CAs between a server's certificate and the trusted one */
    LIMIT_TLS_OCTETS = 65536,    /* received on one NTS-KE connection */
    LIMIT_RESOLVE_OCTETS = 1232, /* of a resolver's response over UDP; longer ones come over TCP */
    LIMIT_DATAGRAMS = 16,        /* read in one NTP exchange */
    LIMIT_DATAGRAM = 4096,       /* octets; a valid reply is never longer than the request */
    /* octets of cookies and placeholders in an NTP request; 1232 with all else and IPv6 */
    LIMIT_REQUEST = 1088,
    LIMIT_REPEATS = 4,        /* of a probe with --once that says nothing of the server */
    LIMIT_CONSENT_MISSES = 3, /* in a row, until a consent is taken as withdrawn */
    LIMIT_TRIES = 3,          /* of an exchange without a reply, since datagrams get lost */
    LIMIT_STARTS = 40,   /* of probes and lookups in one tick, so the loop is never busy for long */
    LIMIT_ADDRESSES = 8, /* of a member's own name; as many as a member may register */
    /* of a member's addresses that are new to the history in one day, since its own name may get
     * others each minute */
    LIMIT_NEWCOMERS = 64,
    LIMIT_IN_FLIGHT = 2000, /* probes and lookups; fewer if RLIMIT_NOFILE requires it */
    LIMIT_FILES_SPARE = 64, /* descriptors left for everything else */
    LIMIT_FILES_EACH = 2,   /* of a probe or lookup: one socket, and one that is being closed */
    LIMIT_BACKOFF = 16      /* factor of the interval for members that ask for less (RATE) */
};

#endif
