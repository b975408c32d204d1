/* A report: what a vantage point tells its pool, in one signed piece. Probes write reports to a
 * journal (zone/verdicts/journal.h), pools take them in (zone/verdicts/intake.h). Pure.
 *
 * A report names the pool, the registry, the vantage point and its own number, and counts for
 * nothing else. The layout, in network order: u32 length of all that follows, u64 number, u8
 * layout, the vantage point's public key, the head's other fields, items, a signature (Ed25519, RFC
 * 8032) over all of it but the length. An item is u8 type, u16 length, octets; unknown types are
 * skipped. Numbers grow from report to report. */
#ifndef ZONE_REPORT_H
#define ZONE_REPORT_H

#include "zone/registry/registry.h"
#include "zone/verdicts/history.h"

enum {
    REPORT_SECRET_LEN = 64, /* seed and public key, as libsodium has it */
    REPORT_SIGNATURE_LEN = 64,
    REPORT_HEAD_LEN = 12, /* the length and the number */
    REPORT_MAX = 65536    /* octets, with its length */
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
/* Each adds one item, and returns false, with nothing added, if there is no room for it. */
bool report_self(struct report_writer *report, const struct vantage *vantage);
bool report_verdict(struct report_writer *report, const char *label,
                    const struct member_health *health);
bool report_sample(struct report_writer *report, const char *label,
                   const struct history_subject *subject, const struct history_sample *sample);
bool report_event(struct report_writer *report, const char *label,
                  const struct history_event *event);
/* Signs; the report is the first `return value` octets. */
size_t report_end(struct report_writer *report, const uint8_t secret[REPORT_SECRET_LEN]);

/* -- reading -- */

/* Length and number of the report that begins at `octets`, of which there are REPORT_HEAD_LEN.
 * `*len` counts the whole report. False if no report begins there. */
bool report_peek(const uint8_t octets[REPORT_HEAD_LEN], size_t *len, uint64_t *number);

struct report {
    struct report_head head;
    const uint8_t *octets; /* the caller's */
    size_t len, items_at;
};

/* Reads the head of a whole report. DAMAGED, or NEWER for a layout that this program does not
 * know. */
enum result report_open(struct report *out, const uint8_t *octets, size_t len);
/* True if the holder of the secret half of `key` made it. */
bool report_is_by(const struct report *report, const uint8_t key[VANTAGE_KEY_LEN]);

/* What the items hold; NULL for kinds that the caller has no use for. `label` names a member. */
struct report_visit {
    void (*self)(const struct vantage *vantage, void *arg);
    void (*verdict)(const char *label, const struct member_health *health, void *arg);
    void (*sample)(const char *label, const struct history_subject *subject,
                   const struct history_sample *sample, void *arg);
    void (*event)(const char *label, const struct history_event *event, void *arg);
};
/* Calls `visit` for each item. DAMAGED at the first that can't be read; those before it were
 * visited. */
enum result report_each(const struct report *report, const struct report_visit *visit, void *arg);

#endif
