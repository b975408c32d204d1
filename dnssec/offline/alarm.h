/* How long the signatures of key-signing keys that are elsewhere will last, and how loudly that is
 * to be said. Pure. */
#ifndef DNSSEC_ALARM_H
#define DNSSEC_ALARM_H

#include "dnssec/rollover/key_timeline.h"
#include "dnssec/signing/slices.h"

enum {
    ALARM_SOON_S = 30 * 86400, /* before the end, or for the last third of a shorter bundle */
    ALARM_LATE_S = 7 * 86400,  /* or for the last tenth */
    ALARM_ROOM = 384
};

enum alarm_level {
    ALARM_NONE,
    ALARM_SOON,
    ALARM_LATE,
    ALARM_ENDED /* what is served has no valid signature */
};
enum alarm_level alarm_of(const struct key_timeline *timeline, const struct slices *slices,
                          uint64_t now);
/* One line that says it and what to do; "" for NONE. Returns `out`. */
char *alarm_text(enum alarm_level level, const struct slices *slices, char out[ALARM_ROOM]);

#endif
