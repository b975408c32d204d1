/* What the operator is told while the probe runs: one line a change, never one a probe. */
#ifndef PROBE_PROBE_LOG_H
#define PROBE_PROBE_LOG_H

#include "probe/probed_member.h"
#include "probe/report_queue.h"

/* What may fail for a while. */
enum probe_log_subject {
    PROBE_LOG_FEED,
    PROBE_LOG_VERDICTS,
    PROBE_LOG_SUBJECTS
};

struct probe_log {
    /* `priority` is that of syslog(3). */
    void (*log)(int priority, const char *text);
    struct report_queue *report_queue;   /* notes the life of members */
    bool complained[PROBE_LOG_SUBJECTS]; /* it failed and was not yet seen well again */
    bool alarmed;                        /* too much is down */
    bool unnamed;                        /* the pool does not know our key under our name */
    enum vantage_state state;
    bool family_waits[ADDRESS_FAMILIES];
};

void probe_log_line(const struct probe_log *probe_log, int priority, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A file that fails is told once, and once when it is well again. */
void probe_log_complain(struct probe_log *probe_log, enum probe_log_subject subject,
                        const struct diag *diag);
void probe_log_well_again(struct probe_log *probe_log, enum probe_log_subject subject);
/* Nobody has named this vantage point in the pool, or with another key, so that its verdicts count
 * for nothing; told once, and once when they count. */
void probe_log_named(struct probe_log *probe_log, const struct vantage_keys *keys, const char *name,
                     const uint8_t key[VANTAGE_KEY_LEN]);
/* Nothing if the stage is the same. */
void probe_log_stage(const struct probe_log *probe_log, const struct probed_member *member,
                     enum stage before, uint64_t now);
void probe_log_probe(const struct probe_log *probe_log, const struct probed_member *member,
                     const struct address_health *row, const struct address_health *before);
/* The alarm that too much is down goes out once, and once when it is over; true if it did. */
bool probe_log_alarm(struct probe_log *probe_log, const struct vantage *vantage);
/* That we set ourselves aside, and that we are back; true if it changed. */
bool probe_log_state(struct probe_log *probe_log, const struct vantage *vantage);

/* The same of families that say nothing while the other one does. */
bool probe_log_families(struct probe_log *probe_log, const struct vantage *vantage);

#endif
