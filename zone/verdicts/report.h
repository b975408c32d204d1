/* A report: what a vantage point tells its pool, in one signed piece. Probes write reports to a
 * journal (zone/verdicts/journal.h), pools take them in (zone/verdicts/intake.h). Pure.
 *
 * A report names the pool, the registry, the vantage point and its own number, and is valid for
 * these only. Layout, in network order: u32 length of all that follows, u64 number, u8 layout,
 * public key of the vantage point, the other fields of the head, items, signature (Ed25519, RFC
 * 8032) over everything but the length. An item is u8 type, u16 length, octets; unknown types are
 * skipped. Numbers increase from report to report. */
#ifndef ZONE_REPORT_H
#define ZONE_REPORT_H

#include "zone/registry/registry.h"
#include "zone/verdicts/history.h"

enum {
    REPORT_SECRET_LEN = 64, /* seed and public key, as in libsodium */
    REPORT_SIGNATURE_LEN = 64,
    REPORT_HEAD_LEN = 12, /* length and number */
    REPORT_MAX = 65536    /* octets, the length included */
};

struct report_head {
    uint64_t number;
    uint8_t key[VANTAGE_KEY_LEN];
    struct dname apex;
    uint8_t registry[REGISTRY_ID_LEN];
    char vantage[VANTAGE_ROOM];
    uint64_t made_at; /* Unix seconds by the vantage point's clock */
};

/* -- writing -- */

struct report_writer {
    struct writer w;
    uint8_t octets[REPORT_MAX];
};

void report_begin(struct report_writer *report, const struct report_head *head);
/* Each adds one item. False, with nothing added, if there is no room. */
bool report_self(struct report_writer *report, const struct vantage *vantage);
bool report_verdict(struct report_writer *report, const char *label,
                    const struct member_health *health);
bool report_sample(struct report_writer *report, const char *label,
                   const struct history_subject *subject, const struct history_sample *sample);
bool report_event(struct report_writer *report, const char *label,
                  const struct history_event *event);
/* Signs the report. It is the first `return value` octets. */
size_t report_end(struct report_writer *report, const uint8_t secret[REPORT_SECRET_LEN]);

/* -- reading -- */

/* Reads length and number of the report at `octets`, which has REPORT_HEAD_LEN octets. `*len` is
 * the length of the whole report. False if no report starts there. */
bool report_peek(const uint8_t octets[REPORT_HEAD_LEN], size_t *len, uint64_t *number);

struct report {
    struct report_head head;
    const uint8_t *octets; /* owned by the caller */
    size_t len, items_at;
};

/* Reads the head of a whole report. DAMAGED, or NEWER for an unknown layout. */
enum result report_open(struct report *out, const uint8_t *octets, size_t len);
/* True if it is signed with `key`. */
bool report_is_by(const struct report *report, const uint8_t key[VANTAGE_KEY_LEN]);

/* Callbacks by kind of item; NULL: skipped. `label` names a member. */
struct report_visit {
    void (*self)(const struct vantage *vantage, void *arg);
    void (*verdict)(const char *label, const struct member_health *health, void *arg);
    void (*sample)(const char *label, const struct history_subject *subject,
                   const struct history_sample *sample, void *arg);
    void (*event)(const char *label, const struct history_event *event, void *arg);
};
/* Calls `visit` for each item. DAMAGED at the first unreadable item, after those before it were
 * visited. */
enum result report_each(const struct report *report, const struct report_visit *visit, void *arg);

#endif
