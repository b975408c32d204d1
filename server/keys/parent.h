/* The key manager's watch on the parent zone. While the CDS records ask for DS records that the
 * parent is not known to have, it queries `ds-resolver` for them (server/keys/dscheck.h) and
 * notifies the parent (server/keys/dsync.h). */
#ifndef SERVER_PARENT_H
#define SERVER_PARENT_H

#include "dnssec/rollover/key_timeline.h"
#include "zone/base/log.h"
#include "zone/store/store.h"

enum {
    PARENT_ASK_S = 600,    /* between two queries for the DS while it is waited for */
    PARENT_NOTIFY_S = 3600 /* between two notifications of the parent meanwhile */
};

/* Begin from { 0 }. A change of CDS is identified by its time (rollover_asked_at). */
struct parent_watch {
    uint64_t asked;       /* steady time of the last query for the DS; 0: never */
    uint64_t notified;    /* steady time at which the parent last accepted a notification, */
    uint64_t notified_of; /* and the change of CDS it was about */
    uint64_t doubted_of;  /* change of CDS about which a resolver without validation was logged */
    uint32_t ds_ttl_s;    /* the longest TTL of a DS seen: the setting may be too short */
    struct log_once notifying;
};

/* The input of one check. */
struct parent_look {
    struct store *keys; /* writable */
    const struct seal *seal;
    log_sink *log;
    const struct settings *settings;
    uint64_t now, steady; /* Unix time, and a clock that nobody sets; seconds */
};

/* The keys before and after the parent's DS was seen. */
struct parent_news {
    struct key_timeline before, after;
};

/* True when it is time to query for the parent's DS. */
bool parent_is_due(const struct parent_watch *watch, const struct settings *settings,
                   const struct key_set *keys, uint64_t steady);
/* Queries for the DS, and writes it down when all are there. The response is judged by the keys at
 * that time. NOT_FOUND: not yet. */
enum result parent_ask(struct parent_watch *watch, const struct parent_look *look,
                       struct parent_news *out, struct diag *diag);

#endif
