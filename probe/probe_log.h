/* The log of a running probe: one line for each change. Each probe has one at the level debug only.
 * Members can change at will, so the lines about each of them and about each of its addresses are
 * limited. So are those about ourselves: many members can do together what looks like a fault of
 * ours. */
#ifndef PROBE_PROBE_LOG_H
#define PROBE_PROBE_LOG_H

#include "probe/probed_member.h"
#include "zone/base/log.h"
#include "zone/verdicts/journal.h"

/* Actions that may fail for a while. */
enum probe_log_subject {
    PROBE_LOG_FEED,
    PROBE_LOG_VERDICTS,
    PROBE_LOG_SUBJECTS
};

struct probe_log {
    log_sink *log; /* for the owner to set */
    struct log_once troubles[PROBE_LOG_SUBJECTS], registries;
    /* The last state, and the limit of the lines about it. */
    bool alarm;   /* too much is down */
    bool unnamed; /* the pool does not know our key under our name */
    enum vantage_state state;
    bool family_waits[ADDRESS_FAMILIES];
    struct log_limit alarm_limit, named_limit, state_limit, family_limits[ADDRESS_FAMILIES];
};

/* The subject failed, or works. Logged when that changes. */
void probe_log_failed(struct probe_log *probe_log, enum probe_log_subject subject,
                      const struct diag *diag);
void probe_log_recovered(struct probe_log *probe_log, enum probe_log_subject subject);
/* Whether the pool knows this vantage point under this name and key. If not, its verdicts do not
 * count. Logged when that changes. */
void probe_log_named(struct probe_log *probe_log, const struct vantage_keys *keys, const char *name,
                     const uint8_t key[VANTAGE_KEY_LEN]);
/* Logs the member's stage and the reason for it if the stage was another `before`. Then returns
 * true, with the text in `out`. */
bool probe_log_stage(const struct probe_log *probe_log, struct probed_member *member,
                     enum stage before, char out[HISTORY_EVENT_ROOM]);
/* Logs the failure of the address at `index` if it was another `before`, or success if this is its
 * first probe. */
void probe_log_probe(const struct probe_log *probe_log, struct probed_member *member,
                     unsigned index, const struct address_health *before);
/* Logs how a probe ended, for developers. */
void probe_log_outcome(const struct probe_log *probe_log, const struct probed_address *probed,
                       const struct outcome *outcome);
/* These log a change, and return true for one: the alarm that too much is down; our own state;
 * families that wait. */
bool probe_log_alarm(struct probe_log *probe_log, const struct vantage *vantage);
bool probe_log_state(struct probe_log *probe_log, const struct vantage *vantage);
bool probe_log_families(struct probe_log *probe_log, const struct vantage *vantage);

#endif
