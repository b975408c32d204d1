/* The keeper's watch on the parent zone: while CDS asks for what the parent is not known to have,
 * it asks `ds-resolver` for the DS (server/keys/dscheck.h) and notifies the parent
 * (server/keys/dsync.h). */
#ifndef SERVER_PARENT_H
#define SERVER_PARENT_H

#include "dnssec/rollover/key_timeline.h"
#include "zone/base/log.h"
#include "zone/store/store.h"

enum {
    PARENT_ASK_S = 600,    /* between two queries for the DS while it is waited for */
    PARENT_NOTIFY_S = 3600 /* between two notifications of the parent meanwhile */
};

/* What is remembered of it, in steady time. Begin from { 0 }. */
struct parent_watch {
    uint64_t asked;       /* when the DS was last asked for; 0: never */
    uint64_t notified;    /* likewise, when the parent last took a notification of CDS, */
    uint64_t notified_of; /* of what was asked for then (rollover_asked_at) */
    uint64_t doubted_of;  /* of what it was said that the resolver does not validate */
    uint32_t ds_ttl_s;    /* the longest TTL of a DS that was seen: the setting may be too short */
};

/* What one check needs. */
struct parent_look {
    struct store *keys; /* writable */
    const struct seal *seal;
    log_sink *log;
    const struct settings *settings;
    uint64_t now, steady; /* Unix time, and a clock that nobody sets; seconds */
};

/* The keys before and after the parent's word. */
struct parent_news {
    struct key_timeline before, after;
};

/* True when it is time to ask for the parent's DS. */
bool parent_is_due(const struct parent_watch *watch, const struct settings *settings,
                   const struct key_set *keys, uint64_t steady);
/* Asks, and writes that all is there; what was answered is judged by the keys as they are then.
 * NOT_FOUND: not yet. */
enum result parent_ask(struct parent_watch *watch, const struct parent_look *look,
                       struct parent_news *out, struct diag *diag);

#endif
