/* Warns before the signatures of an offline KSK expire. Pure. */
#ifndef DNSSEC_ALARM_H
#define DNSSEC_ALARM_H

#include "dnssec/rollover/key_timeline.h"
#include "dnssec/signing/slices.h"

enum {
    ALARM_SOON_S = 30 * 86400, /* before the end, but not before a bundle's last third */
    ALARM_LATE_S = 7 * 86400,  /* before the end, but not before a bundle's last tenth */
    ALARM_ROOM = 384
};

enum alarm_level {
    ALARM_NONE,
    ALARM_SOON,
    ALARM_LATE,
    ALARM_ENDED /* the bundle has no valid signature over the records that are served */
};
enum alarm_level alarm_of(const struct key_timeline *timeline, const struct slices *slices,
                          uint64_t now);
/* When that level began; 0 if that can't be known. */
uint64_t alarm_since(enum alarm_level level, const struct slices *slices, uint64_t now);
/* One line: what is wrong and what to do; "" for ALARM_NONE. Returns `out`. */
char *alarm_text(enum alarm_level level, const struct slices *slices, char out[ALARM_ROOM]);

#endif
