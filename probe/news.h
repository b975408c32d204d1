/* What the operator is told while the probe runs: one line a change, never one a probe. */
#ifndef PROBE_NEWS_H
#define PROBE_NEWS_H

#include "probe/scribe.h"
#include "probe/ward.h"

/* What may fail for a while. */
enum news_subject {
    NEWS_FEED,
    NEWS_VERDICTS,
    NEWS_SUBJECTS
};

struct news {
    /* `priority` is that of syslog(3). */
    void (*log)(int priority, const char *text);
    struct scribe *scribe;          /* notes the life of members */
    bool complained[NEWS_SUBJECTS]; /* it failed and was not yet seen well again */
    bool alarmed;                   /* too much is down */
    bool unnamed;                   /* the pool does not know our key under our name */
    enum vantage_state state;
    bool family_waits[ADDRESS_FAMILIES];
};

void news_line(const struct news *news, int priority, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A file that fails is told once, and once when it is well again. */
void news_complain(struct news *news, enum news_subject subject, const struct diag *diag);
void news_well_again(struct news *news, enum news_subject subject);
/* Nobody has named this vantage point in the pool, or with another key, so that its verdicts count for nothing; told once, and once
 * when they count. */
void news_named(struct news *news, const struct vantage_keys *keys, const char *name,
                const uint8_t key[VANTAGE_KEY_LEN]);
/* Nothing if the stage is the same. */
void news_stage(const struct news *news, const struct ward *ward, enum stage before, uint64_t now);
void news_probe(const struct news *news, const struct ward *ward, const struct address_health *row,
                const struct address_health *before);
/* The alarm that too much is down goes out once, and once when it is over; true if it did. */
bool news_alarm(struct news *news, const struct vantage *vantage);
/* That we set ourselves aside, and that we are back; true if it changed. */
bool news_state(struct news *news, const struct vantage *vantage);

/* The same of families that say nothing while the other one does. */
bool news_families(struct news *news, const struct vantage *vantage);

#endif
